#include "vectors/snapshot_merge.h"

#include <algorithm>

#include "base/check.h"
#include "base/stopwatch.h"
#include "vectors/chroma_database.h"
#include "vectors/record_change.h"
#include "vectors/snapshot_files.h"

namespace tillite {
namespace {

/// A base that is not what its manifest says would make every later version wrong.
Result<void> check_base(RecordIndex& index, const SnapshotMergeInput& input) {
  const auto totals = TRY(index.totals());
  if (totals.checksum == input.base_checksum) return {};
  return fail(Code::corrupt, "the records of the snapshot {} add up to {}, its manifest says {}", input.base->string(),
              totals.checksum.hex(), input.base_checksum.hex());
}

/// A snapshot folder that is being written: the SQLite files at once, the vectors' segment at the end.
class SnapshotBuild {
 public:
  [[nodiscard]] static Result<SnapshotBuild> start(const SnapshotMergeInput& input, const Path& scratch,
                                                   const Path& folder);
  [[nodiscard]] Result<void> apply(const RecordId& id, RecordState news);
  [[nodiscard]] Result<MergedSnapshot> finish(const SnapshotMergeInput& input);

 private:
  SnapshotBuild(Path folder, ChromaDatabase chroma, RecordIndex index, File new_vectors)
      : folder_(std::move(folder)),
        chroma_(std::move(chroma)),
        index_(std::move(index)),
        new_vectors_(std::move(new_vectors)) {}

  Result<void> store_vector(const std::optional<IndexedRecord>& stored, const Record& record);
  Result<void> store_tombstone(const std::optional<IndexedRecord>& stored, const Record& record);
  Result<void> store_metadata(const IndexedRecord& stored, const Record& record);
  Result<void> remove_stored(const std::optional<IndexedRecord>& stored);
  Result<void> write_vectors(const SnapshotMergeInput& input);
  Result<void> check_totals(const Path& segment);

