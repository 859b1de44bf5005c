#include "steps/step_call.h"

namespace tillite {

EndedStep call_step(const NamedStep& named, const Json& event, const Ports& ports, StepContext context) {
  Json fields = Json::object();
  for (const char* name : {"execution", "batch_id", "collection", "operation"}) {
    if (const Json* const field = find_field(event, name)) fields[name] = *field;
  }
  context.log = context.log.named(std::string(named.handler_type)).with(fields);

  context.log.debug("step begins");
  const std::int64_t started_ms = ports.clock.steady_ms();
  EndedStep ended{.result = named.step(event, ports, context)};
  ended.duration_ms = ports.clock.steady_ms() - started_ms;
  const Json duration = {{"duration_ms", ended.duration_ms}};
  if (ended.result) {
    context.log.debug("step done", duration);
  } else if (ended.result.error().code() != Code::cancelled) {
    Json error = duration;
    error["error"] = ended.result.error().name();
    context.log.warning(fmt::format("step failed: {}", ended.result.error().message()), error);
  }
  return ended;
}

}  // namespace tillite
