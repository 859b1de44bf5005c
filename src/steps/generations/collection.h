#pragma once

#include "receipts/entity.h"
#include "steps/step.h"
#include "vectors/versions/manifest.h"

namespace tillite {

/// The active generation of an entity's collection: what `{collection}/root.json` names. The first call ever creates
/// generation 1, bound to the settings' model, dimensions, input format and number of shards. Afterwards the settings
/// change nothing: what they ask for is a new generation (steps/generations/generation.h).
[[nodiscard]] Result<CollectionBinding> active_collection(Entity entity, const Ports& ports,
                                                          const StepContext& context);

/// The same for those who only read: what the root object names, whatever the settings; nothing if there is none yet.
[[nodiscard]] Result<std::optional<CollectionBinding>> stored_binding(Entity entity, ObjectStore& vectors);

/// What the settings would bind a new generation to; its number is 1.
[[nodiscard]] CollectionBinding wanted_binding(Entity entity, const Settings& settings);
/// Makes `next` the active generation in the place of `active`: one conditional write of the root object. Done already
/// is success; `conflict` if another one is active by now.
[[nodiscard]] Result<void> swap_root(const CollectionBinding& active, const CollectionBinding& next,
                                     ObjectStore& vectors);

/// The entity that an event speaks of: its `collection` ("receipt_lines").
[[nodiscard]] Result<Entity> entity_of_event(const Json& event);

/// Where the deltas of a generation stand.
struct DeltaSurvey {
  std::optional<Manifest> manifest;      ///< the newest version
  std::vector<ObjectInfo> outstanding;   ///< deltas that no version consumed, oldest first
  std::vector<DeltaId> outstanding_ids;  ///< the same, their ids
};
/// Lists the deltas first, then reads the manifest: what it calls outstanding may meanwhile be consumed, never the
/// reverse.
[[nodiscard]] Result<DeltaSurvey> survey_deltas(ObjectStore& vectors, const CollectionBinding& binding);

/// The ids in a JSON list of strings; `invalid_input` names the field.
[[nodiscard]] Result<std::vector<DeltaId>> delta_ids_field(const Json& object, std::string_view name);
[[nodiscard]] Json to_json(const std::vector<DeltaId>& ids);

}  // namespace tillite
