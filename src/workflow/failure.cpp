#include "workflow/failure.h"

namespace tillite {

Failure Failure::of(const Error& error) {
  const std::string name = error.name();
  // Whatever is wrong with a path or a template fails the execution, as AWS has it; intrinsic functions can be caught.
  const bool runtime = name == errors::kRuntime || !name.starts_with("States.");
  return {
      .error = runtime ? errors::kRuntime : name, .cause = error.message(), .terminal = runtime, .evaluation = true};
}

}  // namespace tillite
