// From one place to another: all rows and objects, once, whatever happens on the way.
#include "steps/imports/migration.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>

#include "steps/imports/row_types.h"
#include "support/earlier_table.h"
#include "support/failing_ports.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

/// Where a migration goes to: the adapters of a home that nobody has used.
struct Target {
  TempFolder folder = TempFolder::in_memory();
  std::unique_ptr<SqliteTable> table = must(SqliteTable::open(folder / "table.sqlite3"));
  std::unique_ptr<FolderObjectStore> vectors = must(FolderObjectStore::open(folder / "vectors"));
  std::unique_ptr<FolderObjectStore> batch_files = must(FolderObjectStore::open(folder / "batches"));
  Place place{"the target", *table, *vectors, *batch_files};
};

class MigrationTest : public ::testing::Test {
 protected:
  Pipeline source;
  TempFolder scratch = TempFolder::in_memory();
  std::stop_token stop;

  /// Every kind of change is there: published, removed, in a delta, on its way, prepared.
  void fill() {
    Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"});
    source.import(receipt);
    source.run();
    receipt.lines.pop_back();
    source.import(receipt);
    source.import(receipt_with({"TEA 2.49"}, "0c4f5a3b-ab5f-4a3c-9d2e-6f1ed0022c1d"));
    source.submit_all();
    source.import(receipt_with({"HONEY 4.99"}, "1c4f5a3b-ab5f-4a3c-9d2e-6f1ed0022c1d"));
    must(find_unembedded(Json::object(), source.ports, source.context));
  }

  Place source_place() { return {"the source", *source.table, *source.vectors, *source.batch_files}; }

  Result<Migration> migrate_to(const Place& to, const MigrationOptions& options = {}) {
    return migrate(source_place(), to, options, source.clock, scratch.path(), Logger::none(), stop);
  }

  static std::map<std::string, std::string> objects_of(ObjectStore& store) {
    std::map<std::string, std::string> objects;
    for (const ObjectInfo& object : must(list_all(store, ""))) {
      objects[object.key.str()] = must(read_object(store, object.key));
    }
    return objects;
  }

  /// All rows of a file, read past the port: nothing that it cannot list is forgotten.
  static std::map<std::string, std::string> rows_of(const Path& file) {
    SQLite::Database database(file.string(), SQLite::OPEN_READONLY);
    SQLite::Statement rows(database, "SELECT pk, sk, body FROM items");
    std::map<std::string, std::string> all;
    while (rows.executeStep())
      all[rows.getColumn(0).getString() + " " + rows.getColumn(1).getString()] = rows.getColumn(2).getString();
    return all;
  }

  void expect_same(Target& target) {
    auto rows = rows_of(target.folder / "table.sqlite3");
    EXPECT_EQ(rows.erase("MIGRATION CURSOR"), 1U);
    EXPECT_EQ(rows, rows_of(source.folder / "table.sqlite3"));
    EXPECT_EQ(objects_of(*target.vectors), objects_of(*source.vectors));
    EXPECT_EQ(objects_of(*target.batch_files), objects_of(*source.batch_files));
  }
};

TEST_F(MigrationTest, TakesEveryRowAndObjectAlong) {
  fill();
  Target target;
  const Migration migration = must(migrate_to(target.place));
  EXPECT_TRUE(migration.agrees());
  EXPECT_GT(migration.rows.at("RECEIPT_LINE").copied, 0U);
  EXPECT_GT(migration.objects.at("vectors").bytes_copied, 0U);
  expect_same(target);
}

TEST_F(MigrationTest, KnowsEveryTypeOfRowThatThePipelineWrites) {
  fill();
  SQLite::Database database((source.folder / "table.sqlite3").string(), SQLite::OPEN_READONLY);
  SQLite::Statement types(database, "SELECT DISTINCT type FROM items");
  std::set<std::string> seen;
  while (types.executeStep()) seen.insert(types.getColumn(0).getString());
  for (const std::string& type : seen) {
    EXPECT_NE(std::ranges::find(kRowTypes, type), kRowTypes.end()) << type;
  }
  for (const char* type : {"TEXT_CLAIM", "COLLECTION_GENERATION", "COMPACTION_LOCK", "BATCH_SUMMARY",
                           "RECEIPT_LINE_TOMBSTONE", "RECEIPT_METADATA"}) {
    EXPECT_TRUE(seen.contains(type)) << type << " is not among the rows of this test";
  }
}

