#include "lambda/function.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>

#include "base/grace_time.h"
#include "lambda/embedded_metrics.h"
#include "steps/step_call.h"

namespace tillite {
namespace {

constexpr const char* kTraceVariable = "_X_AMZN_TRACE_ID";
constexpr std::size_t kPropertyBytesMax = 256;

/// Where libraries look for the trace that they belong to. No other thread reads the environment between invocations.
void set_trace(const std::string& header) {
  if (header.empty()) {
    ::unsetenv(kTraceVariable);
  } else {
    ::setenv(kTraceVariable, header.c_str(), 1);
  }
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// How long calls may go on once a step was told to stop.
struct Grace {
  std::chrono::milliseconds objects;
  std::chrono::milliseconds rows;
};

/// A half and three quarters of what is left before the deadline; but for a moment only where that is far, and the
/// process is being ended.
Grace grace_of(std::int64_t deadline_ms) {
  const std::int64_t left_ms = std::max<std::int64_t>(deadline_ms - now_ms(), 0);
  const bool is_at_deadline = left_ms <= InvocationWatch::margin_ms(std::numeric_limits<std::int64_t>::max());
  if (deadline_ms <= 0 || !is_at_deadline) {
    return {.objects = std::chrono::milliseconds(100), .rows = std::chrono::milliseconds(200)};
  }
  return {.objects = std::chrono::milliseconds(left_ms / 2), .rows = std::chrono::milliseconds(left_ms * 3 / 4)};
}

/// What a step that was told to stop comes to for its caller.
Error stopped_error(StopReason reason, const Error& error) {
  if (error.code() != Code::cancelled || reason == StopReason::none) return error;
  if (reason == StopReason::deadline) {
    return Error(Code::timed_out, error.message()).in("the function's time is over, what is done is kept");
  }
  return Error(Code::unavailable, error.message()).in("the function's process is being ended, what is done is kept");
}

}  // namespace

/// What is known of an invocation before its step runs.
struct Function::Caller {
  CallerKind kind = CallerKind::direct;
  const RuntimeInvocation& invocation;
  Logger log;
};

FunctionAnswer Function::handle(const RuntimeInvocation& invocation) {
  set_trace(invocation.trace_header);
  Json fields = {{"request_id", invocation.request_id}, {"function_arn", invocation.function_arn}};
  if (!invocation.trace_header.empty()) fields["trace"] = invocation.trace_header;
  Caller caller{.invocation = invocation, .log = parts_.log.with(fields)};

  const std::stop_token stop = watch_.begin(invocation.deadline_ms);
  std::optional<std::int64_t> duration_ms;  // nothing: the step did not run
  Json event;
  Json wanted;
  auto result = [&]() -> Result<Json> {
    event = TRY(parse_json(invocation.event.empty() ? "{}" : invocation.event, "the event"));
    caller.kind = recognise_caller(event);
    wanted = TRY(step_event(caller.kind, event));
    return call(caller, wanted, stop, duration_ms);
  }();
  const StopReason reason = watch_.end();
  if (reason != StopReason::none) close();
  if (!result) {
    const bool is_told = duration_ms && result.error().code() != Code::cancelled;  // by the step's call
    result = std::unexpected(stopped_error(reason, result.error()));
    if (!is_told) {
      caller.log.error(fmt::format("invocation failed: {}", result.error().message()),
                       {{"error", result.error().name()}, {"caller", caller_kind_name(caller.kind)}});
    }
  }
  measure(caller, wanted, result, duration_ms.value_or(0));
  is_cold_ = false;
  if (result) return success_answer(caller.kind, *result);
  return error_answer(caller.kind, event, result.error(), invocation.request_id);
}

Result<Json> Function::call(const Caller& caller, const Json& event, std::stop_token stop,
                            std::optional<std::int64_t>& duration_ms) {
  if (!ports_) {  // those that an earlier one has stopped are gone
    objects_stop_ = std::stop_source();
    rows_stop_ = std::stop_source();
  }
  // What is under way goes on for a moment: a step that ends tidily gives back what it holds.
  std::optional<GraceTime> objects_cut_off;
  std::optional<GraceTime> rows_cut_off;
  const std::stop_callback stop_ports(stop, [&] {
    const Grace grace = grace_of(caller.invocation.deadline_ms);
    objects_cut_off.emplace(grace.objects, objects_stop_);
    rows_cut_off.emplace(grace.rows, rows_stop_);
  });
  const FunctionPorts* const opened = TRY(open(parts_.log));
  TRY(make_folders(parts_.scratch));
  const auto scratch = TRY(ScratchFolder::create(parts_.scratch));
  const StepContext context{.settings = opened->settings(),
                            .log = caller.log,
                            .stop = std::move(stop),
                            .scratch = scratch.path(),
                            .owner = fmt::format("{}/{}", parts_.name, caller.invocation.request_id),
                            .lock_watch = lock_watch_};
  EndedStep ended = call_step(parts_.step, event, opened->ports(), context);
  duration_ms = ended.duration_ms;
  return std::move(ended.result);
}

Result<const FunctionPorts*> Function::open(const Logger& log) {
  if (ports_ && !TRY(ports_->are_current())) {
    log.info("what the step works with has changed, and is opened anew");
    close();
  }
  if (!ports_) {
    ScratchFolder::remove_stale(parts_.scratch);
    ports_ = TRY(parts_.open_ports(log, {.objects = objects_stop_.get_token(), .rows = rows_stop_.get_token()}));
  }
  return ports_.get();
}

void Function::close() { ports_.reset(); }

void Function::measure(const Caller& caller, const Json& event, const Result<Json>& result, std::int64_t duration_ms) {
  if (!parts_.metrics) return;
  StepMeasurement measurement{.step = std::string(parts_.step.handler_type),
                              .function_name = parts_.name,
                              .timestamp_ms = now_ms(),
                              .duration_ms = duration_ms,
                              .is_cold_start = is_cold_,
                              .result = result ? &*result : nullptr};
  measurement.properties["request_id"] = caller.invocation.request_id;
  measurement.properties["caller"] = caller_kind_name(caller.kind);
  for (const char* name : {"execution", "batch_id", "collection"}) {
    // An event may hold anything there, and a line of the log has an end.
    const Json* const field = find_field(event, name);
    if (field == nullptr || !field->is_string()) continue;
    measurement.properties[name] = field->get_ref<const std::string&>().substr(0, kPropertyBytesMax);
  }
  if (!result) measurement.properties["error"] = result.error().name();
  parts_.metrics(embedded_metrics_line(measurement));
}

// ------------------------------------------------------------------------------------------------------ the loop

namespace {

Result<void> answer(RuntimeApi& api, const std::string& request_id, const FunctionAnswer& given) {
  if (given.is_error) return api.fail(request_id, {.type = given.error_type, .message = given.error_message});
  const auto taken = api.respond(request_id, given.payload);
  if (taken || taken.error().code() != Code::limit_exceeded) return taken;
  return api.fail(request_id, {.type = taken.error().name(), .message = taken.error().message()});
}

}  // namespace

Result<void> serve_invocations(RuntimeApi& api, Function& function, const InvocationWatch& watch, const Logger& log) {
  while (!watch.is_terminated()) {
    const RuntimeInvocation invocation = TRY(api.next());
    const auto taken = answer(api, invocation.request_id, function.handle(invocation));
    if (!taken) {
      log.error(fmt::format("the answer was not taken: {}", taken.error().message()),
                {{"request_id", invocation.request_id}, {"error", taken.error().name()}});
    }
  }
  return {};
}

}  // namespace tillite
