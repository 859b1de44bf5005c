#include "adapters/remote/call_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "support/must.h"

namespace tillite::testing {
namespace {

constexpr std::int64_t kPatienceMs = 60'000;

TEST(CallLimit, LetsSoManyThroughAtOnce) {
  CallLimit limit(3);
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 12; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 50; ++j) {
          const auto slot = must(limit.take({}, kPatienceMs));
          const int mine = ++now;
          int seen = most;
          while (seen < mine && !most.compare_exchange_weak(seen, mine)) {
          }
          std::this_thread::yield();
          --now;
        }
      });
    }
  }
  EXPECT_LE(most, 3);
  EXPECT_EQ(now, 0);
}

TEST(CallLimit, WhoAskedFirstIsFirst) {
  CallLimit limit(1);
  std::optional<CallLimit::Slot> slot = must(limit.take({}, kPatienceMs));
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 5; ++i) {
    std::atomic<bool> asks = false;
    threads.emplace_back([&, i] {
      asks = true;
      const auto mine = must(limit.take({}, kPatienceMs));
      const std::scoped_lock lock(mutex);
      order.push_back(i);
    });
    while (!asks) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // so that it stands in the queue
  }
  slot.reset();
  threads.clear();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

TEST(CallLimit, AStopEndsTheWaiting) {
  CallLimit limit(1);
  const auto slot = must(limit.take({}, kPatienceMs));
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(limit.take(stop.get_token(), kPatienceMs).error().code(), Code::cancelled);
}

TEST(CallLimit, PatienceEnds) {
  CallLimit limit(1);
  {
    const auto slot = must(limit.take({}, kPatienceMs));
    const auto refused = limit.take({}, 10);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::unavailable);
  }
  EXPECT_TRUE(limit.take({}, 10)) << "who gave up has left the queue";
}

TEST(CallLimit, ASlotMayOutliveIt) {
  std::optional<CallLimit::Slot> slot;
  {
    CallLimit limit(1);
    slot = must(limit.take({}, kPatienceMs));
  }
  slot.reset();
}

}  // namespace
}  // namespace tillite::testing
