#include "workflow/sdk_answer.h"

#include <fmt/chrono.h>

#include <chrono>
#include <map>

namespace tillite {
namespace {

/// "Sun, 29 Nov 2026 07:35:47 GMT"
std::string http_date(std::int64_t epoch_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> moment{std::chrono::milliseconds(epoch_ms)};
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", std::chrono::floor<std::chrono::seconds>(moment));
}

}  // namespace

Value sdk_answer(const Value::Object& fields, std::size_t body_bytes, const std::string& request_id,
                 std::int64_t now_ms) {
  Value::Object all;
  Value::Object single;
  const std::pair<const char*, std::string> headers[] = {{"x-amzn-RequestId", request_id},
                                                         {"connection", "keep-alive"},
                                                         {"Content-Length", std::to_string(body_bytes)},
                                                         {"Date", http_date(now_ms)},
                                                         {"Content-Type", "application/x-amz-json-1.0"}};
  for (const auto& [name, value] : headers) {
    all.set(name, Value::Array{Value(value)});
    single.set(name, value);
  }
  std::map<std::string, Value> sorted;
  for (const auto& [name, value] : fields) sorted.emplace(name, value);
  sorted.emplace(
      "SdkHttpMetadata",
      Value::Object{{"AllHttpHeaders", std::move(all)}, {"HttpHeaders", std::move(single)}, {"HttpStatusCode", 200}});
  sorted.emplace("SdkResponseMetadata", Value::Object{{"RequestId", request_id}});
  Value::Object answer;
  for (auto& [name, value] : sorted) answer.set(name, std::move(value));
  return Value(std::move(answer));
}

}  // namespace tillite
