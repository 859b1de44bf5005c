// Situations in which a pipeline of this kind once lost or stuck (docs/incidents.md lists them all, and the tests
// elsewhere that show the others).
#include <gtest/gtest.h>

#include "base/uuid.h"
#include "support/forwarding_objects.h"
#include "support/pipeline.h"
#include "vectors/versions/keys.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite::testing {
namespace {

constexpr std::size_t kStateBytesMax = 256 * 1024;  // between two states of a state machine

class Incidents : public ::testing::Test {
 protected:
  Pipeline pipeline;

  /// Receipts of one line each.
  void import_receipts(int count) {
    for (int i = 0; i < count; ++i) {
      pipeline.import(receipt_with({fmt::format("ITEM {}", i)}, fmt::format("6f1ed002-ab5f-4a3c-9d2e-{:012}", i)));
    }
  }
  Json list() { return must(list_pending(pipeline.line_event(), pipeline.ports, pipeline.context)); }
  Json split() { return must(split_into_chunks(pipeline.line_event(), pipeline.ports, pipeline.context)); }
  std::optional<Manifest> newest() { return must(ManifestLog(*pipeline.vectors, "receipt_lines", 1).newest()); }

  /// Batches at the provider, as far as the table knows.
  void put_batches(int count) {
    std::vector<Write> writes;
    for (int number = 0; number < count; ++number) {
      Batch batch{.id = BatchId(fmt::format("6f1ed002-ab5f-4a3c-9d2e-{:012}", number)),
                  .status = BatchStatus::in_progress,
                  .generation = 1,
                  .embedding_format = "line/plain/1",
                  .created_ms = pipeline.clock.now_ms() + number};
      Item row = batch_row(batch, {});
      row["openai_batch_id"] = fmt::format("batch_{:032}", number);
      writes.emplace_back(Put{std::move(row)});
    }
    must(pipeline.table->write_each(writes));
  }
};

// 2: a hard-coded cap dropped the rest silently.
TEST_F(Incidents, EveryDeltaIsMergedHoweverManyThereAre) {
  pipeline.settings.batch.items_max = 1;
  pipeline.settings.batches_per_run = 5;
  pipeline.settings.deltas_per_run = 4;
  import_receipts(12);
  int finds = 0;
  for (bool more = true; more;) {
    const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
    for (const Json& batch : found.at("batches")) {
      must(submit_batch(batch, pipeline.ports, pipeline.context));
      pipeline.collect(batch.at("batch_id"));
    }
    more = found.at("more");
    ++finds;
  }
  EXPECT_EQ(finds, 3);
  EXPECT_EQ(pipeline.census().in_deltas, 12U);
  EXPECT_EQ(split().at("deltas_total"), 12);
  EXPECT_EQ(split().at("more"), true) << "what is left for later is said";
  int merges = 0;
  for (; split().at("total_chunks") > 0; ++merges) pipeline.merge();
  EXPECT_EQ(merges, 3);
  pipeline.complete();
  EXPECT_EQ(pipeline.census().published, 12U);
  EXPECT_EQ(newest()->vectors, 12U);
}

// 3: a failed merge marked its batches COMPLETED over an empty snapshot.
TEST_F(Incidents, AFailedMergeIsAnErrorAndCompletesNothing) {
  import_receipts(2);
  pipeline.run();
  import_receipts(4);
  pipeline.collect(pipeline.submit_all().front());
  const auto published = newest()->shards;
  must(pipeline.vectors->remove(ObjectKey(published.front().folder + published.front().files.front().name)));
  EXPECT_FALSE(pipeline.try_merge());
  EXPECT_EQ(pipeline.complete().at("batches_completed"), 0);
  const Census census = pipeline.census();
  EXPECT_EQ(census.in_deltas, 2U);
  EXPECT_EQ(census.published, 2U);
  EXPECT_EQ(newest()->shards, published);
}

// 4: a read error of the old snapshot published an empty one.
TEST_F(Incidents, NothingIsPublishedOverASnapshotThatCannotBeRead) {
  import_receipts(2);
  pipeline.run();
  import_receipts(3);
  pipeline.collect(pipeline.submit_all().front());
  const Manifest before = *newest();
  for (const auto& file : before.shards.front().files) {
    if (file.name == kKeptGraphFile) continue;  // a merge can do without it
    SCOPED_TRACE(file.name);
    const ObjectKey key(before.shards.front().folder + file.name);
    const std::string whole = must(read_object(*pipeline.vectors, key));
    must(pipeline.vectors->put(key, as_bytes(std::string_view(whole).substr(0, whole.size() / 2))));
    EXPECT_FALSE(pipeline.try_merge());
    EXPECT_EQ(newest()->vectors, 2U);
    must(pipeline.vectors->put(key, as_bytes(whole)));
  }
  pipeline.merge();
  EXPECT_EQ(newest()->vectors, 3U) << "nothing was lost meanwhile";
}

// 12: items of failed batches stayed PENDING for ever; 13: batches were polled for ever.
TEST_F(Incidents, AFindAfterEveryEndOfABatchFindsItsItemsAgain) {
  import_receipts(1);
  for (const ProviderStatus end : {ProviderStatus::failed, ProviderStatus::expired, ProviderStatus::cancelled}) {
    SCOPED_TRACE(provider_status_name(end));
    pipeline.scripted.end_all(end, std::nullopt);
    const auto batches = pipeline.submit_all();
    ASSERT_EQ(batches.size(), 1U);
    pipeline.poll(batches.front());
    EXPECT_EQ(list().at("pending_total"), 0);
  }
}

/// A store that lists so many deltas.
class ManyDeltas final : public ForwardingObjects {
 public:
  ManyDeltas(ObjectStore& real, int count) : ForwardingObjects(real) {
    for (int number = 0; number < count; ++number) {
      const ObjectKey key = delta_key("receipt_lines", 1, DeltaId(uuid5(std::to_string(number))));
      deltas_.push_back({.key = key, .size_bytes = 1, .etag = "1", .modified_ms = number});
    }
    std::ranges::sort(deltas_, {}, &ObjectInfo::key);
  }
  Result<std::vector<ObjectInfo>> list(const std::string& prefix, const std::string& after,
                                       std::size_t limit) override {
    if (prefix != delta_folder("receipt_lines", 1)) return ForwardingObjects::list(prefix, after, limit);
    std::vector<ObjectInfo> page;
    for (const ObjectInfo& delta : deltas_) {
      if (delta.key.str() > after && page.size() < limit) page.push_back(delta);
    }
    return page;
  }

