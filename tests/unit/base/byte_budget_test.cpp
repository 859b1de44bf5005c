#include "base/byte_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

namespace tillite {
namespace {

TEST(ByteBudgetTest, WhoNeedsMoreThanIsLeftWaitsUntilOthersGiveTheirsBack) {
  ByteBudget budget(100);
  std::optional<ByteBudget::Share> first(std::in_place, budget);
  std::optional<ByteBudget::Share> second(std::in_place, budget);
  first->take(60);
  second->take(40);  // fits beside it
  std::atomic<bool> has_room = false;
  std::jthread third([&] {
    ByteBudget::Share share(budget);
    share.take(50);
    has_room = true;
  });
  second.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(has_room) << "60 and 50 are more than 100";
  first.reset();
  third.join();
  EXPECT_TRUE(has_room);
}

TEST(ByteBudgetTest, ASingleOneHasWhatItNeedsHoweverMuchThatIs) {
  ByteBudget budget(100);
  {
    ByteBudget::Share share(budget);
    share.take(1'000);
  }
  ByteBudget::Share next(budget);
  next.take(1'000);
}

}  // namespace
}  // namespace tillite
