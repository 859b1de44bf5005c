// Builds a graph over the same vectors by hnswlib (floats, all threads) and by us, and compares time and recall@10 by
// distance at ef 100; up to 20,000 vectors three times in turns, of which each side's median time counts.
// graph_against_hnswlib clustered|gaussian COUNT, or lines|words RECEIPTS.jsonl [COUNT]
#include <fmt/format.h>
#include <hnswlib/hnswlib.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <unordered_map>

#include "measure.h"
#include "vector_sets.h"
#include "vectors/hnsw/graph.h"
#include "vectors/hnsw/segment.h"
#include "vectors/hnsw/sum_hash.h"

namespace tillite::bench {
namespace {

constexpr std::size_t kQueries = 1000;
constexpr std::size_t kNearest = 10;
constexpr std::size_t kEf = 100;
constexpr float kTie = 1e-5F;
constexpr std::uint64_t kRepeatedMax = 20'000;  // vectors
constexpr std::size_t kRounds = 3;

struct Outcome {
  double seconds = 0;
  double recall = 0;
  std::size_t self_hits = 0;  ///< queries whose nearest was found
};

/// `search(query)`: the distances found, any order.
template <typename Search>
void count_found(const VectorSet& set, const std::vector<float>& limits, const std::vector<float>& nearest,
                 const Search& search, Outcome& outcome) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < set.queries.size(); ++i) {
    const std::vector<float> distances = search(set.queries[i]);
    found += static_cast<std::size_t>(std::ranges::count_if(distances, [&](float d) { return d <= limits[i] + kTie; }));
    outcome.self_hits += std::ranges::min(distances) <= nearest[i] + kTie ? 1 : 0;
  }
  outcome.recall = static_cast<double>(found) / static_cast<double>(set.queries.size() * kNearest);
}

Outcome by_hnswlib(const VectorSet& set, const std::vector<float>& limits, const std::vector<float>& nearest) {
  const MappedFile rows = must(MappedFile::open(set.rows));
  const auto* numbers = reinterpret_cast<const float*>(rows.bytes().data());
  hnswlib::InnerProductSpace space(kDimensions);
  hnswlib::HierarchicalNSW<float> graph(&space, set.count, 16, 100);
  const auto start = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> next = 0;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t row = next++; row < set.count; row = next++) graph.addPoint(numbers + row * kDimensions, row);
    });
  }
  threads.clear();
  Outcome outcome{.seconds = seconds_since(start)};
  graph.setEf(kEf);
  const auto search = [&](const std::vector<float>& query) {
    std::vector<float> distances;
    for (auto hits = graph.searchKnn(query.data(), kNearest); !hits.empty(); hits.pop())
      distances.push_back(hits.top().first);
    return distances;
  };
  count_found(set, limits, nearest, search, outcome);
  return outcome;
}

