#include "vectors/snapshots/pinned_snapshot.h"

#include "vectors/versions/snapshot_files.h"

namespace tillite {

Result<PinnedSnapshot> PinnedSnapshot::open(const Path& folder, const CollectionBinding& binding) {
  auto databases = std::make_unique<Databases>(TRY(RecordIndex::open_finished(folder / kRecordsFile, binding)),
                                               TRY(ChromaReader::open(folder / kChromaFile)));
  auto segment = TRY(Segment::open(folder / databases->chroma.vector_segment(), TRY(databases->records.vectors())));
  if (segment.size() > 0 && segment.dimensions() != binding.dimensions) {
    return fail(Code::corrupt, "the vectors of {} have {} dimensions, the collection has {}", folder.string(),
                segment.dimensions(), binding.dimensions);
  }
  const auto labels_given = TRY(databases->records.labels_given());
  return PinnedSnapshot(std::move(databases), std::move(segment), labels_given);
}

Result<ChromaRow> PinnedSnapshot::row(std::uint64_t label) const {
  const std::scoped_lock lock(databases_->mutex);
  auto row = TRY(databases_->chroma.read(label));
  if (!row) return fail(Code::corrupt, "the snapshot has a vector with label {} and no record for it", label);
  return *std::move(row);
}

Result<KnownRecord> PinnedSnapshot::known(const RecordId& id) const {
  const std::scoped_lock lock(databases_->mutex);
  return databases_->records.find(id);
}

Result<std::optional<IndexedRecord>> PinnedSnapshot::find(const RecordId& id) const {
  auto found = TRY(known(id));
  if (found.stored && !found.stored->label) found.stored.reset();
  return std::move(found.stored);
}

Result<std::vector<IndexedRecord>> PinnedSnapshot::page(const RecordId& after, std::size_t limit) const {
  const std::scoped_lock lock(databases_->mutex);
  return databases_->records.page(after, limit);
}

Result<std::vector<SegmentHit>> PinnedSnapshot::nearest_matching(const Where& where, const LabelOverlay& overlay,
                                                                 std::span<const float> query, std::size_t k) const {
  const std::scoped_lock lock(databases_->mutex);
  return tillite::nearest_matching(segment_, databases_->chroma, where, overlay, query, k);
}

}  // namespace tillite
