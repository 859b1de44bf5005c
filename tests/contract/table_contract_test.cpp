// What every Table must do. Another adapter joins by one more line at the end.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <limits>
#include <ostream>
#include <random>
#include <thread>

#include "adapters/aws/dynamodb_expression.h"
#include "adapters/local/sqlite_table.h"
#include "support/forwarding_server.h"
#include "support/moto_server.h"
#include "support/served_table.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

/// How a table is made for a test's folder: the same table for the same folder.
struct TableMaker {
  std::function<std::unique_ptr<Table>(const TempFolder&)> make;
  std::function<std::string()> missing = [] { return std::string(); };  ///< why it cannot be had; empty: it can
  std::function<std::string()> no_transactions = [] { return std::string(); };
  void PrintTo(const TableMaker& /*maker*/, std::ostream* out) { *out << "a table"; }
};

class TableContract : public ::testing::TestWithParam<TableMaker> {
 protected:
  void SetUp() override {
    if (const std::string missing = GetParam().missing(); !missing.empty()) GTEST_SKIP() << missing;
    table = GetParam().make(folder);
  }
  static Item item(const std::string& sk, Json more = Json::object()) {
    Item item = {{"PK", "P"}, {"SK", sk}, {"TYPE", "T"}};
    item.update(more);
    return item;
  }
  TempFolder folder;
  std::unique_ptr<Table> table;
};

TEST_P(TableContract, GivesBackWhatWasWritten) {
  const Item row = item("1", {{"text", "é"}, {"n", 0.1}, {"list", {1, "a", nullptr}}, {"flag", true}});
  ASSERT_TRUE(table->write(Put{row}));
  EXPECT_EQ(**table->get({"P", "1"}), row);
  EXPECT_FALSE(*table->get({"P", "2"}));
}

