#include "server/long_polls.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace tillite::testing {
namespace {

constexpr std::int64_t kForEverMs = 3'600'000;

TEST(LongPollsTest, WhatIsThereIsAnsweredAtOnce) {
  LongPolls polls;
  int attempts = 0;
  polls.add(kForEverMs, [&](bool) {
    ++attempts;
    return true;
  });
  EXPECT_EQ(attempts, 1);
}

TEST(LongPollsTest, WithoutPatienceTheFirstAttemptIsTheLast) {
  LongPolls polls;
  bool was_last = false;
  polls.add(0, [&](bool is_last) {
    was_last = is_last;
    return is_last;
  });
  EXPECT_TRUE(was_last);
}

TEST(LongPollsTest, WhatComesLaterIsSeen) {
  LongPolls polls;
  std::atomic<bool> is_there = false;
  std::promise<void> answered;
  polls.add(kForEverMs, [&](bool) {
    if (!is_there) return false;
    answered.set_value();
    return true;
  });
  is_there = true;
  polls.wake();
  answered.get_future().wait();
}

TEST(LongPollsTest, PatienceEnds) {
  LongPolls polls;
  std::promise<void> ended;
  polls.add(1, [&](bool is_last) {
    if (is_last) ended.set_value();
    return is_last;
  });
  ended.get_future().wait();
}

TEST(LongPollsTest, AStopTriesAllForTheLastTime) {
  LongPolls polls;
  std::atomic<int> last = 0;
  const auto attempt = [&](bool is_last) {
    last += is_last ? 1 : 0;
    return is_last;
  };
  polls.add(kForEverMs, attempt);
  polls.add(kForEverMs, attempt);
  polls.stop();
  EXPECT_EQ(last, 2);
  polls.add(kForEverMs, attempt);
  EXPECT_EQ(last, 3) << "and what comes afterwards";
}

}  // namespace
}  // namespace tillite::testing
