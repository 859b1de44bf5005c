// From a message in the queue to a published version, and what becomes of messages that fail.
#include "app/queue_consumer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "support/notified_pipeline.h"

namespace tillite::testing {
namespace {

constexpr std::int64_t kVisibilityMs = 900'000;
constexpr const char* kEverything = R"({"collection": "receipt_lines"})";

class QueueConsumerTest : public ::testing::Test {
 protected:
  NotifiedPipeline pipeline;
  std::stop_source stop;

  QueueConsumer::Call step = [this](const Json& event, std::stop_token token) {
    StepContext context = pipeline.context;
    context.stop = std::move(token);
    return compaction(event, pipeline.ports, context);
  };
  QueueConsumer consumer(QueueConsumer::Call call) {
    return {*pipeline.queue, pipeline.clock, Logger::none(), std::move(call), {.visibility_ms = kVisibilityMs}};
  }
  std::size_t drain() { return must(consumer(step).drain(stop.get_token())); }
  std::vector<QueuedMessage> waiting() { return must(pipeline.queue->peek(100)); }
  std::vector<QueuedMessage> dead() { return must(pipeline.queue->dead_letters()->peek(100)); }
};

TEST_F(QueueConsumerTest, PublishesWhatMessagesTellOfAndRemovesThem) {
  pipeline.settings.compaction.deltas = 12;
  pipeline.store_deltas(12);
  EXPECT_EQ(drain(), 12U) << "more than one receive brings";
  EXPECT_EQ(pipeline.census().published, 12U);
  EXPECT_TRUE(waiting().empty());
  EXPECT_EQ(drain(), 0U);
}

TEST_F(QueueConsumerTest, AMessageThatCannotBeReadEndsAsADeadLetterWithItsReasonAndStopsNoOther) {
  must(pipeline.ports.queue.send("not JSON"));
  must(pipeline.ports.queue.send(R"({"collection": "teas"})"));
  pipeline.settings.compaction.deltas = 2;
  pipeline.store_deltas(2);
  EXPECT_EQ(drain(), 4U);
  EXPECT_EQ(pipeline.census().published, 2U);
  ASSERT_EQ(waiting().size(), 2U) << "they come back";
  for (int tries = 2; tries <= Queue::kReceivesMax; ++tries) {
    pipeline.clock.advance(kVisibilityMs);
    EXPECT_TRUE(dead().empty());
    EXPECT_EQ(drain(), 2U);
  }
  pipeline.clock.advance(kVisibilityMs);
  EXPECT_EQ(drain(), 0U);
  const auto letters = dead();
  ASSERT_EQ(letters.size(), 2U);
  EXPECT_EQ(letters[0].body, "not JSON");
  EXPECT_NE(letters[0].reason.find("the message"), std::string::npos) << letters[0].reason;
  EXPECT_NE(letters[1].reason.find("teas"), std::string::npos) << letters[1].reason;
}

TEST_F(QueueConsumerTest, MessagesOfACompactionThatFailsComeBackAndCarryItsErrorAsDeadLetters) {
  pipeline.store_deltas(1);
  pipeline.take_messages();
  must(pipeline.ports.queue.send(kEverything));
  const auto failing = [](const Json&, std::stop_token) -> Result<Json> {
    return fail(Code::no_space, "the disk is full");
  };
  for (int tries = 1; tries <= Queue::kReceivesMax; ++tries) {
    EXPECT_EQ(must(consumer(failing).drain(stop.get_token())), 1U);
    pipeline.clock.advance(kVisibilityMs);
  }
  ASSERT_EQ(dead().size(), 1U);
  EXPECT_EQ(dead()[0].reason, "Tillite.NoSpace: the disk is full");
  EXPECT_EQ(must(pipeline.queue->redrive(std::array{dead()[0].id})), std::vector<bool>{true});
  EXPECT_EQ(drain(), 1U);
  EXPECT_EQ(pipeline.census().published, 1U) << "once there is space";
}

TEST_F(QueueConsumerTest, AnAnswerThatIsNoneFailsAllMessages) {
  must(pipeline.ports.queue.send(kEverything));
  for (const char* answer : {"{}", R"({"batchItemFailures": 5})", R"({"batchItemFailures": [{}]})", "null"}) {
    const auto odd = [&](const Json&, std::stop_token) -> Result<Json> { return Json::parse(answer); };
    EXPECT_EQ(must(consumer(odd).drain(stop.get_token())), 1U) << answer;
    EXPECT_EQ(waiting().size(), 1U) << answer;
    pipeline.clock.advance(kVisibilityMs);
  }
}

TEST_F(QueueConsumerTest, MessagesStayInvisibleHoweverLongACompactionTakes) {
  pipeline.store_deltas(1);
  pipeline.take_messages();
  must(pipeline.ports.queue.send(kEverything));
  std::size_t others_got = 0;
  const auto slow = [&](const Json& event, std::stop_token token) -> Result<Json> {
    for (int thirds = 0; thirds < 7; ++thirds) {
      const std::int64_t before_ms = waiting().at(0).visible_ms;
      pipeline.clock.wait_for_sleeper();
      pipeline.clock.advance(kVisibilityMs / 3);
      while (waiting().at(0).visible_ms == before_ms) std::this_thread::yield();
      others_got += must(consumer(step).drain(stop.get_token()));
    }
    return step(event, token);
  };
  EXPECT_EQ(must(consumer(slow).drain(stop.get_token())), 1U);
  EXPECT_EQ(others_got, 0U);
  EXPECT_TRUE(waiting().empty());
  EXPECT_EQ(pipeline.census().published, 1U);
}

TEST_F(QueueConsumerTest, StoppedItGivesItsMessagesBackAtOnce) {
  pipeline.store_deltas(1);
  pipeline.take_messages();
  must(pipeline.ports.queue.send(kEverything));
  const auto stopped = [&](const Json& event, std::stop_token token) {
    stop.request_stop();
    return step(event, token);
  };
  EXPECT_EQ(consumer(stopped).drain(stop.get_token()).error().code(), Code::cancelled);
  EXPECT_EQ(must(pipeline.queue->counts()).visible, 1U);
  stop = {};
  EXPECT_EQ(drain(), 1U);
  EXPECT_EQ(pipeline.census().published, 1U);
}

TEST_F(QueueConsumerTest, AfterAKillBetweenPublishAndRemovalTheMessageIsDeliveredAgainAndNothingIsMergedTwice) {
  pipeline.settings.compaction.deltas = 1;
  pipeline.store_deltas(1);
  const auto messages = must(pipeline.queue->receive(10, kVisibilityMs));  // by a consumer that is killed
  must(compaction(NotifiedPipeline::queue_event({messages.at(0).body}), pipeline.ports, pipeline.context));
  const auto before = pipeline.newest();
  pipeline.clock.advance(kVisibilityMs);
  EXPECT_EQ(drain(), 1U);
  EXPECT_TRUE(waiting().empty());
  EXPECT_EQ(pipeline.newest()->number, before->number);
  EXPECT_EQ(pipeline.census().published, 1U);
}

TEST_F(QueueConsumerTest, OfTwoConsumersAtOnceOneDoesTheWorkAndNothingIsLost) {
  pipeline.settings.compaction.deltas = 1;
  pipeline.store_deltas(40);
  std::atomic<std::size_t> taken = 0;
  {
    std::vector<std::jthread> consumers;
    for (int i = 0; i < 2; ++i) {
      consumers.emplace_back([&] { taken += must(consumer(step).drain(stop.get_token())); });
    }
  }
  EXPECT_EQ(taken, 40U);
  pipeline.clock.advance(Queue::kDelayMsMax);  // who met the lock has sent a check
  drain();
  const Census census = pipeline.census();
  EXPECT_EQ(census.published, 40U);
  EXPECT_EQ(census.version->consumed.size(), 40U) << "each delta once";
  EXPECT_EQ(census.batches, (std::map<std::string, std::uint64_t>{{"COMPLETED", 40}}));
  EXPECT_TRUE(dead().empty());
}

TEST_F(QueueConsumerTest, ServesUntilItIsStopped) {
  std::atomic<int> calls = 0;
  const auto counted = [&](const Json& event, std::stop_token token) {
    ++calls;
    return step(event, token);
  };
  std::jthread serving([&] { consumer(counted).serve(stop.get_token()); });
  for (int messages = 1; messages <= 2; ++messages) {
    must(pipeline.ports.queue.send(kEverything));
    while (calls < messages) {
      pipeline.clock.advance(1000);
      std::this_thread::yield();
    }
  }
  while (!waiting().empty()) std::this_thread::yield();
  stop.request_stop();
}

}  // namespace
}  // namespace tillite::testing
