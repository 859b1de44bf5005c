// Messages of the queue: when they start a compaction, what it does, and that no message is trusted.
#include "steps/queue_compaction.h"

#include <gtest/gtest.h>

#include "steps/compaction_message.h"
#include "support/failing_ports.h"
#include "support/forwarding_objects.h"
#include "support/notified_pipeline.h"
#include "vectors/versions/publish_lock.h"

namespace tillite::testing {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr const char* kEverything = R"({"collection": "receipt_lines"})";

class QueueCompaction : public ::testing::Test {
 protected:
  NotifiedPipeline pipeline;

  Json call(const std::vector<std::string>& bodies) {
    return must(compaction(NotifiedPipeline::queue_event(bodies), pipeline.ports, pipeline.context));
  }
  /// Has the step work on everything that is visible in the queue.
  void work_on_queue() { EXPECT_EQ(call(pipeline.take_messages()), nothing_failed()); }
  static Json nothing_failed() { return {{"batchItemFailures", Json::array()}}; }
  std::uint64_t published() { return pipeline.census().published; }
  PublishLock lock_of_another_publisher() {
    return must(PublishLock::take(*pipeline.table, *pipeline.vectors, pipeline.clock, pipeline.random,
                                  pipeline.binding(), "another", pipeline.settings.lock));
  }
  /// The deltas that each version added, oldest first; fences added none.
  std::vector<std::size_t> added_by_version() {
    std::vector<std::size_t> added;
    ManifestLog log(*pipeline.vectors, "receipt_lines", 1);
    for (std::int64_t number = 1; number <= pipeline.newest()->number; ++number) {
      const Manifest version = must(log.read(number));
      if (!version.fence) added.push_back(version.added.size());
    }
    return added;
  }
};

TEST_F(QueueCompaction, BeginsWhenEnoughDeltasWait) {
  pipeline.settings.compaction.deltas = 3;
  pipeline.store_deltas(2);
  work_on_queue();
  EXPECT_EQ(pipeline.outstanding(), 2U);
  pipeline.store_deltas(1);
  work_on_queue();
  EXPECT_EQ(pipeline.outstanding(), 0U);
  EXPECT_EQ(published(), 3U);
}

TEST_F(QueueCompaction, BeginsWhenEnoughBytesWait) {
  pipeline.store_deltas(2);
  std::uint64_t bytes = 0;
  for (const auto& delta : must(survey_deltas(*pipeline.vectors, pipeline.binding())).outstanding) {
    bytes += delta.size_bytes;
  }
  const auto messages = pipeline.take_messages();
  pipeline.settings.compaction.bytes = bytes + 1;
  call(messages);
  EXPECT_EQ(pipeline.outstanding(), 2U);
  pipeline.settings.compaction.bytes = bytes;
  call(messages);
  EXPECT_EQ(pipeline.outstanding(), 0U);
}

TEST_F(QueueCompaction, BeginsWhenTheOldestDeltaIsOldEnough) {
  pipeline.settings.compaction.age_ms = 10 * kMinuteMs;
  pipeline.store_deltas(1);
  const auto messages = pipeline.take_messages();
  pipeline.make_deltas_old(10 * kMinuteMs - 1);
  call(messages);
  EXPECT_EQ(pipeline.outstanding(), 1U);
  pipeline.make_deltas_old(10 * kMinuteMs);
  call(messages);
  EXPECT_EQ(pipeline.outstanding(), 0U);
}

TEST_F(QueueCompaction, OfFewDeltasSendsOneCheckThatComesWhenTheOldestIsOldEnough) {
  pipeline.settings.compaction.age_ms = 10 * kMinuteMs;
  pipeline.store_deltas(1);
  work_on_queue();
  pipeline.clock.advance(4 * kMinuteMs);
  pipeline.import(receipt_with({"LATER"}, "0c4f5a3b-ab5f-4a3c-9d2e-000000000001"));
  pipeline.poll_and_tell(pipeline.submit_all().front());
  work_on_queue();
  const auto waiting = must(pipeline.queue->peek(10));
  ASSERT_EQ(waiting.size(), 1U) << "the second message found the check on its way";
  EXPECT_EQ(waiting[0].body, R"({"check":true,"collection":"receipt_lines"})");
  EXPECT_EQ(waiting[0].visible_ms, pipeline.clock.now_ms() + 6 * kMinuteMs);
  pipeline.clock.advance(6 * kMinuteMs);
  work_on_queue();
  EXPECT_EQ(published(), 2U);
  EXPECT_TRUE(must(pipeline.queue->peek(10)).empty()) << "nothing is left to check";
}

TEST_F(QueueCompaction, ChecksAgainAndAgainWhenTheAgeIsAboveTheLongestDelay) {
  pipeline.settings.compaction.age_ms = 40 * kMinuteMs;
  pipeline.store_deltas(1);
  for (const std::int64_t minutes : {15, 15, 10}) {
    work_on_queue();
    EXPECT_EQ(pipeline.outstanding(), 1U);
    const auto waiting = must(pipeline.queue->peek(10));
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting[0].visible_ms, pipeline.clock.now_ms() + minutes * kMinuteMs);
    pipeline.clock.advance(minutes * kMinuteMs);
  }
  work_on_queue();
  EXPECT_EQ(published(), 1U);
}

