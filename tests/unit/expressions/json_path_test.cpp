#include "expressions/json_path.h"

#include <gtest/gtest.h>

#include "unit/expressions/some_scope.h"

namespace tillite::testing {
namespace {

constexpr std::string_view kStore = R"({
  "store": {
    "book": [
      {"title": "Sayings", "price": 8.95, "tags": ["a", "b"]},
      {"title": "Sword", "price": 12, "isbn": "0-1"},
      {"title": "Moby", "price": 9, "isbn": "0-2", "tags": []}
    ],
    "bicycle": {"color": "red", "price": 20}
  },
  "limit": 10,
  "wanted": ["Moby", "Sword"]
})";

std::string selected(std::string_view path, std::string_view root = kStore) {
  const auto value = must(JsonPath::parse(path)).select(parsed(root));
  return value ? to_text(*value) : value.error().message();
}

TEST(JsonPath, SelectsOneValueByFieldsAndIndexes) {
  EXPECT_EQ(selected("$", "[1]"), "[1]");
  EXPECT_EQ(selected("$.store.book[0].title"), R"("Sayings")");
  EXPECT_EQ(selected("$['store']['bicycle'][\"color\"]"), R"("red")");
  EXPECT_EQ(selected("$.store.book[-1].title"), R"("Moby")");
  EXPECT_EQ(selected("$.delivery-partner", R"({"delivery-partner":1})"), "1");
  EXPECT_EQ(selected("$['my name']", R"({"my name":1})"), "1");
  EXPECT_EQ(selected("$.a", R"({"a":null})"), "null");
}

TEST(JsonPath, SelectsAListByAnythingThatMayFindMore) {
  EXPECT_EQ(selected("$.store.book[*].price"), "[8.95,12,9]");
  EXPECT_EQ(selected("$.store.*.color"), R"(["red"])");
  EXPECT_EQ(selected("$.store.book[0,2].price"), "[8.95,9]");
  EXPECT_EQ(selected("$.store.book[1:].price"), "[12,9]");
  EXPECT_EQ(selected("$.store.book[:1].price"), "[8.95]");
  EXPECT_EQ(selected("$.store.book[-2:].price"), "[12,9]");
  EXPECT_EQ(selected("$.store.book[0:2].price"), "[8.95,12]");
  EXPECT_EQ(selected("$..price"), "[8.95,12,9,20]");
  EXPECT_EQ(selected("$..book[0].title"), R"(["Sayings"])");
  EXPECT_EQ(selected("$..[0]", "[[1,2],3]"), "[[1,2],1]");
  EXPECT_EQ(selected("$[*]", "{}"), "[]");
}

TEST(JsonPath, KeepsTheOrderOfFieldsWhereItWalks) { EXPECT_EQ(selected("$.*", R"({"b":1,"a":2,"c":3})"), "[1,2,3]"); }

TEST(JsonPath, MakesAnObjectOfSeveralFields) {
  EXPECT_EQ(selected("$.store.bicycle['price','color','size']"), R"({"price":20,"color":"red"})");
  EXPECT_EQ(selected("$.store['bicycle','book'].color"), R"(["red"])");
}