Outcome by_us(const VectorSet& set, const std::vector<float>& limits, const std::vector<float>& nearest,
              const Path& folder) {
  const MappedFile rows = must(MappedFile::open(set.rows));
  const auto* numbers = reinterpret_cast<const float*>(rows.bytes().data());
  Outcome outcome;
  {
    const auto start = std::chrono::steady_clock::now();
    Graph graph(std::vector<float>(numbers, numbers + kDimensions), set.count, {});
    // As a segment is made: hashes come with the vectors, and copies are linked through the first of them.
    std::unordered_map<Sum128, Node, SumHash> firsts;
    std::vector<std::uint64_t> rows_of;  // by node
    std::vector<Node> copies;            // the nodes that they equal
    for (std::uint64_t row = 0; row < set.count; ++row) {
      const auto [first, is_first] = firsts.try_emplace(set.hashes[row], static_cast<Node>(rows_of.size()));
      if (is_first) {
        rows_of.push_back(row);
      } else {
        copies.push_back(first->second);
      }
    }
    const auto read = [&](Node node, std::span<float> vector) -> Result<void> {
      std::copy_n(numbers + rows_of[node] * kDimensions, kDimensions, vector.begin());
      return {};
    };
    must(graph.add(rows_of.size(), read));
    for (const Node node : copies) graph.add_copy(node);
    graph.link_all();
    const double linked = seconds_since(start);
    const std::size_t hard = must(graph.make_findable(0, read));
    fmt::print("  {} nodes linked in {:.2f} s, made findable in {:.2f} s more ({} hard to find), peak {} MB\n",
               graph.size(), linked, seconds_since(start) - linked, hard, peak_mb());
    static_cast<void>(graph.repair());
    outcome.seconds = seconds_since(start);
  }
  const auto start = std::chrono::steady_clock::now();
  must(make_folders(folder));
  const auto facts =
      must(write_segment({.new_vectors = set.rows, .new_hashes = set.hashes, .dimensions = kDimensions}, {}, folder));
  fmt::print("  segment with copies linked through one, files written: {:.2f} s, {} repaired, {} hard to find\n",
             seconds_since(start), facts.repaired, facts.hard_to_find);
  const Segment segment = must(Segment::open(folder));
  const auto search = [&](const std::vector<float>& query) {
    std::vector<float> distances;
    for (const auto& hit : segment.search(query, kNearest, kEf, {})) distances.push_back(hit.distance);
    return distances;
  };
  count_found(set, limits, nearest, search, outcome);
  return outcome;
}

double median_seconds(std::vector<Outcome> outcomes) {
  std::ranges::sort(outcomes, {}, &Outcome::seconds);
  return outcomes[outcomes.size() / 2].seconds;
}

int compare(const VectorSet& set, const Path& folder) {
  const auto limits = kth_distances(set, kNearest);
  const auto nearest = kth_distances(set, 1);
  fmt::print("{} {} vectors of {} numbers, {} threads\n", set.count, set.name, kDimensions,
             std::thread::hardware_concurrency());
  std::vector<Outcome> ours;
  std::vector<Outcome> theirs;
  for (std::size_t round = 0; round < (set.count <= kRepeatedMax ? kRounds : 1); ++round) {
    ours.push_back(by_us(set, limits, nearest, folder / fmt::format("segment-{}", round)));
    theirs.push_back(by_hnswlib(set, limits, nearest));
  }
  const auto print = [](std::string_view who, const Outcome& outcome) {
    fmt::print("  {:<9} {:8.2f} s   recall@10 {:.4f}   nearest found {} of {}\n", who, outcome.seconds, outcome.recall,
               outcome.self_hits, kQueries);
  };
  for (const Outcome& outcome : ours) print("tillite", outcome);
  for (const Outcome& outcome : theirs) print("hnswlib", outcome);
  fmt::print("  the graph alone: {:.1f} times faster\n", median_seconds(theirs) / median_seconds(ours));
  return 0;
}

int run(std::span<char*> arguments) {
  const auto room = must(ScratchFolder::create(std::filesystem::temp_directory_path()));
  const auto number = [&](std::size_t i) { return arguments.size() > i ? std::stoull(arguments[i]) : 0; };
  const std::string kind = arguments.size() > 2 ? arguments[1] : "";
  if (kind == "clustered") return compare(clustered_vectors(room.path(), number(2), kQueries), room.path());
  if (kind == "gaussian") return compare(gaussian_vectors(room.path(), number(2), kQueries), room.path());
  if (kind == "lines") return compare(line_vectors(room.path(), arguments[2], number(3), kQueries), room.path());
  if (kind == "words") return compare(word_vectors(room.path(), arguments[2], number(3), kQueries), room.path());
  fmt::print(stderr, "usage: {} clustered|gaussian COUNT, or lines|words RECEIPTS.jsonl [COUNT]\n", arguments[0]);
  return 2;
}

}  // namespace
}  // namespace tillite::bench

int main(int count, char** arguments) {
  return tillite::bench::run(std::span(arguments, static_cast<std::size_t>(count)));
}
