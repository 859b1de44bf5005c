#include "base/thread_team.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <set>

namespace tillite {
namespace {

TEST(ThreadTeamTest, CallsTheWorkForEachIndexOnce) {
  for (const std::size_t threads : std::initializer_list<std::size_t>{1, 2, 7}) {
    ThreadTeam team(threads);
    for (const std::size_t count : std::initializer_list<std::size_t>{0, 1, 2, 3, 100, 1'000}) {
      std::vector<std::atomic<int>> calls(count);
      team.for_each(count, [&](std::size_t i, std::size_t) { ++calls[i]; });
      EXPECT_TRUE(std::ranges::all_of(calls, [](const auto& n) { return n == 1; })) << threads << ' ' << count;
    }
  }
}

TEST(ThreadTeamTest, LoopsThatFollowEachOtherSeeWhatTheOnesBeforeHaveWritten) {
  ThreadTeam team(4);
  std::vector<std::size_t> numbers(64, 0);
  for (std::size_t round = 0; round < 2'000; ++round) {
    team.for_each(numbers.size(), [&](std::size_t i, std::size_t) { ++numbers[(i + round) % numbers.size()]; });
  }
  EXPECT_TRUE(std::ranges::all_of(numbers, [](std::size_t n) { return n == 2'000; }));
}

TEST(ThreadTeamTest, AThreadHasTheSameMemberInAllOfALoop) {
  ThreadTeam team(3);
  std::mutex mutex;
  std::set<std::pair<std::thread::id, std::size_t>> seen;
  team.for_each(300, [&](std::size_t, std::size_t member) {
    const std::scoped_lock lock(mutex);
    seen.emplace(std::this_thread::get_id(), member);
  });
  std::set<std::size_t> members;
  for (const auto& [thread, member] : seen) {
    EXPECT_LT(member, team.size());
    EXPECT_TRUE(members.insert(member).second) << "two threads are member " << member;
  }
}

TEST(ThreadTeamTest, OneOfASingleThreadWorksOnTheCallersInOrder) {
  ThreadTeam team(1);
  std::vector<std::size_t> order;
  const auto caller = std::this_thread::get_id();
  team.for_each(5, [&](std::size_t i, std::size_t) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(i);
  });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace tillite
