#include "vectors/queries/collection_view.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "published_collection.h"
#include "vectors/snapshots/snapshot_export.h"

namespace tillite {
namespace {

class CollectionViewTest : public PublishedCollection {
 protected:
  void publish_records(const std::vector<Record>& records) { publish({deliver(records)}); }

  [[nodiscard]] static std::string ids_of(const CollectionView& view) {
    std::string ids;
    must(view.for_each_id([&](const RecordId& id, std::int64_t item_version) -> Result<void> {
      ids += fmt::format("{}{} ", id.str(), item_version);
      return {};
    }));
    return ids;
  }
  [[nodiscard]] static std::string ids_of(const std::vector<QueryHit>& hits) {
    std::string ids;
    for (const QueryHit& hit : hits) ids += hit.record.id.str() + " ";
    return ids;
  }
  [[nodiscard]] static Where where(const Json& metadata, const Json& document = nullptr) {
    return must(Where::parse(metadata, document));
  }
  [[nodiscard]] Path object_file(std::string_view name) const {
    return objects.path_of(ObjectKey(newest->shards.front().folder + std::string(name)));
  }
};

TEST_F(CollectionViewTest, FindsNothingInACollectionThatWasNeverPublished) {
  const auto view = open();
  EXPECT_EQ(view.size(), 0U);
  EXPECT_FALSE(view.manifest());
  EXPECT_TRUE(must(view.query(vector_of(1), 10, {})).empty());
  EXPECT_TRUE(must(view.get({RecordId("a")}, true)).empty());
  EXPECT_EQ(ids_of(view), "");
}

TEST_F(CollectionViewTest, SeesDeltasBeforeAnythingWasPublished) {
  deliver({vector_record("a", 1, 1), vector_record("b", 1, 2)});
  const auto view = open();
  EXPECT_EQ(view.size(), 2U);
  EXPECT_EQ(view.unmerged_deltas().size(), 1U);
  EXPECT_EQ(ids_of(must(view.query(vector_of(2), 1, {}))), "b ");
}

TEST_F(CollectionViewTest, LaysUnmergedDeltasOverTheNewestVersion) {
  publish_records({vector_record("a", 1, 1), vector_record("b", 1, 2), vector_record("c", 1, 3)});
  deliver({vector_record("a", 2, 11), tombstone("b", 2), metadata_record("c", 1, 2, "Corner Shop"),
           vector_record("d", 1, 4), tombstone("never seen", 1)});
  const auto view = open();

  EXPECT_EQ(view.size(), 3U);
  EXPECT_EQ(ids_of(view), "a2 c1 d1 ");
  EXPECT_EQ(ids_of(must(view.query(vector_of(11), 1, {}))), "a ");
  const auto all = must(view.query(vector_of(2), 10, {}));
  EXPECT_EQ(all.size(), 3U) << ids_of(all);

  const auto records = must(view.get({RecordId("c"), RecordId("b"), RecordId("a")}, true));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].metadata.at("merchant_name"), "Corner Shop");
  EXPECT_EQ(records[0].document, "About Corner Shop");
  EXPECT_EQ(records[0].vector, vector_of(3));
  EXPECT_EQ(records[1].item_version, 2);
  EXPECT_EQ(records[1].vector, vector_of(11));
}

TEST_F(CollectionViewTest, FiltersByTheNewestMetadata) {
  publish_records({vector_record("a", 1, 1), vector_record("b", 1, 2)});
  deliver({metadata_record("a", 1, 2, "Corner Shop"), vector_record("c", 1, 3)});
  const auto view = open();
  EXPECT_EQ(ids_of(must(view.query(vector_of(1), 10, where({{"merchant_name", "Corner Shop"}})))), "a ");
  EXPECT_EQ(ids_of(must(view.query(vector_of(1), 10, where({{"seed", 1}})))), "") << "its old metadata is gone";
  EXPECT_EQ(ids_of(must(view.query(vector_of(3), 10, where({{"seed", {{"$gte", 2}}}})))).size(), 4U);
  EXPECT_EQ(ids_of(must(view.query(vector_of(3), 10, where(nullptr, {{"$contains", "text of c"}})))), "c ");
}

