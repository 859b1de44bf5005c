#include "app/commands/aws_cost.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "app/functions/function_catalog.h"
#include "support/must.h"

namespace tillite {
namespace {

using testing::must;

const std::vector<AwsWork> kReceipts = {
    {.entity = Entity::line, .items = 30'000, .texts = 10'000, .batches = 40, .dimensions = 1536},
    {.entity = Entity::word, .items = 60'000, .texts = 40'000, .batches = 160, .dimensions = 1536}};

Json costs_file() {
  std::ifstream file(std::string(TILLITE_SOURCE_DIR) + "/workflows/costs.json");
  std::ostringstream text;
  text << file.rdbuf();
  return must(parse_json(text.str(), "costs.json"));
}

AwsCharge charge(const AwsCost& cost, std::string_view name) {
  const auto found = std::ranges::find(cost.charges, name, &AwsCharge::name);
  EXPECT_NE(found, cost.charges.end()) << name;
  return *found;
}

// A step of one function with 1,769 MB, which is one processor's time, and nothing else that costs.
Json one_step(const std::string& per, const Json& fields) {
  Json step = {{"functions", {{"line", "f"}, {"word", "f"}}}, {"per", per}};
  step.update(fields);
  Json file = costs_file();
  file["steps"] = Json::array({step});
  return file;
}

AwsCost estimate(const Json& file, const FunctionInfo& function, const AwsWork& work) {
  return must(AwsCostModel::parse(file, {function})).estimate({work});
}

TEST(AwsCost, OfNothingIsNothing) {
  const AwsCost cost = must(AwsCostModel::load()).estimate({{.entity = Entity::line}, {.entity = Entity::word}});
  EXPECT_EQ(cost.total.millionths, 0);
  EXPECT_EQ(cost.stored_bytes, 0U);
}

TEST(AwsCost, IsTheSumOfItsCharges) {
  const AwsCost cost = must(AwsCostModel::load()).estimate(kReceipts);
  std::int64_t sum = 0;
  for (const AwsCharge& of : cost.charges) sum += of.cost.millionths;
  EXPECT_EQ(cost.total.millionths, sum);
  EXPECT_GT(sum, 0);
  EXPECT_EQ(cost.region, "us-east-1");
}

TEST(AwsCost, CountsAStateChangeInTheTableAndItsIndexes) {
  const AwsCost cost = must(AwsCostModel::load()).estimate(kReceipts);
  // Two changes of each item, four units each: the row, twice in GSI1, once in GSITYPE.
  EXPECT_GE(charge(cost, "table_write_units").units, 2U * 4 * 90'000);
  EXPECT_LE(charge(cost, "table_write_units").units, 2U * 4 * 90'000 + 4U * 50'000 + 200U * 100);
}

TEST(AwsCost, OfComputingIsTheSameWithLessMemoryAsLongAsItIsTheProcessorThatWorks) {
  const Json file = one_step("batch", {{"cpu_ms_a_call", 1000}});
  const AwsWork work{.items = 1, .batches = 10};
  const auto gb_seconds = [&](std::int64_t memory_mb) {
    return charge(estimate(file, {.name = "f", .memory_mb = memory_mb, .storage_mb = 512}, work), "function_gb_seconds")
        .units;
  };
  EXPECT_EQ(gb_seconds(1769), 18U);  // 10 s of 1.73 GB
  EXPECT_EQ(gb_seconds(256), 18U);
  EXPECT_EQ(gb_seconds(10240), 100U);  // five of its six processors idle
}

TEST(AwsCost, OfWaitingGrowsWithTheMemoryThatWaits) {
  Json file = one_step("batch", {{"provider_calls_a_call", 1}});
  file["assumed"]["provider_call_ms"] = 4000;
  const AwsWork work{.items = 1, .batches = 100};
  const auto gb_seconds = [&](std::int64_t memory_mb) {
    return charge(estimate(file, {.name = "f", .memory_mb = memory_mb, .storage_mb = 512}, work), "function_gb_seconds")
        .units;
  };
  EXPECT_EQ(gb_seconds(256), 100U);
  EXPECT_EQ(gb_seconds(1024), 400U);
}

TEST(AwsCost, ChargesStorageAboveWhatIsFree) {
  const Json file = one_step("merge", {{"cpu_ms_a_call", 1000}});
  const AwsWork work{.items = 1, .batches = 1};
  const auto gb_seconds = [&](std::int64_t storage_mb) {
    return charge(estimate(file, {.name = "f", .memory_mb = 1769, .storage_mb = storage_mb}, work),
                  "storage_gb_seconds")
        .units;
  };
  EXPECT_EQ(gb_seconds(512), 0U);
  EXPECT_EQ(gb_seconds(10752), 10U);
}

TEST(AwsCost, GrowsWithTheVectorsThatAreStored) {
  AwsWork work{.items = 1'000'000, .batches = 1, .dimensions = 1536};
  const auto stored = [&] { return must(AwsCostModel::load()).estimate({work}).stored_bytes; };
  const std::uint64_t of_small = stored();
  work.dimensions = 3072;
  EXPECT_GT(stored(), of_small);
}

// The memory that the steps had when they were Python.
TEST(AwsCost, OfFunctionsIsBelowThatOfLargerOnes) {
  std::vector<FunctionInfo> larger = must(function_catalog());
  for (FunctionInfo& function : larger) {
    if (!function.is_container) function.memory_mb = 1024;
    if (function.name.ends_with("-poll")) function.memory_mb = 3008;
    if (function.name == "embedding-vector-compact") function.memory_mb = 10240;
  }
  const auto ours = charge(must(AwsCostModel::load()).estimate(kReceipts), "function_gb_seconds");
  const auto theirs =
      charge(must(AwsCostModel::parse(costs_file(), larger)).estimate(kReceipts), "function_gb_seconds");
  RecordProperty("gb_seconds", std::to_string(ours.units) + " against " + std::to_string(theirs.units));
  EXPECT_LT(2 * ours.units, theirs.units);
}

TEST(AwsCost, OfAFileThatCannotBeUsedNamesTheField) {
  const std::vector<FunctionInfo> functions = {{.name = "f", .memory_mb = 128}};
  const auto error = [&](const Json& file) {
    const auto parsed = AwsCostModel::parse(file, functions);
    return parsed ? std::string("parsed") : parsed.error().message();
  };
  EXPECT_EQ(error(one_step("batch", Json::object())), "parsed");
  EXPECT_NE(error(one_step("week", Json::object())).find("'per' is 'week'"), std::string::npos);
  EXPECT_NE(error(one_step("batch", {{"cpu_ms_a_call", -1}})).find("'cpu_ms_a_call'"), std::string::npos);
  EXPECT_NE(error(one_step("batch", {{"functions", {{"line", "g"}, {"word", "f"}}}})).find("'g'"), std::string::npos);
  Json file = one_step("batch", Json::object());
  file["prices"]["usd_per_million"]["cups_of_tea"] = "1";
  EXPECT_NE(error(file).find("'cups_of_tea'"), std::string::npos);
  file = one_step("batch", Json::object());
  file["assumed"]["merges"] = 0;
  EXPECT_NE(error(file).find("'merges'"), std::string::npos);
  file = one_step("batch", Json::object());
  file["format"] = "tillite-costs/2";
  EXPECT_NE(error(file).find("tillite-costs/1"), std::string::npos);
}

}  // namespace
}  // namespace tillite
