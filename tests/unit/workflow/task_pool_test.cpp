#include "workflow/durable/task_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>

namespace tillite::testing {
namespace {

TEST(TaskPool, ExecutionsTakeTurnsHoweverManyJobsOneHas) {
  std::mutex mutex;
  std::vector<std::string> done;
  std::latch first_begun(1);
  std::latch begin(1);
  std::latch ended(5);
  TaskPool pool(1, {});
  const auto job = [&](const std::string& turn) {
    return TaskPool::Job{turn, "", [&, turn] {
                           if (!first_begun.try_wait()) first_begun.count_down();
                           begin.wait();
                           const std::scoped_lock lock(mutex);
                           done.push_back(turn);
                           ended.count_down();
                         }};
  };
  pool.add(job("large"));
  first_begun.wait();
  for (const char* turn : {"large", "large", "small", "small"}) pool.add(job(turn));
  begin.count_down();
  ended.wait();
  const std::scoped_lock lock(mutex);
  EXPECT_EQ(done, (std::vector<std::string>{"large", "large", "small", "large", "small"}))
      << "the first had begun before the others came; from then on they take turns";
}

TEST(TaskPool, AnExecutionWithTenThousandJobsKeepsNobodyWaiting) {
  std::atomic<int> done = 0;
  std::atomic<int> done_before = -1;
  std::latch may_go(1);
  std::latch ended(1);
  TaskPool pool(1, {});
  for (int i = 0; i < 10'000; ++i) {
    pool.add({"large", "", [&] {
                may_go.wait();
                ++done;
              }});
  }
  pool.add({"small", "", [&] {
              done_before = done.load();
              ended.count_down();
            }});
  may_go.count_down();
  ended.wait();
  EXPECT_LE(done_before, 2) << "the one that had begun, and the one whose turn it was";
}

TEST(TaskPool, OfAGroupOnlySoManyRunAtOnceWhileOthersGoOn) {
  constexpr int kCalls = 20;
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  std::latch others(4);
  std::latch ended(kCalls);
  TaskPool pool(8, {{"provider", 2}});
  for (int i = 0; i < kCalls; ++i) {
    pool.add({"poll", "provider", [&] {
                most = std::max(most.load(), ++at_once);
                others.wait();  // the provider's calls leave room for these
                --at_once;
                ended.count_down();
              }});
  }
  for (int i = 0; i < 4; ++i) pool.add({"another", "", [&] { others.count_down(); }});
  ended.wait();
  EXPECT_LE(most, 2);
}

TEST(TaskPool, ForgetsWhatDidNotBeginWhenItEnds) {
  std::atomic<int> ran = 0;
  {
    std::latch begun(1);
    TaskPool pool(1, {});
    pool.add({"a", "", [&] {
                begun.count_down();
                ++ran;
              }});
    begun.wait();
  }
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace tillite::testing