TEST_F(CollectionViewTest, IsNotChangedByDeltasOlderThanTheVersion) {
  publish_records({vector_record("a", 3, 1), vector_record("b", 2, 2), tombstone("c", 5)});
  deliver({vector_record("a", 2, 11), tombstone("b", 1), vector_record("c", 4, 3)});
  const auto view = open();
  EXPECT_EQ(ids_of(view), "a3 b2 ");
  EXPECT_EQ(must(view.get({RecordId("a")}, true)).at(0).vector, vector_of(1));
}

TEST_F(CollectionViewTest, GivesAnUnmergedVectorTheMetadataThatWaitedForIt) {
  publish_records({metadata_record("a", 2, 3, "Corner Shop"), vector_record("b", 1, 2)});
  deliver({vector_record("a", 2, 1)});
  const auto view = open();
  EXPECT_EQ(must(view.get({RecordId("a")}, false)).at(0).metadata.at("merchant_name"), "Corner Shop");
}

TEST_F(CollectionViewTest, ReadsNoDeltaThatTheVersionConsumed) {
  publish_records({vector_record("a", 1, 1)});
  const auto view = open();
  EXPECT_TRUE(view.unmerged_deltas().empty());
  EXPECT_EQ(view.size(), 1U);
  EXPECT_EQ(must(view.query(vector_of(1), 10, {})).size(), 1U);
}

