#include "made_up_deltas.h"

#include <chrono>
#include <sstream>

#include "base/parallel.h"
#include "measure.h"
#include "vector_sets.h"
#include "vectors/hnsw/segment_files.h"
#include "vectors/merge/chunk_merge.h"
#include "vectors/merge/delta_news.h"
#include "vectors/merge/run_merge.h"
#include "vectors/snapshots/record_index.h"
#include "vectors/versions/keys.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite::bench {
namespace {

constexpr std::size_t kChunkDeltas = 10;
constexpr std::size_t kChunksAtOnce = 2;  // as the state machines have it

std::vector<DeltaId> waiting_deltas(ObjectStore& objects) {
  const CollectionBinding& binding = made_up_binding();
  std::vector<DeltaId> deltas;
  for (const ObjectInfo& object : must(list_all(objects, delta_folder(binding.collection, binding.generation)))) {
    if (const auto delta = delta_id_of(object.key)) deltas.push_back(*delta);
  }
  return deltas;
}

/// A snapshot has its manifest's files beside it, so that a merge checks its base as final_merge does.
Path files_of(const Path& snapshot) { return snapshot.string() + ".files"; }

void note_files(const Path& snapshot, const std::vector<Manifest::SnapshotFile>& files) {
  std::string text;
  for (const auto& file : files) text += fmt::format("{} {} {}\n", file.checksum, file.size_bytes, file.name);
  must(replace_file(files_of(snapshot), as_bytes(text)));
}

std::vector<Manifest::SnapshotFile> noted_files(const Path& snapshot) {
  std::istringstream text(must(read_file(files_of(snapshot))));
  std::vector<Manifest::SnapshotFile> files;
  for (Manifest::SnapshotFile file; text >> file.checksum >> file.size_bytes >> file.name;) files.push_back(file);
  return files;
}

void expect_all(const RunHeader& header) {
  if (!header.quarantined.empty()) must(Result<void>(fail(Code::corrupt, "a delta was quarantined")));
}

// Both as final_merge does it.

std::unique_ptr<RecordNews> news_of_deltas(ObjectStore& objects, const std::vector<DeltaId>& deltas,
                                           const Path& scratch, bool has_base, std::uint64_t memory_bytes) {
  const CollectionBinding& binding = made_up_binding();
  const RowLayout layout = new_rows_layout(has_base, binding.dimensions);
  auto news = must(DeltaNews::read(objects, binding, deltas, scratch, layout, memory_bytes / 16));
  if (!news) return nullptr;
  expect_all(news->header());
  return std::make_unique<DeltaNews>(*std::move(news));
}

std::unique_ptr<RecordNews> news_of_chunks(ObjectStore& objects, const std::vector<DeltaId>& deltas,
                                           const Path& scratch, std::uint64_t memory_bytes) {
  const std::size_t chunks = (deltas.size() + kChunkDeltas - 1) / kChunkDeltas;
  const auto run_of = [&](std::size_t chunk) { return scratch / fmt::format("run-{}", chunk); };
  for_each_parallel(chunks, kChunksAtOnce, [&](std::size_t chunk) {
    const auto first = deltas.begin() + static_cast<std::ptrdiff_t>(chunk * kChunkDeltas);
    const auto last = deltas.begin() + static_cast<std::ptrdiff_t>(std::min((chunk + 1) * kChunkDeltas, deltas.size()));
    const auto own_room = must(ScratchFolder::create(scratch));
    expect_all(must(
        merge_deltas(objects, made_up_binding(), {first, last}, own_room.path(), run_of(chunk), memory_bytes / 16)));
  });
  std::vector<RunReader> runs;
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    runs.push_back(must(RunReader::open(must(file_source(run_of(chunk))), run_of(chunk).string())));
  }
  return std::make_unique<RunMerge>(std::move(runs));
}

}  // namespace

const CollectionBinding& made_up_binding() {
  static const CollectionBinding binding{.collection = "receipt_words",
                                         .generation = 1,
                                         .model = "made-up",
                                         .dimensions = kDimensions,
                                         .input_format = "word/context/1",
                                         .shards = 1};
  return binding;
}

std::unique_ptr<FolderObjectStore> objects_in(const Path& folder) {
  must(make_folders(folder / "objects"));
  return must(FolderObjectStore::open(folder / "objects"));
}

int newest_snapshot(const Path& folder) {
  constexpr std::string_view kName = "snapshot-";
  int newest = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name.starts_with(kName)) {
      newest = std::max(newest, std::stoi(name.substr(kName.size())));
    }
  }
  return newest;
}

TimedMerge merge_waiting(const Path& folder, std::uint64_t memory_bytes) {
  const auto start = std::chrono::steady_clock::now();
  const CollectionBinding& binding = made_up_binding();
  const auto objects = objects_in(folder);
  const auto deltas = waiting_deltas(*objects);
  const int base = newest_snapshot(folder);
  SnapshotMergeInput input{.binding = binding};
  input.graph.memory_bytes = memory_bytes / 100 * 70;  // as steps/settings.cpp has it
  if (base > 0) {
    input.base = folder / fmt::format("snapshot-{}", base);
    input.base_checksum = must(must(RecordIndex::open_finished(*input.base / kRecordsFile, binding)).totals()).checksum;
    input.base_files = noted_files(*input.base);
  }
  const auto room = must(ScratchFolder::create(folder));
  if (deltas.size() <= kChunkDeltas) {
    input.news = news_of_deltas(*objects, deltas, room.path(), base > 0, memory_bytes);
  }
  if (!input.news) input.news = news_of_chunks(*objects, deltas, room.path(), memory_bytes);
  TimedMerge timed{.deltas = deltas.size(), .chunks_s = seconds_since(start)};
  const Path next = folder / fmt::format("snapshot-{}", base + 1);
  timed.merged = must(merge_into_snapshot(std::move(input), room.path(), next, {}));
  timed.merge_s = seconds_since(start) - timed.chunks_s;
  note_files(next, timed.merged.files);
  for (const DeltaId& delta : deltas) {
    must(objects->remove(delta_key(binding.collection, binding.generation, delta)));
  }
  return timed;
}

}  // namespace tillite::bench
