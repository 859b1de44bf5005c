// Merges of made-up deltas, each command a process of its own, so that its peak memory is its own.
// merge_tool deltas FOLDER VECTORS DELTAS SEED: writes deltas of clustered vectors with documents and metadata
// merge_tool merge FOLDER [MEMORY]: merges what waits there in chunks of 10 deltas, then into the newest snapshot
// merge_tool copy FOLDER: copies the newest snapshot's files, for comparison
#include <fmt/format.h>

#include <chrono>
#include <random>

#include "base/memory_limit.h"
#include "base/uuid.h"
#include "made_up_deltas.h"
#include "measure.h"
#include "vector_sets.h"
#include "vectors/versions/keys.h"

namespace tillite::bench {
namespace {

constexpr std::size_t kClusters = 100;
constexpr float kSpread = 0.5F;

int write_deltas(const Path& folder, std::uint64_t vectors, std::uint64_t deltas, std::uint64_t seed) {
  const CollectionBinding& binding = made_up_binding();
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
    auto writer = must(DeltaWriter::create(room.path(), {.id = id, .batch_id = BatchId(), .binding = binding}));
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
    must(objects->create_from_file(delta_key(binding.collection, binding.generation, id), must(writer.finish())));
  }
  return 0;
}

int merge(const Path& folder, std::uint64_t memory_bytes) {
  const auto [merged, deltas, chunks_s, merge_s] = merge_waiting(folder, memory_bytes);
  fmt::print(
      "  {} deltas: chunks {:.2f} s, merge {:.2f} s (records {} ms, graph {} ms, files {} ms); {} vectors of {} bits, "
      "{} added; peak {} MB\n",
      deltas, chunks_s, merge_s, merged.times.records_ms, merged.times.graph_ms, merged.times.files_ms, merged.vectors,
      merged.graph.code_bits, merged.added, peak_mb());
  return 0;
}

int copy(const Path& folder) {
  const Path from = folder / fmt::format("snapshot-{}", newest_snapshot(folder));
  const auto room = must(ScratchFolder::create(folder));
  const auto start = std::chrono::steady_clock::now();
  std::filesystem::copy(from, room.path() / "copy", std::filesystem::copy_options::recursive);
  std::uint64_t bytes = 0;
  std::vector<std::string> checksums;  // each by one thread, as whoever copies them would take it
  for (const auto& entry : std::filesystem::recursive_directory_iterator(room.path() / "copy")) {
    if (!entry.is_regular_file()) continue;
    must(must(File::open_update(entry.path())).sync());
    checksums.push_back(must(sha256_of_file(entry.path())));
    bytes += entry.file_size();
  }
  fmt::print("  a copy of its {} files of {} MB, fsync and checksums included: {:.2f} s\n", checksums.size(),
             bytes >> 20, seconds_since(start));
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
  tillite::bench::set_up_as_the_program();
  return tillite::bench::run(std::span(arguments, static_cast<std::size_t>(count)));
}
