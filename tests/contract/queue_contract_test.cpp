// What every Queue must do. Another adapter joins by one more line at the end.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "adapters/aws/sqs_queue.h"
#include "adapters/local/sqlite_queue.h"
#include "server/aws_endpoint.h"
#include "server/sqs_service.h"
#include "support/aws_place.h"
#include "support/moto_server.h"
#include "support/seeded_random.h"
#include "support/served_aws.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

/// How a queue is made for a test's folder: the same queue for the same folder.
struct QueueMaker {
  std::function<std::shared_ptr<Queue>(const TempFolder&, Clock&)> make;
  std::function<std::string()> missing = [] { return std::string(); };  ///< why it cannot be had; empty: it can
};

constexpr std::int64_t kMinuteMs = 60'000;

class QueueContract : public ::testing::TestWithParam<QueueMaker> {
 protected:
  void SetUp() override {
    if (const std::string missing = GetParam().missing(); !missing.empty()) GTEST_SKIP() << missing;
    queue = GetParam().make(folder, clock);
  }
  std::vector<QueueMessage> receive(std::int64_t visibility_ms = kMinuteMs) {
    return queue->receive(10, visibility_ms).value();
  }
  std::multiset<std::string> bodies() {
    std::multiset<std::string> all;
    for (const auto& message : receive()) all.insert(message.body);
    return all;
  }
  Queue& dead() { return *queue->dead_letters(); }
  /// Whether there was such a dead letter.
  bool redrive(const std::string& id) { return queue->redrive(std::array{id}).value().at(0); }
  /// Makes a dead letter.
  void bury(const std::string& body) {
    ASSERT_TRUE(queue->send(body));
    for (int times = 1; times <= Queue::kReceivesMax; ++times) {
      EXPECT_EQ(receive().size(), 1U);
      clock.advance(kMinuteMs);
    }
    EXPECT_TRUE(receive().empty());
  }
  TempFolder folder;
  VirtualClock clock;
  std::shared_ptr<Queue> queue;
};

/// What takes time, for queues whose time a test can let pass; and receivers at once, which moto does not tell apart
/// at times.
class QueueOverTimeContract : public QueueContract {};

/// What only a queue can do whose messages can be looked at without delivering them, and have notes: SQS's cannot.
class OpenQueueContract : public QueueContract {};

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

