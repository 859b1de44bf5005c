// Kept graphs: any bytes. What is read without an error is a graph that new vectors can be linked to.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "vectors/hnsw/kept_graph.h"

namespace tillite {
namespace {

/// A file in memory where the machine has such a place.
Path file_of(std::span<const std::byte> bytes) {
  static const auto room = ScratchFolder::create(
      std::filesystem::exists("/dev/shm") ? Path("/dev/shm") : std::filesystem::temp_directory_path());
  const Path path = room->path() / "graph.kept";
  if (!replace_file(path, bytes)) std::abort();
  return path;
}

void go_on_with(const Path& path) {
  const auto kept = read_kept_graph(path);
  if (!kept || kept->nodes.size() > 10'000) return;
  constexpr std::size_t kNewNodes = 3;
  const GraphSettings settings{.m = kept->kind.m,
                               .ef_construction = 20,
                               .seed = kept->kind.seed,
                               .code_bits = kept->kind.code_bits,
                               .threads = 1};
  Graph graph(kept->centre, kept->nodes.size() + kNewNodes, settings);
  if (!graph.take_over(*kept, kNewNodes)) return;
  const auto added = graph.add(kNewNodes, [](Node, std::span<float> vector) -> Result<void> {
    std::ranges::fill(vector, 0.0F);
    vector.front() = 1;
    return {};
  });
  if (!added) std::abort();
  graph.link_all();
  for (Node node = 0; node < graph.size(); ++node) {
    for (int level = 0; level <= graph.links().level(node); ++level) {
      for (const Node link : graph.links().of(node, level)) {
        if (link >= graph.size()) std::abort();
      }
    }
  }
}

}  // namespace
}  // namespace tillite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillite::go_on_with(tillite::file_of(std::as_bytes(std::span(data, size))));
  return 0;
}
