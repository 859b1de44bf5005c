#include "lambda/invocation_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>

namespace tillite::testing {
namespace {

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Waits for a stop that must come.
void wait_for(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, stop, [] { return false; });
}

TEST(InvocationWatchTest, AnInvocationIsToldToStopBeforeItsDeadline) {
  InvocationWatch watch;
  const std::int64_t deadline_ms = now_ms() + InvocationWatch::margin_ms(0) + 50;
  const std::stop_token stop = watch.begin(deadline_ms);
  wait_for(stop);
  EXPECT_EQ(watch.end(), StopReason::deadline);
}

TEST(InvocationWatchTest, EachInvocationHasADeadlineOfItsOwn) {
  InvocationWatch watch;
  wait_for(watch.begin(now_ms()));
  EXPECT_EQ(watch.end(), StopReason::deadline);
  const std::stop_token warm = watch.begin(now_ms() + 900'000);
  EXPECT_FALSE(warm.stop_requested()) << "a warm start has all of its time";
  EXPECT_EQ(watch.end(), StopReason::none);
  EXPECT_FALSE(watch.begin(0).stop_requested()) << "without a deadline";
  EXPECT_EQ(watch.end(), StopReason::none);
}

TEST(InvocationWatchTest, AStepHasATenthOfItsTimeToStopInAndAtMostFifteenSeconds) {
  EXPECT_EQ(InvocationWatch::margin_ms(900'000), 15'000);
  EXPECT_EQ(InvocationWatch::margin_ms(60'000), 6'000);
  EXPECT_EQ(InvocationWatch::margin_ms(3'000), 500);
  EXPECT_EQ(InvocationWatch::margin_ms(-5), 500);
}

TEST(InvocationWatchDeathTest, TheEndOfTheProcessStopsTheInvocation) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto run = [] {
    InvocationWatch watch;
    const std::stop_token stop = watch.begin(0);
    ::kill(::getpid(), SIGTERM);
    wait_for(stop);
    std::_Exit(watch.end() == StopReason::termination && watch.is_terminated() ? 7 : 1);
  };
  EXPECT_EXIT(run(), ::testing::ExitedWithCode(7), "");
}

TEST(InvocationWatchDeathTest, WithoutAnInvocationTheProcessEndsAtOnce) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto run = [] {
    InvocationWatch watch;
    ::kill(::getpid(), SIGTERM);
    ::pause();
  };
  EXPECT_EXIT(run(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace tillite::testing