TEST_F(QueueCompaction, ACheckThatWasLostIsSentAgainByTheNextMessage) {
  pipeline.store_deltas(1);
  work_on_queue();
  pipeline.clock.advance(Queue::kDelayMsMax);
  pipeline.take_messages();
  pipeline.store_deltas(1);  // all deltas are young again
  work_on_queue();
  EXPECT_EQ(must(pipeline.queue->counts()).delayed, 1U);
}

TEST_F(QueueCompaction, AManualMessageCompactsEverythingWhateverTheThresholds) {
  pipeline.store_deltas(2);
  pipeline.take_messages();
  EXPECT_EQ(call({kEverything}), nothing_failed());
  EXPECT_EQ(published(), 2U);
  EXPECT_TRUE(must(pipeline.queue->peek(10)).empty()) << "no check is needed";
}

TEST_F(QueueCompaction, AManualMessageTakesChangesThatAreNotInADeltaYet) {
  Receipt receipt = receipt_with({"MILK", "TOTAL"});
  pipeline.import(receipt);
  pipeline.submit_all();
  pipeline.run();
  receipt.lines.pop_back();
  must(import_receipt(receipt, false, pipeline.ports, pipeline.context));
  EXPECT_GT(pipeline.census().changes_waiting, 0U);
  call({kEverything});
  EXPECT_EQ(pipeline.newest()->vectors, published());
  EXPECT_EQ(pipeline.census().changes_waiting, 0U);
}

TEST_F(QueueCompaction, GoesInRoundsOf25DeltasUntilNoneIsLeftAndCompletesTheBatchesOfEach) {
  const auto batches = pipeline.store_deltas(53);
  work_on_queue();
  EXPECT_EQ(added_by_version(), (std::vector<std::size_t>{25, 25, 3}));
  EXPECT_EQ(pipeline.census().batches, (std::map<std::string, std::uint64_t>{{"COMPLETED", 53}}));
  EXPECT_EQ(published(), 53U);
  EXPECT_EQ(pipeline.newest()->vectors, 53U);
}

/// Calls `at_publish` each time before a version with files becomes visible.
class PublishHook final : public ForwardingObjects {
 public:
  PublishHook(ObjectStore& real, std::function<Result<void>()> at_publish)
      : ForwardingObjects(real), at_publish_(std::move(at_publish)) {}
  Result<void> create(const ObjectKey& key, std::span<const std::byte> content) override {
    const auto text = std::string_view(reinterpret_cast<const char*>(content.data()), content.size());
    const bool is_version = key.str().find("/manifest/") != std::string::npos;
    if (is_version && text.find("\"fence\":true") == std::string_view::npos) TRY(at_publish_());
    return ForwardingObjects::create(key, content);
  }