 private:
  std::vector<ObjectInfo> deltas_;
};

// 16: the run died of its own size at about 600 batches.
TEST_F(Incidents, WhatTravelsBetweenStatesStaysSmallHoweverManyBatchesThereAre) {
  put_batches(1200);
  const Json listed = list();
  EXPECT_EQ(listed.at("pending_total"), 1200);
  EXPECT_EQ(listed.at("more"), true);
  EXPECT_LT(to_text(listed).size(), kStateBytesMax / 2);

  ManyDeltas many(*pipeline.vectors, 1200);
  const Ports ports = with_vectors(pipeline.ports, many);
  const Json chunks = must(split_into_chunks(pipeline.line_event(), ports, pipeline.context));
  EXPECT_EQ(chunks.at("deltas_total"), 1200);
  EXPECT_EQ(chunks.at("more"), true);
  EXPECT_LT(to_text(chunks).size(), kStateBytesMax / 2);
}

// 18: a few stuck batches at the head of the list starved all others.
TEST_F(Incidents, BatchesThatStayUnfinishedDoNotKeepOthersFromTheirTurn) {
  pipeline.settings.batch.items_max = 1;
  pipeline.settings.polls_per_run = 2;
  import_receipts(5);
  pipeline.submit_all();
  pipeline.scripted.end_all(ProviderStatus::in_progress, std::nullopt);
  std::set<std::string> polled;
  for (int run = 0; run < 3; ++run) {
    const Json listed = list();
    for (const Json& batch : listed.at("pending_batches")) {
      pipeline.clock.advance(1);
      pipeline.poll(batch.at("batch_id"));
      polled.insert(batch.at("batch_id"));
    }
  }
  EXPECT_EQ(polled.size(), 5U);
}

// 19: a corrupt delta failed its whole chunk, every time.
TEST_F(Incidents, ACorruptDeltaStopsNeitherItsChunkNorTheNextMerge) {
  pipeline.settings.batch.items_max = 1;
  import_receipts(3);
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  const auto deltas = must(list_all(*pipeline.vectors, delta_folder("receipt_lines", 1)));
  must(pipeline.vectors->put(deltas[1].key, as_bytes("not a delta")));
  pipeline.merge();
  EXPECT_EQ(newest()->vectors, 2U);
  EXPECT_EQ(pipeline.complete().at("batches_quarantined"), 1);
  EXPECT_EQ(split().at("total_chunks"), 0) << "it does not come back";
  pipeline.run();
  EXPECT_EQ(newest()->vectors, 3U);
}

// 20: two text formats in one index.
TEST_F(Incidents, ADeltaOfAnotherFormatIsQuarantinedAndNotMixedIn) {
  import_receipts(1);
  pipeline.run();
  CollectionBinding other = pipeline.binding();
  other.input_format = "line/other/1";
  const TempFolder scratch;
  const DeltaId id(uuid5("another format"));
  auto writer = must(DeltaWriter::create(
      scratch.path(), {.id = id, .batch_id = {}, .binding = other, .created_ms = pipeline.clock.now_ms()}));
  must(pipeline.vectors->create_from_file(delta_key("receipt_lines", 1, id), must(writer.finish())));
  pipeline.merge();
  ASSERT_EQ(newest()->quarantined.size(), 1U);
  EXPECT_EQ(newest()->quarantined.front().delta, id);
  EXPECT_EQ(newest()->vectors, 1U);
}

/// A store that has no space for a snapshot.
class FullObjects final : public ForwardingObjects {
 public:
  using ForwardingObjects::ForwardingObjects;
  Result<void> create_from_file(const ObjectKey& key, const Path& file) override {
    if (key.str().find("/snapshot/") != std::string::npos) return fail(Code::no_space, "no space for {}", key.str());
    return ForwardingObjects::create_from_file(key, file);
  }
};

// 25: no space left on device.
TEST_F(Incidents, AMergeThatRunsOutOfSpacePublishesNothingAndIsRepeatedLater) {
  import_receipts(2);
  pipeline.collect(pipeline.submit_all().front());
  FullObjects full(*pipeline.vectors);
  const Ports ports = with_vectors(pipeline.ports, full);
  const Json event = pipeline.line_event({{"chunks", split().at("chunks")}});
  const auto merged = final_merge(event, ports, pipeline.context);
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code(), Code::no_space);
  EXPECT_EQ(pipeline.census().in_deltas, 2U);
  EXPECT_TRUE(std::filesystem::is_empty(pipeline.context.scratch)) << "nothing is left in the way";
  must(final_merge(event, pipeline.ports, pipeline.context));
  EXPECT_EQ(newest()->vectors, 2U);
}

}  // namespace
}  // namespace tillite::testing
