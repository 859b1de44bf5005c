#pragma once

#include <string>
#include <vector>

#include "receipts/entity.h"

namespace tillite {

/// The entities that --entity names: "line", "word" or "both".
[[nodiscard]] inline Result<std::vector<Entity>> entities_named(const std::string& name) {
  if (name == "both") return std::vector<Entity>{Entity::line, Entity::word};
  const auto entity = parse_entity(name);
  if (!entity) return std::unexpected(entity.error());
  return std::vector<Entity>{*entity};
}

}  // namespace tillite
