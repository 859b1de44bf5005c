#include "vectors/chroma/value_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite {
namespace {

using testing::must;

/// A value that owns its texts; compared as the index has it.
struct OwnValue {
  std::string name;
  std::uint64_t lead = 0;
  std::string text;
  std::int64_t row = 0;

  friend auto operator<=>(const OwnValue&, const OwnValue&) = default;
};

class ValueOrderFile : public ::testing::Test {
 protected:
  testing::TempFolder room = testing::TempFolder::in_memory();

  ValueOrder order_of(const std::vector<OwnValue>& values, std::uint64_t bytes_max) {
    ValueOrder order = must(ValueOrder::create(room.path() / "values", bytes_max));
    for (const OwnValue& value : values) {
      must(order.add({.name = value.name, .lead = value.lead, .text = value.text, .row = value.row}));
    }
    return order;
  }
  static std::vector<OwnValue> all_of(ValueOrder& order) {
    std::vector<OwnValue> all;
    must(order.for_each([&](const IndexedValue& value) -> Result<void> {
      all.push_back(
          {.name = std::string(value.name), .lead = value.lead, .text = std::string(value.text), .row = value.row});
      return {};
    }));
    return all;
  }
  static std::vector<OwnValue> sorted(std::vector<OwnValue> values) {
    std::ranges::sort(values);
    return values;
  }
};

std::vector<OwnValue> texts(std::size_t count, std::size_t names) {
  using std::string_literals::operator""s;
  const std::vector<std::string> some = {
      "",         "a",       "a\0"s,         "a\0\0"s,           "same for 8 bytes",
      "b",        "same fo", "same for",     "same for\0"s,      "same for all",
      "\xc3\xa9", "\xff",    "same for all", "same for 8 bytez", std::string(100, 'l')};
  std::mt19937_64 random(1);
  std::vector<OwnValue> values;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& text = some[random() % some.size()];
    values.push_back({.name = fmt::format("name {}", random() % names),
                      .lead = lead_of(text),
                      .text = text,
                      .row = static_cast<std::int64_t>(i) + 1});
  }
  return values;
}

TEST_F(ValueOrderFile, HasOneOrderInMemoryAndInParts) {
  for (const std::size_t names : {1UZ, 3UZ, 200UZ}) {
    const auto values = texts(2'000, names);
    auto in_memory = order_of(values, std::uint64_t{1} << 30);
    EXPECT_EQ(in_memory.parts(), 0U);
    EXPECT_EQ(all_of(in_memory), sorted(values));
    for (const std::uint64_t bytes_max : {1U, 300U, 3'000U}) {
      auto in_parts = order_of(values, bytes_max);
      EXPECT_GT(in_parts.parts(), 10U);
      EXPECT_EQ(all_of(in_parts), sorted(values)) << names << " names, " << bytes_max << " bytes";
    }
  }
}

TEST_F(ValueOrderFile, HasNumbersInTheirOrder) {
  std::vector<OwnValue> wholes;
  std::int64_t row = 0;
  for (const std::int64_t whole :
       {std::int64_t{5}, std::int64_t{-1}, std::int64_t{0}, std::int64_t{5}, INT64_MIN, INT64_MAX, std::int64_t{-1}}) {
    wholes.push_back({.name = "n", .lead = lead_of(whole), .text = "", .row = ++row});
  }
  auto order = order_of(wholes, 1);
  EXPECT_EQ(order.parts(), wholes.size());
  std::vector<std::int64_t> in_order;
  for (const OwnValue& value : all_of(order)) in_order.push_back(whole_of(value.lead));
  EXPECT_EQ(in_order, (std::vector<std::int64_t>{INT64_MIN, -1, -1, 0, 5, 5, INT64_MAX}));
  EXPECT_LT(lead_of(-1.5), lead_of(-1.0));
  EXPECT_LT(lead_of(-1.0), lead_of(0.0));
  EXPECT_EQ(lead_of(-0.0), lead_of(0.0));
  EXPECT_LT(lead_of(0.0), lead_of(1e-300));
  EXPECT_EQ(real_of(lead_of(-2.5)), -2.5);
}

TEST_F(ValueOrderFile, CountsNames) {
  std::vector<OwnValue> values;
  for (std::int64_t row = 1; row <= 100; ++row) {
    values.push_back({.name = std::string(1'000, 'n') + std::to_string(row), .lead = 1, .text = "", .row = row});
  }
  auto order = order_of(values, 10'000);
  EXPECT_GE(order.parts(), 10U);
  EXPECT_EQ(all_of(order), sorted(values));
}

TEST_F(ValueOrderFile, HasFewPartsHoweverManyValues) {
  std::vector<OwnValue> values;
  for (std::int64_t row = 1; row <= 50'000; ++row) {
    values.push_back({.name = "n", .lead = static_cast<std::uint64_t>(row * 7919 % 50'000), .text = "", .row = row});
  }
  auto order = order_of(values, 1);
  EXPECT_GT(order.parts(), 64U);
  EXPECT_LT(order.parts(), 1'000U);
  EXPECT_EQ(all_of(order), sorted(values));
}

}  // namespace
}  // namespace tillite
