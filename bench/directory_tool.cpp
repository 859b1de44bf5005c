// One part of scripts/bench-directory and bench-query each, a process of its own, so that its peak memory is its own.
// directory_tool data FOLDER clustered|gaussian COUNT: the vectors, the queries with their exact answers, and deltas
// directory_tool bodies FOLDER BATCH COUNT TO: what a Chroma server is sent for the first COUNT records, in base64
// directory_tool build FOLDER: deltas -> chunks -> snapshot, synced
// directory_tool recall FOLDER: reads {"share", "distances"} lines, an answer to all queries each
#include <fmt/format.h>

#include <chrono>
#include <iostream>

#include "base/base64.h"
#include "base/uuid.h"
#include "made_up_deltas.h"
#include "measure.h"
#include "vector_sets.h"
#include "vectors/deltas/delta.h"
#include "vectors/versions/keys.h"
#include "word_records.h"

namespace tillite::bench {
namespace {

constexpr std::uint64_t kDeltaRecords = 1'000;
constexpr std::uint64_t kMemoryBytes = std::uint64_t{1} << 30;

void write_floats(const Path& path, std::span<const float> numbers) {
  must(replace_file(path, std::as_bytes(numbers)));
}

void write_deltas(const Path& folder, const DirectoryData& data) {
  const CollectionBinding& binding = made_up_binding();
  const auto objects = objects_in(folder);
  const auto room = must(ScratchFolder::create(folder));
  for (std::uint64_t first = 0; first < data.count; first += kDeltaRecords) {
    const DeltaId id(uuid5(fmt::format("delta {}", first)));
    auto writer = must(DeltaWriter::create(room.path(), {.id = id, .batch_id = {}, .binding = binding}));
    for (std::uint64_t row = first; row < std::min(first + kDeltaRecords, data.count); ++row) {
      Record record = word_record(row);
      record.delta = id;
      record.vector.assign(data.row(row).begin(), data.row(row).end());
      must(writer.add(std::move(record)));
    }
    must(objects->create_from_file(delta_key(binding.collection, binding.generation, id), must(writer.finish())));
  }
}

int write_data(const Path& folder, std::string_view kind, std::uint64_t count) {
  if (count < 1'000) must(Result<void>(fail(Code::usage, "COUNT must be 1,000 or more: each share has records then")));
  must(make_folders(folder));
  const VectorSet set =
      kind == "gaussian" ? gaussian_vectors(folder, count, kQueries) : clustered_vectors(folder, count, kQueries);
  std::vector<float> queries;
  for (const auto& query : set.queries) queries.insert(queries.end(), query.begin(), query.end());
  write_floats(folder / "queries.f32", queries);
  for (const std::int64_t share : kShares) {
    write_floats(folder / fmt::format("limits-{}.f32", share),
                 kth_distances(set, kNearest, [&](std::uint64_t row) { return turn_of(row) < share; }));
  }
  write_deltas(folder, DirectoryData::open(folder));
  return 0;
}

std::string body_of(const DirectoryData& data, std::uint64_t first, std::uint64_t end) {
  Json ids = Json::array();
  Json documents = Json::array();
  Json metadatas = Json::array();
  std::string vectors;
  for (std::uint64_t row = first; row < end; ++row) {
    Record record = word_record(row);
    ids.push_back(record.id.str());
    documents.push_back(std::move(record.document));
    metadatas.push_back(std::move(record.metadata));
    vectors += fmt::format("{}\"{}\"", vectors.empty() ? "" : ",", base64_of(std::as_bytes(data.row(row))));
  }
  return fmt::format(R"({{"ids":{},"documents":{},"metadatas":{},"embeddings":[{}]}})", to_text(ids),
                     to_text(documents), to_text(metadatas), vectors);
}

int write_bodies(const Path& folder, std::uint64_t batch, std::uint64_t count, const Path& to) {
  const DirectoryData data = DirectoryData::open(folder);
  must(make_folders(to));
  count = std::min(count, data.count);
  for (std::uint64_t first = 0; first < count; first += batch) {
    must(replace_file(to / fmt::format("{:09}.json", first),
                      as_bytes(body_of(data, first, std::min(first + batch, count)))));
  }
  return 0;
}

int build(const Path& folder) {
  const auto [merged, deltas, chunks_s, merge_s] = merge_waiting(folder, kMemoryBytes);
  fmt::print(stderr, "  chunks {:.2f} s, records {} ms, graph {} ms, files {} ms\n", chunks_s, merged.times.records_ms,
             merged.times.graph_ms, merged.times.files_ms);
  fmt::print(R"({{"seconds": {}, "vectors": {}, "peak_mb": {}}})"
             "\n",
             chunks_s + merge_s, merged.vectors, peak_mb());
  return 0;
}

int count_recall(const Path& folder) {
  const DirectoryData data = DirectoryData::open(folder);
  for (std::string line; std::getline(std::cin, line);) {
    const Json answer = must(parse_json(line, "an answer"));
    Recall recall(data, answer.at("share").get<std::size_t>());
    for (std::size_t query = 0; query < answer.at("distances").size(); ++query) {
      recall.count(query, answer.at("distances").at(query).get<std::vector<float>>());
    }
    fmt::print("{}\n", recall.share());
  }
  return 0;
}

int run(std::span<char*> arguments) {
  const std::string command = arguments.size() > 2 ? arguments[1] : "";
  const Path folder = arguments.size() > 2 ? arguments[2] : "";
  const auto number = [&](std::size_t i) { return std::stoull(arguments[i]); };
  if (command == "data" && arguments.size() == 5) return write_data(folder, arguments[3], number(4));
  if (command == "bodies" && arguments.size() == 6) return write_bodies(folder, number(3), number(4), arguments[5]);
  if (command == "build") return build(folder);
  if (command == "recall") return count_recall(folder);
  fmt::print(stderr, "usage: {} data FOLDER KIND COUNT | bodies FOLDER BATCH COUNT TO | build FOLDER | recall FOLDER\n",
             arguments[0]);
  return 2;
}

}  // namespace
}  // namespace tillite::bench

int main(int count, char** arguments) {
  tillite::bench::set_up_as_the_program();
  return tillite::bench::run(std::span(arguments, static_cast<std::size_t>(count)));
}