 private:
  std::function<Result<void>()> at_publish_;
};

TEST_F(QueueCompaction, TheHolderSeesDeltasWhoseMessagesCameWhileItHeldTheLock) {
  pipeline.store_deltas(2);
  pipeline.take_messages();
  int publishes = 0;
  PublishHook vectors(*pipeline.vectors, [&]() -> Result<void> {
    if (publishes++ > 0) return {};
    pipeline.store_deltas(1);
    pipeline.settings.compaction.deltas = 1;
    work_on_queue();
    EXPECT_EQ(pipeline.newest()->fence, true) << "the other consumer left the work to the holder";
    return {};
  });
  const Ports ports = with_vectors(pipeline.ports, vectors);
  must(compaction(NotifiedPipeline::queue_event({kEverything}), ports, pipeline.context));
  EXPECT_EQ(publishes, 2);
  EXPECT_EQ(published(), 3U);
}

TEST_F(QueueCompaction, ALockThatIsHeldIsNoFailureAndOneMessageComesBackLater) {
  pipeline.settings.compaction.deltas = 1;
  pipeline.store_deltas(3);
  {
    const PublishLock lock = lock_of_another_publisher();
    for (const std::string& message : pipeline.take_messages()) EXPECT_EQ(call({message}), nothing_failed());
    EXPECT_EQ(pipeline.outstanding(), 3U);
    EXPECT_EQ(must(pipeline.queue->peek(10)).size(), 1U);
  }
  pipeline.clock.advance(pipeline.settings.lock.lease_ms);
  work_on_queue();
  EXPECT_EQ(published(), 3U);
}

TEST_F(QueueCompaction, AManualMessageThatMeetsAnotherPublisherIsNotForgotten) {
  pipeline.store_deltas(1);
  pipeline.take_messages();
  {
    const PublishLock lock = lock_of_another_publisher();
    EXPECT_EQ(call({kEverything, kEverything}), nothing_failed());
  }
  pipeline.clock.advance(kMinuteMs);
  EXPECT_EQ(pipeline.take_messages(), std::vector<std::string>{R"({"collection":"receipt_lines"})"});
  call({kEverything});
  EXPECT_EQ(published(), 1U);
}

TEST_F(QueueCompaction, ADeadPublisherIsTakenOverByAMessageThatComesBack) {
  pipeline.settings.compaction.deltas = 1;
  pipeline.store_deltas(1);
  std::optional<PublishLock> dead = lock_of_another_publisher();
  must(pipeline.table->write(Update{.key = {"LOCK#receipt_lines#publish", "LOCK"},
                                    .set = {{"owner", "a host that lost power"}}}));  // its heartbeat ends by this
  work_on_queue();
  for (int tries = 0; tries < 5 && pipeline.outstanding() > 0; ++tries) {
    pipeline.clock.advance(pipeline.settings.lock.lease_ms);
    work_on_queue();
  }
  EXPECT_EQ(published(), 1U);
}

TEST_F(QueueCompaction, ReportsMessagesThatItCannotReadAndOnlyThose) {
  pipeline.settings.compaction.deltas = 1;
  pipeline.store_deltas(1);
  const auto told = pipeline.take_messages();
  const Json answer = call({"no JSON", told.front(), "[]", R"({"collection": "teas"})", R"({"delta_key": "x"})",
                            R"({"collection": "receipt_lines", "delta_key": 5})", kEverything, "\"text\"",
                            R"({"collection": "receipt_lines", "check": "soon"})"});
  Json expected = Json::array();
  for (const char* id : {"m0", "m2", "m3", "m4", "m5", "m7", "m8"}) expected.push_back({{"itemIdentifier", id}});
  EXPECT_EQ(answer, (Json{{"batchItemFailures", expected}}));
  EXPECT_EQ(published(), 1U);
}

