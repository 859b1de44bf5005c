#include "emulator/embeddings/embedding_request.h"

#include <gtest/gtest.h>

#include <cmath>

#include "emulator/embeddings/embedding_response.h"
#include "support/must.h"

namespace tillite::testing {
namespace {

class StringSink final : public ByteSink {
 public:
  Result<void> write(std::span<const std::byte> bytes) override {
    text += as_text(bytes);
    return {};
  }
  std::string text;
};

class EmbeddingRequestTest : public ::testing::Test {
 protected:
  ApiResult<EmbeddingRequest> parse(const Json& more) {
    Json body = {{"model", "text-embedding-3-small"}, {"input", "oat milk"}};
    if (more.is_object()) body.update(more);  // {} is null
    return parse_embedding_request(body, models_);
  }
  std::string complaint_about(const Json& more) {
    const auto request = parse(more);
    return request ? "" : request.error().message();
  }
  static Json answer_to(const EmbeddingRequest& request, VectorFault fault = VectorFault::none) {
    StringSink sink;
    must(write_embedding_response(request, fault, sink));
    return must(parse_json(sink.text, "the answer"));
  }

  ModelCatalog models_ = must(ModelCatalog::parse("text-embedding-3-small=1536,text-embedding-ada-002=4,own=16"));
};

TEST_F(EmbeddingRequestTest, TakesTextsAndTokens) {
  EXPECT_EQ(parse({})->tokens, 3U);
  EXPECT_EQ(parse({{"input", {"a", "b"}}})->inputs.size(), 2U);
  EXPECT_EQ(parse({{"input", {1, 2, 3}}})->tokens, 3U);
  EXPECT_EQ(parse({{"input", {1, 2, 3}}})->inputs.size(), 1U);
  EXPECT_EQ(parse({{"input", {{1, 2}, {3}}}})->inputs.size(), 2U);
  EXPECT_EQ(count_inputs({{"input", {1, 2, 3}}}), 1U);
  EXPECT_EQ(count_inputs({{"input", {"a", "b"}}}), 2U);
}

TEST_F(EmbeddingRequestTest, RefusesInputsThatOpenAiRefuses) {
  for (const Json& input : {Json(""), Json(Json::array()), Json({""}), Json(1), Json({"a", 1}), Json({{-1}}),
                            Json({100'277}), Json({Json::array()}), Json({{"a", 1}})}) {
    EXPECT_NE(complaint_about({{"input", input}}).find("'$.input' is invalid"), std::string::npos) << input;
  }
  EXPECT_EQ(complaint_about({{"input", nullptr}}), "Missing required parameter: 'input'.");
}

TEST_F(EmbeddingRequestTest, LimitsInputsAndTokens) {
  EXPECT_TRUE(parse({{"input", std::vector<int>(8191, 1)}}));
  EXPECT_NE(complaint_about({{"input", std::vector<int>(8192, 1)}}).find("you requested 8192 tokens"),
            std::string::npos);
  EXPECT_TRUE(parse({{"input", std::vector<std::string>(2048, "a")}}));
  EXPECT_NE(complaint_about({{"input", std::vector<std::string>(2049, "a")}}).find("maximum length 2048"),
            std::string::npos);
  EXPECT_EQ(complaint_about({{"input", std::vector<std::vector<int>>(37, std::vector<int>(8191, 1))}}),
            "Requested 303067 tokens, max 300000 tokens per request");
}

TEST_F(EmbeddingRequestTest, ChecksModelAndForm) {
  EXPECT_EQ(parse({{"model", "none"}}).error().status(), 404U);
  EXPECT_EQ(complaint_about({{"model", nullptr}}), "you must provide a model parameter");
  EXPECT_NE(complaint_about({{"model", 1}}).find("expected a string, but got an integer"), std::string::npos);
  EXPECT_NE(complaint_about({{"encoding_format", "hex"}}).find("'float' and 'base64'"), std::string::npos);
  EXPECT_NE(complaint_about({{"dimensions", 1537}}).find("less than or equal to 1536"), std::string::npos);
  EXPECT_NE(complaint_about({{"dimensions", 0}}).find(">= 1, but got 0"), std::string::npos);
  EXPECT_NE(complaint_about({{"dimensions", "8"}}).find("expected an integer"), std::string::npos);
  EXPECT_NE(complaint_about({{"model", "text-embedding-ada-002"}, {"dimensions", 2}}).find("does not support"),
            std::string::npos);
  EXPECT_TRUE(parse({{"model", "own"}, {"dimensions", 2}}));
}

TEST_F(EmbeddingRequestTest, AnswersAVectorOfUnitLengthForEachInput) {
  const Json answer = answer_to(*parse({{"input", {"oat milk", "bread"}}, {"dimensions", 64}}));
  EXPECT_EQ(answer.at("object"), "list");
  EXPECT_EQ(answer.at("model"), "text-embedding-3-small");
  EXPECT_EQ(answer.at("usage").at("total_tokens"), 4);
  ASSERT_EQ(answer.at("data").size(), 2U);
  EXPECT_EQ(answer.at("data").at(1).at("index"), 1);
  double square = 0;
  for (const Json& number : answer.at("data").at(0).at("embedding")) square += std::pow(number.get<double>(), 2);
  EXPECT_NEAR(square, 1, 1e-6);
}

TEST_F(EmbeddingRequestTest, SpoilsVectorsOnPurpose) {
  const auto request = parse({{"encoding_format", "base64"}, {"dimensions", 3}});
  EXPECT_EQ(answer_to(*request).at("data").at(0).at("embedding").get<std::string>().size(), 16U);
  const Json longer = answer_to(*request, VectorFault::wrong_dimensions);
  EXPECT_EQ(longer.at("data").at(0).at("embedding").get<std::string>().size(), 24U);
  EXPECT_NE(answer_to(*request, VectorFault::not_a_number), answer_to(*request));
}

TEST(ModelCatalogTest, SaysWhichModelIsWrong) {
  for (const char* wrong : {"", "a", "a=", "=5", "a=0", "a=x", "a=5,a=6", "a=99999"}) {
    EXPECT_FALSE(ModelCatalog::parse(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace tillite::testing
