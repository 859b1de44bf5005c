#include "embedding/model.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "embedding/input_limit.h"

namespace tillite {
namespace {

TEST(Dollars, AreReadAsTheyAreWritten) {
  EXPECT_EQ(parse_dollars("0.50").value(), Dollars{500'000});
  EXPECT_EQ(parse_dollars("12").value(), Dollars{12'000'000});
  EXPECT_EQ(parse_dollars("0.000001").value(), Dollars{1});
  EXPECT_EQ(dollars_text({500'000}), "0.50");
  EXPECT_EQ(dollars_text({12'000'000}), "12.00");
  EXPECT_EQ(dollars_text({4}), "0.000004");
  EXPECT_EQ(dollars_text({1'234'500}), "1.2345");
}

RC_GTEST_PROP(DollarsProperties, ComeBackFromTheirText, ()) {
  const Dollars amount{*rc::gen::inRange<std::int64_t>(0, 999'999'999'999'999)};
  RC_ASSERT(parse_dollars(dollars_text(amount)).value() == amount);
}

TEST(Dollars, WhatIsNoAmountIsRefused) {
  for (const char* text :
       {"", ".", "1.", ".5", "-1", "+1", "1e3", "0.0000001", "1234567890", "1,5", "0.5.0", "$1", " 1"}) {
    const auto amount = parse_dollars(text);
    ASSERT_FALSE(amount) << text;
    EXPECT_EQ(amount.error().code(), Code::invalid_input) << text;
  }
}

TEST(Dollars, ACostIsRoundedUpToAMillionth) {
  EXPECT_EQ(cost_of(1'000'000, {20'000}), Dollars{20'000});
  EXPECT_EQ(cost_of(1, {20'000}), Dollars{1});
  EXPECT_EQ(cost_of(0, {20'000}), Dollars{0});
  EXPECT_EQ(cost_of(3'000'000'000'000ULL, {130'000}), Dollars{390'000'000'000});
  EXPECT_EQ(cost_of(~0ULL, {1'000'000'000}).millionths, std::numeric_limits<std::int64_t>::max());
}

TEST(EmbeddingModels, KnowTheirPricesAndHalfOfThemInABatch) {
  const EmbeddingModel small = embedding_model("text-embedding-3-small");
  EXPECT_EQ(dollars_text(*small.price_per_million), "0.02");
  EXPECT_EQ(dollars_text(*small.batch_price_per_million()), "0.01");
  EXPECT_EQ(dollars_text(*embedding_model("text-embedding-3-large").batch_price_per_million()), "0.065");
  EXPECT_EQ(dollars_text(*embedding_model("text-embedding-ada-002").batch_price_per_million()), "0.05");
  EXPECT_EQ(small.input_tokens_max, 8191U);
}

TEST(EmbeddingModels, TheLocalEmbedderCostsNothingAndHasNoQueue) {
  const EmbeddingModel local = embedding_model("tillite-ngram-1");
  EXPECT_EQ(local.batch_price_per_million(), Dollars{0});
  EXPECT_FALSE(local.enqueued_tokens_max);
  EXPECT_TRUE(check_dimensions(local, 64));
}

TEST(EmbeddingModels, OfOneThatIsNotKnownThePriceIsNotKnown) {
  const EmbeddingModel other = embedding_model("nomic-embed-text");
  EXPECT_EQ(other.name, "nomic-embed-text");
  EXPECT_FALSE(other.price_per_million);
  EXPECT_FALSE(other.batch_price_per_million());
  EXPECT_TRUE(check_dimensions(other, 768));
}

TEST(EmbeddingModels, HaveDimensionsThatTheyCanGive) {
  EXPECT_TRUE(check_dimensions(embedding_model("text-embedding-3-small"), 512));
  EXPECT_FALSE(check_dimensions(embedding_model("text-embedding-3-small"), 3072));
  const auto fixed = check_dimensions(embedding_model("text-embedding-ada-002"), 512);
  ASSERT_FALSE(fixed);
  EXPECT_EQ(fixed.error().message(),
            "the vectors of text-embedding-ada-002 have 1536 dimensions, but 512 are asked for");
}

TEST(SentInputs, ATextWithinTheLimitIsSentWhole) {
  const SentInput sent = sent_input(cl100k_base(), "hello world", {.tokens_max = 2}).value();
  EXPECT_EQ(sent.fate, SentInput::Fate::whole);
  EXPECT_EQ(sent.text, "hello world");
  EXPECT_EQ(sent.tokens, 2U);
}

TEST(SentInputs, OfATextThatIsTooLongTheFrontIsSent) {
  const SentInput sent = sent_input(cl100k_base(), "hello world again", {.tokens_max = 2}).value();
  EXPECT_EQ(sent.fate, SentInput::Fate::cut);
  EXPECT_EQ(sent.text, "hello world");
  EXPECT_EQ(sent.tokens, 2U);
  EXPECT_EQ(sent.tokens_of_whole, 3U);
}

TEST(SentInputs, ATextThatIsTooLongIsRefusedIfSoTold) {
  const SentInput sent =
      sent_input(cl100k_base(), "hello world again", {.tokens_max = 2, .too_long = TooLong::refuse}).value();
  EXPECT_EQ(sent.fate, SentInput::Fate::refused);
  EXPECT_EQ(sent.tokens, 0U);
  EXPECT_EQ(sent.tokens_of_whole, 3U);
}

TEST(SentInputs, ACharacterThatIsLongerThanTheLimitIsRefused) {
  const SentInput sent = sent_input(cl100k_base(), "\U0001f9fe", {.tokens_max = 1}).value();
  EXPECT_EQ(sent.fate, SentInput::Fate::refused);
}

}  // namespace
}  // namespace tillite
