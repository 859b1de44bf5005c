#include "vectors/snapshots/record_index.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include "snapshot_fixture.h"

namespace tillite {
namespace {

class RecordIndexFile : public SnapshotFixture {
 protected:
  Path file = room.path() / "records.sqlite3";

  static IndexedRecord stored(const std::string& id, std::uint64_t label) {
    IndexedRecord record;
    record.id = RecordId(id);
    record.item_version = 3;
    record.metadata_version = 4;
    record.delta = DeltaId("delta");
    record.label = label;
    record.vector_hash = {.high = 0xfedcba9876543210, .low = label};
    record.record_hash = {.high = 1, .low = 0xffffffffffffffff};
    return record;
  }
  static IndexedRecord removed(const std::string& id, std::int64_t removed_at_ms) {
    IndexedRecord record;
    record.id = RecordId(id);
    record.item_version = 3;
    record.delta = DeltaId("delta");
    record.removed_at_ms = removed_at_ms;
    return record;
  }
};

TEST_F(RecordIndexFile, FindsAgainWhatWasPut) {
  auto index = must(RecordIndex::create(file, binding));
  must(index.put(stored("a", 1)));
  must(index.put(removed("b", 5)));
  must(index.put_waiting(metadata_record("c", 7, 8, "Corner Shop")));
  must(index.finish());

  auto read = must(RecordIndex::open_finished(file, binding));
  EXPECT_EQ(must(read.find(RecordId("a"))).stored, stored("a", 1));
  EXPECT_EQ(must(read.find(RecordId("b"))).stored, removed("b", 5));
  const auto waiting = must(read.find(RecordId("c")));
  EXPECT_FALSE(waiting.stored);
  ASSERT_TRUE(waiting.waiting);
  EXPECT_EQ(waiting.waiting->item_version, 7);
  EXPECT_EQ(waiting.waiting->metadata_version, 8);
  EXPECT_EQ(waiting.waiting->metadata.at("merchant_name"), "Corner Shop");
  EXPECT_EQ(waiting.waiting->document, "About Corner Shop");
  const auto nothing = must(read.find(RecordId("d")));
  EXPECT_FALSE(nothing.stored || nothing.waiting);
}

TEST_F(RecordIndexFile, PutsOneRecordOverAnother) {
  auto index = must(RecordIndex::create(file, binding));
  must(index.put(stored("a", 1)));
  must(index.put(removed("a", 5)));
  EXPECT_EQ(must(index.find(RecordId("a"))).stored, removed("a", 5));
  must(index.put(stored("a", 2)));
  EXPECT_EQ(must(index.find(RecordId("a"))).stored, stored("a", 2));
}

TEST_F(RecordIndexFile, FillsANewFileAsSqliteWritesIt) {
  constexpr std::uint64_t kRecords = 3'000;
  const auto rows_of = [](const Path& path) {
    SQLite::Database database(path.string());
    EXPECT_EQ(database.execAndGet("PRAGMA integrity_check").getString(), "ok");
    std::vector<std::string> lines;
    for (const char* const query :
         {"SELECT id || quote(item_version) || quote(metadata_version) || quote(delta) || quote(label) || "
          "quote(vector_hash) || quote(record_hash) || quote(removed_at_ms) FROM records ORDER BY id",
          "SELECT id FROM records INDEXED BY tombstones WHERE label IS NULL AND removed_at_ms > 0 ORDER BY "
          "removed_at_ms",
          "SELECT quote(name) || quote(value) FROM facts ORDER BY name"}) {
      SQLite::Statement rows(database, query);
      while (rows.executeStep()) lines.push_back(rows.getColumn(0).getString());
    }
    return lines;
  };
  const auto write = [&](const Path& path, bool in_order_first, bool all_in_order) {
    auto index = must(RecordIndex::create(path, binding));
    if (!in_order_first) must(index.remove_waiting(RecordId("none")));
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      const std::string letter = i < kRecords / 2 ? "x" : "\xc3\xa9";
      std::string id = i < kRecords / 2 ? "" : letter;
      id += fmt::format("{:05}", i);
      for (std::uint64_t j = 0; j < i % 253; ++j) id += letter;  // 511 bytes at most
      IndexedRecord record = stored(id, i + 1);
      if (i % 10 == 0) record.item_version = -static_cast<std::int64_t>(i);
      record.delta = DeltaId(std::string(i % 200, 'd'));
      must(index.put(record));
      if (all_in_order || i != kRecords / 2) continue;
      must(index.put(removed("00001x", 7)));  // over the second record
      must(index.put(removed("zz", 8)));
      must(index.put(stored("00000-", kRecords + 1)));
      EXPECT_EQ(must(index.find(RecordId("00002xx"))).stored->label, 3U);
    }
    EXPECT_EQ(must(index.totals()), must(index.count_totals()));
    must(index.finish());
    return rows_of(path);
  };
  for (const bool all_in_order : {true, false}) {
    EXPECT_EQ(write(room.path() / "filled", true, all_in_order), write(room.path() / "put", false, all_in_order));
    std::filesystem::remove(room.path() / "filled");
    std::filesystem::remove(room.path() / "put");
  }
}

TEST_F(RecordIndexFile, AddsUpHashesOfRecordsOnly) {
  auto index = must(RecordIndex::create(file, binding));
  must(index.put(stored("a", 1)));
  must(index.put(stored("b", 2)));
  must(index.put(removed("c", 5)));
  const auto totals = must(index.totals());
  EXPECT_EQ(totals.vectors, 2U);
  EXPECT_EQ(totals.tombstones, 1U);
  EXPECT_EQ(totals.checksum, (Sum128{.high = 3, .low = 0xfffffffffffffffe}));
}

TEST_F(RecordIndexFile, KeepsItsTotalsUpWithEveryChange) {
  auto index = must(RecordIndex::create(file, binding));
  for (const char* id : {"a", "b", "c"}) must(index.put(stored(id, static_cast<std::uint64_t>(id[0]))));
  must(index.put(removed("a", 5)));
  must(index.put(removed("d", 500)));
  must(index.put(stored("b", 200)));
  must(index.finish());
  auto copy = must(RecordIndex::open_copy(file, binding));
  EXPECT_EQ(must(copy.totals()), must(copy.count_totals()));
  must(copy.drop_tombstones(100));
  must(copy.put(stored("d", 201)));
  must(copy.put(removed("e", 500)));
  must(copy.finish());
  auto read = must(RecordIndex::open_finished(file, binding));
  EXPECT_EQ(must(read.totals()), must(read.count_totals()));
  EXPECT_EQ(must(read.totals()).vectors, 3U);
  EXPECT_EQ(must(read.totals()).tombstones, 1U);
  EXPECT_EQ(must(read.vectors()), 3U);
}

TEST_F(RecordIndexFile, CountsTheRowsOfAFileThatKeepsNoTotals) {
  auto index = must(RecordIndex::create(file, binding));
  must(index.put(stored("a", 1)));
  must(index.put(removed("b", 5)));
  const auto totals = must(index.totals());
  must(index.finish());
  SQLite::Database(file.string(), SQLite::OPEN_READWRITE)
      .exec(
          "DELETE FROM facts WHERE name IN ('vectors', 'tombstones', 'checksum'); DROP INDEX tombstones; "
          "PRAGMA user_version = 1");
  EXPECT_EQ(must(must(RecordIndex::open_finished(file, binding)).totals()), totals);
  EXPECT_EQ(must(must(RecordIndex::open_finished(file, binding)).vectors()), 1U);
  auto copy = must(RecordIndex::open_copy(file, binding));
  EXPECT_EQ(must(copy.totals()), totals);
  must(copy.finish());
  EXPECT_EQ(must(must(RecordIndex::open_finished(file, binding)).totals()), totals);
}

TEST_F(RecordIndexFile, ForgetsOnlyTombstonesThatAreOldEnough) {
  auto index = must(RecordIndex::create(file, binding));
  must(index.put(removed("old", 999)));
  must(index.put(removed("young", 1'000)));
  must(index.put(stored("a", 1)));
  must(index.drop_tombstones(1'000));
  EXPECT_FALSE(must(index.find(RecordId("old"))).stored);
  EXPECT_TRUE(must(index.find(RecordId("young"))).stored);
  EXPECT_TRUE(must(index.find(RecordId("a"))).stored);
}

TEST_F(RecordIndexFile, GivesIdsInOrderPageByPage) {
  auto index = must(RecordIndex::create(file, binding));
  for (const char* id : {"c", "a", "e", "b"}) must(index.put(stored(id, static_cast<std::uint64_t>(id[0]))));
  must(index.put(removed("d", 1)));
  const auto first = must(index.page(RecordId(), 3));
  ASSERT_EQ(first.size(), 3U);
  EXPECT_EQ(first[0].id.str() + first[1].id.str() + first[2].id.str(), "abc");
  const auto second = must(index.page(first.back().id, 3));
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].id.str(), "e");
  EXPECT_TRUE(must(index.page(second.back().id, 3)).empty());
}

TEST_F(RecordIndexFile, RemembersHowManyLabelsWereGiven) {
  auto index = must(RecordIndex::create(file, binding));
  EXPECT_EQ(must(index.labels_given()), 0U);
  must(index.set_labels_given(12));
  must(index.finish());
  EXPECT_EQ(must(must(RecordIndex::open_copy(file, binding)).labels_given()), 12U);
}

TEST_F(RecordIndexFile, RefusesAnotherBinding) {
  must(must(RecordIndex::create(file, binding)).finish());
  binding.model = "another-model";
  EXPECT_EQ(RecordIndex::open_finished(file, binding).error().code(), Code::invalid_input);
}

TEST_F(RecordIndexFile, RefusesANewerFormatAndForeignFiles) {
  must(must(RecordIndex::create(file, binding)).finish());
  SQLite::Database(file.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 3");
  EXPECT_EQ(RecordIndex::open_finished(file, binding).error().code(), Code::unsupported);

  must(replace_file(file, as_bytes("this is no database, and it is long enough to be read as the header of one......"
                                   "................................")));
  EXPECT_EQ(RecordIndex::open_finished(file, binding).error().code(), Code::corrupt);
}

}  // namespace
}  // namespace tillite
