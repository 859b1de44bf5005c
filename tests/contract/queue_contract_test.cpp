// What every Queue must do. Another adapter joins by one more line at the end.
#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "adapters/local/sqlite_queue.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

using MakeQueue = std::function<std::unique_ptr<Queue>(const TempFolder&, Clock&)>;

constexpr std::int64_t kMinuteMs = 60'000;

class QueueContract : public ::testing::TestWithParam<MakeQueue> {
 protected:
  std::vector<QueueMessage> receive(std::int64_t visibility_ms = kMinuteMs) {
    return queue->receive(10, visibility_ms).value();
  }
  std::multiset<std::string> bodies() {
    std::multiset<std::string> all;
    for (const auto& message : receive()) all.insert(message.body);
    return all;
  }
  Queue& dead() { return *queue->dead_letters(); }
  /// Makes a dead letter.
  void bury(const std::string& body) {
    ASSERT_TRUE(queue->send(body));
    for (int times = 1; times <= Queue::kReceivesMax; ++times) {
      EXPECT_EQ(receive().size(), 1U);
      clock.advance(kMinuteMs);
    }
  }
  TempFolder folder;
  VirtualClock clock;
  std::unique_ptr<Queue> queue = GetParam()(folder, clock);
};

TEST_P(QueueContract, DeliversWhatWasSentAsItIs) {
  for (const char* body : {"one", "{\"n\": \"é\"}", "one"}) ASSERT_TRUE(queue->send(body));
  EXPECT_EQ(bodies(), (std::multiset<std::string>{"one", "one", "{\"n\": \"é\"}"}));
}

TEST_P(QueueContract, AnEmptyQueueAnswersAtOnceWithNothing) { EXPECT_TRUE(receive().empty()); }

TEST_P(QueueContract, GivesAtMostAsManyAsAskedForAndNeverMoreThanTen) {
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(queue->send(std::to_string(i)));
  EXPECT_TRUE(queue->receive(0, kMinuteMs)->empty());
  EXPECT_EQ(queue->receive(3, kMinuteMs)->size(), 3U);
  EXPECT_LE(queue->receive(100, kMinuteMs)->size(), 10U);
}

TEST_P(QueueContract, AMessageIsNotThereBeforeItsDelayHasPassed) {
  ASSERT_TRUE(queue->send("later", kMinuteMs));
  EXPECT_TRUE(receive().empty());
  clock.advance(kMinuteMs - 1000);
  EXPECT_TRUE(receive().empty());
  clock.advance(1000);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueContract, ADeliveryHidesTheMessageAndIsRepeatedWhenItRunsOut) {
  ASSERT_TRUE(queue->send("body"));
  const auto first = receive();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].receive_count, 1);
  EXPECT_TRUE(receive().empty());
  clock.advance(kMinuteMs);
  const auto second = receive();
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].body, "body");
  EXPECT_EQ(second[0].id, first[0].id);
  EXPECT_EQ(second[0].receive_count, 2);
  EXPECT_NE(second[0].receipt, first[0].receipt);
}

TEST_P(QueueContract, AMessageThatIsDoneWithNeverComesBack) {
  ASSERT_TRUE(queue->send("body"));
  const auto message = receive().at(0);
  ASSERT_TRUE(queue->remove(message.receipt));
  clock.advance(2 * kMinuteMs);
  EXPECT_TRUE(receive().empty());
  EXPECT_TRUE(queue->remove(message.receipt)) << "twice is no error";
}

TEST_P(QueueContract, ALateRemovalIsNoErrorAndLeavesTheMessageToItsNewReceiver) {
  ASSERT_TRUE(queue->send("body"));
  const auto slow = receive().at(0);
  clock.advance(kMinuteMs);
  const auto quick = receive().at(0);
  EXPECT_TRUE(queue->remove(slow.receipt));
  EXPECT_TRUE(queue->extend(quick.receipt, kMinuteMs)) << "it is still there";
  clock.advance(kMinuteMs);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueContract, AnExtensionCountsFromNow) {
  ASSERT_TRUE(queue->send("body"));
  const auto message = receive().at(0);
  clock.advance(kMinuteMs - 1000);
  ASSERT_TRUE(queue->extend(message.receipt, kMinuteMs));
  clock.advance(kMinuteMs - 1000);
  EXPECT_TRUE(receive().empty());
  clock.advance(1000);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueContract, AnExtensionOfNothingGivesTheMessageBack) {
  ASSERT_TRUE(queue->send("body"));
  ASSERT_TRUE(queue->extend(receive().at(0).receipt, 0));
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueContract, OnlyALivingDeliveryIsExtended) {
  ASSERT_TRUE(queue->send("body"));
  const auto first = receive().at(0);
  clock.advance(kMinuteMs);
  EXPECT_EQ(queue->extend(first.receipt, kMinuteMs).error().code(), Code::not_found) << "ran out";
  const auto second = receive().at(0);
  EXPECT_EQ(queue->extend(first.receipt, kMinuteMs).error().code(), Code::not_found) << "another's";
  ASSERT_TRUE(queue->remove(second.receipt));
  EXPECT_EQ(queue->extend(second.receipt, kMinuteMs).error().code(), Code::not_found) << "removed";
}