TEST_F(MigrationTest, GoesOnAtTheTarget) {
  fill();
  Target target;
  must(migrate_to(target.place));
  const Ports there{*target.table, *target.vectors, *target.batch_files, *source.queue, source.scripted,
                    source.texts,  *source.cache,   source.clock,        source.random};
  const Census before = source.census();
  EXPECT_EQ(must(take_census(Entity::line, there, source.context)), before);
  const Json event = source.line_event();
  const Json found = must(find_unembedded(event, there, source.context));
  for (const Json& batch : found.at("batches")) must(submit_batch(batch, there, source.context));
  const Json listed = must(list_pending(event, there, source.context));
  for (const Json& batch : listed.at("pending_batches")) {
    while (must(poll_batch(batch, there, source.context)).at("action") == "wait") {
    }
  }
  const Json split = must(split_into_chunks(event, there, source.context));
  must(final_merge(source.line_event({{"chunks", split.at("chunks")}}), there, source.context));
  must(mark_complete(event, there, source.context));
  const Census census = must(take_census(Entity::line, there, source.context));
  EXPECT_EQ(census.published, 4U);
  EXPECT_TRUE(census.adds_up());
}

TEST_F(MigrationTest, TakesATableOfOthersAlong) {
  EarlierTable earlier(*source.table, source.clock.now_ms());
  earlier.fill();
  Target target;
  must(migrate_to(target.place, {.more_types = {"RECEIPT_LETTER", "PLACES_CACHE"}}));
  expect_same(target);
}

TEST_F(MigrationTest, SaysWhatItWouldDo) {
  fill();
  Target target;
  const Migration dry = must(migrate_to(target.place, {.dry_run = true}));
  EXPECT_FALSE(dry.agrees());
  EXPECT_GT(dry.rows.at("RECEIPT_LINE").source, 0U);
  EXPECT_TRUE(rows_of(target.folder / "table.sqlite3").empty());
  EXPECT_TRUE(objects_of(*target.vectors).empty());
}

TEST_F(MigrationTest, RefusesATargetWithContentOfItsOwn) {
  fill();
  Target used;
  must(used.vectors->create(ObjectKey("something"), as_bytes("else")));
  EXPECT_EQ(migrate_to(used.place).error().code(), Code::conflict);

  Pipeline other;
  other.import(receipt_with({"SALT"}));
  const Place place{"other", *other.table, *other.vectors, *other.batch_files};
  EXPECT_EQ(migrate_to(place).error().code(), Code::conflict);
}

TEST_F(MigrationTest, RefusesATargetThatHasWhatCameFromElsewhere) {
  fill();
  Target target;
  must(migrate_to(target.place));
  const Place elsewhere{"elsewhere", *source.table, *source.vectors, *source.batch_files};
  EXPECT_EQ(migrate(elsewhere, target.place, {}, source.clock, scratch.path(), Logger::none(), stop).error().code(),
            Code::conflict);
  EXPECT_TRUE(must(migrate_to(target.place)).was_complete);
}

TEST_F(MigrationTest, RefusesASourceThatIsBeingPublished) {
  fill();
  const auto lock = must(PublishLock::take(*source.table, *source.vectors, source.clock, source.random,
                                           source.binding(), "test", source.settings.lock));
  Target target;
  EXPECT_EQ(migrate_to(target.place).error().code(), Code::lock_held);
}

TEST_F(MigrationTest, RefusesARowThatChangedAtTheSourceMeanwhile) {
  fill();
  Target target;
  const Receipt receipt = receipt_with({"MILK"});
  Item row = source.row(line_of(receipt, 1));
  must(migrate_to(target.place));
  must(target.table->write(Update{.key = {"MIGRATION", "CURSOR"}, .set = {{"part", "rows IMAGE"}, {"after", ""}}}));
  must(source.table->write(Update{.key = row_key(line_of(receipt, 1)), .set = {{"attempts", 2}}}));
  EXPECT_EQ(migrate_to(target.place).error().code(), Code::conflict);
}

constexpr int kParts = 4;

class MigrationCrashTest : public MigrationTest, public ::testing::WithParamInterface<int> {};

TEST_P(MigrationCrashTest, IsMadeUpForByTheNextCallWhereverItIsCutOff) {
  fill();
  const auto with = [&](Target& target, const Outage& outage, int& calls) {
    const Ports there{*target.table, *target.vectors, *target.batch_files, *source.queue, source.scripted,
                      source.texts,  *source.cache,   source.clock,        source.random};
    FailingPorts failing(there, outage);
    const Ports& ports = failing.ports();
    auto migrated = migrate_to({"the target", ports.table, ports.vectors, ports.batch_files});
    calls = failing.calls();
    return migrated;
  };
  int calls = 0;
  {
    Target target;
    must(with(target, Outage::crash_at(-1), calls));
  }
  const int all = calls;
  ASSERT_GT(all, 20);
  for (int call = GetParam(); call < all; call += kParts) {
    for (const Outage& outage : {Outage::crash_at(call), Outage::lost_answer_of(call)}) {
      SCOPED_TRACE(fmt::format("call {} of {}", call, all));
      Target target;
      static_cast<void>(with(target, outage, calls));
      ASSERT_TRUE(must(migrate_to(target.place)).agrees());
      expect_same(target);
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Calls, MigrationCrashTest, ::testing::Range(0, kParts));

}  // namespace
}  // namespace tillite::testing
