// Merges of made-up deltas, each command a process of its own, so that its peak memory is its own.
// merge_tool deltas FOLDER VECTORS DELTAS SEED: writes deltas of clustered vectors with documents and metadata
// merge_tool merge FOLDER [MEMORY]: merges what waits there in chunks of 10 deltas, then into the newest snapshot
// merge_tool copy FOLDER: copies the newest snapshot's files, for comparison
// Snapshots have their manifest's files beside them, so that a merge checks its base as final_merge does.
#include <fmt/format.h>

#include <chrono>
#include <random>
#include <sstream>

#include "adapters/local/folder_object_store.h"
#include "base/memory_limit.h"
#include "base/uuid.h"
#include "measure.h"
#include "vector_sets.h"
#include "vectors/keys.h"
#include "vectors/record_index.h"
#include "vectors/snapshot_files.h"
#include "vectors/snapshot_merge.h"

namespace tillite::bench {
namespace {

constexpr std::size_t kChunkDeltas = 10;
constexpr std::size_t kClusters = 100;
constexpr float kSpread = 0.5F;

const CollectionBinding kBinding{.collection = "receipt_words",
                                 .generation = 1,
                                 .model = "made-up",
                                 .dimensions = kDimensions,
                                 .input_format = "word/context/1",
                                 .shards = 1};

std::unique_ptr<FolderObjectStore> objects_in(const Path& folder) {
  must(make_folders(folder / "objects"));
  return must(FolderObjectStore::open(folder / "objects"));
}

std::vector<DeltaId> waiting_deltas(ObjectStore& objects) {
  std::vector<DeltaId> deltas;
  for (const ObjectInfo& object : must(list_all(objects, delta_folder(kBinding.collection, kBinding.generation)))) {
    if (const auto delta = delta_id_of(object.key)) deltas.push_back(*delta);
  }
  return deltas;
}

/// Snapshots are numbered from 1; 0: there is none. Older ones may be gone.
int newest_snapshot(const Path& folder) {
  constexpr std::string_view kName = "snapshot-";
  int newest = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name.starts_with(kName))
      newest = std::max(newest, std::stoi(name.substr(kName.size())));
  }
  return newest;
}

int write_deltas(const Path& folder, std::uint64_t vectors, std::uint64_t deltas, std::uint64_t seed) {
  const auto objects = objects_in(folder);
  const auto room = must(ScratchFolder::create(folder));
  std::mt19937_64 of_centres(1);
  std::normal_distribution<float> normal;
  std::vector<float> centres(kClusters * kDimensions);
  for (float& number : centres) number = normal(of_centres);
  std::mt19937_64 random(seed);
  std::uint64_t made = 0;
  for (std::uint64_t delta = 0; delta < deltas; ++delta) {
    const DeltaId id(uuid5(fmt::format("delta {} {}", seed, delta)));
    auto writer = must(DeltaWriter::create(room.path(), {.id = id, .batch_id = BatchId(), .binding = kBinding}));
    for (; made < vectors * (delta + 1) / deltas; ++made) {
      const std::size_t cluster = random() % kClusters;
      Record record{.id = RecordId(fmt::format("IMAGE#{0:08}-{1:04}#RECEIPT#00001#LINE#{2:05}#WORD#{3:05}", made / 200,
                                               seed, made / 10 % 20, made % 10))};
      record.delta = id;
      record.input_hash = std::to_string(made);
      record.metadata = {{"image_id", fmt::format("{:08}", made / 200)},
                         {"word_id", made % 10},
                         {"merchant_name", fmt::format("Merchant {}", cluster)},
                         {"confidence", 0.9}};
      record.document = fmt::format("word {} of {} in a line of a receipt of merchant {}, as long as texts are", made,
                                    vectors, cluster);
      record.vector.assign(centres.begin() + static_cast<std::ptrdiff_t>(cluster * kDimensions),
                           centres.begin() + static_cast<std::ptrdiff_t>((cluster + 1) * kDimensions));
      for (float& number : record.vector) number += normal(random) * kSpread;
      must(writer.add(std::move(record)));
    }
    must(objects->create_from_file(delta_key(kBinding.collection, kBinding.generation, id), must(writer.finish())));
  }
  return 0;
}

Path files_of(const Path& snapshot) { return snapshot.string() + ".files"; }

void note_files(const Path& snapshot, const std::vector<Manifest::SnapshotFile>& files) {
  std::string text;
  for (const auto& file : files) text += fmt::format("{} {} {}\n", file.sha256, file.size_bytes, file.name);
  must(replace_file(files_of(snapshot), as_bytes(text)));
}

