#include "vectors/chroma/chroma_database.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <cmath>
#include <random>

#include "snapshot_fixture.h"
#include "vectors/chroma/chroma_reader.h"

namespace tillite {
namespace {

class ChromaDatabaseFile : public SnapshotFixture {
 protected:
  Path file = room.path() / "chroma.sqlite3";

  ChromaDatabase create() { return must(ChromaDatabase::create(file, binding)); }
  std::int64_t number(const std::string& query) { return SQLite::Database(file.string()).execAndGet(query).getInt64(); }
  std::string text(const std::string& query) { return SQLite::Database(file.string()).execAndGet(query).getString(); }
};

TEST_F(ChromaDatabaseFile, KeepsEachValueInTheColumnOfItsType) {
  auto database = create();
  const Json metadata = {{"s", "x"}, {"i", 3}, {"f", 2.0}, {"yes", true}, {"no", false}};
  must(database.insert(1, RecordId("a"), metadata, "a document"));
  must(database.finish());

  EXPECT_EQ(text("SELECT string_value FROM embedding_metadata WHERE key = 's'"), "x");
  EXPECT_EQ(number("SELECT int_value FROM embedding_metadata WHERE key = 'i'"), 3);
  EXPECT_EQ(text("SELECT typeof(float_value) FROM embedding_metadata WHERE key = 'f'"), "real");
  EXPECT_EQ(number("SELECT sum(bool_value) FROM embedding_metadata WHERE key IN ('yes', 'no')"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM embedding_metadata WHERE (string_value IS NOT NULL) + (int_value IS NOT NULL) "
                   "+ (float_value IS NOT NULL) + (bool_value IS NOT NULL) <> 1"),
            0);
  auto reader = must(ChromaReader::open(file));
  const auto row = must(reader.read(1));
  ASSERT_TRUE(row);
  EXPECT_EQ(row->metadata, metadata);
  EXPECT_TRUE(row->metadata["f"].is_number_float());
  EXPECT_EQ(row->document, "a document");
}

/// All rows of records and metadata, and each index asked for its own order.
std::vector<std::string> rows_of(const Path& file) {
  SQLite::Database database(file.string());
  std::vector<std::string> lines;
  for (const char* const query :
       {"SELECT id || segment_id || embedding_id || quote(seq_id) || quote(created_at) FROM embeddings ORDER BY id",
        "SELECT id FROM embeddings INDEXED BY sqlite_autoindex_embeddings_1 WHERE segment_id > '' ORDER BY segment_id, "
        "embedding_id",
        "SELECT rowid || ' ' || id || ' ' || key || ' ' || quote(string_value) || quote(int_value) || "
        "quote(float_value) || typeof(float_value) || quote(bool_value) FROM embedding_metadata ORDER BY rowid",
        "SELECT rowid FROM embedding_metadata INDEXED BY embedding_metadata_string_value WHERE string_value IS NOT "
        "NULL AND key > '' ORDER BY key, string_value, rowid",
        "SELECT rowid FROM embedding_metadata INDEXED BY embedding_metadata_int_value WHERE int_value IS NOT NULL AND "
        "key > '' ORDER BY key, int_value, rowid",
        "SELECT rowid FROM embedding_metadata INDEXED BY embedding_metadata_float_value WHERE float_value IS NOT NULL "
        "AND key > '' ORDER BY key, float_value, rowid"}) {
    SQLite::Statement rows(database, query);
    while (rows.executeStep()) lines.push_back(rows.getColumn(0).getString());
  }
  EXPECT_EQ(database.execAndGet("PRAGMA integrity_check").getString(), "ok");
  return lines;
}

TEST_F(ChromaDatabaseFile, WritesManyRecordsAtOnceAsItWritesThemOneByOne) {
  constexpr std::uint64_t kRecords = 20'000;  // whose texts are more than are sorted in memory
  const auto write = [&](const Path& path, bool at_once) {
    std::mt19937_64 random(1);
    auto database = must(ChromaDatabase::create(path, binding));
    if (!at_once) must(database.write_waiting());
    for (std::uint64_t label = 1; label <= kRecords; ++label) {
      Json metadata = {{"a", fmt::format("text {}", random() % 1000)},
                       {"constant", "the same for all"},
                       {"number", static_cast<std::int64_t>(random()) >> (random() % 64)},
                       {"small", static_cast<std::int64_t>(random() % 5) - 2},
                       {"real", static_cast<double>(static_cast<std::int64_t>(random() % 2001) - 1000) / 4},
                       {"large", std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 200) - 150)},
                       {"yes", random() % 2 == 0},
                       {"zero", -0.0}};
      if (label % 3 == 0) metadata["z"] = "only some, in bytes \xc3\xa9";
      if (label % 500 == 0) metadata["long"] = std::string(random() % 9000, 'l');
      must(database.insert(label, RecordId(fmt::format("id {:05}", label)), metadata,
                           label % 7 == 0 ? "" : fmt::format("document {}", label)));
    }
    must(database.rewrite(5, {{"other", 1}}, "another document"));
    must(database.remove(6));
    EXPECT_EQ(database.growth(), static_cast<std::int64_t>(kRecords - 1));
    must(database.finish());
  };
  const Path other = room.path() / "other.sqlite3";
  write(file, true);
  write(other, false);
  EXPECT_EQ(rows_of(file), rows_of(other));
  EXPECT_EQ(std::ranges::distance(std::filesystem::directory_iterator(room.path())), 2);
}

