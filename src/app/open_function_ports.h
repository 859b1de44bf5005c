#pragma once

#include "lambda/function_ports.h"

namespace tillite {

/// What the environment names: for now the home folder TILLITE_HOME, as on one machine; it is not made here
/// (`not_found`). The stop token ends what the ports have under way.
[[nodiscard]] Result<std::unique_ptr<FunctionPorts>> open_function_ports(const Environment& environment,
                                                                         const Logger& log, std::stop_token stop);

}  // namespace tillite
