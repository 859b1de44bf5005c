#include <gtest/gtest.h>

#include <thread>

#include "steps/compact.h"
#include "support/forwarding_objects.h"
#include "support/pipeline.h"
#include "support/virtual_clock.h"
#include "vectors/versions/keys.h"

namespace tillite::testing {
namespace {

class FinalMergeTest : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"});
  Json event;
  ObjectKey intermediate;

  /// Three vectors in one delta, one chunk, one intermediate.
  void SetUp() override {
    pipeline.import(receipt);
    pipeline.collect(pipeline.submit_all().front());
    const Json split = must(split_into_chunks(pipeline.line_event(), pipeline.ports, pipeline.context));
    event = pipeline.line_event({{"chunks", split.at("chunks")}});
    const Json chunk =
        must(process_chunk(pipeline.line_event(split.at("chunks").front()), pipeline.ports, pipeline.context));
    intermediate = ObjectKey(chunk.at("intermediate_key").get<std::string>());
  }

  Result<Json> merge() { return final_merge(event, pipeline.ports, pipeline.context); }
  std::string stored(const ObjectKey& key) { return must(read_object(*pipeline.vectors, key)); }
  void store(const ObjectKey& key, const std::string& content) { must(pipeline.vectors->put(key, as_bytes(content))); }
  ObjectKey only_delta() { return must(list_all(*pipeline.vectors, delta_folder("receipt_lines", 1))).front().key; }
  std::optional<Manifest> newest() { return must(ManifestLog(*pipeline.vectors, "receipt_lines", 1).newest()); }

  /// The lock's row as a holder on another machine left it.
  void hold_elsewhere(std::int64_t heartbeat_at_ms, const std::string& record_version = "1") {
    must(pipeline.table->write(Put{{{"PK", "LOCK#receipt_lines#publish"},
                                    {"SK", "LOCK"},
                                    {"TYPE", "COMPACTION_LOCK"},
                                    {"owner", "elsewhere/boot/1/1/somebody/n"},
                                    {"record_version", record_version},
                                    {"lease_ms", pipeline.settings.lock.lease_ms},
                                    {"heartbeat_at", heartbeat_at_ms},
                                    {"epoch", 7}}}));
  }
};

TEST_F(FinalMergeTest, MakesADamagedIntermediateAnewOfItsDeltasWhereverTheDamageIs) {
  const std::string whole = stored(intermediate);
  std::vector<std::string> damaged = {"", whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 1),
                                      whole + "x", "tillite-run/2" + whole.substr(whole.find('\n'))};
  for (const std::size_t place : {std::size_t{3}, std::size_t{40}, whole.size() / 2, whole.size() - 2}) {
    damaged.push_back(whole);
    damaged.back()[place] = static_cast<char>(damaged.back()[place] ^ 0x10);
  }
  for (std::size_t i = 0; i < damaged.size(); ++i) {
    SCOPED_TRACE(i);
    Pipeline fresh;
    fresh.import(receipt);
    fresh.collect(fresh.submit_all().front());
    const Json split = must(split_into_chunks(fresh.line_event(), fresh.ports, fresh.context));
    const Json chunk = must(process_chunk(fresh.line_event(split.at("chunks").front()), fresh.ports, fresh.context));
    const ObjectKey key(chunk.at("intermediate_key").get<std::string>());
    must(fresh.vectors->put(key, as_bytes(damaged[i])));
    must(final_merge(fresh.line_event({{"chunks", split.at("chunks")}}), fresh.ports, fresh.context));
    EXPECT_EQ(fresh.census().version->vectors, 3U);
    EXPECT_TRUE(fresh.census().version->quarantined.empty());
    EXPECT_EQ(must(read_object(*fresh.vectors, key)).size(), whole.size()) << "it is whole again";
  }
}

TEST_F(FinalMergeTest, QuarantinesTheDamagedDeltaBehindADamagedIntermediate) {
  const std::string whole = stored(intermediate);
  store(intermediate, whole.substr(0, whole.size() / 2));
  store(only_delta(), "not a delta");
  must(merge());
  EXPECT_EQ(newest()->quarantined.size(), 1U);
  EXPECT_EQ(newest()->vectors, 0U);
}

/// A store that damages every intermediate that is written.
class DamagingObjects final : public ForwardingObjects {
 public:
  using ForwardingObjects::ForwardingObjects;
  int intermediates_written = 0;

  Result<void> create_from_file(const ObjectKey& key, const Path& file) override {
    if (!key.str().starts_with("intermediate/")) return ForwardingObjects::create_from_file(key, file);
    ++intermediates_written;
    const std::string content = TRY(read_file(file));
    return create(key, as_bytes(content).first(content.size() - 1));
  }
};