TEST_F(QueueCompaction, ARecordWithoutABodyFailsAloneAndOneWithoutAnIdIsAnError) {
  Json event = NotifiedPipeline::queue_event({kEverything, kEverything});
  event["Records"][0].erase("body");
  EXPECT_EQ(must(compaction(event, pipeline.ports, pipeline.context)),
            (Json{{"batchItemFailures", {{{"itemIdentifier", "m0"}}}}}));
  event["Records"][0].erase("messageId");
  EXPECT_EQ(compaction(event, pipeline.ports, pipeline.context).error().code(), Code::invalid_input);
}

TEST_F(QueueCompaction, KnowsAQueueByWhereItsRecordsComeFrom) {
  EXPECT_TRUE(is_queue_event(NotifiedPipeline::queue_event({kEverything})));
  for (const char* event : {R"({"operation": "final_merge"})", R"({"Records": []})", R"({"Records": 5})",
                            R"({"Records": [{"eventSource": "aws:s3"}]})", R"({"Records": [5]})"}) {
    EXPECT_FALSE(is_queue_event(Json::parse(event))) << event;
  }
}

TEST_F(QueueCompaction, AMessageOfADeltaThatIsMergedOrGoneIsDoneWith) {
  pipeline.store_deltas(1);
  const auto told = pipeline.take_messages();
  call({kEverything});
  EXPECT_EQ(call(told), nothing_failed());
  EXPECT_EQ(call({R"({"collection":"receipt_lines","delta_key":"receipt_lines/g1/delta/gone.tar.gz"})"}),
            nothing_failed());
  EXPECT_EQ(added_by_version(), std::vector<std::size_t>{1});
}

TEST_F(QueueCompaction, ARedeliveryCompletesTheBatchesOfAMergeThatWasKilledAfterItsPublish) {
  const auto batches = pipeline.store_deltas(2);
  const auto told = pipeline.take_messages();
  pipeline.merge();  // and no mark_complete
  EXPECT_EQ(must(read_batch(*pipeline.table, BatchId(batches[0]))).status, BatchStatus::finalizing);
  EXPECT_EQ(call(told), nothing_failed());
  EXPECT_EQ(pipeline.census().batches, (std::map<std::string, std::uint64_t>{{"COMPLETED", 2}}));
  EXPECT_EQ(added_by_version(), std::vector<std::size_t>{2});
}

TEST_F(QueueCompaction, CutOffAtAnyCallItIsMadeUpForByTheRedelivery) {
  const auto prepare = [](NotifiedPipeline& prepared) {
    prepared.settings.compaction.deltas = 2;
    prepared.store_deltas(2);
    return NotifiedPipeline::queue_event(prepared.take_messages());
  };
  int calls = 0;
  {
    NotifiedPipeline whole;
    const Json event = prepare(whole);
    FailingPorts ports(whole.ports, Outage::crash_at(-1));
    must(compaction(event, ports.ports(), whole.context));
    calls = ports.calls();
  }
  for (int call = 0; call < calls; ++call) {
    SCOPED_TRACE(fmt::format("call {} of {}", call, calls));
    NotifiedPipeline cut;
    const Json event = prepare(cut);
    {
      FailingPorts ports(cut.ports, Outage::crash_at(call));
      EXPECT_FALSE(compaction(event, ports.ports(), cut.context));
    }
    cut.clock.advance(15 * kMinuteMs);  // the visibility runs out
    EXPECT_EQ(must(compaction(event, cut.ports, cut.context)), nothing_failed());
    const Census census = cut.census();
    ASSERT_EQ(census.published, 2U);
    ASSERT_EQ(census.batches, (std::map<std::string, std::uint64_t>{{"COMPLETED", 2}}));
    ASSERT_EQ(census.version->consumed.size(), 2U);
  }
}

