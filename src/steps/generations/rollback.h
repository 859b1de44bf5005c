#pragma once

#include "receipts/entity.h"
#include "steps/step.h"

namespace tillite {

/// Publishes the content of an older version of a collection as a new version, under the publish lock. The new
/// version's consumed set is that of the newest one, so that no delta is merged twice, and what was done since stays
/// done:
///  - items whose vector is not in the older version go back to NONE, before it is published: the next run embeds them
///    again, and no item is SUCCESS without being published;
///  - removals that the older version does not know go into the outbox again, and as a delta before it is published: a
///    removed item is not seen for a moment; so does newer metadata.
/// A crash in between leaves the newest version as it is, and at most items that are embedded once more. The deltas are
/// merged at the end. Records that were imported since are not in the table: they are gone until they are imported
/// again. `not_found` if the version was never published, has no snapshot, or was removed by gc. The answer:
/// {"collection", "from_version", "version", "vectors", "items_to_embed", "changes_told_again"}.
[[nodiscard]] Result<Json> roll_back(Entity entity, std::int64_t version, const Ports& ports,
                                     const StepContext& context);

}  // namespace tillite