  Path folder_;
  ChromaDatabase chroma_;
  RecordIndex index_;
  FileSink new_vectors_;
  std::vector<std::uint64_t> removed_labels_;
  std::uint64_t labels_before_ = 0;
  std::uint64_t labels_given_ = 0;
  std::size_t dimensions_ = 0;
  Stopwatch stopwatch_;
  MergedSnapshot merged_;
};

Result<SnapshotBuild> SnapshotBuild::start(const SnapshotMergeInput& input, const Path& scratch, const Path& folder) {
  const Path chroma_file = folder / kChromaFile;
  const Path records_file = folder / kRecordsFile;
  TRY(make_folders(folder));
  if (input.base) {
    TRY(clone_file(*input.base / kChromaFile, chroma_file));
    TRY(clone_file(*input.base / kRecordsFile, records_file));
  }
  auto chroma = TRY(input.base ? ChromaDatabase::open(chroma_file, input.binding)
                               : ChromaDatabase::create(chroma_file, input.binding));
  auto index = TRY(input.base ? RecordIndex::open_copy(records_file, input.binding)
                              : RecordIndex::create(records_file, input.binding));
  SnapshotBuild build(folder, std::move(chroma), std::move(index), TRY(File::create(scratch / "new_vectors.f32")));
  if (input.base) TRY(check_base(build.index_, input));
  build.labels_before_ = TRY(build.index_.labels_given());
  build.labels_given_ = build.labels_before_;
  build.dimensions_ = input.binding.dimensions;
  build.merged_.checksum = input.base_checksum;
  return build;
}

Result<void> SnapshotBuild::apply(const RecordId& id, RecordState news) {
  const KnownRecord known = TRY(index_.find(id));
  std::optional<ChromaRow> content;
  if (needs_content(known, news)) content = TRY(chroma_.read(*known.stored->label));
  const RecordChange change = change_of(known, content, std::move(news));
  switch (change.effect) {
    case Effect::nothing:
      break;
    case Effect::vector:
      TRY(store_vector(known.stored, change.record));
      break;
    case Effect::tombstone:
      TRY(store_tombstone(known.stored, change.record));
      break;
    case Effect::metadata:
      TRY(store_metadata(*known.stored, change.record));
      break;
  }
  if (change.waiting) return index_.put_waiting(*change.waiting);
  if (known.waiting) return index_.remove_waiting(id);
  return {};
}

Result<void> SnapshotBuild::remove_stored(const std::optional<IndexedRecord>& stored) {
  if (!stored || !stored->label) return {};
  removed_labels_.push_back(*stored->label);
  merged_.checksum -= stored->record_hash;
  return chroma_.remove(*stored->label);
}

Result<void> SnapshotBuild::store_vector(const std::optional<IndexedRecord>& stored, const Record& record) {
  if (record.vector.size() != dimensions_) {
    return fail(Code::corrupt, "{} of delta {} has {} dimensions, the collection has {}", record.id.str(),
                record.delta.str(), record.vector.size(), dimensions_);
  }
  TRY(remove_stored(stored));
  const IndexedRecord row = indexed_vector(record, ++labels_given_);
  TRY(new_vectors_.write(std::as_bytes(std::span(record.vector))));
  TRY(chroma_.insert(*row.label, record.id, record.metadata, record.document));
  merged_.checksum += row.record_hash;
  ++merged_.added;
  return index_.put(row);
}

Result<void> SnapshotBuild::store_tombstone(const std::optional<IndexedRecord>& stored, const Record& record) {
  TRY(remove_stored(stored));
  if (stored && stored->label) ++merged_.removed;
  return index_.put(indexed_tombstone(record));
}

Result<void> SnapshotBuild::store_metadata(const IndexedRecord& stored, const Record& record) {
  const IndexedRecord row = with_metadata(stored, record);
  merged_.checksum -= stored.record_hash;
  merged_.checksum += row.record_hash;
  ++merged_.relabelled;
  TRY(chroma_.rewrite(*row.label, record.metadata, record.document));
  return index_.put(row);
}

Result<void> SnapshotBuild::write_vectors(const SnapshotMergeInput& input) {
  const Path segment = folder_ / chroma_.vector_segment();
  TRY(make_folders(segment));
  TRY(new_vectors_.flush());
  std::ranges::sort(removed_labels_);
  SegmentChange change;
  if (input.base) change.base = *input.base / chroma_.vector_segment();
  change.removed = std::move(removed_labels_);
  change.new_vectors = new_vectors_.file().path();
  change.new_vectors_count = labels_given_ - labels_before_;
  change.first_new_label = labels_before_ + 1;
  change.dimensions = dimensions_;
  merged_.graph = TRY(write_segment(change, input.graph, segment));
  TRY(write_label_pickle(segment, labels_given_, [&](const auto& each) { return chroma_.for_each_label(each); }));
  return check_totals(segment);
}

/// The three parts and what is announced of them are one: else nothing of it may be published.
Result<void> SnapshotBuild::check_totals(const Path& segment) {
  const auto totals = TRY(index_.totals());
  const auto chroma_count = TRY(chroma_.count());
  const std::uint64_t live = merged_.graph.elements - merged_.graph.deleted;
  check(chroma_count == totals.vectors, "Chroma's tables hold one record for each vector of the index");
  check(live == totals.vectors, "the graph holds one live element for each vector of the index");
  TRY(Segment::open(segment, live));
  TRY(index_.set_vectors(totals.vectors));
  check(totals.checksum == merged_.checksum, "the checksum is the sum of the stored records' hashes");
  merged_.vectors = totals.vectors;
  merged_.tombstones = totals.tombstones;
  return {};
}

Result<MergedSnapshot> SnapshotBuild::finish(const SnapshotMergeInput& input) {
  TRY(index_.drop_tombstones(input.tombstones_before_ms));
  TRY(index_.set_labels_given(labels_given_));
  merged_.times.records_ms = stopwatch_.lap_ms();
  TRY(write_vectors(input));
  merged_.times.graph_ms = stopwatch_.lap_ms();
  TRY(chroma_.finish());
  TRY(index_.finish());
  merged_.times.records_ms += stopwatch_.lap_ms();
  merged_.files = TRY(sync_and_describe(folder_));
  merged_.times.files_ms = stopwatch_.lap_ms();
  return std::move(merged_);
}

}  // namespace

Result<MergedSnapshot> merge_into_snapshot(SnapshotMergeInput input, const Path& scratch, const Path& folder,
                                           std::stop_token stop) {
  const auto room = TRY(ScratchFolder::create(scratch));
  auto build = TRY(SnapshotBuild::start(input, room.path(), folder));
  RunMerge runs(std::move(input.runs), input.consumed);
  while (auto news = TRY(runs.next())) {
    if (stop.stop_requested()) return fail(Code::cancelled, "the merge of {} was stopped", input.binding.collection);
    TRY(build.apply(news->first, std::move(news->second)));
  }
  return build.finish(input);
}

}  // namespace tillite
