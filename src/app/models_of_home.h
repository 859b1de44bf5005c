#pragma once

#include <optional>
#include <set>
#include <string>

#include "ports/object_store.h"
#include "ports/table.h"

namespace tillite {

/// The model that the collections of a store are bound to: what is there decides who is asked for more of it, not what
/// else the environment has. Nothing if there is none yet, or it cannot be read, which is the business of who needs it.
[[nodiscard]] std::optional<std::string> bound_model(ObjectStore& vectors);

/// The models of all generations that vectors may still be made for. What cannot be read is the business of who needs
/// it.
[[nodiscard]] std::set<std::string> models_in_use(Table& table, ObjectStore& vectors);

}  // namespace tillite
