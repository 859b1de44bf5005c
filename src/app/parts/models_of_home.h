#pragma once

#include <optional>
#include <set>
#include <string>

#include "ports/object_store.h"
#include "ports/table.h"

namespace tillite {

/// The model of a collection that is not there yet, beside one that is: what is there decides, not what else the
/// environment has. Nothing if there is none yet, or it cannot be read, which is the business of who needs it.
[[nodiscard]] std::optional<std::string> bound_model(ObjectStore& vectors);

/// The models of all generations that vectors may still be made for. What cannot be read is the business of who needs
/// it.
[[nodiscard]] std::set<std::string> models_in_use(Table& table, ObjectStore& vectors);

}  // namespace tillite
