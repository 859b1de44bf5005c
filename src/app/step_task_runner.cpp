#include "app/step_task_runner.h"

namespace tillite {

Result<Json> StepTaskRunner::run(const Call& call) {
  const NamedStep named = TRY(step_of_function(call.function_name));
  StepContext context = context_;
  context.stop = call.stop;
  Json fields = {{"execution", call.execution_id}};
  for (const char* name : {"batch_id", "collection", "operation"}) {
    if (const Json* field = find_field(call.payload, name)) fields[name] = *field;
  }
  context.log = context_.log.named(std::string(named.handler_type)).with(fields);

  context.log.debug("step begins");
  const Invocation invocation = invocations_.begin(call.function_name);
  const std::int64_t started_ms = ports_.clock.steady_ms();
  auto result = named.step(call.payload, ports_, context);
  const Json duration = {{"duration_ms", ports_.clock.steady_ms() - started_ms}};
  invocations_.end(invocation, result ? nullptr : &result.error());
  if (listener_) listener_(call.function_name, result);
  if (result) {
    context.log.debug("step done", duration);
  } else if (result.error().code() != Code::cancelled) {
    Json error = duration;
    error["error"] = result.error().name();
    context.log.warning(fmt::format("step failed: {}", result.error().message()), error);
  }
  return result;
}

}  // namespace tillite
