// Building and searching an HNSW segment over clustered vectors.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>

#include "vectors/hnsw/segment.h"
#include "vectors/records/record.h"

namespace tillite {
namespace {

constexpr std::size_t kDimensions = 1536;
constexpr std::size_t kClusters = 100;

/// Vectors around cluster centres, written as rows of a file; their hashes.
std::vector<Sum128> write_rows(const Path& file, std::size_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> centres(kClusters, std::vector<float>(kDimensions));
  for (auto& centre : centres) {
    for (float& number : centre) number = normal(random);
  }
  FileSink sink(*File::create(file));
  std::vector<Sum128> hashes;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<float> vector = centres[i % kClusters];
    for (float& number : vector) number += normal(random) * 0.5F;
    if (!normalise(vector) || !sink.write(std::as_bytes(std::span(vector)))) std::abort();
    hashes.push_back(vector_hash(vector));
  }
  if (!sink.flush()) std::abort();
  return hashes;
}

void build_segment(benchmark::State& state) {
  const auto folder = ScratchFolder::create(std::filesystem::temp_directory_path());
  const auto count = static_cast<std::uint64_t>(state.range(0));
  const auto hashes = write_rows(folder->path() / "rows", count);
  for (auto _ : state) {
    const auto facts = write_segment(
        {.new_vectors = folder->path() / "rows", .new_hashes = hashes, .dimensions = kDimensions}, {}, folder->path());
    if (!facts) state.SkipWithError(facts.error().message().c_str());
  }
  state.counters["vectors/s"] =
      benchmark::Counter(static_cast<double>(count), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(build_segment)->Arg(2'000)->Arg(10'000)->Unit(benchmark::kMillisecond);

void search_segment(benchmark::State& state) {
  const auto folder = ScratchFolder::create(std::filesystem::temp_directory_path());
  constexpr std::uint64_t count = 10'000;
  const auto hashes = write_rows(folder->path() / "rows", count);
  if (!write_segment({.new_vectors = folder->path() / "rows", .new_hashes = hashes, .dimensions = kDimensions}, {},
                     folder->path()))
    std::abort();
  const auto segment = Segment::open(folder->path());
  const auto query = segment->vector_of(17);
  for (auto _ : state) benchmark::DoNotOptimize(segment->search(*query, 10, 100, {}));
}
BENCHMARK(search_segment)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tillite
