#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "receipts/entity.h"

namespace tillite {

/// What the queue carries (docs/formats/queue-messages.md): hints that a collection may be worth a compaction. The
/// truth is the listing of its deltas.
struct CompactionMessage {
  enum class Kind {
    delta,      ///< a delta was stored
    check,      ///< the oldest delta may have waited long enough now
    everything  ///< whatever is outstanding is to be compacted, thresholds or not
  };
  Kind kind = Kind::everything;
  Entity entity = Entity::line;
  std::optional<DeltaId> delta;  ///< of Kind::delta, if its key is one of ours
};

/// Reads a message's body. `invalid_input` or `not_found` says what is wrong with it.
[[nodiscard]] Result<CompactionMessage> parse_compaction_message(std::string_view body);

/// What polling tells of a delta that it stored.
struct DeltaNotification {
  Entity entity = Entity::line;
  ObjectKey delta_key;
  BatchId batch_id;
  std::int64_t vector_count = 0;
  std::int64_t timestamp_ms = 0;  ///< since the epoch
};
[[nodiscard]] std::string delta_message(const DeltaNotification& delta);
[[nodiscard]] std::string check_message(Entity entity);
[[nodiscard]] std::string everything_message(Entity entity);

}  // namespace tillite
