#include "vectors/records/where.h"

#include <gtest/gtest.h>

namespace tillite {
namespace {

const Json kMetadata = {{"merchant_name", "Corner Pantry"}, {"receipt_id", 3}, {"confidence", 0.9}, {"is_total", true}};

bool matches(const std::string& where, const std::string& document_filter = "null") {
  const auto parsed = Where::parse(Json::parse(where), Json::parse(document_filter));
  EXPECT_TRUE(parsed) << where << ": " << parsed.error().message();
  return parsed->matches(kMetadata, "OAT MILK 2.19");
}

TEST(Where, ComparesTextsNumbersAndTruths) {
  EXPECT_TRUE(matches(R"({"merchant_name": "Corner Pantry"})"));
  EXPECT_TRUE(matches(R"({"receipt_id": {"$eq": 3}})"));
  EXPECT_TRUE(matches(R"({"confidence": {"$gt": 0.8, "$lte": 0.9}})"));
  EXPECT_TRUE(matches(R"({"is_total": true})"));
  EXPECT_FALSE(matches(R"({"receipt_id": "3"})"));
  EXPECT_FALSE(matches(R"({"receipt_id": {"$lt": 3}})"));
  EXPECT_TRUE(matches(R"({"receipt_id": {"$in": [1, 3]}})"));
  EXPECT_FALSE(matches(R"({"receipt_id": {"$nin": [1, 3]}})"));
}

TEST(Where, NotEqualAlsoMatchesRecordsWithoutTheField) {
  EXPECT_TRUE(matches(R"({"section_label": {"$ne": "TOTALS"}})"));
  EXPECT_FALSE(matches(R"({"section_label": "TOTALS"})"));
}

TEST(Where, CombinesRules) {
  EXPECT_TRUE(
      matches(R"({"$and": [{"receipt_id": 3}, {"$or": [{"is_total": false}, {"confidence": {"$gte": 0.5}}]}]})"));
  EXPECT_FALSE(matches(R"({"receipt_id": 3, "is_total": false})"));
}

TEST(Where, FindsPartsOfTheDocument) {
  EXPECT_TRUE(matches("null", R"({"$contains": "MILK"})"));
  EXPECT_FALSE(matches("null", R"({"$contains": "milk"})"));
  EXPECT_TRUE(matches("null", R"({"$and": [{"$contains": "OAT"}, {"$not_contains": "BREAD"}]})"));
}

TEST(Where, SaysWhatIsWrong) {
  const auto reason = [](const char* where, const char* document_filter = "null") {
    const auto parsed = Where::parse(Json::parse(where), Json::parse(document_filter));
    EXPECT_FALSE(parsed) << where;
    return parsed ? std::string() : parsed.error().message();
  };
  EXPECT_NE(reason(R"({"a": {"$like": "x"}})").find("there is no operator '$like'"), std::string::npos);
  EXPECT_NE(reason(R"({"$xor": []})").find("there is no '$xor'"), std::string::npos);
  EXPECT_NE(reason(R"({"a": {"$gt": "x"}})").find("takes a number"), std::string::npos);
  EXPECT_NE(reason(R"({"a": {"$in": []}})").find("takes a list"), std::string::npos);
  EXPECT_NE(reason(R"({})").find("must be an object with one field"), std::string::npos);
  EXPECT_NE(reason("null", R"({"$contains": ""})").find("not empty"), std::string::npos);
}

TEST(Where, NamesTheLimitsOfItsSize) {
  const auto reason = [](const Json& where, const Json& where_document = nullptr) {
    const auto parsed = Where::parse(where, where_document);
    if (parsed) return std::string();
    EXPECT_EQ(parsed.error().code(), Code::invalid_input);
    return parsed.error().message();
  };
  const auto fields = [](int count) {
    Json where;
    for (int i = 0; i < count; ++i) where[fmt::format("field{}", i)] = i;
    return where;
  };
  EXPECT_EQ(reason(fields(1'000)), "");
  EXPECT_NE(reason(fields(1'001)).find("more than 1000 comparisons"), std::string::npos);
  EXPECT_NE(reason(fields(1'000), {{"$contains", "x"}}).find("more than 1000 comparisons"), std::string::npos);
  const auto lists = [](std::size_t values) {
    Json where = {{"$or", Json::array()}};
    for (; values > 0; values -= std::min<std::size_t>(values, 1'000)) {
      where["$or"].push_back({{"n", {{"$nin", std::vector<int>(std::min<std::size_t>(values, 1'000), 1)}}}});
    }
    return where;
  };
  EXPECT_EQ(reason(lists(15'000)), "");
  EXPECT_NE(reason(lists(15'001)).find("more than 15000 values in all"), std::string::npos);
}

}  // namespace
}  // namespace tillite
