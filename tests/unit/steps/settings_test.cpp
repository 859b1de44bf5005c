#include "steps/settings.h"

#include <gtest/gtest.h>

#include <map>

#include "support/must.h"

namespace tillite::testing {
namespace {

Result<Settings> settings_of(const std::map<std::string, std::string>& variables) {
  return read_settings(
      [&](const std::string& name) {
        const auto variable = variables.find(name);
        return variable == variables.end() ? std::nullopt : std::optional(variable->second);
      },
      "model");
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

TEST(Settings, TwoStepsAtATimeCallTheProviderUnlessToldOtherwise) {
  EXPECT_EQ(must(settings_of({})).provider_calls_max, 2U);
  EXPECT_EQ(must(settings_of({{"PROVIDER_CALLS_MAX", "16"}})).provider_calls_max, 16U);
  for (const char* value : {"0", "65", "all"}) {
    const auto settings = settings_of({{"PROVIDER_CALLS_MAX", value}});
    ASSERT_FALSE(settings) << value;
    EXPECT_NE(settings.error().message().find("PROVIDER_CALLS_MAX"), std::string::npos);
  }
}

}  // namespace
}  // namespace tillite::testing