TEST_P(TableContract, NumbersAreExact) {
  const Item row = item("1", {{"whole", 9'007'199'254'740'993},
                              {"least", std::numeric_limits<std::int64_t>::min()},
                              {"most", std::numeric_limits<std::uint64_t>::max()},
                              {"third", 1.0 / 3},
                              {"small", 1.2345678901234567e-20},
                              {"negative", -0.1},
                              {"large", 1e25}});
  ASSERT_TRUE(table->write(Put{row}));
  const Item read = **table->get({"P", "1"});
  EXPECT_EQ(read, row);
  EXPECT_TRUE(read.at("whole").is_number_integer());
  EXPECT_TRUE(table->write(Update{{"P", "1"}, {{"third", 1}}, {}, {equal("third", 1.0 / 3)}}));
}

TEST_P(TableContract, NamesAndValuesOfAnyKindAreTheRowsOwn) {
  const Json strange = {{"status", "a"},
                        {"owner", true},
                        {"text", Json::array()},
                        {"a.b", 1},
                        {"#name", "#n0"},
                        {":v0", ":v0"},
                        {"SET", {{"deep", {{"list", {1, {{"x", nullptr}}}}}}}},
                        {"blank", ""},
                        {"size", 0}};
  ASSERT_TRUE(table->write(Put{item("1", strange)}));
  EXPECT_EQ(**table->get({"P", "1"}), item("1", strange));
  EXPECT_TRUE(table->write(Update{{"P", "1"}, {{"a.b", 2}}, {"status"}, {equal("owner", true), equal(":v0", ":v0")}}));
  EXPECT_EQ((**table->get({"P", "1"})).at("a.b"), 2);
}

TEST_P(TableContract, NullCountsAsAbsent) {
  ASSERT_TRUE(table->write(Put{item("1", {{"nothing", nullptr}, {"n", 5}, {"GSI1PK", nullptr}})}));
  const auto holds_for = [&](Clause clause) {
    const auto written = table->write(Update{{"P", "1"}, {{"m", 1}}, {}, {std::move(clause)}});
    return written.has_value();
  };
  EXPECT_TRUE(holds_for(absent("nothing")));
  EXPECT_TRUE(holds_for(absent("missing")));
  EXPECT_FALSE(holds_for(absent("n")));
  EXPECT_FALSE(holds_for(present("nothing")));
  EXPECT_TRUE(holds_for(present("n")));
  EXPECT_FALSE(holds_for(equal("nothing", nullptr)));
  EXPECT_FALSE(holds_for(not_equal("nothing", 1)));
  EXPECT_FALSE(holds_for(not_equal("missing", 1)));
  EXPECT_TRUE(holds_for(not_equal("n", 1)));
  EXPECT_FALSE(holds_for(less("missing", 9)));
  EXPECT_TRUE(holds_for(less("n", 5.5)));
  EXPECT_FALSE(holds_for(less("n", 5)));
}

TEST_P(TableContract, OnlyNumbersAndTextsAreLessThanTheirLike) {
  ASSERT_TRUE(table->write(Put{item("1", {{"n", 5}, {"text", "b"}, {"flag", true}, {"list", {1}}})}));
  const auto is_less = [&](const std::string& attribute, Json value) {
    return table->write(Update{{"P", "1"}, {{"m", 1}}, {}, {less(attribute, std::move(value))}}).has_value();
  };
  EXPECT_TRUE(is_less("text", "c"));
  EXPECT_TRUE(is_less("text", "é"));
  EXPECT_FALSE(is_less("text", "B"));
  EXPECT_FALSE(is_less("n", "6"));
  EXPECT_FALSE(is_less("text", 6));
  EXPECT_FALSE(is_less("flag", "x"));
  EXPECT_FALSE(is_less("n", Json::array({9})));
  EXPECT_FALSE(is_less("list", Json::array({9})));
}

TEST_P(TableContract, AnUpdateMakesARowOnlyWithItsType) {
  EXPECT_FALSE(table->write(Update{{"P", "1"}, {{"n", 1}}}));
  EXPECT_FALSE(*table->get({"P", "1"}));
  ASSERT_TRUE(table->write(Update{{"P", "1"}, {{"TYPE", "T"}, {"n", 1}}}));
  EXPECT_EQ(**table->get({"P", "1"}), item("1", {{"n", 1}}));
}

TEST_P(TableContract, ReadsManyRowsInTheOrderOfTheirKeys) {
  std::vector<Write> writes;
  std::vector<ItemKey> keys;
  for (int i = 0; i < 230; ++i) {
    if (i % 3 != 0) writes.emplace_back(Put{item(std::to_string(i), {{"n", i}})});
    keys.push_back({"P", std::to_string(i)});
  }
  keys.push_back({"P", "1"});
  keys.push_back({"P", "0"});
  ASSERT_TRUE(table->write_each(writes));
  const auto items = *table->get_each(keys);
  ASSERT_EQ(items.size(), keys.size());
  for (int i = 0; i < 230; ++i) {
    const auto& row = items[static_cast<std::size_t>(i)];
    ASSERT_EQ(row.has_value(), i % 3 != 0) << i;
    if (i % 3 != 0) {
      EXPECT_EQ(row->at("n"), i);
    }
  }
  EXPECT_EQ(items[230]->at("n"), 1);
  EXPECT_FALSE(items[231]);
  EXPECT_TRUE(table->get_each({})->empty());
}

TEST_P(TableContract, ManyIndependentWritesHappenInTheirRowsOrder) {
  std::vector<Write> writes;
  for (int i = 0; i < 60; ++i) writes.emplace_back(Put{item(std::to_string(i), {{"n", i}})});
  writes.emplace_back(Erase{{"P", "7"}});
  writes.emplace_back(Put{item("8", {{"n", 80}})});
  writes.emplace_back(Update{{"P", "9"}, {{"n", 90}}, {}, {equal("n", 9)}});
  writes.emplace_back(Update{{"P", "9"}, {{"n", 91}}, {}, {equal("n", 9)}});
  const auto happened = *table->write_each(writes);
  EXPECT_EQ(std::count(happened.begin(), happened.end(), false), 1);
  EXPECT_FALSE(happened.back());
  EXPECT_FALSE(*table->get({"P", "7"}));
  EXPECT_EQ((**table->get({"P", "8"})).at("n"), 80);
  EXPECT_EQ((**table->get({"P", "9"})).at("n"), 90);
  EXPECT_EQ(*table->count({.hash = "P"}), 59U);
}

TEST_P(TableContract, ALargePageIsWholeOverSeveralAnswers) {
  std::vector<Write> writes;
  for (int i = 0; i < 12; ++i)
    writes.emplace_back(Put{item(fmt::format("{:02}", i), {{"text", std::string(200'000, 'x')}})});
  ASSERT_TRUE(table->write_each(writes));
  const Page page = *table->query({.hash = "P", .limit = 11});
  ASSERT_EQ(page.items.size(), 11U);
  EXPECT_EQ(page.items.back().at("SK"), "10");
  EXPECT_EQ(table->query({.hash = "P", .limit = 11, .start_after = page.next})->items.size(), 1U);
  EXPECT_EQ(*table->count({.hash = "P"}), 12U);
}

TEST_P(TableContract, WritesOnlyIfAllClausesHold) {
  ASSERT_TRUE(table->write(Put{item("1", {{"status", "NONE"}, {"n", 1}}), {absent("PK")}}));
  EXPECT_EQ(table->write(Put{item("1"), {absent("PK")}}).error().code(), Code::conflict);
  EXPECT_EQ(table->write(Update{{"P", "1"}, {{"n", 2}}, {}, {equal("status", "NONE"), equal("n", 7)}}).error().code(),
            Code::conflict);
  EXPECT_EQ((**table->get({"P", "1"})).at("n"), 1);
  EXPECT_TRUE(table->write(Update{{"P", "1"}, {{"n", 2}}, {"status"}, {equal("status", "NONE"), less("n", 2)}}));
  EXPECT_EQ(**table->get({"P", "1"}), item("1", {{"n", 2}}));
  EXPECT_EQ(table->write(Erase{{"P", "1"}, {present("status")}}).error().code(), Code::conflict);
  EXPECT_TRUE(table->write(Erase{{"P", "1"}}));
  EXPECT_TRUE(table->write(Erase{{"P", "1"}}));
}

TEST_P(TableContract, TransactionsHappenWhollyOrNotAtAll) {
  if (const std::string missing = GetParam().no_transactions(); !missing.empty()) GTEST_SKIP() << missing;
  ASSERT_TRUE(table->write(Put{item("1")}));
  EXPECT_EQ(table->transact({Put{item("2")}, Put{item("1"), {absent("PK")}}}).error().code(), Code::conflict);
  EXPECT_FALSE(*table->get({"P", "2"}));
  std::vector<Write> many;
  for (int i = 0; i < 101; ++i) many.emplace_back(Put{item(std::to_string(i))});
  EXPECT_EQ(table->transact(many).error().code(), Code::limit_exceeded);
  std::vector<Write> large;
  for (int i = 0; i < 12; ++i) large.emplace_back(Put{item(std::to_string(i), {{"text", std::string(380'000, 'x')}})});
  const auto too_large = table->transact(large);
  EXPECT_EQ(too_large.error().code(), Code::limit_exceeded);
  EXPECT_TRUE(too_large.error().message().contains("The row P 10 alone has 380")) << too_large.error().message();
  EXPECT_FALSE(table->transact({Put{item("3")}, Put{item("3")}}));
  EXPECT_TRUE(table->transact({Put{item("3")}, Update{{"P", "1"}, {{"n", 1}}, {}, {absent("n")}}, Erase{{"P", "9"}}}));
  EXPECT_EQ(**table->get({"P", "1"}), item("1", {{"n", 1}}));
  EXPECT_TRUE(table->transact({}));
}

TEST_P(TableContract, IndependentWritesEachHaveTheirOwnOutcome) {
  ASSERT_TRUE(table->write(Put{item("1")}));
  const auto happened = table->write_each(
      {Put{item("0"), {absent("PK")}}, Put{item("1"), {absent("PK")}}, Put{item("2"), {absent("PK")}}});
  ASSERT_TRUE(happened);
  EXPECT_EQ(*happened, (std::vector<bool>{true, false, true}));
}

TEST_P(TableContract, PagesThroughAnIndexInOrderAlsoWhileRowsLeaveIt) {
  for (int i = 0; i < 25; ++i) {
    const std::string sk = fmt::format("{:02}", i);
    ASSERT_TRUE(table->write(Put{item(sk, {{"GSI1PK", "NONE"}, {"GSI1SK", (i % 2 == 0 ? "LINE#" : "WORD#") + sk}})}));
  }
  Query query{.index = Index::gsi1, .hash = "NONE", .range_prefix = "LINE#", .limit = 5};
  EXPECT_EQ(*table->count(query), 13U);
  std::vector<std::string> seen;
  ASSERT_TRUE(for_each_item(*table, query, [&](const Item& row) -> Result<void> {
    seen.push_back(row.at("SK"));
    return table->write(Update{{"P", row.at("SK")}, {{"GSI1PK", "DONE"}}});
  }));
  ASSERT_EQ(seen.size(), 13U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(*table->count(query), 0U);
  query = {.hash = "P", .limit = 1, .newest_first = true};
  EXPECT_EQ(table->query(query)->items.front().at("SK"), "24");
  EXPECT_EQ(*table->count({.index = Index::type, .hash = "T"}), 25U);
}

TEST_P(TableContract, RefusesRowsWithoutKeysAndAboveTheLimit) {
  EXPECT_FALSE(table->write(Put{{{"PK", "P"}, {"SK", "1"}}}));
  EXPECT_EQ(table->write(Put{item("1", {{"text", std::string(410'000, 'x')}})}).error().code(), Code::limit_exceeded);
}

TEST_P(TableContract, RefusesAWriteThatNamesNoRow) {
  const Write nameless = Put{{{"SK", "1"}, {"TYPE", "T"}}};
  for (const Write& write : {nameless, Write(Put{{{"PK", 7}, {"SK", "1"}, {"TYPE", "T"}}}), Write(Put{Json("text")}),
                             Write(Update{{"P", ""}, {{"n", 1}}}), Write(Erase{{"", "1"}})}) {
    EXPECT_EQ(table->write(write).error().code(), Code::invalid_input);
    EXPECT_EQ(table->transact({write}).error().code(), Code::invalid_input);
    EXPECT_EQ(table->write_each({write}).error().code(), Code::invalid_input);
  }
  EXPECT_TRUE(table->write(Put{item("1")})) << "others go on";
}

TEST_P(TableContract, OfManyThreadsThatClaimARowExactlyOneWins) {
  ASSERT_TRUE(table->write(Put{item("1", {{"status", "NONE"}})}));
  std::atomic<int> won = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back(
          [&, i] { won += table->write(Update{{"P", "1"}, {{"status", i}}, {}, {equal("status", "NONE")}}) ? 1 : 0; });
    }
  }
  EXPECT_EQ(won, 1);
}

TEST_P(TableContract, AnotherConnectionSeesWhatWasReportedAsDone) {
  const auto other = GetParam().make(folder);
  ASSERT_TRUE(table->write(Put{item("1")}));
  EXPECT_TRUE(*other->get({"P", "1"}));
}

INSTANTIATE_TEST_SUITE_P(Sqlite, TableContract,
                         ::testing::Values(TableMaker{[](const TempFolder& folder) -> std::unique_ptr<Table> {
                           return *SqliteTable::open(folder / "table.sqlite3");
                         }}));

INSTANTIATE_TEST_SUITE_P(Moto, TableContract,
                         ::testing::Values(TableMaker{
                             .make =
                                 [](const TempFolder& folder) {
                                   return std::make_unique<ServedTable>(MotoServer::shared().origin(), folder);
                                 },
                             .missing = [] { return MotoServer::available() ? "" : MotoServer::how_to_get(); }}));

INSTANTIATE_TEST_SUITE_P(Dynalite, TableContract,
                         ::testing::Values(TableMaker{
                             .make =
                                 [](const TempFolder& folder) {
                                   return std::make_unique<ServedTable>(DynaliteServer::shared().origin(), folder);
                                 },
                             .missing = [] { return DynaliteServer::available() ? "" : DynaliteServer::how_to_get(); },
                             .no_transactions = [] { return std::string("dynalite has no transactions"); }}));

/// Rows, conditions and changes that nobody thought of, the same in every run.
class RandomWrites {
 public:
  Write next() {
    const ItemKey key = {"P", std::to_string(number(6))};
    Condition condition;
    for (std::size_t i = number(3); i > 0; --i) condition.push_back(clause());
    switch (number(3)) {
      case 0: {
        Item item = {{"PK", key.pk}, {"SK", key.sk}, {"TYPE", "T"}};
        for (std::size_t i = number(5); i > 0; --i) item[name()] = value();
        return Put{std::move(item), std::move(condition)};
      }
      case 1: {
        Update update{.key = key, .condition = std::move(condition)};
        for (std::size_t i = number(4); i > 0; --i) update.set[name()] = value();
        if (number(2) == 0) update.remove.push_back(name());
        if (number(2) == 0) update.set["TYPE"] = "T";
        return update;
      }
      default:
        return Erase{key, std::move(condition)};
    }
  }

 private:
  std::size_t number(std::size_t below) { return static_cast<std::size_t>(engine_() % below); }
  std::string name() { return std::array{"status", "n", "text", "GSI1PK", "GSI1SK", "a b"}[number(6)]; }
  Json value() {
    static const auto kValues = std::to_array<Json>(
        {1, 2.5, -7, 1e20, "a", "b", "", true, false, nullptr, Json::array({1, "x"}), {{"m", {{"deep", nullptr}}}}});
    return kValues[number(kValues.size())];
  }
  Clause clause() {
    using enum Clause::Operator;
    const std::string attribute = number(4) == 0 ? "PK" : name();
    return {attribute, std::array{absent, present, equal, not_equal, less}[number(5)], value()};
  }

  std::mt19937_64 engine_{7};
};

/// Keys of indexes are texts, or none.
bool has_lawful_keys(const Write& write) {
  const Json* changed = nullptr;
  if (const auto* put = std::get_if<Put>(&write)) changed = &put->item;
  if (const auto* update = std::get_if<Update>(&write)) changed = &update->set;
  if (changed == nullptr) return true;
  return std::ranges::all_of(std::array{"GSI1PK", "GSI1SK"}, [&](const char* name) {
    const Json* const value = find_field(*changed, name);
    return value == nullptr || value->is_string();
  });
}

/// Without keys of indexes that are null or empty: one table keeps them, the other leaves them out.
Item comparable(Item row) {
  for (const char* name : {"GSI1PK", "GSI1SK"}) {
    if (row.contains(name) && (row[name].is_null() || row[name].get<std::string>().empty())) row.erase(name);
  }
  return row;
}

TEST(TablesAlike, RandomWritesComeToTheSameInAFileAndInDynamoDb) {
  if (!DynaliteServer::available()) GTEST_SKIP() << DynaliteServer::how_to_get();
  const TempFolder folder;
  const auto file = must(SqliteTable::open(folder / "table.sqlite3"));
  ServedTable served(DynaliteServer::shared().origin(), folder);
  RandomWrites writes;
  int happened = 0;
  for (int i = 0; i < 400; ++i) {
    const Write write = writes.next();
    if (!has_lawful_keys(write)) continue;
    const auto in_file = file->write(write);
    const auto in_served = served.write(write);
    const std::string what = fmt::format("write {}: {} ", i, to_text(must(write_arguments(write))));
    ASSERT_EQ(in_file.has_value(), in_served.has_value())
        << what << (in_file ? "" : in_file.error().message()) << (in_served ? "" : in_served.error().message());
    happened += in_file ? 1 : 0;
    const auto left = must(file->get(key_of(write)));
    const auto right = must(served.get(key_of(write)));
    ASSERT_EQ(left.has_value(), right.has_value()) << what;
    if (left) {
      ASSERT_EQ(comparable(*left), comparable(*right)) << what;
    }
  }
  EXPECT_GT(happened, 100);
  for (const Query& query : {Query{.hash = "P"}, Query{.index = Index::type, .hash = "T"},
                             Query{.index = Index::gsi1, .hash = "a"}, Query{.index = Index::gsi1, .hash = "b"}}) {
    EXPECT_EQ(must(file->count(query)), must(served.count(query))) << query.hash;
  }
}

/// A table behind a service that is busy every third time.
class ThrottledTable final : public ForwardingTable {
 public:
  explicit ThrottledTable(const TempFolder& folder) : table_(server_.origin(), folder) {}
  Table& real() override { return table_; }

 private:
  std::optional<HttpServer::Answer> throttle() {
    if (++calls_ % 3 != 0) return std::nullopt;
    return HttpServer::Answer{.status = 400,
                              .body = R"({"__type": "com.amazonaws#ProvisionedThroughputExceededException"})"};
  }

  std::atomic<int> calls_ = 0;
  ForwardingServer server_{MotoServer::shared().origin(),
                           {.before = [this](const HttpServer::Request&) { return throttle(); }}};
  ServedTable table_;
};

INSTANTIATE_TEST_SUITE_P(ThrottledMoto, TableContract,
                         ::testing::Values(TableMaker{
                             .make = [](const TempFolder& folder) { return std::make_unique<ThrottledTable>(folder); },
                             .missing = [] { return MotoServer::available() ? "" : MotoServer::how_to_get(); }}));

TEST(DynamoDbSetup, MakesATableOfReceiptsAndMayBeRepeated) {
  if (!MotoServer::available()) GTEST_SKIP() << MotoServer::how_to_get();
  AwsPlace place(MotoServer::shared().origin());
  const auto client = place.client(AwsApi::dynamodb);
  const std::string name = unique_name();
  const auto ask = [&](const std::string& operation) {
    return must(client->call_json("DynamoDB_20120810." + operation, {{"TableName", name}}));
  };
  for (int times = 0; times < 2; ++times) {
    EXPECT_EQ(must(create_dynamodb_table(*client, name, place.clock(), Logger::none(), {})), times == 0);
  }
  const Json table = ask("DescribeTable").at("Table");
  EXPECT_EQ(table.at("BillingModeSummary").at("BillingMode"), "PAY_PER_REQUEST");
  EXPECT_EQ(table.at("GlobalSecondaryIndexes").size(), 4U);
  EXPECT_EQ(ask("DescribeTimeToLive").at("TimeToLiveDescription").at("AttributeName"), "time_to_live");
  EXPECT_EQ(ask("DescribeContinuousBackups")
                .at("ContinuousBackupsDescription")
                .at("PointInTimeRecoveryDescription")
                .at("PointInTimeRecoveryStatus"),
            "ENABLED");
}

/// Answers to writes are lost after they were done: whoever is told of a success has it, and at most one is.
TEST(LostAnswers, OfManyThreadsThatClaimARowNobodyIsToldOfAnothersSuccess) {
  if (!MotoServer::available()) GTEST_SKIP() << MotoServer::how_to_get();
  const TempFolder folder;
  std::atomic<int> writes = 0;
  const ForwardingServer server(
      MotoServer::shared().origin(), {.loses_answer = [&](const HttpServer::Request& request) {
        return request.headers.at("x-amz-target").ends_with("UpdateItem") && ++writes % 2 == 1;
      }});
  ServedTable table(server.origin(), folder);
  for (int round = 0; round < 5; ++round) {
    const ItemKey key = {"P", std::to_string(round)};
    must(table.write(Put{{{"PK", key.pk}, {"SK", key.sk}, {"TYPE", "T"}, {"owner", -1}}}));
    std::array<std::optional<Code>, 8> told;
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < told.size(); ++i) {
        threads.emplace_back([&, i] {
          const auto written = table.write(Update{key, {{"owner", i}}, {}, {equal("owner", -1)}});
          told[i] = written ? std::nullopt : std::optional(written.error().code());
        });
      }
    }
    const auto owner = must(table.get(key)).value().at("owner").get<int>();
    ASSERT_GE(owner, 0) << "somebody has it";
    for (std::size_t i = 0; i < told.size(); ++i) {
      if (static_cast<int>(i) == owner) {
        EXPECT_NE(told[i], Code::conflict) << "it has what it is told it has not";
      } else {
        EXPECT_TRUE(told[i].has_value()) << "it is told that it has what another has";
      }
    }
  }
}

}  // namespace
}  // namespace tillite::testing
