// The compliance suite of RFC 9535, where the dialect that Step Functions runs agrees with it, and why it does not
// elsewhere.
#include <gtest/gtest.h>

#include <map>

#include "expressions/json_path.h"
#include "support/must.h"
#include "support/shared_data.h"

namespace tillite::testing {
namespace {

struct Difference {
  std::string_view reason;
  bool (*concerns)(std::string_view name, std::string_view selector);
};

/// Asked in this order: the first that concerns a test is why the dialect differs.
constexpr std::array kDifferences = {
    Difference{"filters stand in parentheses, '[?(...)]', one in a bracket; their functions are methods of paths",
               [](std::string_view, std::string_view selector) { return selector.contains('?'); }},
    Difference{"a bracket holds names, or indexes, or one slice, or one '*'",
               [](std::string_view name, std::string_view) { return name.starts_with("basic, multiple selectors"); }},
    Difference{"several names at a path's end make one object",
               [](std::string_view, std::string_view selector) {
                 return selector.starts_with("$['a'") || selector.starts_with("$..['a','d']");
               }},
    Difference{"names keep their backslashes, and any character may stand in quotes",
               [](std::string_view name, std::string_view) { return name.starts_with("name selector"); }},
    Difference{
        "a slice has no step, needs one end, and its ends are 32-bit numbers; between two ends a negative one is an "
        "index of its own",
        [](std::string_view name, std::string_view) {
          return name.starts_with("slice selector") || name.starts_with("whitespace, slice");
        }},
    Difference{
        "an index behind the end is null, one of no array is an error, and all are 32-bit numbers in any notation",
        [](std::string_view name, std::string_view) { return name.starts_with("index selector"); }},
    Difference{"no blanks stand between steps",
               [](std::string_view name, std::string_view) { return name.starts_with("whitespace, selectors"); }},
    Difference{"a name without quotes is any text without '.', '[', '(' and blanks; blanks may follow the path",
               [](std::string_view name, std::string_view) {
                 return name.starts_with("basic, name shorthand") || name == "basic, no trailing whitespace";
               }},
};

constexpr std::size_t kTests = 703;
constexpr std::size_t kAgreeing = 188;
constexpr std::size_t kFilters = 331;          // that can be put in parentheses
constexpr std::size_t kAgreeingFilters = 211;  // of those

class JsonPathCompliance : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!SharedData::has("jsonpath/cts.json")) GTEST_SKIP() << SharedData::how_to_get();
    suite_ = must(parse_value(must(read_file(SharedData::at("jsonpath/cts.json"))), "the suite"));
  }
  [[nodiscard]] const Value::Array& tests() const { return suite_.find("tests")->array(); }

  /// Whether a selector does what the test expects.
  static bool agrees(const Value& test, std::string_view selector) {
    const auto path = JsonPath::parse(selector);
    if (test.find("invalid_selector") != nullptr) return !path;
    if (!path) return false;
    const auto selected = path->select(*test.find("document"));
    if (!selected && selected.error().code() != Code::not_found) return false;
    Value::Array nodes;
    if (selected) nodes = path->is_definite() ? Value::Array{*selected} : selected->array();
    if (const Value* result = test.find("result")) return Value(nodes) == *result;
    return std::ranges::find(test.find("results")->array(), Value(nodes)) != test.find("results")->array().end();
  }

 private:
  Value suite_;
};

TEST_F(JsonPathCompliance, AgreesButWhereTheDialectDiffersForAReason) {
  std::size_t agreeing = 0;
  std::map<std::string_view, int> differing;
  for (const Value& test : tests()) {
    const std::string& name = test.find("name")->string();
    const std::string& selector = test.find("selector")->string();
    if (agrees(test, selector)) {
      ++agreeing;
      continue;
    }
    const auto difference =
        std::ranges::find_if(kDifferences, [&](const Difference& one) { return one.concerns(name, selector); });
    if (difference == kDifferences.end()) {
      ADD_FAILURE() << name << ": " << selector;
    } else {
      ++differing[difference->reason];
    }
  }
  for (const auto& [reason, count] : differing) std::cout << count << " differ: " << reason << "\n";
  EXPECT_EQ(tests().size(), kTests);
  EXPECT_EQ(agreeing, kAgreeing);
}

/// Most of the suite's filters mean the same once they are written as the dialect writes them.
TEST_F(JsonPathCompliance, AgreesOnFiltersThatArePutInParentheses) {
  std::size_t filters = 0;
  std::size_t agreeing = 0;
  for (const Value& test : tests()) {
    const std::string_view selector = test.find("selector")->string();
    if (!selector.starts_with("$[?") || selector.starts_with("$[?(") || !selector.ends_with("]")) continue;
    ++filters;
    if (agrees(test, fmt::format("$[?({})]", selector.substr(3, selector.size() - 4)))) ++agreeing;
  }
  EXPECT_EQ(filters, kFilters);
  EXPECT_EQ(agreeing, kAgreeingFilters);
}

}  // namespace
}  // namespace tillite::testing