TEST(JsonPath, FiltersByConditions) {
  EXPECT_EQ(selected("$.store.book[?(@.isbn)].title"), R"(["Sword","Moby"])");
  EXPECT_EQ(selected("$.store.book[?(!@.isbn)].title"), R"(["Sayings"])");
  EXPECT_EQ(selected("$.store.book[?(@.price < 10)].title"), R"(["Sayings","Moby"])");
  EXPECT_EQ(selected("$.store.book[?(@.price > $.limit)].title"), R"(["Sword"])");
  EXPECT_EQ(selected("$.store.book[?(@.price < 10 && @.isbn || @.title == 'Sayings')].title"), R"(["Sayings","Moby"])");
  EXPECT_EQ(selected("$.store.book[?(!(@.price < 10))].title"), R"(["Sword"])");
  EXPECT_EQ(selected("$..[?(@.color == \"red\")].price"), "[20]");
  EXPECT_EQ(selected("$.store.book[?(@.title in ['Moby', 'Dick'])].price"), "[9]");
  EXPECT_EQ(selected("$.store.book[?(@.title in $.wanted)].price"), "[12,9]");
  EXPECT_EQ(selected("$.store.book[?(@.title nin $.wanted)].price"), "[8.95]");
  EXPECT_EQ(selected("$.store.book[?(@.title =~ /s.*s/i)].price"), "[8.95]");
  EXPECT_EQ(selected("$.store.book[?(@.title contains 'word')].price"), "[12]");
  EXPECT_EQ(selected("$.store.book[?(@.tags contains 'b')].price"), "[8.95]");
  EXPECT_EQ(selected("$.store.book[?(@.tags empty true)].price"), "[9]");
  EXPECT_EQ(selected("$.store.book[?(@.tags size 2)].price"), "[8.95]");
  EXPECT_EQ(selected("$.store.book[?(@.tags subsetof ['a','b','c'])].price"), "[8.95,9]");
  EXPECT_EQ(selected("$.store.book[?(@.tags anyof ['b'])].price"), "[8.95]");
  EXPECT_EQ(selected("$.store.book[?(@.tags noneof ['b'])].price"), "[9]");
  EXPECT_EQ(selected("$.store.book[?(@.tags all ['a','b'])].price"), "[8.95]");
  EXPECT_EQ(selected("$.store.book[?(@.tags.length() > 1)].price"), "[8.95]");
}

TEST(JsonPath, ComparesNumbersWithTextsThatSpellThem) {
  EXPECT_EQ(selected("$[?(@ == 1)]", R"([1, 1.0, "1", "1.0", true])"), R"([1,1.0,"1"])");
  EXPECT_EQ(selected("$[?(@ === 1)]", R"([1, 1.0, "1"])"), "[1,1.0]");
  EXPECT_EQ(selected("$[?(@ < 'b')]", R"(["a", "b", 1, null])"), R"(["a"])");
}

TEST(JsonPath, EndsWithAFunction) {
  EXPECT_EQ(selected("$.store.book.length()"), "3");
  EXPECT_EQ(selected("$.store.book[*].tags.length()"), "[2,0]");
  EXPECT_EQ(selected("$..price.length()"), "4");
  EXPECT_EQ(selected("$..price.min()"), "8.95");
  EXPECT_EQ(selected("$.sum()", "[1,2,3]"), "6.0");
  EXPECT_EQ(selected("$.avg()", "[1,2]"), "1.5");
  EXPECT_EQ(selected("$.stddev()", "[1,3]"), "1.0");
  EXPECT_EQ(selected("$.store.bicycle.keys()"), R"(["color","price"])");
  EXPECT_EQ(selected("$.concat('c')", R"(["a","b"])"), R"("abc")");
  EXPECT_EQ(selected("$.append(3)", "[1]"), "[1,3]");
  EXPECT_EQ(selected("$.max()", "[]"), "Aggregation function attempted to calculate value using empty array");
}

TEST(JsonPath, SaysInJaywaysWordsWhereADefinitePathLeadsNowhere) {
  EXPECT_EQ(selected("$.no", "{}"), "No results for path: $['no']");
  EXPECT_EQ(selected("$.no.such.path", "{}"), "Missing property in path $['no']");
  EXPECT_EQ(selected("$.a.b", R"({"a":1})"),
            "Expected to find an object with property ['b'] in path $['a'] but found "
            "'com.fasterxml.jackson.databind.node.IntNode'. This is not a json object according to the JsonProvider: "
            "'com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider'.");
  EXPECT_EQ(selected("$.a[0]", R"({"a":{"b":1}})"),
            R"(Filter: [0] can only be applied to arrays. Current context is: {"b":1})");
}

TEST(JsonPath, SelectsNothingWhereAnIndefinitePathLeadsNowhere) {
  for (const char* path : {"$.item.items[*]", "$.items[1:5].itemValue", "$.items[?(@.a)]", "$.a..b"})
    EXPECT_EQ(selected(path, "{}"), "[]") << path;
}