TEST_F(QueueCompaction, ACollectionThatCannotBeCompactedIsAnErrorAndDoesNotStopTheOther) {
  pipeline.import(receipt_with({"MILK"}));
  must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
  const Json words = must(find_unembedded_words(Json::object(), pipeline.ports, pipeline.context));
  must(submit_batch(words.at("batches").front(), pipeline.ports, pipeline.context));
  pipeline.poll_and_tell(words.at("batches").front().at("batch_id"));
  must(pipeline.vectors->put(root_key("receipt_lines"), as_bytes("not JSON")));
  const auto answer = compaction(NotifiedPipeline::queue_event({kEverything, R"({"collection": "receipt_words"})"}),
                                 pipeline.ports, pipeline.context);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message().find("receipt_lines/root.json"), std::string::npos);
  EXPECT_EQ(must(take_census(Entity::word, pipeline.ports, pipeline.context)).published, 1U);
}

TEST_F(QueueCompaction, ACorruptDeltaIsQuarantinedAndItsBatchTakenBackWhileTheOthersGoOn) {
  const auto batches = pipeline.store_deltas(2);
  pipeline.take_messages();
  must(pipeline.vectors->put(ObjectKey(must(read_batch(*pipeline.table, BatchId(batches[0]))).delta_key),
                             as_bytes("no delta")));
  EXPECT_EQ(call({kEverything}), nothing_failed());
  const Census census = pipeline.census();
  EXPECT_EQ(census.published, 1U);
  EXPECT_EQ(census.unclaimed, 1U) << "to be embedded again";
  EXPECT_EQ(census.version->quarantined.size(), 1U);
}

TEST_F(QueueCompaction, StoppedItIsCancelledAndALaterCallGoesOn) {
  pipeline.store_deltas(1);
  pipeline.take_messages();
  std::stop_source stop;
  stop.request_stop();
  StepContext context = pipeline.context;
  context.stop = stop.get_token();
  const auto event = NotifiedPipeline::queue_event({kEverything});
  EXPECT_EQ(compaction(event, pipeline.ports, context).error().code(), Code::cancelled);
  must(compaction(event, pipeline.ports, pipeline.context));
  EXPECT_EQ(published(), 1U);
}

TEST(CompactionMessage, IsReadAsItWasWritten) {
  const DeltaId id("0c4f5a3b-ab5f-4a3c-9d2e-6f1ed0022c1d");
  const std::string text = delta_message({.entity = Entity::word,
                                          .delta_key = delta_key("receipt_words", 1, id),
                                          .batch_id = BatchId("b"),
                                          .vector_count = 7,
                                          .timestamp_ms = 1'700'000'000'000});
  EXPECT_EQ(Json::parse(text),
            Json::parse(R"({"delta_key": "receipt_words/g1/delta/0c4f5a3b-ab5f-4a3c-9d2e-6f1ed0022c1d.tar.gz",
    "collection": "receipt_words", "database": "word", "vector_count": 7, "batch_id": "b",
    "timestamp": "2023-11-14T22:13:20.000Z"})"));
  const auto told = must(parse_compaction_message(text));
  EXPECT_EQ(told.kind, CompactionMessage::Kind::delta);
  EXPECT_EQ(told.entity, Entity::word);
  EXPECT_EQ(told.delta, id);
  EXPECT_EQ(must(parse_compaction_message(check_message(Entity::line))).kind, CompactionMessage::Kind::check);
  EXPECT_EQ(must(parse_compaction_message(everything_message(Entity::line))).kind, CompactionMessage::Kind::everything);
}

TEST(CompactionMessage, SaysWhatIsWrong) {
  const auto reason = [](const char* body) { return parse_compaction_message(body).error().message(); };
  EXPECT_NE(reason("{").find("the message"), std::string::npos);
  EXPECT_NE(reason("[]").find("no JSON object"), std::string::npos);
  EXPECT_NE(reason("{}").find("'collection'"), std::string::npos);
  EXPECT_NE(reason(R"({"collection": "teas"})").find("teas"), std::string::npos);
}

}  // namespace
}  // namespace tillite::testing
