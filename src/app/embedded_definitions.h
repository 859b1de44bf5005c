#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "receipts/entity.h"
#include "workflow/state_machine.h"

namespace tillite {

/// The state machines of workflows/, as they were built into the program.
[[nodiscard]] const std::vector<std::string_view>& state_machine_names();
/// `not_found` lists the names that there are.
[[nodiscard]] Result<StateMachine> load_state_machine(std::string_view name);

/// The machines that an entity goes through.
struct EntityMachines {
  std::string_view create;  ///< "create-batches-sf"
  std::string_view poll;    ///< "poll-store-sf"
};
[[nodiscard]] EntityMachines machines_of(Entity entity);

}  // namespace tillite
