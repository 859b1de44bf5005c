// hnswlib's side of scripts/bench-directory and bench-query: its graph on all cores, and a plain SQLite table.
// hnswlib_tool build FOLDER: the graph, its file, and a table of documents and metadata, synced
// hnswlib_tool query FOLDER RECALL,RECALL...: top 10 at the others' ef, and for each share of the records at the least
// ef that finds as much, up to 1,000 and as long as all queries together take less than twenty seconds
// hnswlib_tool first FOLDER: loads the graph's file and answers one query
#include <fmt/format.h>
#include <hnswlib/hnswlib.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/sqlite.h"
#include "latencies.h"
#include "measure.h"
#include "vector_sets.h"
#include "word_records.h"

namespace tillite::bench {
namespace {

using Graph = hnswlib::HierarchicalNSW<float>;
constexpr const char* kGraphFile = "hnswlib.bin";
constexpr std::size_t kEfOfOthers = 100;
constexpr std::size_t kEfMax = 1'000;
constexpr double kSecondsMax = 20;

void write_table(const Path& file, std::uint64_t count) {
  must(with_sqlite(file.string(), [&]() -> Result<void> {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec("PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL");
    database.exec("CREATE TABLE records (label INTEGER PRIMARY KEY, id TEXT, document TEXT, metadata TEXT)");
    SQLite::Transaction transaction(database);
    SQLite::Statement insert(database, "INSERT INTO records VALUES (?, ?, ?, ?)");
    for (std::uint64_t row = 0; row < count; ++row) {
      const Record record = word_record(row);
      insert.bind(1, static_cast<std::int64_t>(row));
      insert.bind(2, record.id.str());
      insert.bind(3, record.document);
      insert.bind(4, to_text(record.metadata));
      insert.exec();
      insert.reset();
    }
    transaction.commit();
    return {};
  }));
}

void add_all(Graph& graph, const DirectoryData& data) {
  std::atomic<std::uint64_t> next = 0;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t row = next++; row < data.count; row = next++) graph.addPoint(data.row(row).data(), row);
    });
  }
}

int build(const Path& folder) {
  const DirectoryData data = DirectoryData::open(folder);
  const auto start = std::chrono::steady_clock::now();
  hnswlib::InnerProductSpace space(kDimensions);
  {
    Graph graph(&space, data.count, 16, 100);
    add_all(graph, data);
    graph.saveIndex(folder / kGraphFile);
    must(must(File::open_update(folder / kGraphFile)).sync());
    write_table(folder / "hnswlib.sqlite3", data.count);
    must(sync_folder(folder));
  }
  fmt::print(R"({{"seconds": {}, "vectors": {}, "peak_mb": {}}})"
             "\n",
             seconds_since(start), data.count, peak_mb());
  return 0;
}

std::vector<float> distances_of(const Graph& graph, std::span<const float> query) {
  std::vector<float> distances;
  for (auto hits = graph.searchKnn(query.data(), kNearest); !hits.empty(); hits.pop()) {
    distances.push_back(hits.top().first);
  }
  return distances;
}

/// Version 0.6 has no filters: what does not match is marked as deleted, which a search passes through in the same way.
void show_only(Graph& graph, std::int64_t share) {
  for (std::uint64_t row = 0; row < graph.cur_element_count; ++row) {
    const bool wanted = turn_of(row) < share;
    const auto element = static_cast<hnswlib::tableint>(graph.label_lookup_.at(row));
    if (wanted && graph.isMarkedDeleted(element)) graph.unmarkDelete(row);
    if (!wanted && !graph.isMarkedDeleted(element)) graph.markDelete(row);
  }
}

/// An answer to all queries at this ef.
Json answer_all(Graph& graph, const DirectoryData& data, std::size_t share, std::size_t ef) {
  graph.setEf(ef);
  Recall recall(data, share);
  Latencies latencies;
  for (std::size_t i = 0; i < kQueries; ++i) {
    const auto distances = latencies.time([&] { return distances_of(graph, data.query(i)); });
    recall.count(i, distances);
  }
  return latencies.json({{"share", share}, {"ef", ef}, {"recall", recall.share()}});
}

/// The same at the least ef that finds as much as `recall`, or at the last one that was tried.
Json answer_as_well(Graph& graph, const DirectoryData& data, std::size_t share, double recall) {
  for (std::size_t ef = kNearest;; ef += ef < 100 ? 10 : ef / 2) {
    const auto start = std::chrono::steady_clock::now();
    Json answer = answer_all(graph, data, share, ef);
    const bool goes_on = ef < kEfMax && seconds_since(start) < kSecondsMax;
    if (!goes_on || answer.at("recall").get<double>() >= recall) return answer;
  }
}

int query(const Path& folder, std::string_view recalls) {
  const DirectoryData data = DirectoryData::open(folder);
  hnswlib::InnerProductSpace space(kDimensions);
  Graph graph(&space, folder / kGraphFile);
  const Json wanted = must(parse_json(fmt::format("[{}]", recalls), "the recalls"));
  fmt::print("{}\n", to_text(answer_all(graph, data, 0, kEfOfOthers)));
  for (std::size_t share = 0; share < std::size(kShares); ++share) {
    show_only(graph, kShares[share]);
    fmt::print("{}\n", to_text(answer_as_well(graph, data, share, wanted.at(share).get<double>())));
  }
  return 0;
}

int first(const Path& folder) {
  const DirectoryData data = DirectoryData::open(folder);
  const auto start = std::chrono::steady_clock::now();
  hnswlib::InnerProductSpace space(kDimensions);
  Graph graph(&space, folder / kGraphFile);
  graph.setEf(100);
  const auto distances = distances_of(graph, data.query(0));
  fmt::print(R"({{"ms": {}, "hits": {}, "peak_mb": {}}})"
             "\n",
             seconds_since(start) * 1e3, distances.size(), peak_mb());
  return 0;
}

int run(std::span<char*> arguments) {
  const std::string command = arguments.size() > 2 ? arguments[1] : "";
  const Path folder = arguments.size() > 2 ? arguments[2] : "";
  if (command == "build") return build(folder);
  if (command == "query" && arguments.size() == 4) return query(folder, arguments[3]);
  if (command == "first") return first(folder);
  fmt::print(stderr, "usage: {} build FOLDER | query FOLDER RECALLS | first FOLDER\n", arguments[0]);
  return 2;
}

}  // namespace
}  // namespace tillite::bench

int main(int count, char** arguments) {
  return tillite::bench::run(std::span(arguments, static_cast<std::size_t>(count)));
}
