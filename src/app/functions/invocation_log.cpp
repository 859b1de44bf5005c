#include "app/functions/invocation_log.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>

#include "base/time.h"
#include "base/uuid.h"

namespace tillite {
namespace {

constexpr std::int64_t kMemoryMbOfOthers = 128;  // what Lambda gives a function that names nothing

std::int64_t peak_memory_mb() {
  constexpr std::int64_t kKibPerMib = 1024;
  struct rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_maxrss + kKibPerMib - 1) / kKibPerMib;
}

/// "2026/11/29/[$LATEST]6f1e...": as Lambda names a process' stream.
std::string stream_name(std::int64_t now_ms, std::string_view id) {
  std::string day = iso_time(now_ms).substr(0, 10);
  std::ranges::replace(day, '-', '/');
  return fmt::format("{}/[$LATEST]{}", day, id);
}

}  // namespace

std::string log_group_of(std::string_view function_name) { return fmt::format("/aws/lambda/{}", function_name); }

InvocationLog::InvocationLog(FunctionLog& log, Clock& clock, Random& random, Logger logger,
                             std::vector<FunctionInfo> functions)
    : log_(log), clock_(clock), random_(random), logger_(std::move(logger)), functions_(std::move(functions)) {
  stream_id_ = uuid4(random_.bytes());
  std::erase(stream_id_, '-');
}

Invocation InvocationLog::begin(std::string_view function_name, std::string request_id) {
  Invocation invocation{.function_name = std::string(function_name), .request_id = std::move(request_id)};
  if (invocation.request_id.empty()) invocation.request_id = uuid4(random_.bytes());
  write(invocation, {fmt::format("START RequestId: {} Version: $LATEST\n", invocation.request_id)});
  invocation.started = std::chrono::steady_clock::now();
  return invocation;
}

void InvocationLog::end(Invocation& invocation, const Error* error) {
  const std::chrono::duration<double, std::milli> duration = std::chrono::steady_clock::now() - invocation.started;
  std::vector<std::string> messages;
  if (error != nullptr) {
    messages.push_back(
        fmt::format("[ERROR] {}: {} RequestId: {}\n", error->name(), error->message(), invocation.request_id));
  }
  messages.push_back(fmt::format("END RequestId: {}\n", invocation.request_id));
  messages.push_back(
      fmt::format("REPORT RequestId: {}\tDuration: {:.2f} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory "
                  "Used: {} MB\t\n",
                  invocation.request_id, duration.count(), static_cast<std::int64_t>(std::ceil(duration.count())),
                  memory_mb_of(invocation.function_name), peak_memory_mb()));
  write(invocation, messages);
}

void InvocationLog::write(Invocation& invocation, const std::vector<std::string>& messages) {
  const std::int64_t now_ms = clock_.now_ms();
  std::vector<LogLine> lines;
  lines.reserve(messages.size());
  for (const std::string& message : messages) {
    invocation.log += message;
    lines.push_back({.group = log_group_of(invocation.function_name),
                     .stream = stream_name(now_ms, stream_id_),
                     .timestamp_ms = now_ms,
                     .message = message});
  }
  if (const auto written = log_.append(lines); !written) {
    logger_.warning("a call's log lines were not written", {{"error", written.error().message()}});
  }
}

std::int64_t InvocationLog::memory_mb_of(std::string_view function_name) const {
  const auto found = std::ranges::find(functions_, function_name, &FunctionInfo::name);
  return found == functions_.end() ? kMemoryMbOfOthers : found->memory_mb;
}

}  // namespace tillite
