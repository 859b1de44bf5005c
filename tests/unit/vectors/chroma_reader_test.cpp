#include "vectors/chroma/chroma_reader.h"

#include <sqlite3.h>

#include "snapshot_fixture.h"
#include "vectors/chroma/chroma_database.h"
#include "vectors/chroma/chroma_filter.h"
#include "vectors/files/database_file.h"

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
    EXPECT_EQ(must(reader.filter(filter).all()), expected) << where << " " << where_document;
    // Asked record by record in turns, so that some are asked for the second time.
    for (const std::vector<std::uint64_t>& asked : {std::vector<std::uint64_t>{5, 2}, {7, 6, 5, 4, 3, 2, 1}}) {
      const auto flags = must(reader.filter(filter).matches(asked));
      for (std::size_t i = 0; i < asked.size(); ++i) {
        EXPECT_EQ(flags.at(i), std::ranges::binary_search(expected, asked[i]))
            << where << " " << where_document << " of " << asked[i];
      }
    }
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

TEST_F(ChromaReaderFile, ComparesWithNumbersAboveThoseOfSqlite) {
  constexpr std::uint64_t kFirst = std::uint64_t{1} << 63;
  for (const std::uint64_t value : {kFirst, ~std::uint64_t{0}, ~std::uint64_t{6}}) {  // the last wraps to -7
    for (const char* op : {"$eq", "$ne", "$lt", "$lte", "$gt", "$gte"}) {
      for (const char* key : {"n", "m"}) expect_same({{key, {{op, value}}}}, nullptr);
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

TEST_F(ChromaReaderFile, TakesFiltersOfAThousandParts) {
  for (const char* op : {"$or", "$and"}) {
    Json parts = Json::array();
    for (int i = 0; i < 1'000; ++i) parts.push_back({{"n", {{i % 2 == 0 ? "$ne" : "$lte", 2 + i / 2}}}});
    expect_same({{op, parts}}, nullptr);
  }
}

TEST_F(ChromaReaderFile, TakesFiltersOfAsManyValuesAsAreAllowed) {
  for (const std::size_t lists : {15U, 1'000U}) {
    Json parts = Json::array();
    for (std::size_t i = 0; i < lists; ++i) {
      std::vector<double> values(15'000 / lists);
      for (std::size_t j = 0; j < values.size(); ++j) values[j] = static_cast<double>(i + j) / 2;
      parts.push_back({{"n", {{i % 2 == 0 ? "$in" : "$nin", values}}}});
    }
    expect_same({{"$or", parts}}, nullptr);
  }
}

TEST_F(ChromaReaderFile, TakesFiltersOfAllLevels) {
  for (const int others : {1, 2, 14}) {
    for (const bool is_first : {false, true}) {
      Json where = {{"n", 2}};
      for (int level = 1; level < 32; ++level) {
        Json parts = Json::array();
        for (int i = 0; i < others; ++i) parts.push_back({{"n", {{i % 2 == 0 ? "$gt" : "$ne", level % 3 + i}}}});
        parts.insert(is_first ? parts.begin() : parts.end(), std::move(where));
        where = {{level % 2 == 0 ? "$and" : "$or", parts}, {"s", {{"$ne", "Tea"}, {"$eq", "tea"}}}};
      }
      expect_same(where, nullptr);
    }
  }
  // Both sides of each of nine levels alike.
  Json where = {{"n", 2}};
  for (int level = 0; level < 9; ++level) {
    const Json other = level == 0 ? Json({{"s", "tea"}}) : where;
    where = {{level % 2 == 0 ? "$and" : "$or", {where, other}}};
  }
  expect_same(where, nullptr);
}

TEST_F(ChromaReaderFile, CountsMatchesByAnIndex) {
  for (const Json& where : {Json({{"n", {{"$gte", 2}}}}), Json({{"n", {{"$in", {1, 2, 2.5}}}}}),
                            Json({{"s", {{"$in", {"tea", "Tea"}}}}})}) {
    auto& filter = reader.filter(must(Where::parse(where, nullptr)));
    const std::size_t matches = must(filter.all()).size();
    ASSERT_GE(matches, 3U) << where;
    for (const std::uint64_t limit : {matches, matches + 5, std::size_t{1}}) {
      EXPECT_EQ(must(filter.count(limit)), std::min(matches, limit + 1)) << where << limit;
    }
  }
}

TEST_F(ChromaReaderFile, DoesNotCountWhatNoIndexKnows) {
  for (const auto& [where, where_document] : std::vector<std::pair<Json, Json>>{
           {{{"yes", true}}, nullptr}, {{{"n", {{"$ne", 100}}}}, nullptr}, {nullptr, {{"$contains", "e"}}}}) {
    EXPECT_FALSE(must(reader.filter(must(Where::parse(where, where_document))).count(100))) << where << where_document;
  }
}

TEST_F(ChromaReaderFile, TellsFiltersApartThatDifferInTheirValuesOnly) {
  for (int round = 0; round < 2; ++round) {
    for (int n = 0; n < 40; ++n) expect_same({{"n", {{"$lt", n}}}}, nullptr);
    for (const Json& value : {Json("2"), Json(2), Json(true)}) expect_same({{"n", value}}, nullptr);
  }
}

TEST_F(ChromaReaderFile, TellsFiltersApartWhoseValuesHaveNoText) {
  const double infinite = std::numeric_limits<double>::infinity();
  for (const double value : {infinite, -infinite, infinite}) expect_same({{"n", {{"$lt", value}}}}, nullptr);
  const auto name_of = [](const char* text) {
    return ChromaFilter::name_of(must(Where::parse({{"s", text}}, nullptr)));
  };
  EXPECT_NE(name_of("\xfe"), name_of("\xff"));
  EXPECT_EQ(name_of("\xff"), name_of("\xff"));
}

TEST_F(ChromaReaderFile, TellsAnErrorOnce) {
  auto database = must(open_finished(room.path() / "chroma.sqlite3"));
  const auto where = must(Where::parse({{"n", {{"$gte", 2}}}}, nullptr));
  ChromaFilter filter(database, where, ChromaFilter::name_of(where));
  const std::vector<std::uint64_t> labels = {1, 2, 3};
  const auto interrupt = [](void*) { return 1; };
  sqlite3_progress_handler(database.getHandle(), 1, interrupt, nullptr);
  EXPECT_FALSE(filter.count(10));
  EXPECT_FALSE(filter.matches(labels));
  sqlite3_progress_handler(database.getHandle(), 0, nullptr, nullptr);
  EXPECT_EQ(must(filter.count(10)), 3U);
  EXPECT_EQ(must(filter.matches(labels)), std::vector<bool>({false, true, true}));
}

TEST_F(ChromaReaderFile, TakesFiltersWithLongTexts) {
  const std::string text(std::size_t{100} << 10, 'x');
  for (int round = 0; round < 2; ++round) {
    for (const char* op : {"$eq", "$ne"}) expect_same({{"s", {{op, text}}}}, nullptr);
    expect_same({{"s", "tea"}}, nullptr);
  }
}

TEST_F(ChromaReaderFile, AsksOfAnyNumberOfLabels) {
  const auto filter = must(Where::parse({{"n", {{"$gt", 1}}}}, nullptr));
  std::vector<std::uint64_t> labels;
  for (std::uint64_t label = 100; label > 0; --label) labels.push_back(label);
  labels.push_back(std::uint64_t{1} << 60);
  const auto flags = must(reader.filter(filter).matches(labels));
  ASSERT_EQ(flags.size(), labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    EXPECT_EQ(flags[i], labels[i] == 2 || labels[i] == 3 || labels[i] == 6) << labels[i];
  }
  EXPECT_TRUE(must(reader.filter(filter).matches({})).empty());
}

TEST_F(ChromaReaderFile, MatchesAllWithoutAFilter) {
  EXPECT_EQ(must(reader.filter({}).all()).size(), records.size());
  EXPECT_EQ(must(reader.count()), records.size());
}

}  // namespace
}  // namespace tillite
