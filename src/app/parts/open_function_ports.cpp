#include "app/parts/open_function_ports.h"

#include <optional>

namespace tillite {

Result<std::unique_ptr<FunctionPorts>> open_function_ports(const Environment& environment, const WorkFolders& folders,
                                                           const Logger& log, const PortStops& stops) {
  std::optional<Home> home;
  if (const auto folder = environment("TILLITE_HOME"); folder && !folder->empty()) {
    home = TRY(Home::open(*folder, /*create=*/false));
  }
  return TRY(PipelinePorts::open(
      {.environment = environment, .home = home ? &*home : nullptr, .folders = folders, .log = log, .stops = stops}));
}

}  // namespace tillite
