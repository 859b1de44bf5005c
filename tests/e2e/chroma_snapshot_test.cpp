#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "adapters/local/folder_object_store.h"
#include "base/uuid.h"
#include "chroma_server.h"
#include "support/must.h"
#include "vectors/hnsw/segment_files.h"
#include "vectors/merge/delta_news.h"
#include "vectors/merge/snapshot_merge.h"
#include "vectors/queries/collection_view.h"
#include "vectors/snapshots/snapshot_export.h"
#include "vectors/versions/keys.h"

// A real Chroma server opens what we write, answers as we do, and goes on writing where we stopped.

namespace tillite {
namespace {

using testing::ChromaServer;
using testing::must;
using Ids = std::set<std::string>;

class ChromaSnapshot : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!ChromaServer::available()) GTEST_SKIP() << ChromaServer::how_to_get();
  }

  CollectionBinding binding{.collection = "receipt_words",
                            .generation = 1,
                            .model = "test-model",
                            .dimensions = 64,
                            .input_format = "word/context/1",
                            .shards = 1};
  ScratchFolder room = must(ScratchFolder::create(std::filesystem::temp_directory_path() / "tillite-chroma-tests"));
  std::unique_ptr<FolderObjectStore> objects = must(FolderObjectStore::open(room.path() / "objects"));
  std::map<std::string, Record> records;  ///< what must be there when everything is published
  std::set<DeltaId> unpublished;
  std::optional<Manifest> newest;
  Path newest_folder;
  std::int64_t metadata_version = 1;  ///< the newest given to any record
  std::mt19937_64 random{7};

  std::vector<float> any_vector() {
    std::normal_distribution<float> normal;
    std::vector<float> vector(binding.dimensions);
    for (float& number : vector) number = normal(random);
    must(normalise(vector));
    return vector;
  }

  Record any_record(std::size_t number, std::int64_t item_version) {
    static const std::array<std::string, 6> kWords = {"Total", "TOTAL", "Subtotal", "Café", "10%_off", "milk"};
    Record record;
    record.id = RecordId(fmt::format("IMAGE#{}#RECEIPT#00001#LINE#00001#WORD#{:05}", uuid5("image"), number));
    record.item_version = item_version;
    record.input_hash = "hash";
    record.document = fmt::format("{} {} of {}", kWords.at(number % 6), number, item_version);
    record.metadata = {{"receipt_id", number % 50},
                       {"x", static_cast<double>(number % 100) / 100},
                       {"whole", static_cast<double>(number % 3)},
                       {"text", kWords.at(number % 6)},
                       {"bold", number % 2 == 0}};
    if (number % 5 == 0) record.metadata["merchant_name"] = "Corner Shop";
    record.vector = any_vector();
    return record;
  }
  Record removal(const std::string& id, std::int64_t item_version) {
    Record record;
    record.id = RecordId(id);
    record.kind = RecordKind::tombstone;
    record.item_version = item_version;
    record.removed_at_ms = 1;
    return record;
  }

  Record new_metadata(const std::string& id, std::int64_t item_version) {
    Record record;
    record.id = RecordId(id);
    record.kind = RecordKind::metadata;
    record.item_version = item_version;
    record.metadata_version = ++metadata_version;
    record.document = fmt::format("version {} of {}", metadata_version, item_version);
    record.metadata = {{"receipt_id", metadata_version}, {"merchant_name", "Another Shop"}};
    return record;
  }

  /// Additions, updates, removals and new metadata of some of 400 ids; `versions` has what was given to each so far.
  std::vector<Record> any_changes(std::map<std::size_t, std::int64_t>& versions) {
    std::set<std::size_t> numbers;
    while (numbers.size() < 80) numbers.insert(random() % 400);
    std::vector<Record> changes;
    for (const std::size_t number : numbers) {
      const std::string id = any_record(number, 1).id.str();
      const auto kind = random() % 4;
      if (kind == 0) {
        changes.push_back(removal(id, ++versions[number]));
      } else if (kind == 1 && records.contains(id)) {
        changes.push_back(new_metadata(id, versions[number]));
      } else {
        changes.push_back(any_record(number, ++versions[number]));
      }
    }
    return changes;
  }

  DeltaId deliver(const std::vector<Record>& changes) {
    const DeltaId id(uuid5(fmt::format("delta {}", random())));
    auto writer =
        must(DeltaWriter::create(room.path(), {.id = id, .batch_id = BatchId(), .binding = binding, .created_ms = 1}));
    for (Record record : changes) {
      record.delta = id;
      must(writer.add(record));
      if (record.kind == RecordKind::tombstone) {
        records.erase(record.id.str());
      } else if (record.kind == RecordKind::metadata) {
        records.at(record.id.str()).metadata = record.metadata;
        records.at(record.id.str()).document = record.document;
      } else {
        records[record.id.str()] = std::move(record);
      }
    }
    unpublished.insert(id);
    must(objects->create_from_file(delta_key(binding.collection, binding.generation, id), must(writer.finish())));
    return id;
  }

  void publish(const std::vector<DeltaId>& deltas) {
    const Path folder = room.path() / fmt::format("snapshot-{}", random());
    SnapshotMergeInput input;
    input.binding = binding;
    input.news = std::make_unique<DeltaNews>(
        must(DeltaNews::read(*objects, binding, deltas, room.path(),
                             new_rows_layout(newest.has_value(), binding.dimensions), std::uint64_t{64} << 20))
            .value());
    if (newest) input.base = newest_folder;
    if (newest) input.base_checksum = newest->checksum;
    const auto merged = must(merge_into_snapshot(std::move(input), room.path(), folder, {}));
    for (const DeltaId& delta : deltas) unpublished.erase(delta);
    EXPECT_TRUE(merged.vectors == records.size() || !unpublished.empty()) << merged.vectors << " vectors";

    Manifest manifest;
    if (newest) manifest.consumed = newest->consumed;
    manifest.binding = binding;
    manifest.predecessor = newest ? newest->number : 0;
    manifest.predecessor_nonce = newest ? newest->nonce : "";
    manifest.number = manifest.predecessor + 1;
    manifest.epoch = 1;
    manifest.nonce = uuid5(fmt::format("nonce {}", manifest.number));
    manifest.writer = "test";
    manifest.created_ms = 1;
    manifest.added = deltas;
    std::ranges::sort(manifest.added);
    manifest.consumed.insert(manifest.consumed.end(), deltas.begin(), deltas.end());
    std::ranges::sort(manifest.consumed);
    manifest.set_shards(
        {{.folder = snapshot_folder(binding.collection, binding.generation, manifest.number, 1, manifest.nonce),
          .files = merged.files,
          .vectors = merged.vectors,
          .tombstones = merged.tombstones,
          .checksum = merged.checksum}});
    newest_folder = room.path() / fmt::format("base-{}", manifest.number);
    for (const auto& file : manifest.shards.front().files) {
      const Path copy = newest_folder / file.name;
      must(make_folders(copy.parent_path()));
      must(clone_file(folder / file.name, copy));
      must(objects->create_from_file(ObjectKey(manifest.shards.front().folder + file.name), folder / file.name));
    }
    must(ManifestLog(*objects, binding.collection, binding.generation).publish(manifest));
    newest = manifest;
  }

  void publish_first(std::size_t count) {
    std::vector<DeltaId> deltas;
    for (std::size_t begin = 0; begin < count; begin += 500) {
      std::vector<Record> part;
      for (std::size_t i = begin; i < std::min(begin + 500, count); ++i) part.push_back(any_record(i, 1));
      deltas.push_back(deliver(part));
    }
    publish(deltas);
  }

  Path exported() {
    Path folder = room.path() / fmt::format("export-{}", newest->number);
    must(export_snapshot(*objects, *newest, folder));
    return folder;
  }
  CollectionView view() { return must(CollectionView::open(*objects, binding, room.path() / "scratch")); }

  /// One request to the server about our collection.
  Json ask(ChromaServer& server, Json request) {
    request["collection"] = binding.collection;
    return must(server.ask(request));
  }
  std::uint64_t count(ChromaServer& server) { return ask(server, {{"op", "count"}}).get<std::uint64_t>(); }
  Ids server_ids(ChromaServer& server, const Json& where, const Json& where_document) {
    Json request = {{"op", "get"}, {"include", Json::array()}};
    if (!where.is_null()) request["where"] = where;
    if (!where_document.is_null()) request["whereDocument"] = where_document;
    const Json answer = ask(server, request);
    return answer.at("ids").get<Ids>();
  }
  Ids our_ids(const CollectionView& collection, const Json& where, const Json& where_document) {
    Ids ids;
    for (const auto& hit : must(collection.query(any_vector(), 10'000, must(Where::parse(where, where_document))))) {
      ids.insert(hit.record.id.str());
    }
    return ids;
  }

  /// The distances of the nearest ten, by comparing everything.
  std::vector<float> nearest_distances(const std::vector<float>& query) const {
    std::vector<float> distances;
    for (const auto& [id, record] : records) {
      double dot = 0;
      for (std::size_t i = 0; i < query.size(); ++i) dot += double{query[i]} * record.vector[i];
      distances.push_back(static_cast<float>(1 - dot));
    }
    std::ranges::sort(distances);
    distances.resize(std::min<std::size_t>(10, distances.size()));
    return distances;
  }

  /// The share of the true ten distances that the server finds, over 20 queries.
  double recall(ChromaServer& server) {
    std::size_t found = 0;
    std::size_t wanted = 0;
    for (int i = 0; i < 20; ++i) {
      const auto query = any_vector();
      const auto expected = nearest_distances(query);
      const Json answer =
          ask(server, {{"op", "query"}, {"queryEmbeddings", {query}}, {"nResults", 10}, {"include", {"distances"}}});
      const auto distances = answer.at("distances").at(0).get<std::vector<float>>();
      wanted += expected.size();
      for (std::size_t k = 0; k < distances.size() && k < expected.size(); ++k) {
        found += distances[k] <= expected.back() + 1e-4F ? 1 : 0;
      }
    }
    return static_cast<double>(found) / static_cast<double>(wanted);
  }

  /// The server holds exactly what must be there, bit for bit where it can be seen.
  void expect_same_records(ChromaServer& server) {
    EXPECT_EQ(count(server), records.size());
    Ids expected;
    for (const auto& [id, record] : records) expected.insert(id);
    EXPECT_EQ(server_ids(server, nullptr, nullptr), expected);
    Json some = Json::array();
    for (const auto& [id, record] : records) {
      if (some.size() < 200) some.push_back(id);
    }
    if (some.empty()) return;
    const Json answer =
        ask(server, {{"op", "get"}, {"ids", some}, {"include", {"metadatas", "documents", "embeddings"}}});
    ASSERT_EQ(answer.at("ids").size(), some.size());
    for (std::size_t i = 0; i < some.size(); ++i) {
      const Record& record = records.at(answer.at("ids")[i].get<std::string>());
      EXPECT_EQ(answer.at("metadatas")[i], record.metadata);
      EXPECT_EQ(answer.at("documents")[i], record.document);
      const auto vector = answer.at("embeddings")[i].get<std::vector<float>>();
      ASSERT_EQ(vector.size(), record.vector.size());
      for (std::size_t d = 0; d < vector.size(); ++d) EXPECT_NEAR(vector[d], record.vector[d], 1e-6) << record.id.str();
    }
  }
};

TEST_F(ChromaSnapshot, IsServedWithItsRecordsVectorsAndNeighbours) {
  publish_first(3'000);
  auto server = must(ChromaServer::start(exported()));
  expect_same_records(server);
  EXPECT_GE(recall(server), 0.95);
}

TEST_F(ChromaSnapshot, IsFilteredByTheServerAsByUs) {
  publish_first(600);
  auto server = must(ChromaServer::start(exported()));
  const auto collection = view();
  const std::vector<Json> filters = {
      {{"receipt_id", 7}},
      {{"receipt_id", {{"$eq", 7}}}},
      {{"receipt_id", {{"$ne", 7}}}},
      {{"receipt_id", {{"$gt", 44}}}},
      {{"receipt_id", {{"$lte", 3}}}},
      {{"receipt_id", {{"$in", {1, 2, 99}}}}},
      {{"receipt_id", {{"$nin", {1, 2, 99}}}}},
      {{"receipt_id", {{"$gt", 44.5}}}},
      {{"x", {{"$gte", 0.5}}}},
      {{"x", 0.25}},
      {{"whole", {{"$gt", 0}}}},
      {{"text", "Total"}},
      {{"text", {{"$in", {"milk", "Café"}}}}},
      {{"merchant_name", "Corner Shop"}},
      {{"merchant_name", {{"$ne", "Corner Shop"}}}},
      {{"merchant_name", {{"$nin", {"Corner Shop"}}}}},
      {{"bold", true}},
      {{"bold", {{"$ne", true}}}},
      {{"nowhere", 1}},
      {{"$and", {{{"bold", true}}, {{"receipt_id", {{"$lt", 10}}}}}}},
      {{"$or", {{{"text", "milk"}}, {{"$and", {{{"bold", false}}, {{"x", {{"$lt", 0.1}}}}}}}}}},
  };
  for (const Json& filter : filters) {
    EXPECT_EQ(server_ids(server, filter, nullptr), our_ids(collection, filter, nullptr)) << filter;
  }
  // The server drops % from a text to look for, and takes _ for any character; we take both as they are.
  const std::vector<Json> document_filters = {
      {{"$contains", "Total"}},
      {{"$contains", "total"}},
      {{"$contains", "TOTAL"}},
      {{"$contains", "Café"}},
      {{"$contains", "CAFÉ"}},
      {{"$contains", "al"}},
      {{"$contains", "1"}},
      {{"$contains", "off 10"}},
      {{"$contains", "nowhere"}},
      {{"$not_contains", "Total"}},
      {{"$not_contains", "milk 11"}},
      {{"$and", {{{"$contains", "Total"}}, {{"$not_contains", "1"}}}}},
      {{"$or", {{{"$contains", "milk"}}, {{"$contains", "Café 3"}}}}},
  };
  for (const Json& filter : document_filters) {
    EXPECT_EQ(server_ids(server, nullptr, filter), our_ids(collection, nullptr, filter)) << filter;
  }
  EXPECT_EQ(server_ids(server, filters[0], document_filters[0]), our_ids(collection, filters[0], document_filters[0]));
}

TEST_F(ChromaSnapshot, IsWrittenOnByTheServer) {
  publish_first(1'500);
  const Path folder = exported();
  {
    auto server = must(ChromaServer::start(folder));
    // Above 1,000 changes the server writes its graph anew; the rest stays in its queue until the next start.
    for (int round = 0; round < 3; ++round) {
      Json upsert = {{"op", "upsert"}};
      for (std::size_t i = 0; i < 500; ++i) {
        const auto number = static_cast<std::size_t>(1'200 + round * 500) + i;
        const Record record = any_record(number, 2);
        upsert["ids"].push_back(record.id.str());
        upsert["embeddings"].push_back(record.vector);
        upsert["metadatas"].push_back(record.metadata);
        upsert["documents"].push_back(record.document);
        records[record.id.str()] = record;
      }
      ask(server, upsert);
    }
    Json removed = Json::array();
    for (std::size_t i = 0; i < 200; ++i) removed.push_back(any_record(i, 1).id.str());
    ask(server, {{"op", "delete"}, {"ids", removed}});
    for (const Json& id : removed) records.erase(id.get<std::string>());
    expect_same_records(server);
    EXPECT_GE(recall(server), 0.95);
  }
  auto again = must(ChromaServer::start(folder));
  expect_same_records(again);
  EXPECT_GE(recall(again), 0.95);
}

TEST_F(ChromaSnapshot, IsServedAfterASecondMergeWithReplacedAndRemovedVectors) {
  publish_first(2'000);
  std::vector<Record> changes;
  for (std::size_t i = 0; i < 300; ++i) changes.push_back(any_record(i, 2));
  for (std::size_t i = 300; i < 500; ++i) changes.push_back(removal(any_record(i, 1).id.str(), 2));
  for (std::size_t i = 2'000; i < 2'200; ++i) changes.push_back(any_record(i, 1));
  publish({deliver(changes)});

  auto server = must(ChromaServer::start(exported()));
  expect_same_records(server);
  EXPECT_GE(recall(server), 0.95);
  EXPECT_EQ(server_ids(server, nullptr, {{"$contains", "of 2"}}).size(), 300U);
}

TEST_F(ChromaSnapshot, IsServedAsAMapHoldsItAfterMergesInAnyOrderAndGrouping) {
  std::map<std::size_t, std::int64_t> versions;
  std::vector<DeltaId> waiting;
  for (int merge = 0; merge < 5; ++merge) {
    for (int delta = 0; delta < 4; ++delta) waiting.push_back(deliver(any_changes(versions)));
    std::ranges::shuffle(waiting, random);
    const auto first = waiting.end() - static_cast<std::ptrdiff_t>(1 + random() % waiting.size());
    publish({first, waiting.end()});
    waiting.erase(first, waiting.end());
  }
  if (!waiting.empty()) publish(waiting);

  auto server = must(ChromaServer::start(exported()));
  expect_same_records(server);
  EXPECT_GE(recall(server), 0.95);
}

TEST_F(ChromaSnapshot, IsServedWhenNothingIsLeft) {
  publish_first(50);
  std::vector<Record> removals;
  for (const auto& [id, record] : std::map(records)) removals.push_back(removal(id, 2));
  publish({deliver(removals)});
  ASSERT_TRUE(records.empty());

  auto server = must(ChromaServer::start(exported()));
  EXPECT_EQ(count(server), 0U);
  const Json answer = ask(server, {{"op", "query"}, {"queryEmbeddings", {any_vector()}}, {"nResults", 10}});
  EXPECT_TRUE(answer.at("ids").at(0).empty());

  const Record record = any_record(1, 3);
  ask(server, {{"op", "upsert"},
               {"ids", {record.id.str()}},
               {"embeddings", {record.vector}},
               {"metadatas", {record.metadata}},
               {"documents", {record.document}}});
  records[record.id.str()] = record;
  expect_same_records(server);
}

}  // namespace
}  // namespace tillite
