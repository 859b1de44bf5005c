#include "vectors/merge/snapshot_merge.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "base/check.h"
#include "base/heap.h"
#include "base/pipeline.h"
#include "base/serial_worker.h"
#include "base/stopwatch.h"
#include "vectors/chroma/chroma_database.h"
#include "vectors/files/file_checksum.h"
#include "vectors/hnsw/graph.h"
#include "vectors/hnsw/label_pickle_reader.h"
#include "vectors/hnsw/segment_files.h"
#include "vectors/merge/added_rows.h"
#include "vectors/snapshots/record_change.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite {
namespace {

constexpr std::size_t kChangesAtOnce = 32;  // of Chroma's tables, for which their thread is woken
constexpr std::size_t kChangesMax = 8;      // so many times as many may wait
constexpr std::size_t kNewsBlocks = 4;      // on their way at a time
constexpr std::size_t kNewsOfBlock = 64;
constexpr std::uint64_t kNewsBytes = std::uint64_t{1} << 20;  // of a block

/// A base that is not what its manifest says would make every later version wrong.
Result<void> check_base_totals(RecordIndex& index, const SnapshotMergeInput& input) {
  const auto totals = TRY(index.totals());
  if (totals.checksum == input.base_checksum) return {};
  return fail(Code::corrupt, "the records of the snapshot {} add up to {}, its manifest says {}", input.base->string(),
              totals.checksum.hex(), input.base_checksum.hex());
}

/// The files of a base as its manifest describes them.
class BaseFiles {
 public:
  explicit BaseFiles(const SnapshotMergeInput& input) : input_(input) {}

  /// What the manifest says of a file; null if the files were checked before.
  [[nodiscard]] Result<const Manifest::SnapshotFile*> described(std::string_view name) const {
    if (input_.base_files.empty()) return nullptr;
    const auto file = std::ranges::find(input_.base_files, name, &Manifest::SnapshotFile::name);
    if (file != input_.base_files.end()) return &*file;
    return fail(Code::corrupt, "the manifest of {} names no file {}", input_.base->string(), name);
  }
  /// Copies a file and checks it on the way.
  [[nodiscard]] Result<void> copy(std::string_view name, const Path& to) const {
    const Manifest::SnapshotFile* const file = TRY(described(name));
    const Path from = *input_.base / name;
    return file == nullptr ? clone_file(from, to) : copy_checked(from, *file, to, thread_count(input_.graph));
  }
  /// Checks a file that is used as a whole.
  [[nodiscard]] Result<void> check(const std::string& name) const {
    const auto file = std::ranges::find(input_.base_files, name, &Manifest::SnapshotFile::name);
    if (file == input_.base_files.end()) return {};
    return check_file(*input_.base / name, *file, /*verify=*/true, thread_count(input_.graph));
  }
  /// The base's kept graph, if it has a whole one; else why not.
  struct KeptGraphFile {
    std::optional<Path> path;
    std::string damage;
  };
  [[nodiscard]] Result<KeptGraphFile> kept_graph() const {
    const Path path = *input_.base / kKeptGraphFile;
    if (!std::filesystem::exists(path)) return KeptGraphFile();
    const auto whole = check(std::string(kKeptGraphFile));
    if (whole) return KeptGraphFile{.path = path, .damage = {}};
    if (whole.error().code() == Code::corrupt) return KeptGraphFile{.path = {}, .damage = whole.error().message()};
    return std::unexpected(whole.error());
  }

 private:
  const SnapshotMergeInput& input_;
};

/// A change of Chroma's tables.
struct ChromaChange {
  enum class Kind { insert, rewrite, remove };
  Kind kind = Kind::insert;
  std::uint64_t label = 0;
  RecordId id;  ///< of an insert
  Json metadata;
  std::string document;
};

/// A snapshot folder that is being written: the SQLite files and new vectors at once, the graph at the end.
class SnapshotBuild {
 public:
  [[nodiscard]] static Result<SnapshotBuild> start(const SnapshotMergeInput& input, const Path& scratch,
                                                   const Path& folder);
  [[nodiscard]] Result<void> apply(const RecordId& id, RecordState news);
  [[nodiscard]] Result<MergedSnapshot> finish(const SnapshotMergeInput& input, const std::stop_token& stop);

