#include "adapters/remote/retries.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/seeded_random.h"

namespace tillite::testing {
namespace {

constexpr std::int64_t kNowMs = 1'784'000'000'000;  // Tue, 14 Jul 2026 03:33:20 GMT

std::optional<std::int64_t> asked(HttpHeaders headers) {
  return asked_pause_ms({.status = 429, .headers = std::move(headers), .body = {}}, kNowMs);
}

TEST(AskedPause, IsRetryAfterInSecondsOrAsADate) {
  EXPECT_EQ(asked({{"retry-after", "7"}}), 7000);
  EXPECT_EQ(asked({{"retry-after", "0.25"}}), 250);
  EXPECT_EQ(asked({{"retry-after", "0"}}), 0);
  EXPECT_EQ(asked({{"retry-after", "Tue, 14 Jul 2026 03:34:00 GMT"}}), 40'000);
  EXPECT_EQ(asked({{"retry-after", "Tue, 14 Jul 2026 03:33:00 GMT"}}), 0) << "a date that has passed";
}

TEST(AskedPause, IsRetryAfterMsBeforeAnythingElse) {
  EXPECT_EQ(asked({{"retry-after", "7"}, {"retry-after-ms", "1500"}}), 1500);
  EXPECT_EQ(asked({{"retry-after", "7"}, {"retry-after-ms", "soon"}}), 7000);
}

TEST(AskedPause, IsNothingIfItCannotBeRead) {
  EXPECT_EQ(asked({}), std::nullopt);
  for (const char* text : {"", "soon", "-1", "nan", "inf", "1e300", "7 seconds", "99999999999999999999"}) {
    EXPECT_EQ(asked({{"retry-after", text}}), std::nullopt) << text;
  }
}

TEST(WaitTime, HasTheUnitsThatServersUse) {
  EXPECT_EQ(parse_wait_ms("20ms"), 20);
  EXPECT_EQ(parse_wait_ms("1s"), 1000);
  EXPECT_EQ(parse_wait_ms("6m0s"), 360'000);
  EXPECT_EQ(parse_wait_ms("1h2m3.5s"), 3'723'500);
  EXPECT_EQ(parse_wait_ms("1d"), 86'400'000);
  for (const char* text : {"", "1", "s", "1s2", "-1s", "1 s", "1w", "s1", "1e5s", "99999999999999h"}) {
    EXPECT_EQ(parse_wait_ms(text), std::nullopt) << text;
  }
}

TEST(JitteredPause, IsAnythingUpToABoundThatDoublesAndEnds) {
  const RetryPolicy policy{.first_pause_ms = 100, .pause_ms_max = 1000};
  SeededRandom random;
  const std::vector<std::int64_t> bounds = {100, 200, 400, 800, 1000, 1000};
  for (int attempt = 2; attempt < 8; ++attempt) {
    std::vector<std::int64_t> pauses;
    for (int i = 0; i < 500; ++i) pauses.push_back(jittered_pause_ms(policy, attempt, random));
    const std::int64_t bound = bounds[static_cast<std::size_t>(attempt) - 2];
    EXPECT_GE(std::ranges::min(pauses), 0);
    EXPECT_LE(std::ranges::max(pauses), bound);
    EXPECT_LT(std::ranges::min(pauses), bound / 10);
    EXPECT_GT(std::ranges::max(pauses), bound * 9 / 10);
  }
  EXPECT_LE(jittered_pause_ms(policy, 1'000'000, random), 1000);
}

TEST(RetryBudget, IsUsedUpByRetriesAndFilledBySuccesses) {
  RetryBudget budget(3, 0.5);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take());
  budget.note_success();
  EXPECT_FALSE(budget.take());
  budget.note_success();
  EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take());
  for (int i = 0; i < 100; ++i) budget.note_success();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take()) << "it never holds more than it began with";
}

}  // namespace
}  // namespace tillite::testing
