#pragma once

#include <cstdint>
#include <limits>

#include "vectors/records/record_text.h"

namespace tillite {

/// The highest vector or tombstone among records of one id.
class Newest {
 public:
  void note(const RecordLine& record) {
    if (record.kind == RecordKind::metadata || record.item_version < item_version_) return;
    const bool removed = record.kind == RecordKind::tombstone;
    removed_ = removed || (removed_ && record.item_version == item_version_);
    item_version_ = record.item_version;
  }

  /// Whether one of the records cannot matter any more, whichever of their deltas turn out to be consumed already: what
  /// a consumed delta said is in the snapshot, and stands above this record there, too.
  [[nodiscard]] bool supersedes(const RecordLine& record) const {
    if (record.item_version != item_version_) return record.item_version < item_version_;
    return removed_ && record.kind != RecordKind::tombstone;
  }

 private:
  std::int64_t item_version_ = std::numeric_limits<std::int64_t>::min();  ///< below those of imported records, too
  bool removed_ = false;                                                  ///< a tombstone has this item_version
};

}  // namespace tillite
