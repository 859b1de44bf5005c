#include "server/invocation_queue.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "support/must.h"

namespace tillite::testing {
namespace {

using Turn = InvocationQueue::Turn;

/// A call that holds the only thread until it is told to end.
class LongCall {
 public:
  explicit LongCall(InvocationQueue& queue) {
    const auto begun = std::make_shared<std::promise<void>>();
    must(queue.add(0, [begun, end = end_.get_future()](Turn) {
      begun->set_value();
      end.wait();
    }));
    begun->get_future().wait();
  }
  ~LongCall() { end_.set_value(); }
  LongCall(const LongCall&) = delete;
  LongCall& operator=(const LongCall&) = delete;

 private:
  std::promise<void> end_;
};

TEST(InvocationQueueTest, CallsHaveTheirTurnInTheOrderInWhichTheyCame) {
  std::string order;
  {
    InvocationQueue queue({.threads = 1});
    const auto last = std::make_shared<std::promise<void>>();
    {
      const LongCall long_call(queue);
      for (const char name : {'a', 'b', 'c'}) must(queue.add(1, [&order, name](Turn) { order += name; }));
      must(queue.add(1, [last](Turn) { last->set_value(); }));
    }
    last->get_future().wait();
  }
  EXPECT_EQ(order, "abc");
}

TEST(InvocationQueueTest, OnlySoManyAndSoMuchMayWait) {
  InvocationQueue queue({.threads = 1, .waiting_max = 2, .waiting_bytes_max = 10});
  const LongCall long_call(queue);
  const auto nothing = [](Turn) {};
  EXPECT_EQ(queue.add(11, nothing).error().code(), Code::limit_exceeded);
  must(queue.add(6, nothing));
  EXPECT_EQ(queue.add(5, nothing).error().code(), Code::limit_exceeded);
  must(queue.add(4, nothing));
  EXPECT_EQ(queue.add(0, nothing).error().code(), Code::limit_exceeded);
}

TEST(InvocationQueueTest, WhatWaitsWhenItIsStoppedIsRefused) {
  InvocationQueue queue({.threads = 1});
  int refused = 0;
  const LongCall long_call(queue);
  must(queue.add(1, [&](Turn turn) { refused += turn == Turn::refused ? 1 : 0; }));
  queue.stop();
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(queue.add(1, [](Turn) { FAIL() << "it is not taken"; }).error().code(), Code::cancelled);
}

}  // namespace
}  // namespace tillite::testing
