#pragma once

#include "lambda/handler_type.h"

namespace tillite {

/// A program of Lambda functions, from its start to its exit status: one step of `types`, named by HANDLER_TYPE.
/// Nothing is opened, read or computed before Lambda has been asked for the first invocation: what comes before it is
/// every cold start's.
[[nodiscard]] int run_function_program(const HandlerTypes& types);

}  // namespace tillite
