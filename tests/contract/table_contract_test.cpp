// What every Table must do. Another adapter joins by one more line at the end.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "adapters/local/sqlite_table.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

using MakeTable = std::function<std::unique_ptr<Table>(const TempFolder&)>;

class TableContract : public ::testing::TestWithParam<MakeTable> {
 protected:
  static Item item(const std::string& sk, Json more = Json::object()) {
    Item item = {{"PK", "P"}, {"SK", sk}, {"TYPE", "T"}};
    item.update(more);
    return item;
  }
  TempFolder folder;
  std::unique_ptr<Table> table = GetParam()(folder);
};

TEST_P(TableContract, GivesBackWhatWasWritten) {
  const Item row = item("1", {{"text", "é"}, {"n", 0.1}, {"list", {1, "a", nullptr}}, {"flag", true}});
  ASSERT_TRUE(table->write(Put{row}));
  EXPECT_EQ(**table->get({"P", "1"}), row);
  EXPECT_FALSE(*table->get({"P", "2"}));
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
  ASSERT_TRUE(table->write(Put{item("1")}));
  EXPECT_EQ(table->transact({Put{item("2")}, Put{item("1"), {absent("PK")}}}).error().code(), Code::conflict);
  EXPECT_FALSE(*table->get({"P", "2"}));
  std::vector<Write> many;
  for (int i = 0; i < 101; ++i) many.emplace_back(Put{item(std::to_string(i))});
  EXPECT_EQ(table->transact(many).error().code(), Code::limit_exceeded);
  EXPECT_FALSE(table->transact({Put{item("3")}, Put{item("3")}}));
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
  const auto other = GetParam()(folder);
  ASSERT_TRUE(table->write(Put{item("1")}));
  EXPECT_TRUE(*other->get({"P", "1"}));
}

INSTANTIATE_TEST_SUITE_P(Sqlite, TableContract,
                         ::testing::Values(MakeTable([](const TempFolder& folder) -> std::unique_ptr<Table> {
                           return *SqliteTable::open(folder / "table.sqlite3");
                         })));

}  // namespace
}  // namespace tillite::testing
