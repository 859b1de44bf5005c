#include "app/functions/step_invoker.h"

#include "steps/step_call.h"

namespace tillite {

StepInvoker::Ended StepInvoker::invoke(const TaskRunner::Call& call, std::string request_id) const {
  const auto named = step_of_function(call.function_name);
  if (!named) {
    return {.result = std::unexpected(named.error().named("Lambda.ResourceNotFoundException")), .log = {}};
  }
  StepContext context = context_;
  context.stop = call.stop;
  if (!call.execution_id.empty()) context.log = context.log.with({{"execution", call.execution_id}});

  Invocation invocation = invocations_.begin(call.function_name, std::move(request_id));
  auto result = call_step(*named, call.payload, ports_, std::move(context)).result;
  invocations_.end(invocation, result ? nullptr : &result.error());
  return {.result = std::move(result), .log = std::move(invocation.log)};
}

}  // namespace tillite
