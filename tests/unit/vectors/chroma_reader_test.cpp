#include "vectors/chroma/chroma_reader.h"

#include "snapshot_fixture.h"
#include "vectors/chroma/chroma_database.h"

// A filter means the same in the database as over a record in memory.

namespace tillite {
namespace {

class ChromaReaderFile : public SnapshotFixture {
 protected:
  struct Stored {
    Json metadata;
    std::string document;
  };
  /// Values of each type, numbers of both kinds, the same key with other types, and keys that are not there.
  std::vector<Stored> records = {
      {{{"n", 1}, {"s", "tea"}}, "green tea"},
      {{{"n", 2.5}, {"s", "Tea"}, {"yes", true}}, "black tea"},
      {{{"n", 2}, {"yes", false}}, "Green soap"},
      {{{"n", "2"}, {"s", "tea"}}, "tea"},
      {{{"n", true}, {"s", 3}}, "milk"},
      {{{"n", 2.0}, {"m", -7}}, ""},
      {{{"other", 1}}, "bread"},
  };

  ChromaReader reader = [this] {
    const Path file = room.path() / "chroma.sqlite3";
    auto database = must(ChromaDatabase::create(file, binding));
    for (std::size_t i = 0; i < records.size(); ++i) {
      must(database.insert(i + 1, RecordId(std::to_string(i)), records[i].metadata, records[i].document));
    }
    must(database.finish());
    return must(ChromaReader::open(file));
  }();

  void expect_same(const Json& where, const Json& where_document) {
    const auto filter = must(Where::parse(where, where_document));
    std::vector<std::uint64_t> expected;
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (filter.matches(records[i].metadata, records[i].document)) expected.push_back(i + 1);
    }
    EXPECT_EQ(must(reader.labels_matching(filter)), expected) << where << " " << where_document;
  }
};

TEST_F(ChromaReaderFile, ComparesAsARecordInMemoryIsCompared) {
  for (const char* op : {"$eq", "$ne", "$lt", "$lte", "$gt", "$gte"}) {
    for (const Json& value : {Json(2), Json(2.0), Json(2.5), Json(-7), Json(1'000)}) {
      for (const char* key : {"n", "m", "s", "nowhere"}) expect_same({{key, {{op, value}}}}, nullptr);
    }
  }
  for (const char* op : {"$eq", "$ne"}) {
    for (const Json& value : {Json("tea"), Json("2"), Json(true), Json(false)}) {
      for (const char* key : {"n", "s", "yes"}) expect_same({{key, {{op, value}}}}, nullptr);
    }
  }
}

TEST_F(ChromaReaderFile, LooksForValuesOfSeveralTypesAtOnce) {
  const Json values = {1, 2.5, "2", true, "tea", "tea"};
  for (const char* op : {"$in", "$nin"}) {
    for (const char* key : {"n", "s", "yes", "nowhere"}) expect_same({{key, {{op, values}}}}, nullptr);
  }
}

TEST_F(ChromaReaderFile, CombinesConditions) {
  expect_same({{"n", {{"$gte", 1}, {"$lt", 2.5}}}}, nullptr);
  expect_same({{"$or", {{{"n", 1}}, {{"yes", {{"$ne", false}}}}}}}, nullptr);
  expect_same({{"$and", {{{"s", "tea"}}, {{"$or", {{{"n", "2"}}, {{"n", {{"$gt", 5}}}}}}}}}}, {{"$contains", "tea"}});
  expect_same(nullptr, {{"$not_contains", "tea"}});
  expect_same(nullptr, {{"$contains", "Green"}});
}

TEST_F(ChromaReaderFile, AsksRecordByRecordWhereAnIndexTellsThatManyMatch) {
  for (const Json& where :
       {Json({{"n", {{"$gte", 2}}}}), Json({{"n", {{"$in", {1, 2, 2.5}}}}}), Json({{"s", "tea"}})}) {
    const auto filter = must(Where::parse(where, nullptr));
    auto many = must(reader.filter_of_many(filter, 1));
    ASSERT_TRUE(many) << where;
    for (std::size_t i = 0; i < records.size(); ++i) {
      EXPECT_EQ(must(many->matches(i + 1)), filter.matches(records[i].metadata, records[i].document)) << where << i;
    }
    EXPECT_FALSE(must(reader.filter_of_many(filter, 4))) << where;
  }
}

TEST_F(ChromaReaderFile, AsksNothingWhereNoIndexTellsHowManyMatch) {
  for (const auto& [where, where_document] : std::vector<std::pair<Json, Json>>{
           {{{"yes", true}}, nullptr}, {{{"n", {{"$ne", 100}}}}, nullptr}, {nullptr, {{"$contains", "e"}}}}) {
    EXPECT_FALSE(must(reader.filter_of_many(must(Where::parse(where, where_document)), 0))) << where << where_document;
  }
}

TEST_F(ChromaReaderFile, MatchesAllWithoutAFilter) {
  EXPECT_EQ(must(reader.labels_matching({})).size(), records.size());
  EXPECT_EQ(must(reader.count()), records.size());
}

}  // namespace
}  // namespace tillite
