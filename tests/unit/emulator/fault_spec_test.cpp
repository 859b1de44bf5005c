#include "emulator/faults/fault_spec.h"

#include <gtest/gtest.h>

#include <map>

#include "emulator/latency.h"

namespace tillite::testing {
namespace {

std::string complaint_about(std::string_view text) {
  const auto spec = FaultSpec::parse(text);
  return spec ? "" : spec.error().message();
}

TEST(FaultSpecTest, NamesFaultsWithTheirProbabilities) {
  const auto spec = FaultSpec::parse("429=0.25,cut=0.5,expire=1,nan=0.125,list-lag=3s,retry-after=20ms");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(spec->requests.pick(0.2), RequestFault::rate_limited);
  EXPECT_EQ(spec->requests.pick(0.3), RequestFault::cut_before);
  EXPECT_EQ(spec->requests.pick(0.6), RequestFault::cut_after);
  EXPECT_EQ(spec->requests.pick(0.9), std::nullopt);
  EXPECT_EQ(spec->batches.pick(0.99), BatchFault::expires);
  EXPECT_EQ(spec->lines.pick(0.1), LineFault::not_a_number);
  EXPECT_EQ(spec->lines.pick(0.2), std::nullopt);
  EXPECT_EQ(spec->list_lag_ms, 3000);
  EXPECT_EQ(spec->retry_after_ms, 20);
}

TEST(FaultSpecTest, WithoutFaultsNothingHappens) {
  const auto spec = FaultSpec::parse("");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->requests.pick(0), std::nullopt);
  EXPECT_EQ(spec->batches.pick(0), std::nullopt);
  EXPECT_EQ(spec->lines.pick(0), std::nullopt);
}

TEST(FaultSpecTest, SaysWhichPartIsWrong) {
  EXPECT_NE(complaint_about("429").find("'429' is no fault: write NAME=VALUE"), std::string::npos);
  EXPECT_NE(complaint_about("430=0.1").find("there is no fault '430': there are 429, "), std::string::npos);
  EXPECT_NE(complaint_about("429=1.5").find("'429' needs a probability from 0 to 1"), std::string::npos);
  EXPECT_NE(complaint_about("429=x").find("but has 'x'"), std::string::npos);
  EXPECT_NE(complaint_about("429=0.6,5xx=0.6").find("of requests sum up to 1.2"), std::string::npos);
  EXPECT_NE(complaint_about("list-lag=soon").find("'soon' is no duration"), std::string::npos);
}

TEST(FaultSpecTest, ASeedDecidesAlwaysTheSame) {
  EXPECT_EQ(seeded_unit(7, "request", 1), seeded_unit(7, "request", 1));
  EXPECT_NE(seeded_unit(7, "request", 1), seeded_unit(8, "request", 1));
  EXPECT_NE(seeded_unit(7, "request", 1), seeded_unit(7, "batch", 1));
  int below = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) below += seeded_unit(7, "request", i) < 0.25 ? 1 : 0;
  EXPECT_NEAR(below, 2500, 150);
}

TEST(LatencyTest, NamesStagesWithTheirDurations) {
  const auto latency = Latency::parse("2s,finalizing=1.5s,request=20ms,window=1h");
  ASSERT_TRUE(latency) << latency.error().message();
  EXPECT_EQ(latency->validating_ms, 2000);
  EXPECT_EQ(latency->in_progress_ms, 2000);
  EXPECT_EQ(latency->finalizing_ms, 1500);
  EXPECT_EQ(latency->cancelling_ms, 2000);
  EXPECT_EQ(latency->request_ms, 20);
  EXPECT_EQ(latency->window_ms, 3'600'000);
}

TEST(LatencyTest, SaysWhichPartIsWrong) {
  for (const char* wrong :
       {"fast", "validating", "validating=", "validating=-1s", "validating=9999999h", "other=1s", "validating=1d"}) {
    EXPECT_FALSE(Latency::parse(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace tillite::testing