TEST_F(ChromaDatabaseFile, TakesRecordsInAnyOrderAndNoneTwice) {
  auto database = create();
  for (const auto& [label, id] : {std::pair(1, "b"), std::pair(2, "d"), std::pair(3, "a"), std::pair(4, "e")}) {
    must(database.insert(static_cast<std::uint64_t>(label), RecordId(id), {{"k", label}}, id));
  }
  must(database.finish());
  EXPECT_EQ(rows_of(file).size(), 4U + 4U + 8U + 4U + 4U);
  EXPECT_EQ(text("SELECT group_concat(id) FROM (SELECT id FROM embeddings ORDER BY embedding_id)"), "3,1,2,4");

  for (const char* const before : {"a", "b"}) {  // in order and not
    auto again = must(ChromaDatabase::create(room.path() / before, binding));
    must(again.insert(1, RecordId(before), {{"k", 1}}, ""));
    must(again.insert(2, RecordId("a-"), {{"k", 1}}, ""));
    EXPECT_EQ(again.insert(3, RecordId("a-"), {{"k", 1}}, "").error().code(), Code::conflict);
  }
}

TEST_F(ChromaDatabaseFile, StopsWritingWhenAsked) {
  auto database = create();
  must(database.insert(1, RecordId("a"), {{"k", 1}}, "green tea"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(database.write_waiting(stop.get_token()).error().code(), Code::cancelled);

  EXPECT_EQ(database.insert(2, RecordId("b"), {{"k", 1}}, "").error().code(), Code::internal);
  EXPECT_EQ(database.remove(1).error().code(), Code::internal);
  EXPECT_EQ(database.read(1).error().code(), Code::internal);
  EXPECT_EQ(database.finish().error().code(), Code::internal);
}

TEST_F(ChromaDatabaseFile, KeepsTheFullTextIndexInStepWithTheDocuments) {
  auto database = create();
  must(database.insert(1, RecordId("a"), {{"k", 1}}, "green tea"));
  must(database.insert(2, RecordId("b"), {{"k", 1}}, "black tea"));
  must(database.insert(3, RecordId("c"), {{"k", 1}}, "black coffee"));
  must(database.rewrite(1, {{"k", 2}}, "black soap"));
  must(database.remove(2));
  must(database.finish());

  const std::string matches = "SELECT group_concat(rowid) FROM embedding_fulltext_search WHERE string_value ";
  EXPECT_EQ(text(matches + "LIKE '%black%'"), "1,3");
  EXPECT_EQ(text(matches + "MATCH '\"tea\"'"), "");
  EXPECT_EQ(text("SELECT group_concat(string_value) FROM (SELECT string_value FROM embedding_metadata WHERE key = "
                 "'chroma:document' ORDER BY id)"),
            "black soap,black coffee");
  EXPECT_NO_THROW(SQLite::Database(file.string(), SQLite::OPEN_READWRITE)
                      .exec("INSERT INTO embedding_fulltext_search (embedding_fulltext_search) VALUES "
                            "('integrity-check')"));
}

TEST_F(ChromaDatabaseFile, LeavesNoMetadataBehind) {
  auto database = create();
  must(database.insert(1, RecordId("a"), {{"one", 1}, {"two", 2}}, "text"));
  must(database.rewrite(1, {{"two", 3}}, ""));
  EXPECT_EQ(database.growth(), 1);
  must(database.finish());
  EXPECT_EQ(number("SELECT count(*) FROM embedding_metadata"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM embedding_fulltext_search"), 0);
}

TEST_F(ChromaDatabaseFile, IsAFileOnItsOwnInRollbackMode) {
  must(create().finish());
  EXPECT_EQ(text("PRAGMA journal_mode"), "delete");
  EXPECT_EQ(number("PRAGMA page_size"), 4096);
  EXPECT_EQ(text("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(std::ranges::distance(std::filesystem::directory_iterator(room.path())), 1);
}

TEST_F(ChromaDatabaseFile, LetsTheServerCountItsChangesFromTheFirst) {
  must(create().finish());
  EXPECT_EQ(number("SELECT count(*) FROM max_seq_id WHERE seq_id = 0"), 2);
  EXPECT_EQ(number("SELECT count(*) FROM embeddings_queue"), 0);
  EXPECT_GE(number("SELECT count(*) FROM acquire_write"), 1);
  EXPECT_EQ(
      number("SELECT count(*) FROM embeddings_queue_config WHERE config_json_str LIKE '%automatically_purge\":true%'"),
      1);
}

TEST_F(ChromaDatabaseFile, NamesTheCosineSpaceInTheShapeThatTheServerReads) {
  must(create().finish());
  const auto configuration = must(parse_json(text("SELECT config_json_str FROM collections"), "configuration"));
  EXPECT_EQ(configuration.at("vector_index").at("hnsw").at("space"), "cosine");
  EXPECT_EQ(number("SELECT dimension FROM collections"), static_cast<std::int64_t>(kDimensions));
}

TEST_F(ChromaDatabaseFile, KeepsItsSegmentsNamesFromVersionToVersion) {
  auto first = create();
  const std::string segment = first.vector_segment();
  must(first.finish());
  auto second = must(ChromaDatabase::open(file, binding));
  EXPECT_EQ(second.vector_segment(), segment);
  must(second.finish());
  EXPECT_EQ(must(ChromaReader::open(file)).vector_segment(), segment);
}

TEST_F(ChromaDatabaseFile, RefusesAFileOfAnotherCollection) {
  must(create().finish());
  binding.collection = "receipt_words";
  const auto opened = ChromaDatabase::open(file, binding);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::corrupt);
}

TEST_F(ChromaDatabaseFile, RefusesMetadataThatIsNoScalar) {
  auto database = create();
  for (const Json& value : {Json(nullptr), Json::array({1}), Json::object(), Json(18446744073709551615ULL)}) {
    const auto inserted = database.insert(1, RecordId("a"), {{"bad", value}}, "text");
    ASSERT_FALSE(inserted) << value;
    EXPECT_EQ(inserted.error().code(), Code::invalid_input);
    EXPECT_NE(inserted.error().message().find("bad"), std::string::npos);
    must(database.remove(1));
  }
}

TEST_F(ChromaDatabaseFile, SaysThatARecordToRemoveIsMissing) {
  auto database = create();
  EXPECT_EQ(database.remove(7).error().code(), Code::corrupt);
}

TEST_F(ChromaDatabaseFile, HasTheSameBytesForTheSameRecords) {
  const auto write = [&](const Path& path) {
    auto database = must(ChromaDatabase::create(path, binding));
    must(database.insert(1, RecordId("a"), {{"one", 1}}, "text"));
    must(database.finish());
    return must(sha256_of_file(path));
  };
  EXPECT_EQ(write(room.path() / "one"), write(room.path() / "two"));
}

TEST_F(ChromaDatabaseFile, ListsLabelsInTheirOrder) {
  auto database = create();
  must(database.insert(2, RecordId("a"), {{"one", 1}}, "text"));
  must(database.insert(1, RecordId("b"), {{"one", 1}}, "text"));
  std::string seen;
  must(database.for_each_label(0, [&](const RecordId& id, std::uint64_t label) -> Result<void> {
    seen += fmt::format("{}={} ", id.str(), label);
    return {};
  }));
  EXPECT_EQ(seen, "b=1 a=2 ");
}

}  // namespace
}  // namespace tillite