TEST_P(QueueOverTimeContract, AMessageIsNotThereBeforeItsDelayHasPassed) {
  ASSERT_TRUE(queue->send("later", kMinuteMs));
  EXPECT_TRUE(receive().empty());
  clock.advance(kMinuteMs - 1000);
  EXPECT_TRUE(receive().empty());
  clock.advance(1000);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueOverTimeContract, ADeliveryHidesTheMessageAndIsRepeatedWhenItRunsOut) {
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

TEST_P(QueueOverTimeContract, AMessageThatIsDoneWithNeverComesBack) {
  ASSERT_TRUE(queue->send("body"));
  const auto message = receive().at(0);
  ASSERT_TRUE(queue->remove(message.receipt));
  clock.advance(2 * kMinuteMs);
  EXPECT_TRUE(receive().empty());
  EXPECT_TRUE(queue->remove(message.receipt)) << "twice is no error";
}

TEST_P(QueueOverTimeContract, ALateRemovalIsNoErrorAndLeavesTheMessageToItsNewReceiver) {
  ASSERT_TRUE(queue->send("body"));
  const auto slow = receive().at(0);
  clock.advance(kMinuteMs);
  const auto quick = receive().at(0);
  EXPECT_TRUE(queue->remove(slow.receipt));
  EXPECT_TRUE(queue->extend(quick.receipt, kMinuteMs)) << "it is still there";
  clock.advance(kMinuteMs);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueOverTimeContract, AnExtensionCountsFromNow) {
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

TEST_P(QueueOverTimeContract, OnlyALivingDeliveryIsExtended) {
  ASSERT_TRUE(queue->send("body"));
  const auto first = receive().at(0);
  clock.advance(kMinuteMs);
  EXPECT_EQ(queue->extend(first.receipt, kMinuteMs).error().code(), Code::not_found) << "ran out";
  const auto second = receive().at(0);
  EXPECT_EQ(queue->extend(first.receipt, kMinuteMs).error().code(), Code::not_found) << "another's";
  ASSERT_TRUE(queue->remove(second.receipt));
  EXPECT_EQ(queue->extend(second.receipt, kMinuteMs).error().code(), Code::not_found) << "removed";
}

TEST_P(QueueOverTimeContract, SaysWhenAMessageWasSentAndUnderWhichId) {
  const std::int64_t sent_ms = clock.now_ms();
  const std::string id = queue->send("body", kMinuteMs).value();
  clock.advance(2 * kMinuteMs);
  const auto message = receive().at(0);
  EXPECT_EQ(message.id, id);
  EXPECT_EQ(message.sent_ms, sent_ms);
}

TEST_P(QueueOverTimeContract, CountsWhatCanBeReceivedWhatIsDeliveredAndWhatIsDelayed) {
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

TEST_P(OpenQueueContract, ALookDeliversNothing) {
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

TEST_P(QueueOverTimeContract, AMessageThatWasReceivedTooOftenBecomesADeadLetterWhenItsLastDeliveryRunsOut) {
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
  EXPECT_EQ(dead().counts()->visible, 1U);
}

TEST_P(OpenQueueContract, ADeadLetterWithoutANoteSaysHowItCameThere) {
  bury("body");
  EXPECT_EQ(dead().peek(10)->at(0).reason, "received 5 times, never removed");
}

TEST_P(OpenQueueContract, ADeadLetterThatIsBroughtBackHasNoReasonAnyMore) {
  bury("body");
  ASSERT_TRUE(redrive(dead().peek(1)->at(0).id));
  EXPECT_EQ(queue->peek(1)->at(0).reason, "");
}

TEST_P(OpenQueueContract, ADeadLetterCarriesTheReasonThatWasNotedLast) {
  ASSERT_TRUE(queue->send("body"));
  for (int times = 1; times <= Queue::kReceivesMax; ++times) {
    const auto message = receive().at(0);
    ASSERT_TRUE(queue->note_failure(message.receipt, "try " + std::to_string(times)));
    EXPECT_TRUE(receive().empty()) << "it comes back when its delivery has run out";
    clock.advance(kMinuteMs);
  }
  EXPECT_EQ(dead().peek(10)->at(0).reason, "try 5");
}

TEST_P(OpenQueueContract, OnlyTheNewestDeliveryNotesAReason) {
  ASSERT_TRUE(queue->send("body"));
  const auto slow = receive().at(0);
  clock.advance(kMinuteMs);
  EXPECT_EQ(receive().size(), 1U);
  EXPECT_TRUE(queue->note_failure(slow.receipt, "late")) << "no error";
  EXPECT_EQ(queue->peek(1)->at(0).reason, "");
}

TEST_P(QueueOverTimeContract, ADeadLetterIsAMessageOfAQueueOfItsOwn) {
  bury("body");
  EXPECT_EQ(dead().dead_letters(), nullptr);
  for (int times = 0; times < 2 * Queue::kReceivesMax; ++times) {
    EXPECT_EQ(dead().receive(10, kMinuteMs)->size(), 1U) << "for ever";
    clock.advance(kMinuteMs);
  }
  ASSERT_TRUE(dead().remove(dead().receive(1, kMinuteMs)->at(0).receipt));
  EXPECT_TRUE(dead().peek(10)->empty());
}

TEST_P(QueueOverTimeContract, ADeadLetterThatIsBroughtBackIsLikeNew) {
  bury("body");
  const std::string id = dead().peek(1)->at(0).id;
  ASSERT_TRUE(redrive(id));
  EXPECT_TRUE(dead().peek(10)->empty());
  EXPECT_FALSE(redrive(id)) << "it is no dead letter any more";
  for (int times = 1; times <= Queue::kReceivesMax; ++times) {
    EXPECT_EQ(receive().at(0).receive_count, times);
    clock.advance(kMinuteMs);
  }
  EXPECT_TRUE(receive().empty());
  EXPECT_EQ(dead().peek(10)->size(), 1U);
}

TEST_P(QueueOverTimeContract, AnOldDeliveryHasNoPowerOverAMessageThatWasBroughtBack) {
  ASSERT_TRUE(queue->send("body"));
  const auto first = receive().at(0);
  clock.advance(kMinuteMs);
  for (int times = 2; times <= Queue::kReceivesMax; ++times) {
    EXPECT_EQ(receive().size(), 1U);
    clock.advance(kMinuteMs);
  }
  EXPECT_TRUE(receive().empty());
  ASSERT_TRUE(redrive(dead().peek(1)->at(0).id));
  EXPECT_EQ(receive().size(), 1U);
  EXPECT_TRUE(queue->remove(first.receipt));
  clock.advance(kMinuteMs);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(QueueContract, WhatIsNoDeadLetterIsNotBroughtBack) {
  const std::string id = queue->send("body").value();
  for (const std::string& name : {id, std::string("no id"), std::string()}) {
    EXPECT_FALSE(redrive(name)) << name;
  }
}

TEST_P(OpenQueueContract, KeepsMessagesForFourDaysAndDeadLettersForFourteen) {
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
  }
  EXPECT_EQ(queue->note_failure("", "reason").error().code(), Code::invalid_input);
  EXPECT_TRUE(receive().empty());
}

TEST_P(OpenQueueContract, NotesNothingOfWhatNeverWasADelivery) {
  for (const char* receipt : {"7", "no receipt", "1.2.3"}) {
    EXPECT_EQ(queue->note_failure(receipt, "reason").error().code(), Code::invalid_input) << receipt;
  }
}

TEST_P(QueueContract, AttributesTravelWithAMessage) {
  const std::string attributes = R"({"kind":{"DataType":"String","StringValue":"manual"}})";
  ASSERT_TRUE(queue->send("body", 0, attributes));
  ASSERT_TRUE(queue->send("other"));
  std::multiset<std::string> seen;
  for (const auto& message : receive()) seen.insert(message.body + message.attributes);
  EXPECT_EQ(seen, (std::multiset<std::string>{"body" + attributes, "other"}));
}

TEST_P(QueueContract, AMessageThatWasRemovedIsGone) {
  ASSERT_TRUE(queue->send("body"));
  const auto message = receive().at(0);
  EXPECT_EQ(message.receive_count, 1);
  EXPECT_TRUE(receive().empty()) << "it is delivered";
  EXPECT_EQ(queue->counts()->in_flight, 1U);
  ASSERT_TRUE(queue->remove(message.receipt));
  EXPECT_TRUE(queue->remove(message.receipt)) << "twice is no error";
  const QueueCounts counts = queue->counts().value();
  EXPECT_EQ(counts.visible + counts.in_flight + counts.delayed, 0U);
}

TEST_P(QueueContract, ALookIntoTheDeadLettersLeavesThemThere) {
  for (const char* body : {"one", "two", "three"}) ASSERT_TRUE(dead().send(body));
  for (int times = 0; times < 2; ++times) {
    std::multiset<std::string> seen;
    const auto letters = dead().peek(10).value();
    for (const auto& letter : letters) seen.insert(letter.body);
    EXPECT_EQ(seen, (std::multiset<std::string>{"one", "three", "two"}));
  }
  EXPECT_EQ(dead().peek(2)->size(), 2U);
  EXPECT_EQ(dead().counts()->visible, 3U);
}

TEST_P(QueueContract, ADeadLetterIsBroughtBackAndTheOthersStay) {
  for (const char* body : {"one", "two", "three"}) ASSERT_TRUE(dead().send(body));
  const auto letters = dead().peek(10).value();
  const auto two = std::ranges::find(letters, "two", &QueuedMessage::body);
  ASSERT_NE(two, letters.end());
  ASSERT_TRUE(redrive(two->id));
  EXPECT_EQ(bodies(), std::multiset<std::string>{"two"});
  EXPECT_EQ(dead().peek(10)->size(), 2U);
  EXPECT_FALSE(redrive(two->id));
}

TEST_P(QueueContract, SomeDeadLettersOfManyAreBroughtBackAtOnceAndThenTheRest) {
  std::vector<std::string> ids = {"no id"};
  for (int i = 0; i < 25; ++i) {
    ASSERT_TRUE(dead().send(std::to_string(i)));
  }
  const auto letters = dead().peek(100).value();
  for (const auto& letter : letters) {
    if (ids.size() < 13) ids.push_back(letter.id);
  }
  std::vector<bool> there(13, true);
  there[0] = false;
  EXPECT_EQ(queue->redrive(ids).value(), there);
  EXPECT_EQ(dead().counts()->visible, 13U);
  EXPECT_EQ(queue->redrive_all()->size(), 13U);
  EXPECT_TRUE(dead().peek(100)->empty());
  EXPECT_EQ(queue->counts()->visible, 25U);
  EXPECT_TRUE(queue->redrive_all()->empty());
}

TEST_P(QueueContract, WhatWasSentOutlivesTheConnection) {
  ASSERT_TRUE(queue->send("body"));
  queue = GetParam().make(folder, clock);
  EXPECT_EQ(bodies(), std::multiset<std::string>{"body"});
}

TEST_P(QueueOverTimeContract, OfManyReceiversAtOnceEachMessageGoesToOne) {
  constexpr int kMessages = 80;
  for (int i = 0; i < kMessages; ++i) ASSERT_TRUE(queue->send(std::to_string(i)));
  std::mutex mutex;
  std::multiset<std::string> seen;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        const auto own = GetParam().make(folder, clock);  // as another process has it
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

QueueMaker sqlite() {
  return {.make = [](const TempFolder& folder, Clock& clock) -> std::shared_ptr<Queue> {
    return *SqliteQueue::open(folder / "queue.sqlite3", clock);
  }};
}

/// The adapter of SQS on SQS's protocol as `tillite serve` speaks it, under a virtual clock.
class OnServedSqs {
 public:
  OnServedSqs(const TempFolder& folder, Clock& clock)
      : kept_(must(SqliteQueue::open(folder / "queue.sqlite3", clock))) {
    const std::string url = fmt::format("http://127.0.0.1:{}", server_->port());
    queue_ = must(SqsQueue::open(aws_client_at(url, AwsApi::sqs, clock, random_),
                                 {.url = url + "/000000000000/work", .receive_wait_ms = 0}));
  }
  [[nodiscard]] Queue* queue() const { return queue_.get(); }

 private:
  std::unique_ptr<SqliteQueue> kept_;
  SeededRandom random_;
  LongPolls polls_;
  SqsService sqs_{
      {{.name = "work", .queue = *kept_, .dead_letters = "dead"}, {.name = "dead", .queue = *kept_->dead_letters()}},
      tillite::AwsPlace{},
      polls_};
  AwsEndpoint endpoint_{{&sqs_}, std::nullopt, random_, Logger::none()};
  std::unique_ptr<tillite::HttpServer> server_ = must(tillite::HttpServer::listen(
      0, [this](const ServerRequest& request, ServerAnswer answer) { endpoint_.handle(request, std::move(answer)); },
      {}));
  std::jthread serving_{[this](const std::stop_token& stop) { server_->run(stop); }};
  std::unique_ptr<SqsQueue> queue_;
};

QueueMaker served_sqs() {
  return {.make = [](const TempFolder& folder, Clock& clock) {
    const auto whole = std::make_shared<OnServedSqs>(folder, clock);
    return std::shared_ptr<Queue>(whole, whole->queue());
  }};
}

/// The adapter of SQS on moto, with queues of the test's own.
class OnMoto {
 public:
  explicit OnMoto(const TempFolder& folder) {
    const auto client = place_.client(AwsApi::sqs);
    const std::string name = folder.path().filename().string();
    const Json dead = must(client->call_json("AmazonSQS.CreateQueue", {{"QueueName", name + "-dead"}}));
    const Json policy = {{"deadLetterTargetArn", fmt::format("arn:aws:sqs:us-east-1:123456789012:{}-dead", name)},
                         {"maxReceiveCount", Queue::kReceivesMax}};
    const Json live = must(client->call_json(
        "AmazonSQS.CreateQueue", {{"QueueName", name}, {"Attributes", {{"RedrivePolicy", to_text(policy)}}}}));
    queue_ = must(SqsQueue::open(client, {.url = live.at("QueueUrl").get<std::string>(), .receive_wait_ms = 0}));
  }
  [[nodiscard]] Queue* queue() const { return queue_.get(); }

 private:
  AwsPlace place_{MotoServer::shared().origin()};
  std::unique_ptr<SqsQueue> queue_;
};

QueueMaker moto() {
  return {.make =
              [](const TempFolder& folder, Clock&) {
                const auto whole = std::make_shared<OnMoto>(folder);
                return std::shared_ptr<Queue>(whole, whole->queue());
              },
          .missing = [] { return MotoServer::available() ? "" : MotoServer::how_to_get(); }};
}

INSTANTIATE_TEST_SUITE_P(Sqlite, QueueContract, ::testing::Values(sqlite()));
INSTANTIATE_TEST_SUITE_P(Sqlite, QueueOverTimeContract, ::testing::Values(sqlite()));
INSTANTIATE_TEST_SUITE_P(Sqlite, OpenQueueContract, ::testing::Values(sqlite()));
INSTANTIATE_TEST_SUITE_P(ServedSqs, QueueContract, ::testing::Values(served_sqs()));
INSTANTIATE_TEST_SUITE_P(ServedSqs, QueueOverTimeContract, ::testing::Values(served_sqs()));
INSTANTIATE_TEST_SUITE_P(Moto, QueueContract, ::testing::Values(moto()));

}  // namespace
}  // namespace tillite::testing
