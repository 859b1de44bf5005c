#include "steps/settings.h"

#include <gtest/gtest.h>

#include <map>

#include "steps/batches/model_facts.h"
#include "support/must.h"

namespace tillite::testing {
namespace {

Result<Settings> settings_of(const std::map<std::string, std::string>& variables,
                             const std::set<std::string>& models_in_use = {}) {
  return read_settings(
      [&](const std::string& name) {
        const auto variable = variables.find(name);
        return variable == variables.end() ? std::nullopt : std::optional(variable->second);
      },
      "model", models_in_use);
}

TEST(Settings, CompactionBeginsAt25Deltas16MegabytesOr15MinutesUnlessToldOtherwise) {
  const CompactionThresholds usual = must(settings_of({})).compaction;
  EXPECT_EQ(usual.deltas, 25U);
  EXPECT_EQ(usual.bytes, 16U << 20);
  EXPECT_EQ(usual.age_ms, 900'000);
  const CompactionThresholds told =
      must(settings_of(
               {{"COMPACTION_MIN_DELTAS", "3"}, {"COMPACTION_MIN_BYTES", "1M"}, {"COMPACTION_MAX_AGE_SECONDS", "60"}}))
          .compaction;
  EXPECT_EQ(told.deltas, 3U);
  EXPECT_EQ(told.bytes, 1U << 20);
  EXPECT_EQ(told.age_ms, 60'000);
}

TEST(Settings, AMergeIsSequentialWhereMemoryIsBelow512MegabytesUnlessToldOtherwise) {
  const auto threads = [](const std::map<std::string, std::string>& variables) {
    return must(settings_of(variables)).graph.threads;
  };
  EXPECT_EQ(threads({{"TILLITE_MEMORY_BYTES", "512M"}}), 0U);
  EXPECT_EQ(threads({{"TILLITE_MEMORY_BYTES", "511M"}}), 1U);
  EXPECT_EQ(threads({{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"}}), 1U);
  EXPECT_EQ(threads({{"TILLITE_MEMORY_BYTES", "511M"}, {"USE_SEQUENTIAL_PROCESSING", "false"}}), 0U);
  EXPECT_EQ(threads({{"TILLITE_MEMORY_BYTES", "2G"}, {"USE_SEQUENTIAL_PROCESSING", "true"}}), 1U);
  EXPECT_NE(settings_of({{"USE_SEQUENTIAL_PROCESSING", "yes"}}).error().message().find("USE_SEQUENTIAL_PROCESSING"),
            std::string::npos);
}

TEST(Settings, AThresholdThatCannotBeUsedIsNamed) {
  for (const char* name : {"COMPACTION_MIN_DELTAS", "COMPACTION_MIN_BYTES", "COMPACTION_MAX_AGE_SECONDS"}) {
    for (const char* value : {"0", "-1", "many", "99999999999999999999999"}) {
      const auto settings = settings_of({{name, value}});
      ASSERT_FALSE(settings) << name << value;
      EXPECT_EQ(settings.error().code(), Code::invalid_input);
      EXPECT_NE(settings.error().message().find(name), std::string::npos) << settings.error().message();
    }
  }
}

TEST(Settings, BatchesMayBeSmallOrLargeOrOfAnySize) {
  EXPECT_EQ(must(settings_of({})).batch.items_max, 300U);
  EXPECT_EQ(must(settings_of({{"BATCH_ITEMS_MAX", "small"}})).batch.items_max, 300U);
  EXPECT_EQ(must(settings_of({{"BATCH_ITEMS_MAX", "large"}})).batch.items_max, 50'000U);
  EXPECT_EQ(must(settings_of({{"BATCH_ITEMS_MAX", "100"}})).batch.items_max, 100U);
  EXPECT_FALSE(settings_of({{"BATCH_ITEMS_MAX", "huge"}}));
}

TEST(Settings, WhatIsKnownOfAModelCanBeSaidOtherwise) {
  const Settings known = must(settings_of({{"EMBEDDING_MODEL", "text-embedding-3-large"}}));
  EXPECT_EQ(known.dimensions, 3072U);
  const std::string large = "text-embedding-3-large";
  EXPECT_EQ(facts_of(large, known).price_per_million, Dollars{130'000});
  EXPECT_EQ(batch_limits_of(large, known).tokens_max, 3'000'000U) << "no batch is larger than the queue";
  const Settings told = must(settings_of({{"EMBEDDING_MODEL", "text-embedding-3-large"},
                                          {"EMBEDDING_DIMENSIONS", "256"},
                                          {"EMBEDDING_PRICE_PER_MILLION", "0.05"},
                                          {"EMBEDDING_INPUT_TOKENS_MAX", "512"},
                                          {"EMBEDDING_TOO_LONG", "refuse"},
                                          {"OPENAI_ENQUEUED_TOKENS_MAX", "20000000"},
                                          {"BATCH_TOKENS_MAX", "1000000"}}));
  EXPECT_EQ(told.dimensions, 256U);
  EXPECT_EQ(facts_of(large, told).price_per_million, Dollars{50'000});
  EXPECT_EQ(input_limit_of(large, told).tokens_max, 512U);
  EXPECT_EQ(input_limit_of(large, told).too_long, TooLong::refuse);
  EXPECT_EQ(facts_of(large, told).enqueued_tokens_max, 20'000'000U);
  EXPECT_EQ(batch_limits_of(large, told).tokens_max, 1'000'000U);
}

TEST(Settings, WhatIsSaidOfTheNamedModelIsNotSaidOfAnother) {
  const Settings told = must(settings_of({{"EMBEDDING_MODEL", "text-embedding-3-large"},
                                          {"EMBEDDING_PRICE_PER_MILLION", "0.05"},
                                          {"EMBEDDING_INPUT_TOKENS_MAX", "512"},
                                          {"OPENAI_ENQUEUED_TOKENS_MAX", "1000"}}));
  const std::string small = "text-embedding-3-small";
  EXPECT_EQ(facts_of(small, told).price_per_million, Dollars{20'000});
  EXPECT_EQ(input_limit_of(small, told).tokens_max, 8191U);
  EXPECT_EQ(batch_limits_of(small, told).tokens_max, 3'000'000U);
  EXPECT_EQ(batch_limits_of("text-embedding-3-large", told).tokens_max, 1000U);
}

TEST(Settings, WithoutANamedModelWhatIsSaidIsSaidOfEveryOne) {
  const Settings told = must(settings_of({{"EMBEDDING_MODEL", ""}, {"EMBEDDING_PRICE_PER_MILLION", "0.05"}}));
  EXPECT_EQ(told.model, "model") << "an empty variable says nothing";
  for (const char* model : {"model", "text-embedding-3-large"}) {
    EXPECT_EQ(facts_of(model, told).price_per_million, Dollars{50'000}) << model;
  }
}

TEST(Settings, WhatAModelCannotGiveOrASettingCannotBeIsNamed) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"EMBEDDING_DIMENSIONS", "512"}, {"EMBEDDING_PRICE_PER_MILLION", "cheap"}, {"EMBEDDING_INPUT_TOKENS_MAX", "0"},
      {"EMBEDDING_TOO_LONG", "split"}, {"OPENAI_ENQUEUED_TOKENS_MAX", "-1"},     {"BATCH_TOKENS_MAX", "0"},
      {"BATCH_ITEMS_MAX", "50001"}};
  for (const auto& [name, value] : wrong) {
    const auto settings = settings_of({{"EMBEDDING_MODEL", "text-embedding-ada-002"}, {name, value}});
    ASSERT_FALSE(settings) << name;
    EXPECT_EQ(settings.error().code(), Code::invalid_input);
    EXPECT_NE(settings.error().message().find(name), std::string::npos) << settings.error().message();
  }
}

TEST(Settings, AFewStepsAtATimeCallTheProviderUnlessToldOtherwise) {
  EXPECT_EQ(must(settings_of({{"EMBEDDING_MODEL", "tillite-ngram-1"}})).provider_calls_max, 2U)
      << "the local embedder uses the cores that there are";
  EXPECT_EQ(must(settings_of({{"EMBEDDING_MODEL", "text-embedding-3-small"}})).provider_calls_max, 8U);
  EXPECT_EQ(must(settings_of({{"EMBEDDING_MODEL", "tillite-ngram-1"}}, {"text-embedding-3-small"})).provider_calls_max,
            8U)
      << "another collection's model counts, too";
  EXPECT_EQ(must(settings_of({{"PROVIDER_CALLS_MAX", "16"}})).provider_calls_max, 16U);
  for (const char* value : {"0", "65", "all"}) {
    const auto settings = settings_of({{"PROVIDER_CALLS_MAX", value}});
    ASSERT_FALSE(settings) << value;
    EXPECT_NE(settings.error().message().find("PROVIDER_CALLS_MAX"), std::string::npos);
  }
}

}  // namespace
}  // namespace tillite::testing
