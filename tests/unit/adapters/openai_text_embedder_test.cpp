#include "adapters/openai/openai_text_embedder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "base/base64.h"
#include "support/must.h"
#include "support/scripted_openai.h"

namespace tillite::testing {
namespace {

using Texts = std::vector<std::string>;
using Vector = std::vector<float>;

class OpenAiTextEmbedderTest : public ::testing::Test {
 protected:
  OpenAiTextEmbedderTest() {
    for (const char* proxy : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) ::unsetenv(proxy);
  }
  static Json entry(int index, const Json& embedding) {
    return {{"object", "embedding"}, {"index", index}, {"embedding", embedding}};
  }
  static std::string base64(const Vector& vector) { return base64_of(std::as_bytes(std::span(vector))); }
  void answer(const std::vector<Json>& data) { api.on("POST /embeddings", ScriptedOpenAi::json({{"data", data}})); }
  Json request(std::size_t number = 0) { return Json::parse(api.requests().at(number).body); }

  ScriptedOpenAi api;
  OpenAiClient client{api.settings(), api.clock, api.random, Logger::none(), {}};
  OpenAiTextEmbedder embedder{client};
};

TEST_F(OpenAiTextEmbedderTest, PutsTheVectorsInTheOrderOfTheTexts) {
  answer({entry(1, base64({0, 1})), entry(0, base64({1, 0}))});
  EXPECT_EQ(must(embedder.embed("some-model", 2, Texts{"a", "b"})), (std::vector<Vector>{{1, 0}, {0, 1}}));
  EXPECT_EQ(request(), (Json{{"model", "some-model"}, {"input", {"a", "b"}}, {"encoding_format", "base64"}}));
}

TEST_F(OpenAiTextEmbedderTest, TakesNumbersToo) {
  answer({entry(0, {0.5, -1})});
  EXPECT_EQ(must(embedder.embed("some-model", 2, Texts{"a"})), (std::vector<Vector>{{0.5, -1}}));
}

TEST_F(OpenAiTextEmbedderTest, AsksForDimensionsOnlyWhereTheModelTakesThem) {
  const std::vector<std::tuple<std::string, std::size_t, bool>> cases = {{"text-embedding-3-small", 1536, true},
                                                                         {"text-embedding-3-large", 256, true},
                                                                         {"text-embedding-ada-002", 1536, false},
                                                                         {"nomic-embed-text", 768, false}};
  answer({entry(0, Json::array())});
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& [model, dimensions, asks] = cases[i];
    EXPECT_EQ(embedder.embed(model, dimensions, Texts{"a"}).error().code(), Code::corrupt) << "an empty vector";
    EXPECT_EQ(request(i).value("dimensions", std::size_t{0}), asks ? dimensions : 0) << model << " " << dimensions;
  }
}

TEST_F(OpenAiTextEmbedderTest, RefusesWhatTheProviderWould) {
  EXPECT_EQ(embedder.embed("m", 2, Texts{}).error().code(), Code::invalid_input);
  EXPECT_EQ(embedder.embed("m", 2, Texts{"a", ""}).error().code(), Code::invalid_input);
  EXPECT_EQ(embedder.embed("m", 2, Texts{"\xff"}).error().code(), Code::invalid_input);
  EXPECT_EQ(embedder.embed("m", 2, Texts(TextEmbedder::kTextsMax + 1, "a")).error().code(), Code::invalid_input);
  EXPECT_TRUE(api.requests().empty());
}

TEST_F(OpenAiTextEmbedderTest, MakesSeveralCallsOfWhatIsMoreThanOneTakes) {
  answer({entry(0, base64({1, 0})), entry(1, base64({2, 0}))});
  answer({entry(0, base64({3, 0}))});
  const std::string long_text(150'000, 'x');
  EXPECT_EQ(must(embedder.embed("m", 2, Texts{long_text, long_text, "y"})),
            (std::vector<Vector>{{1, 0}, {2, 0}, {3, 0}}));
  EXPECT_EQ(request(1).at("input"), Json({"y"}));
}

TEST_F(OpenAiTextEmbedderTest, WhatIsNoVectorForEachTextIsCorrupt) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<Json> answers = {Json::array(),
                                     Json::array({entry(0, {1, 0})}),
                                     {entry(0, {1, 0}), entry(0, {1, 0})},
                                     {entry(0, {1, 0}), entry(2, {1, 0})},
                                     {entry(0, {1, 0}), entry(-1, {1, 0})},
                                     {entry(0, {1, 0}), entry(1, {1})},
                                     {entry(0, {1, 0}), entry(1, {1, 0, 0})},
                                     {entry(0, {1, 0}), entry(1, {0, 0})},
                                     {entry(0, {1, 0}), entry(1, {1, "x"})},
                                     {entry(0, {1, 0}), entry(1, {1e300, 0})},
                                     {entry(0, {1, 0}), entry(1, base64({nan, 0}))},
                                     {entry(0, {1, 0}), entry(1, "AAA=")},
                                     {entry(0, {1, 0}), entry(1, "no base64")},
                                     {entry(0, {1, 0}), entry(1, nullptr)},
                                     {entry(0, {1, 0}), 7},
                                     "text",
                                     nullptr};
  for (const Json& data : answers) {
    ScriptedOpenAi other;
    other.on("POST /embeddings", ScriptedOpenAi::json({{"data", data}}));
    auto other_client = other.client(other.settings());
    const auto refused = OpenAiTextEmbedder(other_client).embed("m", 2, Texts{"a", "b"});
    ASSERT_FALSE(refused) << data;
    EXPECT_EQ(refused.error().code(), Code::corrupt) << data << refused.error().message();
  }
}

TEST_F(OpenAiTextEmbedderTest, IsRepeatedAndRefusedAsEveryCall) {
  api.on("POST /embeddings", {.status = 500});
  answer({entry(0, {1, 0})});
  EXPECT_TRUE(embedder.embed("m", 2, Texts{"a"}));
  api.on("POST /embeddings", ScriptedOpenAi::refusal(404, "model_not_found", "The model `m` does not exist"));
  EXPECT_TRUE(embedder.embed("m", 2, Texts{"a"}));
  EXPECT_EQ(embedder.embed("m", 2, Texts{"a"}).error().code(), Code::not_found);
}

}  // namespace
}  // namespace tillite::testing
