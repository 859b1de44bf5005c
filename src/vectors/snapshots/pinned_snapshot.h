#pragma once

#include <memory>
#include <mutex>

#include "vectors/snapshots/nearest_labels.h"
#include "vectors/snapshots/record_index.h"

namespace tillite {

/// A snapshot's local folder, opened for reading. Threads: any, after open.
class PinnedSnapshot {
 public:
  /// `corrupt` if its parts are torn or do not belong together.
  [[nodiscard]] static Result<PinnedSnapshot> open(const Path& folder, const CollectionBinding& binding);

  [[nodiscard]] const Segment& segment() const { return segment_; }
  /// The id, metadata and document of a label that is there; `corrupt` if it is not.
  [[nodiscard]] Result<ChromaRow> row(std::uint64_t label) const;
  /// All that is known of an id, tombstones and waiting metadata too.
  [[nodiscard]] Result<KnownRecord> known(const RecordId& id) const;
  /// The record of an id with its label; nothing for a tombstone and for an id that is not known.
  [[nodiscard]] Result<std::optional<IndexedRecord>> find(const RecordId& id) const;
  [[nodiscard]] Result<std::vector<IndexedRecord>> page(const RecordId& after, std::size_t limit) const;
  /// As nearest_matching() over its own records.
  [[nodiscard]] Result<std::vector<SegmentHit>> nearest_matching(const Where& where, const LabelOverlay& overlay,
                                                                 std::span<const float> query, std::size_t k) const;
  /// How many labels were ever given: all labels are 1 to this.
  [[nodiscard]] std::uint64_t labels_given() const { return labels_given_; }

 private:
  /// SQLite's connections serve one thread at a time.
  struct Databases {
    RecordIndex records;
    ChromaReader chroma;
    std::mutex mutex;
    Databases(RecordIndex opened_records, ChromaReader opened_chroma)
        : records(std::move(opened_records)), chroma(std::move(opened_chroma)) {}
  };
  PinnedSnapshot(std::unique_ptr<Databases> databases, Segment segment, std::uint64_t labels_given)
      : databases_(std::move(databases)), segment_(std::move(segment)), labels_given_(labels_given) {}

  std::unique_ptr<Databases> databases_;
  Segment segment_;
  std::uint64_t labels_given_ = 0;
};

}  // namespace tillite