std::vector<Manifest::SnapshotFile> noted_files(const Path& snapshot) {
  std::istringstream text(must(read_file(files_of(snapshot))));
  std::vector<Manifest::SnapshotFile> files;
  for (Manifest::SnapshotFile file; text >> file.sha256 >> file.size_bytes >> file.name;) files.push_back(file);
  return files;
}

int merge(const Path& folder, std::uint64_t memory_bytes) {
  const auto start = std::chrono::steady_clock::now();
  const auto objects = objects_in(folder);
  const auto deltas = waiting_deltas(*objects);
  const int base = newest_snapshot(folder);
  SnapshotMergeInput input{.binding = kBinding};
  input.graph.memory_bytes = memory_bytes / 100 * 70;  // as steps/settings.cpp has it
  if (base > 0) {
    input.base = folder / fmt::format("snapshot-{}", base);
    const auto totals = must(must(RecordIndex::open_finished(*input.base / kRecordsFile, kBinding)).totals());
    input.base_checksum = totals.checksum;
    input.base_files = noted_files(*input.base);
  }
  const auto room = must(ScratchFolder::create(folder));
  for (std::size_t first = 0; first < deltas.size(); first += kChunkDeltas) {
    const auto end = std::min(first + kChunkDeltas, deltas.size());
    const Path run = room.path() / fmt::format("run-{}", first);
    const auto part = std::vector(deltas.begin() + static_cast<std::ptrdiff_t>(first),
                                  deltas.begin() + static_cast<std::ptrdiff_t>(end));
    const auto header = must(merge_deltas(*objects, kBinding, part, room.path(), run, memory_bytes / 16));
    if (!header.quarantined.empty()) must(Result<void>(fail(Code::corrupt, "a delta was quarantined")));
    input.runs.push_back(must(RunReader::open(must(file_source(run)), run.string())));
  }
  const double chunks_s = seconds_since(start);
  const Path next = folder / fmt::format("snapshot-{}", base + 1);
  const auto merged = must(merge_into_snapshot(std::move(input), room.path(), next, {}));
  const double all_s = seconds_since(start);
  note_files(next, merged.files);
  fmt::print(
      "  {} deltas: chunks {:.2f} s, merge {:.2f} s (records {} ms, graph {} ms, files {} ms); {} vectors of {} bits, "
      "{} "
      "added; peak {} MB\n",
      deltas.size(), chunks_s, all_s - chunks_s, merged.times.records_ms, merged.times.graph_ms, merged.times.files_ms,
      merged.vectors, merged.graph.code_bits, merged.added, peak_mb());
  for (const DeltaId& delta : deltas) {
    must(objects->remove(delta_key(kBinding.collection, kBinding.generation, delta)));
  }
  return 0;
}

int copy(const Path& folder) {
  const Path from = folder / fmt::format("snapshot-{}", newest_snapshot(folder));
  const auto room = must(ScratchFolder::create(folder));
  const auto start = std::chrono::steady_clock::now();
  std::filesystem::copy(from, room.path() / "copy", std::filesystem::copy_options::recursive);
  const auto described = must(sync_and_describe(room.path() / "copy"));
  std::uint64_t bytes = 0;
  for (const auto& file : described) bytes += file.size_bytes;
  fmt::print("  a copy of its {} MB, fsync and checksums included: {:.2f} s\n", bytes >> 20, seconds_since(start));
  return 0;
}

int run(std::span<char*> arguments) {
  const std::string command = arguments.size() > 2 ? arguments[1] : "";
  const Path folder = arguments.size() > 2 ? arguments[2] : "";
  const auto number = [&](std::size_t i) { return std::stoull(arguments[i]); };
  if (command == "deltas" && arguments.size() == 6) return write_deltas(folder, number(3), number(4), number(5));
  if (command == "merge") return merge(folder, arguments.size() > 3 ? must(parse_bytes(arguments[3])) : 1ULL << 30);
  if (command == "copy") return copy(folder);
  fmt::print(stderr, "usage: {} deltas FOLDER VECTORS DELTAS SEED | merge FOLDER [MEMORY] | copy FOLDER\n",
             arguments[0]);
  return 2;
}

}  // namespace
}  // namespace tillite::bench

int main(int count, char** arguments) {
  return tillite::bench::run(std::span(arguments, static_cast<std::size_t>(count)));
}
