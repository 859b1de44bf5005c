#include "base/serial_worker.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <vector>

#include "support/must.h"

namespace tillite::testing {
namespace {

TEST(SerialWorkerTest, RunsTasksInTheirOrderOnAThreadOfItsOwn) {
  std::vector<int> ran;
  std::vector<std::thread::id> threads;
  SerialWorker worker(3);
  for (int i = 0; i < 100; ++i) {
    must(worker.add([&, number = std::make_unique<int>(i)]() -> Result<void> {
      ran.push_back(*number);
      threads.push_back(std::this_thread::get_id());
      return {};
    }));
  }
  must(worker.wait());
  ASSERT_EQ(ran.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ran[static_cast<std::size_t>(i)], i);
  for (const auto& thread : threads) {
    EXPECT_EQ(thread, threads.front());
    EXPECT_NE(thread, std::this_thread::get_id());
  }
}

TEST(SerialWorkerTest, RunsNothingAfterAFailureAndTellsIt) {
  SerialWorker worker(3);
  must(worker.add([]() -> Result<void> { return fail(Code::corrupt, "the first is torn"); }));
  const auto waited = worker.wait();
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code(), Code::corrupt);

  bool ran = false;
  const auto added = worker.add([&]() -> Result<void> {
    ran = true;
    return {};
  });
  EXPECT_EQ(added.error().code(), Code::corrupt);
  EXPECT_FALSE(worker.wait());
  EXPECT_FALSE(ran);
}

TEST(SerialWorkerTest, AFailureLetsGoOfWhoWaitsForRoom) {
  std::promise<void> go;
  SerialWorker worker(1);
  must(worker.add([&, ready = go.get_future()]() mutable -> Result<void> {
    ready.wait();
    return fail(Code::corrupt, "torn");
  }));
  std::size_t added = 0;
  Result<void> last;
  std::jthread adder([&] {
    while ((last = worker.add([]() -> Result<void> { return {}; }))) ++added;
  });
  go.set_value();
  adder.join();
  EXPECT_LE(added, 1U);
  EXPECT_EQ(last.error().message(), "torn");
}

TEST(SerialWorkerTest, ForgetsTheTasksThatStillWaitWhenItEnds) {
  std::promise<void> started;
  std::size_t ran = 0;
  {
    auto token = std::make_shared<int>();
    SerialWorker worker(10);
    // Runs until the tasks behind it are forgotten: nobody else holds the token then.
    must(worker.add([&, forgotten = std::weak_ptr(token)]() -> Result<void> {
      started.set_value();
      while (!forgotten.expired()) std::this_thread::yield();
      ++ran;
      return {};
    }));
    for (int i = 0; i < 5; ++i) {
      must(worker.add([&ran, token]() -> Result<void> {
        ++ran;
        return {};
      }));
    }
    token.reset();
    started.get_future().wait();
  }
  EXPECT_EQ(ran, 1U);
}

TEST(SerialWorker, WithoutRoomForTasksTheCallerRunsThemItself) {
  std::vector<std::thread::id> threads;
  SerialWorker worker(0);
  must(worker.add([&]() -> Result<void> {
    threads.push_back(std::this_thread::get_id());
    return {};
  }));
  EXPECT_EQ(threads, std::vector{std::this_thread::get_id()});
  EXPECT_FALSE(worker.add([]() -> Result<void> { return fail(Code::no_space, "full"); }));
  EXPECT_FALSE(worker.add([&]() -> Result<void> {
    threads.clear();
    return {};
  })) << "after one has failed no other is run";
  EXPECT_EQ(threads.size(), 1U);
  EXPECT_EQ(worker.wait().error().code(), Code::no_space);
}

}  // namespace
}  // namespace tillite::testing
