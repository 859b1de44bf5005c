#include "app/functions/step_task_runner.h"

namespace tillite {

Result<Json> StepTaskRunner::run(const Call& call) {
  auto result = steps_.invoke(call).result;
  if (listener_) listener_(call.function_name, result);
  return result;
}

}  // namespace tillite
