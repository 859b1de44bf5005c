// What every TextEmbedder must do. Another adapter joins by one more line at the end.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <thread>

#include "adapters/openai/openai_text_embedder.h"
#include "embedding/embedded_text_embedder.h"
#include "support/must.h"
#include "support/served_emulator.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

using Texts = std::vector<std::string>;

constexpr std::size_t kDimensions = 64;

/// An embedder with what it stands on, of one model with kDimensions.
struct EmbedderUnderTest {
  virtual ~EmbedderUnderTest() = default;
  virtual TextEmbedder& embedder() = 0;
  [[nodiscard]] virtual std::string model() const = 0;
};

using MakeEmbedder = std::function<std::unique_ptr<EmbedderUnderTest>(const TempFolder&)>;

class TextEmbedderContract : public ::testing::TestWithParam<MakeEmbedder> {
 protected:
  Result<std::vector<std::vector<float>>> embed(const Texts& texts) {
    return test->embedder().embed(test->model(), kDimensions, texts);
  }

  TempFolder folder;
  std::unique_ptr<EmbedderUnderTest> test = GetParam()(folder);
};

TEST_P(TextEmbedderContract, GivesAVectorForEachTextInTheirOrder) {
  const auto vectors = must(embed({"oat milk", "whole wheat bread", "oat milk"}));
  ASSERT_EQ(vectors.size(), 3U);
  EXPECT_EQ(vectors[0], vectors[2]);
  EXPECT_NE(vectors[0], vectors[1]);
  EXPECT_EQ(must(embed({"whole wheat bread"})).front(), vectors[1]);
  for (const auto& vector : vectors) {
    ASSERT_EQ(vector.size(), kDimensions);
    EXPECT_TRUE(std::ranges::all_of(vector, [](float number) { return std::isfinite(number); }));
    EXPECT_TRUE(std::ranges::any_of(vector, [](float number) { return number != 0; }));
  }
}

TEST_P(TextEmbedderContract, TakesAsManyTextsAsItPromises) {
  Texts texts;
  for (std::size_t i = 0; i < TextEmbedder::kTextsMax; ++i) texts.push_back("text " + std::to_string(i));
  const auto vectors = must(embed(texts));
  ASSERT_EQ(vectors.size(), texts.size());
  EXPECT_EQ(must(embed({texts.back()})).front(), vectors.back());
  texts.emplace_back("one more");
  EXPECT_EQ(embed(texts).error().code(), Code::invalid_input);
}

TEST_P(TextEmbedderContract, RefusesNoTextAndEmptyOnes) {
  EXPECT_EQ(embed({}).error().code(), Code::invalid_input);
  EXPECT_EQ(embed({""}).error().code(), Code::invalid_input);
  EXPECT_EQ(embed({"milk", ""}).error().code(), Code::invalid_input);
}

TEST_P(TextEmbedderContract, TakesTextsInAnyScript) {
  EXPECT_EQ(must(embed({"Müsli \"süß\"\n\\", "牛乳", "🥛", "\x01"})).size(), 4U);
}

TEST_P(TextEmbedderContract, AModelThatIsNotThereIsAnError) {
  const Texts texts = {"milk"};
  const auto refused = test->embedder().embed("no-such-model", kDimensions, texts);
  ASSERT_FALSE(refused);
  EXPECT_FALSE(refused.error().retryable()) << refused.error().message();
}

TEST_P(TextEmbedderContract, ServesManyThreads) {
  const auto expected = must(embed({"oat milk"}));
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 5; ++j) EXPECT_EQ(must(embed({"oat milk"})), expected);
    });
  }
}

class EmbeddedUnderTest final : public EmbedderUnderTest {
 public:
  TextEmbedder& embedder() override { return texts_; }
  std::string model() const override { return std::string(embedder_.model()); }

 private:
  NgramEmbedder embedder_{kDimensions};
  EmbeddedTextEmbedder texts_{embedder_};
};

/// Over HTTP.
class OpenAiUnderTest final : public EmbedderUnderTest {
 public:
  explicit OpenAiUnderTest(const TempFolder& folder) : emulator_(folder.path(), model() + "=64") {}
  TextEmbedder& embedder() override { return texts_; }
  std::string model() const override { return "text-embedding-3-small"; }

 private:
  ServedEmulator emulator_;
  OpenAiTextEmbedder texts_{emulator_.client()};
};

INSTANTIATE_TEST_SUITE_P(Embedded, TextEmbedderContract, ::testing::Values(MakeEmbedder([](const TempFolder&) {
                           return std::make_unique<EmbeddedUnderTest>();
                         })));
INSTANTIATE_TEST_SUITE_P(OpenAi, TextEmbedderContract, ::testing::Values(MakeEmbedder([](const TempFolder& folder) {
                           return std::make_unique<OpenAiUnderTest>(folder);
                         })));

}  // namespace
}  // namespace tillite::testing