 private:
  SnapshotBuild(Path folder, ChromaDatabase chroma, RecordIndex index, AddedRows rows, std::size_t threads)
      : folder_(std::move(folder)),
        segment_name_(chroma.vector_segment()),
        chroma_(std::move(chroma)),
        index_(std::move(index)),
        rows_(std::move(rows)),
        threads_(threads),
        chroma_work_(std::make_unique<SerialWorker>(threads == 1 ? 0 : kChangesMax)) {}

  Result<void> store_vector(const std::optional<IndexedRecord>& stored, Record&& record);
  Result<void> store_tombstone(const std::optional<IndexedRecord>& stored, const Record& record);
  Result<void> store_metadata(const IndexedRecord& stored, Record&& record);
  Result<void> remove_stored(const std::optional<IndexedRecord>& stored);
  Result<void> change_chroma(ChromaChange change);
  Result<void> hand_over_changes();
  Result<void> apply_to_chroma(const ChromaChange& change);
  Result<void> write_vectors(const SnapshotMergeInput& input, const std::stop_token& stop);
  Result<void> finish_tables(const std::optional<Path>& base, const Path& segment, const std::stop_token& stop);
  Result<void> write_labels(const std::optional<Path>& base, const Path& segment);
  Result<void> check_totals(const Path& segment);

