#pragma once

#include "steps/generations/collection.h"

namespace tillite {

/// What the environment asks for a collection to be bound to: the active binding, with what the variables
/// EMBEDDING_MODEL, EMBEDDING_DIMENSIONS, EMBEDDING_FORMAT_* and TILLITE_SHARDS (--shards) say where they are set.
/// `settings` are read from the same environment.
[[nodiscard]] CollectionBinding asked_binding(Entity entity, const CollectionBinding& active, const Settings& settings,
                                              const Environment& environment);

/// "model a instead of b, 4 shards instead of 1"; empty if nothing differs but the number.
[[nodiscard]] std::string difference_of(const CollectionBinding& asked, const CollectionBinding& active);

/// A line for people, if the environment asks for something else than the collection is bound to; else nothing.
[[nodiscard]] std::optional<std::string> note_on_binding(Entity entity, const CollectionBinding& active,
                                                         const Settings& settings, const Environment& environment);

}  // namespace tillite