TEST_F(FinalMergeTest, GivesUpOnAnIntermediateThatIsDamagedAgainAfterItWasMadeAnew) {
  receipt.lines[0].text = "OAT MILK 2.19";
  pipeline.import(receipt);
  pipeline.collect(pipeline.submit_all().front());
  pipeline.settings.chunk_deltas[Entity::line] = 1;
  const Json split = must(split_into_chunks(pipeline.line_event(), pipeline.ports, pipeline.context));
  const auto chunks = split.at("total_chunks").get<int>();
  ASSERT_GT(chunks, 1);
  DamagingObjects damaging(*pipeline.vectors);
  const Ports ports = with_vectors(pipeline.ports, damaging);
  const auto merged = final_merge(pipeline.line_event({{"chunks", split.at("chunks")}}), ports, pipeline.context);
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code(), Code::corrupt);
  EXPECT_EQ(damaging.intermediates_written, chunks + 1) << "each made, and the first once more: it is damaged again";
  EXPECT_EQ(pipeline.census().in_deltas, 3U);
}

TEST_F(FinalMergeTest, ReadsTheDeltasOfALoneChunkThatHasNoIntermediate) {
  must(pipeline.vectors->remove(intermediate));
  DamagingObjects damaging(*pipeline.vectors);
  must(final_merge(event, with_vectors(pipeline.ports, damaging), pipeline.context));
  EXPECT_EQ(damaging.intermediates_written, 0);
  EXPECT_EQ(newest()->vectors, 3U);
  EXPECT_EQ(newest()->added.size(), 1U);
}

TEST_F(FinalMergeTest, QuarantinesADeltaOfALoneChunkThatIsDamagedBehindItsVectors) {
  must(pipeline.vectors->remove(intermediate));
  const ObjectKey delta = only_delta();
  std::string content = stored(delta);
  content[content.size() - 20] = static_cast<char>(~content[content.size() - 20]);
  store(delta, content);
  const Json first = must(merge());
  ASSERT_EQ(newest()->quarantined.size(), 1U);
  EXPECT_EQ(newest()->quarantined.front().delta, delta_id_of(delta));
  EXPECT_TRUE(newest()->has_consumed(*delta_id_of(delta)));
  EXPECT_EQ(newest()->vectors, 0U);
  EXPECT_EQ(must(merge()).at("version"), first.at("version")) << "it is consumed";
}

TEST_F(FinalMergeTest, MakesTheIntermediateOfALoneChunkWhoseLinesTheMemoryCannotHold) {
  must(pipeline.vectors->remove(intermediate));
  pipeline.settings.memory_bytes = 1'600;
  must(merge());
  EXPECT_TRUE(pipeline.vectors->info(intermediate)) << "it was made";
  EXPECT_EQ(newest()->vectors, 3U);
}

TEST_F(FinalMergeTest, ADamagedBaseMakesNoIntermediateOfALoneChunk) {
  must(pipeline.vectors->remove(intermediate));
  must(merge());
  const ObjectKey file(newest()->shards.front().folder + newest()->shards.front().files.front().name);
  store(file, "damaged");
  receipt.lines[0].text = "OAT MILK 2.19";
  pipeline.import(receipt);
  pipeline.collect(pipeline.submit_all().front());
  const auto merged = pipeline.try_merge();
  ASSERT_FALSE(merged);
  EXPECT_TRUE(must(list_all(*pipeline.vectors, "intermediate/")).empty());
}

TEST_F(FinalMergeTest, ADamagedBaseIsNotTakenForADamagedIntermediate) {
  must(merge());
  const Manifest published = *newest();
  const ObjectKey file(published.shards.front().folder + published.shards.front().files.front().name);
  std::string content = stored(file);
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
  store(file, content);

  receipt.lines[0].text = "OAT MILK 2.19";
  pipeline.import(receipt);
  pipeline.collect(pipeline.submit_all().front());
  const auto merged = pipeline.try_merge();
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code(), Code::corrupt);
  EXPECT_EQ(newest()->shards, published.shards) << "nothing was published over it";
}

TEST_F(FinalMergeTest, ADeltaThatIsNeitherStoredNorConsumedIsAnErrorEvenIfItsIntermediateIsThere) {
  const ObjectKey delta = only_delta();
  must(pipeline.vectors->remove(delta));
  const auto merged = merge();
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code(), Code::not_found);
  EXPECT_NE(merged.error().message().find(delta_id_of(delta)->str()), std::string::npos);
}

TEST_F(FinalMergeTest, RepeatedAfterItsOwnPublishReturnsTheSameResultWithIntermediatesOrWithout) {
  const Json first = must(merge());
  const Json with = must(merge());
  must(pipeline.vectors->remove(intermediate));
  const Json without = must(merge());
  for (const char* field : {"version", "snapshot_key", "total_embeddings"}) {
    EXPECT_EQ(with.at(field), first.at(field));
    EXPECT_EQ(without.at(field), first.at(field));
  }
}