TEST_P(QueueContract, SaysWhenAMessageWasSentAndUnderWhichId) {
  const std::int64_t sent_ms = clock.now_ms();
  const std::string id = queue->send("body", kMinuteMs).value();
  clock.advance(2 * kMinuteMs);
  const auto message = receive().at(0);
  EXPECT_EQ(message.id, id);
  EXPECT_EQ(message.sent_ms, sent_ms);
}

TEST_P(QueueContract, CountsWhatCanBeReceivedWhatIsDeliveredAndWhatIsDelayed) {
  ASSERT_TRUE(queue->send("first"));
  EXPECT_EQ(receive().size(), 1U);
  for (const char* body : {"one", "two"}) ASSERT_TRUE(queue->send(body));
  for (const char* body : {"three", "four", "five"}) ASSERT_TRUE(queue->send(body, 5 * kMinuteMs));
  const QueueCounts counts = queue->counts().value();
  EXPECT_EQ(counts.visible, 2U);
  EXPECT_EQ(counts.in_flight, 1U);
  EXPECT_EQ(counts.delayed, 3U);
  clock.advance(kMinuteMs);
  EXPECT_EQ(queue->counts()->visible, 3U) << "the delivery ran out";
  EXPECT_EQ(dead().counts()->visible, 0U);
}

TEST_P(QueueContract, ALookDeliversNothing) {
  ASSERT_TRUE(queue->send("one"));
  clock.advance(1000);
  ASSERT_TRUE(queue->send("two", kMinuteMs));
  const auto seen = queue->peek(10).value();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].body, "one");
  EXPECT_EQ(seen[1].body, "two");
  EXPECT_EQ(seen[1].visible_ms, clock.now_ms() + kMinuteMs);
  EXPECT_EQ(queue->peek(1)->size(), 1U);
  EXPECT_EQ(receive().at(0).receive_count, 1);
}

TEST_P(QueueContract, AMessageThatWasReceivedTooOftenBecomesADeadLetterWhenItsLastDeliveryRunsOut) {
  const std::string id = queue->send("body").value();
  for (int times = 1; times <= Queue::kReceivesMax; ++times) {
    EXPECT_EQ(receive().at(0).receive_count, times);
    EXPECT_TRUE(dead().peek(10)->empty());
    clock.advance(kMinuteMs);
  }
  EXPECT_TRUE(receive().empty());
  const auto letters = dead().peek(10).value();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].id, id);
  EXPECT_EQ(letters[0].body, "body");
  EXPECT_EQ(letters[0].reason, "received 5 times, never removed");
  EXPECT_EQ(dead().counts()->visible, 1U);
}

TEST_P(QueueContract, ADeadLetterCarriesTheReasonThatWasNotedLast) {
  ASSERT_TRUE(queue->send("body"));
  for (int times = 1; times <= Queue::kReceivesMax; ++times) {
    const auto message = receive().at(0);
    ASSERT_TRUE(queue->note_failure(message.receipt, "try " + std::to_string(times)));
    EXPECT_TRUE(receive().empty()) << "it comes back when its delivery has run out";
    clock.advance(kMinuteMs);
  }
  EXPECT_EQ(dead().peek(10)->at(0).reason, "try 5");
}

TEST_P(QueueContract, OnlyTheNewestDeliveryNotesAReason) {
  ASSERT_TRUE(queue->send("body"));
  const auto slow = receive().at(0);
  clock.advance(kMinuteMs);
  EXPECT_EQ(receive().size(), 1U);
  EXPECT_TRUE(queue->note_failure(slow.receipt, "late")) << "no error";
  EXPECT_EQ(queue->peek(1)->at(0).reason, "");
}

TEST_P(QueueContract, ADeadLetterIsAMessageOfAQueueOfItsOwn) {
  bury("body");
  EXPECT_EQ(dead().dead_letters(), nullptr);
  for (int times = 0; times < 2 * Queue::kReceivesMax; ++times) {
    EXPECT_EQ(dead().receive(10, kMinuteMs)->size(), 1U) << "for ever";
    clock.advance(kMinuteMs);
  }
  ASSERT_TRUE(dead().remove(dead().receive(1, kMinuteMs)->at(0).receipt));
  EXPECT_TRUE(dead().peek(10)->empty());
}

TEST_P(QueueContract, ADeadLetterThatIsBroughtBackIsLikeNew) {
  bury("body");
  const std::string id = dead().peek(1)->at(0).id;
  ASSERT_TRUE(queue->redrive(id));
  EXPECT_TRUE(dead().peek(10)->empty());
  EXPECT_EQ(queue->redrive(id).error().code(), Code::not_found) << "it is no dead letter any more";
  EXPECT_EQ(queue->peek(1)->at(0).reason, "");
  for (int times = 1; times <= Queue::kReceivesMax; ++times) {
    EXPECT_EQ(receive().at(0).receive_count, times);
    clock.advance(kMinuteMs);
  }
  EXPECT_EQ(dead().peek(10)->size(), 1U);
}