  Path folder_;
  Path segment_name_;
  ChromaDatabase chroma_;
  RecordIndex index_;
  AddedRows rows_;                  ///< without a base those of the new segment, but for their links and labels
  std::vector<Sum128> new_hashes_;  ///< of these
  std::vector<std::uint64_t> removed_labels_;
  std::uint64_t labels_before_ = 0;
  std::uint64_t labels_given_ = 0;
  std::uint64_t base_vectors_ = 0;
  std::size_t dimensions_ = 0;
  std::size_t threads_;
  RecordIndex::Totals totals_;          ///< of the index, all records applied
  std::int64_t chroma_growth_ = 0;      ///< of Chroma's tables, as soon as they are finished
  std::map<Path, std::string> hashed_;  ///< files whose checksum is known
  Stopwatch stopwatch_;
  MergedSnapshot merged_;
  std::vector<ChromaChange> changes_;  ///< that were not handed over yet
  /// Chroma's tables are a third of the work on records. From the first record on they are this thread's until it
  /// waits, and beside the graph the index and hashed_, too; a merge with one thread has none for them.
  std::unique_ptr<SerialWorker> chroma_work_;
};

Result<SnapshotBuild> SnapshotBuild::start(const SnapshotMergeInput& input, const Path& scratch, const Path& folder) {
  const Path chroma_file = folder / kChromaFile;
  const Path records_file = folder / kRecordsFile;
  TRY(make_folders(folder));
  if (input.base) {
    const BaseFiles base(input);
    TRY(base.copy(kChromaFile, chroma_file));
    TRY(base.copy(kRecordsFile, records_file));
  }
  auto chroma = TRY(input.base ? ChromaDatabase::open(chroma_file, input.binding)
                               : ChromaDatabase::create(chroma_file, input.binding, scratch));
  auto index = TRY(input.base ? RecordIndex::open_copy(records_file, input.binding)
                              : RecordIndex::create(records_file, input.binding));
  const Path segment = folder / chroma.vector_segment();
  TRY(make_folders(segment));
  auto rows =
      TRY(AddedRows::open(input.base ? scratch / "new_vectors.f32" : segment / kLevel0File,
                          new_rows_layout(input.base.has_value(), input.binding.dimensions), input.news->rows()));
  SnapshotBuild build(folder, std::move(chroma), std::move(index), std::move(rows), thread_count(input.graph));
  if (input.base) TRY(check_base_totals(build.index_, input));
  build.base_vectors_ = TRY(build.index_.vectors());
  build.labels_before_ = TRY(build.index_.labels_given());
  build.labels_given_ = build.labels_before_;
  build.dimensions_ = input.binding.dimensions;
  build.merged_.checksum = input.base_checksum;
  return build;
}

Result<void> SnapshotBuild::apply(const RecordId& id, RecordState news) {
  const KnownRecord known = TRY(index_.find(id));
  std::optional<ChromaRow> content;
  if (needs_content(known, news)) {
    TRY(chroma_work_->wait());  // what is not handed over yet is of other ids
    content = TRY(chroma_.read(*known.stored->label));
  }
  RecordChange change = change_of(known, content, std::move(news));
  switch (change.effect) {
    case Effect::nothing:
      break;
    case Effect::vector:
      TRY(store_vector(known.stored, std::move(change.record)));
      break;
    case Effect::tombstone:
      TRY(store_tombstone(known.stored, change.record));
      break;
    case Effect::metadata:
      TRY(store_metadata(*known.stored, std::move(change.record)));
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
  return change_chroma(
      {.kind = ChromaChange::Kind::remove, .label = *stored->label, .id = {}, .metadata = {}, .document = {}});
}

Result<void> SnapshotBuild::change_chroma(ChromaChange change) {
  changes_.push_back(std::move(change));
  return changes_.size() < kChangesAtOnce ? Result<void>() : hand_over_changes();
}

Result<void> SnapshotBuild::hand_over_changes() {
  if (changes_.empty()) return {};
  return chroma_work_->add([this, changes = std::exchange(changes_, {})]() -> Result<void> {
    for (const ChromaChange& change : changes) TRY(apply_to_chroma(change));
    return {};
  });
}

Result<void> SnapshotBuild::apply_to_chroma(const ChromaChange& change) {
  switch (change.kind) {
    case ChromaChange::Kind::insert:
      return chroma_.insert(change.label, change.id, change.metadata, change.document);
    case ChromaChange::Kind::rewrite:
      return chroma_.rewrite(change.label, change.metadata, change.document);
    case ChromaChange::Kind::remove:
      return chroma_.remove(change.label);
  }
  return {};
}

Result<void> SnapshotBuild::store_vector(const std::optional<IndexedRecord>& stored, Record&& record) {
  if (!record.row && record.vector.size() != dimensions_) {
    return fail(Code::corrupt, "{} of delta {} has {} dimensions, the collection has {}", record.id.str(),
                record.delta.str(), record.vector.size(), dimensions_);
  }
  TRY(remove_stored(stored));
  const IndexedRecord row = indexed_vector(record, ++labels_given_);
  TRY(rows_.add(record));
  new_hashes_.push_back(row.vector_hash);
  TRY(change_chroma({.kind = ChromaChange::Kind::insert,
                     .label = *row.label,
                     .id = std::move(record.id),
                     .metadata = std::move(record.metadata),
                     .document = std::move(record.document)}));
  merged_.checksum += row.record_hash;
  ++merged_.added;
  return index_.put(row);
}

Result<void> SnapshotBuild::store_tombstone(const std::optional<IndexedRecord>& stored, const Record& record) {
  TRY(remove_stored(stored));
  if (stored && stored->label) ++merged_.removed;
  return index_.put(indexed_tombstone(record));
}

Result<void> SnapshotBuild::store_metadata(const IndexedRecord& stored, Record&& record) {
  const IndexedRecord row = with_metadata(stored, record);
  merged_.checksum -= stored.record_hash;
  merged_.checksum += row.record_hash;
  ++merged_.relabelled;
  TRY(change_chroma({.kind = ChromaChange::Kind::rewrite,
                     .label = *row.label,
                     .id = {},
                     .metadata = std::move(record.metadata),
                     .document = std::move(record.document)}));
  return index_.put(row);
}

Result<void> SnapshotBuild::write_vectors(const SnapshotMergeInput& input, const std::stop_token& stop) {
  const Path segment = folder_ / segment_name_;
  TRY(rows_.finish());
  std::ranges::sort(removed_labels_);
  SegmentChange change;
  std::string damage;
  if (input.base) {
    const BaseFiles base(input);
    const Path& name = segment_name_;
    for (const char* file : {kHeaderFile, kLinkListsFile, kPickleFile}) TRY(base.check((name / file).string()));
    auto kept = TRY(base.kept_graph());
    change.base = *input.base / name;
    change.base_graph = std::move(kept.path);
    const Manifest::SnapshotFile* const rows = TRY(base.described((name / kLevel0File).string()));
    if (rows != nullptr) change.base_checksum = rows->checksum;
    damage = std::move(kept.damage);
  }
  change.removed = removed_labels_;
  if (input.base) change.new_vectors = rows_.file();
  change.new_hashes = std::move(new_hashes_);
  change.first_new_label = labels_before_ + 1;
  change.dimensions = dimensions_;
  change.kept_graph = folder_ / kKeptGraphFile;
  std::stop_source ends;  // the work on the tables, too, if the graph cannot be built
  const std::stop_callback ends_with(stop, [&] { ends.request_stop(); });
  TRY(chroma_work_->add(
      [this, base = change.base, segment, end = ends.get_token()] { return finish_tables(base, segment, end); }));
  auto graph = write_segment(change, input.graph, segment, stop);
  if (!graph) ends.request_stop();
  merged_.graph = TRY(std::move(graph));
  if (!damage.empty()) merged_.graph.not_continued = damage;
  TRY(chroma_work_->wait());
  for (const auto& [path, checksum] : merged_.graph.files) hashed_[path] = checksum;
  return check_totals(segment);
}

/// All that is left to do for the two SQLite files and the labels, beside the graph.
Result<void> SnapshotBuild::finish_tables(const std::optional<Path>& base, const Path& segment,
                                          const std::stop_token& stop) {
  const auto go_on = [&]() -> Result<void> {
    if (stop.stop_requested()) return fail(Code::cancelled, "stopped while {} was finished", folder_.string());
    return {};
  };
  TRY(index_.finish());
  trim_heap();  // its cache is gone, and the graph grows
  TRY(chroma_.write_waiting(stop));
  TRY(go_on());
  TRY(write_labels(base, segment));
  chroma_growth_ = chroma_.growth();
  TRY(go_on());
  TRY(chroma_.finish());
  trim_heap();
  for (const std::string_view name : {kChromaFile, kRecordsFile}) {
    TRY(go_on());
    auto file = TRY(File::open_update(folder_ / name));
    TRY(file.sync());
    hashed_[file.path()] = TRY(checksum_of_file(file, ChecksumForm::by_parts, threads_));
  }
  return {};
}

/// The labels of the base without those that ended, then the new ones.
Result<void> SnapshotBuild::write_labels(const std::optional<Path>& base, const Path& segment) {
  using Each = std::function<Result<void>(const RecordId&, std::uint64_t)>;
  std::optional<MappedFile> pickle;
  if (base) pickle = TRY(MappedFile::open(*base / kPickleFile));
  std::uint64_t labels = 0;
  const auto each_label = [&](const Each& each) -> Result<void> {
    labels = 0;
    const auto count = [&](const RecordId& id, std::uint64_t label) {
      ++labels;
      return each(id, label);
    };
    if (pickle) {
      TRY(read_label_pickle(pickle->bytes(), (*base / kPickleFile).string(),
                            {.label_of_id = [&](std::string_view id, std::uint64_t label) -> Result<void> {
                               if (std::ranges::binary_search(removed_labels_, label)) return {};
                               return count(RecordId(std::string(id)), label);
                             },
                             .id_of_label = {}}));
    }
    return chroma_.for_each_label(labels_before_ + 1, count);
  };
  const auto written = TRY(write_label_pickle(segment, labels_given_, each_label));
  hashed_[written.path] = written.checksum;
  if (labels == totals_.vectors) return {};
  return fail(Code::corrupt, "the labels of {} are not those of its records", segment.string());
}

/// The three parts and what is announced of them are one: else nothing of it may be published. Each part has counted
/// its own changes, on top of a base for which the same held.
Result<void> SnapshotBuild::check_totals(const Path& segment) {
  const std::uint64_t live = merged_.graph.elements - merged_.graph.deleted;
  check(base_vectors_ + static_cast<std::uint64_t>(chroma_growth_) == totals_.vectors,
        "Chroma's tables hold one record for each vector of the index");
  check(live == totals_.vectors, "the graph holds one live element for each vector of the index");
  TRY(Segment::open(segment, live));
  check(totals_.checksum == merged_.checksum, "the checksum is the sum of the stored records' hashes");
  merged_.vectors = totals_.vectors;
  merged_.tombstones = totals_.tombstones;
  return {};
}

Result<MergedSnapshot> SnapshotBuild::finish(const SnapshotMergeInput& input, const std::stop_token& stop) {
  TRY(index_.drop_tombstones(input.tombstones_before_ms));
  TRY(index_.set_labels_given(labels_given_));
  totals_ = TRY(index_.totals());
  TRY(hand_over_changes());
  merged_.times.records_ms = stopwatch_.lap_ms();
  trim_heap();  // the graph is the largest part
  TRY(write_vectors(input, stop));
  merged_.times.graph_ms = stopwatch_.lap_ms();
  merged_.files = TRY(sync_and_describe(folder_, thread_count(input.graph), hashed_));
  merged_.times.files_ms = stopwatch_.lap_ms();
  return std::move(merged_);
}

/// Some ids and what is new of them, on their way to the snapshot.
struct NewsBlock {
  std::vector<std::pair<RecordId, RecordState>> news;
  Result<void> read;
};

/// About what a record takes in memory.
std::uint64_t memory_of(const std::optional<Record>& record) {
  if (!record) return 0;
  constexpr std::uint64_t kFieldBytes = 100;  // of a map's node
  std::uint64_t bytes = sizeof(Record) + record->document.size() + record->vector.size() * sizeof(float);
  for (const auto& [name, value] : record->metadata.items()) {
    bytes += kFieldBytes + name.size();
    if (value.is_string()) bytes += value.get_ref<const std::string&>().size();
  }
  return bytes;
}

/// News in blocks, which are read and checked while earlier ones are applied.
class NewsPass {
 public:
  NewsPass(std::unique_ptr<RecordNews> news, SnapshotBuild& build, const std::string& collection,
           const std::stop_token& stop)
      : news_(std::move(news)), build_(build), collection_(collection), stop_(stop) {}

  Result<void> run(std::size_t threads) {
    run_pipeline<NewsBlock>(blocks_, std::min<std::size_t>(threads, 2),
                            [this](NewsBlock& block) { return fill(block); }, {{.work = [this](NewsBlock& block) {
                              if (done_) done_ = apply(block);
                              if (!done_) has_ended_ = true;
                            }}});
    return done_;
  }

 private:
  bool fill(NewsBlock& block) {
    if (has_ended_) return false;
    block.read = read(block);
    if (!block.read) has_ended_ = true;
    return !block.read || !block.news.empty();
  }

  Result<void> read(NewsBlock& block) {
    block.news.clear();
    for (std::uint64_t bytes = 0; block.news.size() < kNewsOfBlock && bytes < kNewsBytes;) {
      auto news = TRY(news_->next());
      if (!news) break;
      bytes += memory_of(news->second.base) + memory_of(news->second.waiting);
      block.news.push_back(*std::move(news));
    }
    return {};
  }

  Result<void> apply(NewsBlock& block) {
    TRY(std::move(block.read));
    for (auto& [id, news] : block.news) {
      if (stop_.stop_requested()) return fail(Code::cancelled, "the merge of {} was stopped", collection_);
      TRY(build_.apply(id, std::move(news)));
    }
    return {};
  }

  std::unique_ptr<RecordNews> news_;
  SnapshotBuild& build_;
  const std::string& collection_;
  const std::stop_token& stop_;
  std::array<NewsBlock, kNewsBlocks> blocks_;
  std::atomic<bool> has_ended_ = false;
  Result<void> done_;
};

}  // namespace

Result<MergedSnapshot> merge_into_snapshot(SnapshotMergeInput input, const Path& scratch, const Path& folder,
                                           std::stop_token stop) {
  const auto room = TRY(ScratchFolder::create(scratch));
  auto build = TRY(SnapshotBuild::start(input, room.path(), folder));
  TRY(NewsPass(std::move(input.news), build, input.binding.collection, stop).run(thread_count(input.graph)));
  return build.finish(input, stop);
}

}  // namespace tillite
