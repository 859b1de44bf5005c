#include "app/step_invoker.h"

namespace tillite {

StepInvoker::Ended StepInvoker::invoke(const TaskRunner::Call& call, std::string request_id) const {
  const auto named = step_of_function(call.function_name);
  if (!named) {
    return {.result = std::unexpected(named.error().named("Lambda.ResourceNotFoundException")), .log = {}};
  }
  StepContext context = context_;
  context.stop = call.stop;
  Json fields = Json::object();
  if (!call.execution_id.empty()) fields["execution"] = call.execution_id;
  for (const char* name : {"batch_id", "collection", "operation"}) {
    if (const Json* field = find_field(call.payload, name)) fields[name] = *field;
  }
  context.log = context_.log.named(std::string(named->handler_type)).with(fields);

  context.log.debug("step begins");
  Invocation invocation = invocations_.begin(call.function_name, std::move(request_id));
  const std::int64_t started_ms = ports_.clock.steady_ms();
  auto result = named->step(call.payload, ports_, context);
  const Json duration = {{"duration_ms", ports_.clock.steady_ms() - started_ms}};
  invocations_.end(invocation, result ? nullptr : &result.error());
  if (result) {
    context.log.debug("step done", duration);
  } else if (result.error().code() != Code::cancelled) {
    Json error = duration;
    error["error"] = result.error().name();
    context.log.warning(fmt::format("step failed: {}", result.error().message()), error);
  }
  return {.result = std::move(result), .log = std::move(invocation.log)};
}

}  // namespace tillite
