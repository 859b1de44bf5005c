#pragma once

#include "app/parts/pipeline_ports.h"

namespace tillite {

/// What a Lambda function's step works with: what the environment names on AWS (pipeline_ports.h), and the home
/// TILLITE_HOME for the rest; that is not made here (`not_found`). The stops end what the ports have under way.
[[nodiscard]] Result<std::unique_ptr<FunctionPorts>> open_function_ports(const Environment& environment,
                                                                         const WorkFolders& folders, const Logger& log,
                                                                         const PortStops& stops);

}  // namespace tillite
