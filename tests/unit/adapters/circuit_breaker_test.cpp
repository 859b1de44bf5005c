#include "adapters/remote/circuit_breaker.h"

#include <gtest/gtest.h>

#include "support/must.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

class CircuitBreakerTest : public ::testing::Test {
 protected:
  void fail_once() { must(breaker.enter()).failed("no answer"); }
  void succeed_once() { must(breaker.enter()).succeeded(); }

  VirtualClock clock;
  CircuitBreaker breaker{"the service", {.faults_max = 3, .rest_ms = 1000}, clock};
};

TEST_F(CircuitBreakerTest, LetsEverythingThroughWhileCallsSucceed) {
  for (int i = 0; i < 10; ++i) succeed_once();
}

TEST_F(CircuitBreakerTest, OpensAfterFaultsInARowAndSaysWhyAndHowLong) {
  for (int i = 0; i < 3; ++i) fail_once();
  const auto refused = breaker.enter();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::unavailable);
  EXPECT_EQ(refused.error().message(),
            "the service has failed 3 times in a row and is left alone for another 1 s; the last reason: no answer");
}

TEST_F(CircuitBreakerTest, ASuccessInBetweenBeginsTheCountAnew) {
  for (int i = 0; i < 5; ++i) {
    fail_once();
    fail_once();
    succeed_once();
  }
  EXPECT_TRUE(breaker.enter());
}

TEST_F(CircuitBreakerTest, LetsOneProbeThroughWhenItHasRested) {
  for (int i = 0; i < 3; ++i) fail_once();
  clock.advance(999);
  EXPECT_FALSE(breaker.enter());
  clock.advance(1);
  auto probe = breaker.enter();
  ASSERT_TRUE(probe);
  EXPECT_FALSE(breaker.enter()) << "one at a time";
  probe->succeeded();
  EXPECT_TRUE(breaker.enter());
  fail_once();
  EXPECT_TRUE(breaker.enter()) << "the count has begun anew";
}

TEST_F(CircuitBreakerTest, AProbeThatFailsHasItRestAgain) {
  for (int i = 0; i < 3; ++i) fail_once();
  clock.advance(1000);
  fail_once();
  EXPECT_FALSE(breaker.enter());
  clock.advance(999);
  EXPECT_FALSE(breaker.enter());
  clock.advance(1);
  succeed_once();
  EXPECT_TRUE(breaker.enter());
}

TEST_F(CircuitBreakerTest, AProbeThatWasGivenUpLeavesItsPlaceToAnother) {
  for (int i = 0; i < 3; ++i) fail_once();
  clock.advance(1000);
  EXPECT_TRUE(breaker.enter()) << "and dropped: it was cancelled, say";
  EXPECT_TRUE(breaker.enter());
}

TEST_F(CircuitBreakerTest, ACallThatWasGivenUpTellsNothing) {
  fail_once();
  fail_once();
  static_cast<void>(breaker.enter());
  fail_once();
  EXPECT_FALSE(breaker.enter());
}

TEST_F(CircuitBreakerTest, CountsFaultsThatShowLater) {
  for (int i = 0; i < 3; ++i) breaker.note_fault("it broke off");
  EXPECT_FALSE(breaker.enter());
}

}  // namespace
}  // namespace tillite::testing