TEST_P(QueueContract, AnOldDeliveryHasNoPowerOverAMessageThatWasBroughtBack) {
  ASSERT_TRUE(queue->send("body"));
  const auto first = receive().at(0);
  clock.advance(kMinuteMs);
  for (int times = 2; times <= Queue::kReceivesMax; ++times) {
    EXPECT_EQ(receive().size(), 1U);
    clock.advance(kMinuteMs);
  }
  ASSERT_TRUE(queue->redrive(dead().peek(1)->at(0).id));
  EXPECT_EQ(receive().size(), 1U);
  EXPECT_TRUE(queue->remove(first.receipt));
  clock.advance(kMinuteMs);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueContract, WhatIsNoDeadLetterIsNotBroughtBack) {
  const std::string id = queue->send("body").value();
  for (const std::string& name : {id, std::string("no id"), std::string()}) {
    EXPECT_EQ(queue->redrive(name).error().code(), Code::not_found) << name;
  }
}

TEST_P(QueueContract, KeepsMessagesForFourDaysAndDeadLettersForFourteen) {
  bury("dead");
  ASSERT_TRUE(queue->send("live"));
  clock.advance(Queue::kRetentionMs - 1000);
  EXPECT_EQ(queue->peek(10)->size(), 1U);
  clock.advance(1000);
  EXPECT_TRUE(queue->peek(10)->empty());
  EXPECT_TRUE(receive().empty());
  clock.advance(Queue::kDeadLetterRetentionMs - Queue::kRetentionMs - 10 * kMinuteMs);
  EXPECT_EQ(dead().peek(10)->size(), 1U);
  clock.advance(10 * kMinuteMs);
  EXPECT_TRUE(dead().peek(10)->empty()) << "counted from when it was sent";
}

TEST_P(QueueContract, RefusesWhatIsAboveItsLimits) {
  EXPECT_TRUE(queue->send(std::string(Queue::kBodyBytesMax, 'x'), Queue::kDelayMsMax));
  EXPECT_EQ(queue->send(std::string(Queue::kBodyBytesMax + 1, 'x')).error().code(), Code::limit_exceeded);
  EXPECT_EQ(queue->send("body", Queue::kDelayMsMax + 1).error().code(), Code::limit_exceeded);
  EXPECT_TRUE(queue->receive(1, Queue::kVisibilityMsMax));
  EXPECT_EQ(queue->receive(1, Queue::kVisibilityMsMax + 1).error().code(), Code::limit_exceeded);
}

TEST_P(QueueContract, RefusesWhatMeansNothing) {
  EXPECT_EQ(queue->send("").error().code(), Code::invalid_input);
  EXPECT_EQ(queue->send("body", -1).error().code(), Code::invalid_input);
  EXPECT_EQ(queue->receive(1, -1).error().code(), Code::invalid_input);
  for (const char* receipt : {"", "7", "no receipt", "1.2.3"}) {
    EXPECT_EQ(queue->remove(receipt).error().code(), Code::invalid_input) << receipt;
    EXPECT_EQ(queue->extend(receipt, 1000).error().code(), Code::invalid_input) << receipt;
    EXPECT_EQ(queue->note_failure(receipt, "reason").error().code(), Code::invalid_input) << receipt;
  }
  EXPECT_TRUE(receive().empty());
}

TEST_P(QueueContract, WhatWasSentOutlivesTheConnection) {
  ASSERT_TRUE(queue->send("body"));
  queue = GetParam()(folder, clock);
  EXPECT_EQ(bodies(), std::multiset<std::string>{"body"});
}

TEST_P(QueueContract, OfManyReceiversAtOnceEachMessageGoesToOne) {
  constexpr int kMessages = 80;
  for (int i = 0; i < kMessages; ++i) ASSERT_TRUE(queue->send(std::to_string(i)));
  std::mutex mutex;
  std::multiset<std::string> seen;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        const auto own = GetParam()(folder, clock);  // as another process has it
        while (true) {
          const auto messages = own->receive(3, kMinuteMs).value();
          if (messages.empty()) return;
          const std::scoped_lock lock(mutex);
          for (const auto& message : messages) seen.insert(message.body);
        }
      });
    }
  }
  EXPECT_EQ(seen.size(), kMessages);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), kMessages) << "none twice";
}

INSTANTIATE_TEST_SUITE_P(Sqlite, QueueContract,
                         ::testing::Values(MakeQueue([](const TempFolder& folder,
                                                        Clock& clock) -> std::unique_ptr<Queue> {
                           return *SqliteQueue::open(folder / "queue.sqlite3", clock);
                         })));

}  // namespace
}  // namespace tillite::testing
