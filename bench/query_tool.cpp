// Our side of scripts/bench-query.
// query_tool query FOLDER EXPORT: top 10 with their records by the C++ library, for each share of the records; and by
// the graph alone at the same ef, labels without records
// query_tool first FOLDER EXPORT: opens the export and answers one query
#include <fmt/format.h>
#include <tillite/collection.h>

#include <span>

#include "latencies.h"
#include "vector_sets.h"
#include "vectors/hnsw/segment.h"
#include "word_records.h"

namespace tillite::bench {
namespace {

constexpr std::size_t kEf = 100;

std::vector<float> query_of(const DirectoryData& data, std::size_t i) {
  return {data.query(i).begin(), data.query(i).end()};
}

std::vector<float> distances_of(const auto& hits) {
  std::vector<float> distances;
  for (const auto& hit : hits) distances.push_back(hit.distance);
  return distances;
}

void query_library(const DirectoryData& data, const v1::Collection& collection) {
  for (std::size_t share = 0; share < std::size(kShares); ++share) {
    v1::QueryOptions options{.k = kNearest};
    if (share > 0) options.where = fmt::format(R"({{"turn": {{"$lt": {}}}}})", kShares[share]);
    Recall recall(data, share);
    Latencies latencies;
    for (std::size_t i = 0; i < kQueries; ++i) {
      const auto vector = query_of(data, i);
      const auto hits = latencies.time([&] { return collection.query(vector, options); });
      recall.count(i, distances_of(hits));
    }
    fmt::print("{}\n", to_text(latencies.json({{"share", share}, {"ef", kEf}, {"recall", recall.share()}})));
  }
}

Path segment_in(const Path& exported) {
  for (const auto& entry : std::filesystem::directory_iterator(exported)) {
    if (entry.is_directory()) return entry.path();
  }
  return exported;
}

void query_graph(const DirectoryData& data, const Path& exported) {
  const Segment segment = must(Segment::open(segment_in(exported), data.count));
  Recall recall(data, 0);
  Latencies latencies;
  for (std::size_t i = 0; i < kQueries; ++i) {
    const auto hits = latencies.time([&] { return segment.search(data.query(i), kNearest, kEf, {}); });
    recall.count(i, distances_of(hits));
  }
  fmt::print("{}\n", to_text(latencies.json({{"share", "graph"}, {"ef", kEf}, {"recall", recall.share()}})));
}

int first(const DirectoryData& data, const Path& exported) {
  const auto vector = query_of(data, 0);
  const auto start = std::chrono::steady_clock::now();
  const auto hits = v1::Collection::open_export(exported).query(vector, {.k = kNearest});
  fmt::print(R"({{"ms": {}, "hits": {}, "peak_mb": {}}})"
             "\n",
             seconds_since(start) * 1e3, hits.size(), peak_mb());
  return 0;
}

int run(std::span<char*> arguments) {
  const std::string command = arguments.size() == 4 ? arguments[1] : "";
  if (command != "query" && command != "first") {
    fmt::print(stderr, "usage: {} query|first FOLDER EXPORT\n", arguments[0]);
    return 2;
  }
  const DirectoryData data = DirectoryData::open(arguments[2]);
  const Path exported = arguments[3];
  if (command == "first") return first(data, exported);
  query_library(data, v1::Collection::open_export(exported));
  query_graph(data, exported);
  return 0;
}

}  // namespace
}  // namespace tillite::bench

int main(int count, char** arguments) {
  tillite::bench::set_up_as_the_program();
  return tillite::bench::run(std::span(arguments, static_cast<std::size_t>(count)));
}