TEST(JsonPath, TakesAnItemBehindTheEndForNullOrForNothing) {
  const JsonPath path = must(JsonPath::parse("$.items[5]"));
  const Value root = parsed(R"({"items":[1]})");
  EXPECT_EQ(must(path.select(root)), Value());
  EXPECT_EQ(must(path.find(root)), std::nullopt);
  EXPECT_EQ(must(must(JsonPath::parse("$.items[0]")).find(root)), Value(1));
}

TEST(JsonPath, PutsAValueWhereAReferencePathLeads) {
  const auto put = [](std::string_view path, std::string_view root) {
    const auto result = must(JsonPath::parse(path)).put(parsed(root), Value("new"));
    return result ? to_text(*result) : result.error().name() + ": " + result.error().message();
  };
  EXPECT_EQ(put("$", "{}"), R"("new")");
  EXPECT_EQ(put("$.a.b", R"({"z":1,"a":{"c":2}})"), R"({"z":1,"a":{"c":2,"b":"new"}})");
  EXPECT_EQ(put("$.a.b.c", "{}"), R"({"a":{"b":{"c":"new"}}})");
  EXPECT_EQ(put("$.a[1]", R"({"a":[1,2,3]})"), R"({"a":[1,"new",3]})");
  EXPECT_EQ(put("$.a[3].b", R"({"a":[1,2,3]})"), R"({"a":[1,2,3,{"b":"new"}]})");
  EXPECT_EQ(put("$.a", "[1]"), "States.ReferencePathConflict: Unable to apply step \"a\" to input [1]");
  EXPECT_EQ(put("$.a.b", R"({"a":1})"), "States.ReferencePathConflict: Unable to apply step \"b\" to input 1");
}

TEST(JsonPath, LeavesTheValueAsItWasThatItPutsInto) {
  const Value root = parsed(R"({"a":{"b":1}})");
  static_cast<void>(must(must(JsonPath::parse("$.a.b")).put(root, Value(2))));
  EXPECT_EQ(root, parsed(R"({"a":{"b":1}})"));
}

TEST(JsonPath, TellsReferencePathsFromOthers) {
  for (const char* path : {"$", "$.a", "$.a.b[0]", "$['a']['b c']"})
    EXPECT_TRUE(must(JsonPath::parse(path)).is_reference()) << path;
  for (const char* path : {"$.a[*]", "$.*", "$..a", "$.a[1:]", "$[?(@.a)]", "$['a','b']", "$.a[-1]", "$.a.length()"})
    EXPECT_FALSE(must(JsonPath::parse(path)).is_reference()) << path;
}

TEST(JsonPath, RefusesWhatIsNoPathSayingWhere) {
  for (const char* path : {"",
                           "a",
                           "$a",
                           "$.",
                           "$..",
                           "$...a",
                           "$.a b",
                           "$[",
                           "$[]",
                           "$['a'",
                           "$['a]",
                           "$['a',]",
                           "$[1,]",
                           "$[a]",
                           "$[:]",
                           "$[1:2:3:4]",
                           "$[?@.a]",
                           "$[?()]",
                           "$[?(@.a ==)]",
                           "$[?(1)]",
                           "$[?(@.a == 1]",
                           "$[?(@.a =~ 'x')]",
                           "$[?(@.a =~ /(/)]",
                           "$.a.nofunction()",
                           "$.a.length(",
                           "$[99999999999]",
                           "$[(@.length-1)]",
                           "$.a]b["}) {
    const auto parse = JsonPath::parse(path);
    ASSERT_FALSE(parse) << path;
    EXPECT_EQ(parse.error().code(), Code::invalid_input) << path;
    EXPECT_TRUE(parse.error().message().starts_with("byte ")) << parse.error().message();
  }
}

TEST(JsonPath, BoundsItsWork) {
  std::string path = "$";
  for (int i = 0; i < 12; ++i) path += "..*";
  const auto value = must(JsonPath::parse(path)).select(parsed(std::string(200, '[') + std::string(200, ']')));
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code(), Code::limit_exceeded);
  EXPECT_FALSE(JsonPath::parse("$" + std::string(100'000, '.')));
  std::string nested = "@.a";
  for (int i = 0; i < 40; ++i) nested = "@[?(" + nested + ")]";
  EXPECT_FALSE(JsonPath::parse("$[?(" + nested + ")]"));
}

}  // namespace
}  // namespace tillite::testing