TEST_F(CollectionViewTest, AnswersAsAComparisonOfAllVectorsDoes) {
  binding.dimensions = 16;
  std::vector<Record> published;
  std::vector<Record> waiting;
  for (std::uint64_t i = 0; i < 300; ++i) {
    (i % 3 == 0 ? waiting : published).push_back(vector_record(fmt::format("{:03}", i), 1, i));
  }
  publish_records(published);
  deliver(waiting);
  const auto view = open();
  const auto query = vector_of(7'000);

  for (const bool filtered : {false, true}) {
    std::vector<std::pair<float, std::string>> expected;
    for (const auto* part : {&published, &waiting}) {
      for (const Record& record : *part) {
        if (filtered && record.metadata["bold"] != true) continue;
        double dot = 0;
        for (std::size_t i = 0; i < query.size(); ++i) dot += double{query[i]} * record.vector[i];
        expected.emplace_back(static_cast<float>(1 - dot), record.id.str());
      }
    }
    std::ranges::sort(expected);
    const auto hits = must(view.query(query, 20, filtered ? where({{"bold", true}}) : Where()));
    ASSERT_EQ(hits.size(), 20U);
    for (std::size_t i = 0; i < hits.size(); ++i) {
      EXPECT_NEAR(hits[i].distance, expected[i].first, 1e-5);
      EXPECT_EQ(hits[i].record.id.str(), expected[i].second);
    }
  }
}

TEST_F(CollectionViewTest, FiltersALargeVersionByTheNewestOfEachRecord) {
  std::vector<Record> records;
  records.reserve(5'000);
  for (std::uint64_t i = 0; i < 5'000; ++i) records.push_back(vector_record(fmt::format("{:04}", i), 1, i));
  publish_records(records);
  const auto query = vector_of(99'999);
  const Where most = where({{"seed", {{"$gte", 500}}}});
  const auto before = must(open().query(query, 10, most));
  ASSERT_EQ(before.size(), 10U);
  for (const QueryHit& hit : before) EXPECT_GE(hit.record.metadata.at("seed"), 500);

  // The nearest is removed, the next has other metadata, and what did not match is what matches now.
  const auto other = must(open().query(query, 1, where({{"seed", {{"$lt", 500}}}}))).front();
  Record matches_now = metadata_record(other.record.id.str(), 1, 2, "Corner Shop");
  matches_now.metadata["seed"] = 7'000;
  deliver({tombstone(before[0].record.id.str(), 2), metadata_record(before[1].record.id.str(), 1, 2, "Corner Shop"),
           matches_now});
  const auto after = must(open().query(query, 10, most));
  ASSERT_EQ(after.size(), 10U);
  const auto has = [&](const RecordId& id) {
    return std::ranges::any_of(after, [&](const QueryHit& hit) { return hit.record.id == id; });
  };
  EXPECT_FALSE(has(before[0].record.id));
  EXPECT_FALSE(has(before[1].record.id)) << "its newest metadata has no such field";
  EXPECT_TRUE(has(before[2].record.id));
  EXPECT_EQ(has(other.record.id), other.distance <= after.back().distance);
}

TEST_F(CollectionViewTest, FiltersALargeVersionAsAComparisonOfAllRecordsDoes) {
  binding.dimensions = 16;
  std::map<std::string, Record> newest_of;  // what a query is to see
  const auto put = [&](std::vector<Record>& records, Record record) {
    if (record.kind == RecordKind::tombstone) newest_of.erase(record.id.str());
    if (record.kind == RecordKind::vector) newest_of[record.id.str()] = record;
    if (record.kind == RecordKind::metadata) {
      newest_of[record.id.str()].metadata = record.metadata;
      newest_of[record.id.str()].document = record.document;
    }
    records.push_back(std::move(record));
  };
  const auto id_of = [](std::uint64_t i) { return fmt::format("{:04}", i); };
  std::vector<Record> first;
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    Record record = vector_record(id_of(i), 1, i);
    record.metadata["kind"] = i % 3 == 0 ? "total" : "item";
    record.metadata["price"] = static_cast<double>(i % 100) + 0.5;
    if (i % 7 == 0) record.metadata["rare"] = i % 700 == 0;
    put(first, std::move(record));
  }
  publish_records(first);
  std::vector<Record> second;  // some elements of the graph are deleted ones
  for (std::uint64_t i = 0; i < 5'000; i += 11) put(second, tombstone(id_of(i), 2));
  for (std::uint64_t i = 1; i < 5'000; i += 110) put(second, metadata_record(id_of(i), 1, 2, "Corner Shop"));
  publish_records(second);
  std::vector<Record> third;  // over the version
  for (std::uint64_t i = 2; i < 5'000; i += 110) put(third, tombstone(id_of(i), 2));
  for (std::uint64_t i = 3; i < 5'000; i += 110) put(third, metadata_record(id_of(i), 1, 2, "Corner Shop"));
  for (std::uint64_t i = 4; i < 5'000; i += 110) put(third, vector_record(id_of(i), 2, 10'000 + i));
  deliver(third);
  const auto view = open();

  const std::vector<std::pair<Json, Json>> filters = {
      {{{"share", 0.5}}, nullptr},
      {{{"kind", "item"}}, nullptr},
      {{{"kind", {{"$ne", "item"}}}}, nullptr},
      {{{"seed", {{"$lt", 2'500}}}}, nullptr},
      {{{"seed", {{"$gte", 4'900}}}}, nullptr},
      {{{"price", {{"$gt", 20}, {"$lte", 70.5}}}}, nullptr},
      {{{"kind", {{"$in", {"total", "gift", 3, true}}}}}, nullptr},
      {{{"kind", {{"$nin", {"total", "gift"}}}}}, nullptr},
      {{{"bold", true}}, nullptr},
      {{{"rare", true}}, nullptr},
      {{{"nowhere", 1}}, nullptr},
      {{{"kind", "item"}, {"bold", false}}, nullptr},
      {{{"$or", {{{"price", {{"$lt", 30}}}}, {{"$and", {{{"kind", "total"}}, {{"bold", true}}}}}}}}, nullptr},
      {{{"$and", {{{"seed", {{"$gt", 100}}}}, {{"merchant_name", {{"$ne", "Corner Shop"}}}}}}}, nullptr},
      {{{"merchant_name", "Corner Shop"}}, nullptr},
      {nullptr, {{"$contains", "version 1"}}},
      {nullptr, {{"$not_contains", "of 1"}}},
      {{{"kind", "item"}}, {{"$or", {{{"$contains", "of 2"}}, {{"$contains", "of 3"}}}}}}};
  for (const auto& [metadata, document] : filters) {
    SCOPED_TRACE(to_text(metadata) + to_text(document));
    const Where filter = where(metadata, document);
    std::size_t found = 0;
    std::size_t wanted = 0;
    for (std::uint64_t seed = 20'000; seed < 20'015; ++seed) {
      const auto query = vector_of(seed);
      std::vector<float> expected;
      for (const auto& [id, record] : newest_of) {
        if (!filter.matches(record.metadata, record.document)) continue;
        expected.push_back(1 - std::inner_product(query.begin(), query.end(), record.vector.begin(), 0.0F));
      }
      std::ranges::sort(expected);
      expected.resize(std::min<std::size_t>(expected.size(), 10));
      const auto hits = must(view.query(query, 10, filter));
      ASSERT_EQ(hits.size(), expected.size());
      for (const QueryHit& hit : hits) {
        const auto stored = newest_of.find(hit.record.id.str());
        ASSERT_NE(stored, newest_of.end()) << hit.record.id.str() << " was removed";
        EXPECT_EQ(hit.record.metadata, stored->second.metadata);
        EXPECT_TRUE(filter.matches(hit.record.metadata, hit.record.document)) << hit.record.id.str();
        found += hit.distance <= expected.back() + 1e-5F ? 1 : 0;
      }
      wanted += expected.size();
    }
    EXPECT_GE(static_cast<double>(found), 0.97 * static_cast<double>(wanted));
  }
}

TEST_F(CollectionViewTest, FindsLivingNeighboursBehindRemovedOnesInALargeVersion) {
  std::vector<Record> records;
  for (std::uint64_t i = 0; i < 2'500; ++i) records.push_back(vector_record(fmt::format("{:04}", i), 1, i));
  publish_records(records);
  const auto query = vector_of(99'999);
  const auto before = must(open().query(query, 50, {}));
  ASSERT_EQ(before.size(), 50U);

  std::vector<Record> removals;
  for (const QueryHit& hit : before) removals.push_back(tombstone(hit.record.id.str(), 2));
  deliver(removals);
  const auto after = must(open().query(query, 10, {}));
  ASSERT_EQ(after.size(), 10U);
  for (const QueryHit& hit : after) EXPECT_GE(hit.distance, before.back().distance);
}

TEST_F(CollectionViewTest, SaysWhatIsWrongWithAQuery) {
  publish_records({vector_record("a", 1, 1)});
  const auto view = open();
  const auto short_vector = view.query(std::vector<float>(3, 1), 10, {});
  ASSERT_FALSE(short_vector);
  EXPECT_EQ(short_vector.error().code(), Code::invalid_input);
  EXPECT_NE(short_vector.error().message().find("3 dimensions"), std::string::npos);
  EXPECT_NE(short_vector.error().message().find("test-model"), std::string::npos);
  EXPECT_EQ(view.query(vector_of(1), 0, {}).error().code(), Code::invalid_input);
  EXPECT_EQ(view.query(vector_of(1), 10'001, {}).error().code(), Code::invalid_input);
  EXPECT_EQ(view.query(std::vector<float>(kDimensions, 0), 1, {}).error().code(), Code::invalid_input);
}

TEST_F(CollectionViewTest, TakesAQueryOfAnyLength) {
  publish_records({vector_record("a", 1, 1)});
  auto query = vector_of(1);
  for (float& number : query) number *= 1'000;
  EXPECT_NEAR(must(open().query(query, 1, {})).at(0).distance, 0, 1e-6);
}

TEST_F(CollectionViewTest, StartsOverWhenADeltaIsMergedAndRemovedUnderIt) {
  publish_records({vector_record("a", 1, 1)});
  const DeltaId delta = deliver({vector_record("b", 1, 2)});
  const ObjectKey key = delta_key(binding.collection, binding.generation, delta);
  bool done = false;
  objects.before_open = [&](const ObjectKey& opened) {
    if (opened != key || std::exchange(done, true)) return;
    publish({delta});
    must(objects.remove(key));
  };
  const auto view = open();
  EXPECT_TRUE(done);
  EXPECT_EQ(view.manifest()->number, 2);
  EXPECT_EQ(ids_of(view), "a1 b1 ");
}

TEST_F(CollectionViewTest, GivesUpOnADeltaThatIsListedAndNeverThere) {
  const DeltaId delta = deliver({vector_record("b", 1, 2)});
  const ObjectKey key = delta_key(binding.collection, binding.generation, delta);
  const std::string content = must(read_object(objects, key));
  objects.before_open = [&](const ObjectKey& opened) {
    if (opened == key) must(objects.remove(key));
  };
  // The list shows it again each time.
  class Relisting final : public ObjectStore {
   public:
    Relisting(FolderObjects& below, ObjectKey key, std::string content)
        : below_(below), key_(std::move(key)), content_(std::move(content)) {}
    Result<void> create(const ObjectKey& k, std::span<const std::byte> c) override { return below_.create(k, c); }
    Result<void> create_from_file(const ObjectKey& k, const Path& f) override { return below_.create_from_file(k, f); }
    Result<void> put(const ObjectKey& k, std::span<const std::byte> c) override { return below_.put(k, c); }
    Result<void> replace(const ObjectKey& k, std::span<const std::byte> c, const std::string& e) override {
      return below_.replace(k, c, e);
    }
    Result<ObjectInfo> info(const ObjectKey& k) override { return below_.info(k); }
    Result<std::unique_ptr<ByteSource>> open(const ObjectKey& k) override { return below_.open(k); }
    Result<Path> fetch(const ObjectKey& k, const Path& s) override { return below_.fetch(k, s); }
    Result<std::vector<ObjectInfo>> list(const std::string& p, const std::string& a, std::size_t l) override {
      TRY(below_.put(key_, as_bytes(content_)));
      return below_.list(p, a, l);
    }
    Result<void> remove(const ObjectKey& k) override { return below_.remove(k); }
    std::string place_of(const std::string& prefix) const override { return below_.place_of(prefix); }

   private:
    FolderObjects& below_;
    ObjectKey key_;
    std::string content_;
  } relisting(objects, key, content);
  const auto opened = CollectionView::open(relisting, binding, room.path() / "scratch");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::not_found);
  EXPECT_NE(opened.error().message().find(delta.str()), std::string::npos);
}

TEST_F(CollectionViewTest, KeepsItsVersionWhenANewerOneAppearsAndItsFilesGo) {
  publish_records({vector_record("a", 1, 1), vector_record("b", 1, 2)});
  const auto view = open();
  const std::string old_folder = newest->shards.front().folder;
  publish_records({tombstone("a", 2), vector_record("b", 2, 9)});
  for (const ObjectInfo& object : must(list_all(objects, old_folder))) must(objects.remove(object.key));

  EXPECT_EQ(view.manifest()->number, 1);
  EXPECT_EQ(ids_of(view), "a1 b1 ");
  EXPECT_EQ(ids_of(must(view.query(vector_of(1), 1, {}))), "a ");
  EXPECT_EQ(must(view.get({RecordId("b")}, true)).at(0).vector, vector_of(2));
  EXPECT_EQ(ids_of(open()), "b2 ");
}

TEST_F(CollectionViewTest, LeavesOutAnUnreadableDeltaAndNamesIt) {
  const DeltaId torn = deliver({vector_record("a", 1, 1)});
  deliver({vector_record("b", 1, 2)});
  const ObjectKey key = delta_key(binding.collection, binding.generation, torn);
  const std::string content = must(read_object(objects, key));
  must(objects.put(key, as_bytes(content).first(content.size() / 2)));
  const auto view = open();
  EXPECT_EQ(view.unreadable_deltas(), std::vector<DeltaId>{torn});
  EXPECT_EQ(ids_of(view), "b1 ");
}

TEST_F(CollectionViewTest, ReadsAStoreWhoseFilesMustBeCopied) {
  publish_records({vector_record("a", 1, 1)});
  objects.copies = true;
  EXPECT_EQ(ids_of(must(open().query(vector_of(1), 1, {}))), "a ");
}

TEST_F(CollectionViewTest, LeavesNothingInTheScratchFolder) {
  publish_records({vector_record("a", 1, 1)});
  deliver({vector_record("b", 1, 2)});
  {
    const auto view = open();
  }
  EXPECT_TRUE(std::filesystem::is_empty(room.path() / "scratch"));
}

TEST_F(CollectionViewTest, FetchNamesATornFile) {
  publish_records({vector_record("a", 1, 1)});
  const auto name = newest->shards.front().files.back().name;
  const std::string content = must(read_file(object_file(name)));
  must(replace_file(object_file(name), as_bytes(content).first(content.size() - 1)));
  const auto fetched = fetch_shard(objects, newest->shards.front(), FetchedFor::queries, new_path("fetched"), false);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code(), Code::corrupt);
  EXPECT_NE(fetched.error().message().find(name), std::string::npos);
}

TEST_F(CollectionViewTest, FetchFindsAChangedByteOnlyWhenAskedToVerify) {
  publish_records({vector_record("a", 1, 1)});
  std::string content = must(read_file(object_file("chroma.sqlite3")));
  content.back() = static_cast<char>(content.back() ^ 1);
  must(replace_file(object_file("chroma.sqlite3"), as_bytes(content)));
  must(fetch_shard(objects, newest->shards.front(), FetchedFor::queries, new_path("fetched"), false));
  const auto verified = fetch_shard(objects, newest->shards.front(), FetchedFor::queries, new_path("fetched"), true);
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code(), Code::corrupt);
  EXPECT_NE(verified.error().message().find("chroma.sqlite3"), std::string::npos);
}

TEST_F(CollectionViewTest, FetchRefusesAFileOutsideItsFolder) {
  publish_records({vector_record("a", 1, 1)});
  newest->shards.front().files[0].name = "../outside";
  EXPECT_EQ(
      fetch_shard(objects, newest->shards.front(), FetchedFor::queries, new_path("fetched"), false).error().code(),
      Code::corrupt);
}

TEST_F(CollectionViewTest, ExportsAllFilesButOurOwnAsCopies) {
  publish_records({vector_record("a", 1, 1)});
  const Path target = new_path("export");
  must(export_snapshot(objects, *newest, target));
  EXPECT_FALSE(std::filesystem::exists(target / kRecordsFile));
  EXPECT_FALSE(std::filesystem::exists(target / kKeptGraphFile));
  for (const auto& file : newest->shards.front().files) {
    if (is_our_own(file.name)) continue;
    must(check_file(target / file.name, file, true));
    EXPECT_EQ(std::filesystem::hard_link_count(target / file.name), 1U) << "a server will change it";
  }
}

TEST_F(CollectionViewTest, ExportsIntoAnEmptyFolderAndRefusesAFullOne) {
  publish_records({vector_record("a", 1, 1)});
  const Path target = new_path("export");
  must(make_folders(target));
  must(export_snapshot(objects, *newest, target / ""));
  EXPECT_TRUE(std::filesystem::exists(target / kChromaFile));

  const auto again = export_snapshot(objects, *newest, target);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::conflict);
}

TEST_F(CollectionViewTest, ExportsCompletelyOrNotAtAll) {
  publish_records({vector_record("a", 1, 1)});
  must(replace_file(object_file(kChromaFile), as_bytes("torn")));
  const Path parent = new_path("parent");
  must(make_folders(parent));
  ASSERT_FALSE(export_snapshot(objects, *newest, parent / "export"));
  EXPECT_TRUE(std::filesystem::is_empty(parent));
}

TEST_F(CollectionViewTest, ExportSaysThatNothingWasPublished) {
  Manifest fence;
  fence.binding = binding;
  fence.number = 1;
  const auto exported = export_snapshot(objects, fence, new_path("export"));
  ASSERT_FALSE(exported);
  EXPECT_EQ(exported.error().code(), Code::not_found);
}

}  // namespace
}  // namespace tillite
