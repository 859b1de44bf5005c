#pragma once

#include <optional>
#include <set>
#include <string>

#include "ports/object_store.h"
#include "ports/table.h"

namespace tillite {

/// Which models a home has to do with.
struct ModelsOfHome {
  /// Of a collection that is there, for one that is not yet: what is there decides, not what else the environment has.
  std::optional<std::string> bound;
  std::set<std::string> in_use;  ///< of all generations that vectors may still be made for
};

/// What can be read of it. A collection or a generation that is damaged is left out, which is the business of who needs
/// it; whatever else keeps it from being read is an error: nobody is to go on with another model for that.
[[nodiscard]] Result<ModelsOfHome> models_of_home(Table& table, ObjectStore& vectors);

}  // namespace tillite
