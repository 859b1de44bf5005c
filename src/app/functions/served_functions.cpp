#include "app/functions/served_functions.h"

#include <algorithm>

namespace tillite {

ServedFunctions::ServedFunctions(StepInvoker steps, std::vector<FunctionInfo> functions, std::stop_token stop)
    : steps_(std::move(steps)), functions_(std::move(functions)), stop_(std::move(stop)) {
  std::ranges::sort(functions_, {}, &FunctionInfo::name);
}

EndedFunction ServedFunctions::invoke(FunctionCall call) {
  StepInvoker::Ended ended =
      steps_.invoke({.function_name = std::move(call.function_name), .payload = std::move(call.event), .stop = stop_},
                    call.request_id);
  return {.result = std::move(ended.result), .log = std::move(ended.log)};
}

}  // namespace tillite