TEST_F(FinalMergeTest, LeavesOutDeltasThatAnotherMergeConsumedAfterTheChunksWereMade) {
  Json other = event;
  other["execution"] = "another";
  must(final_merge(other, pipeline.ports, pipeline.context));
  const Json late = must(merge());
  EXPECT_EQ(late.at("deltas_consumed"), 0);
  EXPECT_EQ(newest()->vectors, 3U);
  EXPECT_EQ(newest()->consumed.size(), 1U);
}

TEST_F(FinalMergeTest, KeepsATombstoneAsLongAsABatchIsOpenThatIsOlder) {
  must(merge());
  pipeline.complete();
  const auto import_one = [&](const std::string& image) { pipeline.import(receipt_with({"TEA 2.49"}, image)); };
  import_one("0c4f5a3b-ab5f-4a3c-9d2e-000000000001");
  const std::string open_batch = pipeline.submit_all().front();
  pipeline.clock.advance(1000);
  must(remove_receipt(receipt.image_id, 1, pipeline.ports, pipeline.context));
  pipeline.flush();
  pipeline.merge();
  EXPECT_EQ(newest()->tombstones, 3U);

  pipeline.clock.advance(2 * pipeline.settings.tombstone_retention_ms);
  import_one("0c4f5a3b-ab5f-4a3c-9d2e-000000000002");
  pipeline.run();
  EXPECT_EQ(newest()->tombstones, 3U) << "the open batch is older than the removal";

  pipeline.collect(open_batch);
  pipeline.merge();
  pipeline.complete();
  import_one("0c4f5a3b-ab5f-4a3c-9d2e-000000000003");
  pipeline.run();
  EXPECT_EQ(newest()->tombstones, 0U);
}

// ---- the lock, waited for

TEST_F(FinalMergeTest, RetriedOverAWholeLeaseTakesOverAHolderThatGivesNoSignWhateverItsClockSays) {
  pipeline.settings.lock_wait_ms = 0;
  hold_elsewhere(pipeline.clock.now_ms() + pipeline.settings.lock.lease_ms);
  EXPECT_EQ(merge().error().code(), Code::lock_held);
  pipeline.clock.advance(pipeline.settings.lock.lease_ms);
  EXPECT_EQ(merge().error().code(), Code::lock_held);
  pipeline.clock.advance(1);
  must(merge());
  EXPECT_EQ(newest()->epoch, 8);
}

TEST_F(FinalMergeTest, WaitsForAnotherPublisherThatIsSoonDone) {
  hold_elsewhere(pipeline.clock.now_ms());
  const std::jthread publisher([&] {
    pipeline.clock.wait_for_sleeper();
    must(pipeline.table->write(Update{.key = {"LOCK#receipt_lines#publish", "LOCK"}, .remove = {"owner"}}));
    pipeline.clock.advance(1000);
  });
  must(merge());
  EXPECT_EQ(newest()->epoch, 8);
}

TEST_F(FinalMergeTest, AStatelessRetryKnowsTheWallClockOnly) {
  pipeline.settings.lock_wait_ms = 0;
  hold_elsewhere(pipeline.clock.now_ms() + pipeline.settings.lock.lease_ms);
  const auto retry = [&] {
    StepContext context = pipeline.context;
    context.lock_watch = std::make_shared<LockWatch>();
    return final_merge(event, pipeline.ports, context);
  };
  EXPECT_EQ(retry().error().code(), Code::lock_held);
  pipeline.clock.advance(2 * pipeline.settings.lock.lease_ms);
  EXPECT_EQ(retry().error().code(), Code::lock_held);
  pipeline.clock.advance(60'001);
  must(retry());
}

TEST_F(FinalMergeTest, CompactWaitsForADeadHoldersLeaseAndGoesOn) {
  VirtualClock clock;  // its sleeps pass at once
  hold_elsewhere(clock.now_ms() + pipeline.settings.lock.lease_ms);
  const Ports ports = with_clock(pipeline.ports, clock);
  const Json compacted = must(compact_collection(Entity::line, ports, pipeline.context));
  EXPECT_EQ(compacted.at("deltas_consumed"), 1);
  EXPECT_EQ(compacted.at("batches_completed"), 1);
}

TEST_F(FinalMergeTest, CompactStopsWaitingWhenAsked) {
  hold_elsewhere(pipeline.clock.now_ms());
  std::stop_source stop;
  StepContext context = pipeline.context;
  context.stop = stop.get_token();
  stop.request_stop();
  EXPECT_EQ(compact_collection(Entity::line, pipeline.ports, context).error().code(), Code::cancelled);
}

}  // namespace
}  // namespace tillite::testing
