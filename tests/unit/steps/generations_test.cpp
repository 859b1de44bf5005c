// A generation is built beside the active one and swapped in, while everything else goes on.
#include <gtest/gtest.h>

#include "steps/changes/change_writer.h"
#include "steps/compact.h"
#include "steps/generations/backfill.h"
#include "steps/generations/generation_gap.h"
#include "steps/generations/retirement.h"
#include "steps/generations/rollback.h"
#include "support/failing_ports.h"
#include "support/forwarding_table.h"
#include "support/pipeline.h"
#include "vectors/versions/keys.h"
#include "vectors/versions/publish_lock.h"

namespace tillite::testing {
namespace {

constexpr Entity kLines = Entity::line;
constexpr int kWalksMax = 20;

/// Finds, submits, polls and merges once, as the state machines do.
Result<void> walk(const Ports& ports, const StepContext& context) {
  const Json event = {{"collection", "receipt_lines"}};
  const Json found = TRY(find_unembedded(event, ports, context));
  for (const Json& batch : found.at("batches")) TRY(submit_batch(batch, ports, context));
  const Json listed = TRY(list_pending(event, ports, context));
  for (const Json& batch : listed.at("pending_batches")) {
    while (TRY(poll_batch(batch, ports, context)).at("action") == "wait") {
    }
  }
  TRY(compact_collection(kLines, ports, context));
  return {};
}

/// A table at which something happens right before the first write to the row of a generation.
class InterruptedTable final : public ForwardingTable {
 public:
  InterruptedTable(Table& real, std::function<void()> interrupt) : real_(real), interrupt_(std::move(interrupt)) {}
  Table& real() override { return real_; }
  Result<void> write(const Write& write) override {
    const auto* const update = std::get_if<Update>(&write);
    if (update != nullptr && update->key.sk.starts_with("GENERATION#") && interrupt_) std::exchange(interrupt_, {})();
    return ForwardingTable::write(write);
  }

 private:
  Table& real_;
  std::function<void()> interrupt_;
};

class GenerationsTest : public ::testing::Test {
 protected:
  Generation start(const std::function<void(CollectionBinding&)>& change) {
    CollectionBinding wanted = pipeline.binding();
    change(wanted);
    return must(start_generation(kLines, wanted, pipeline.ports, pipeline.context));
  }
  Generation start_half_size() {
    return start([](CollectionBinding& binding) { binding.dimensions = 32; });
  }
  Generation start_rows() {
    return start([](CollectionBinding& binding) { binding.input_format = "line/rows/1"; });
  }

  void walk_once() { must(walk(pipeline.ports, pipeline.context)); }
  bool is_building() { return must(building_generation(kLines, pipeline.ports)).has_value(); }
  void build() {
    for (int walks = 0; is_building(); ++walks) {
      ASSERT_LT(walks, kWalksMax) << "it never comes to its end";
      walk_once();
    }
  }
  /// The same while something changes before every find.
  void build_while(const std::function<void(int walk)>& change) {
    for (int walks = 0; is_building(); ++walks) {
      ASSERT_LT(walks, kWalksMax) << "it never comes to its end";
      change(walks);
      walk_once();
    }
  }
  /// The same while a new receipt comes before every find; how many have come.
  std::uint64_t build_while_receipts_come() {
    std::uint64_t receipts = 0;
    build_while([&](int walk) {
      scan(numbered_receipt(walk));
      ++receipts;
    });
    return receipts;
  }
  /// A receipt of one line, another for each number.
  static Receipt numbered_receipt(int number) {
    return receipt_with({fmt::format("TEA {}.49", number)}, fmt::format("0c4f5a3b-ab5f-4a3c-9d2e-{:012x}", number));
  }
  void scan(const Receipt& scanned) { must(import_receipt(scanned, false, pipeline.ports, pipeline.context)); }
  /// Finds that nothing is missing, but does not swap: somebody else has the right to publish.
  void close() {
    const auto lock = must(PublishLock::take(*pipeline.table, *pipeline.vectors, pipeline.clock, pipeline.random,
                                             pipeline.binding(), "another", pipeline.settings.lock));
    must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
    ASSERT_TRUE(must(building_generation(kLines, pipeline.ports))->closing);
  }
  /// Whatever is left over is worked off.
  void settle() {
    for (int walks = 0; walks < 3; ++walks) walk_once();
  }
  void merge_all() { must(compact_collection(kLines, pipeline.ports, pipeline.context)); }

  Manifest newest(std::int64_t generation) {
    return must(ManifestLog(*pipeline.vectors, "receipt_lines", generation).newest()).value();
  }
  GenerationState state_of(std::int64_t number) {
    return must(generation_numbered(kLines, number, pipeline.ports)).state;
  }
  /// What a reader sees of an item now.
  std::optional<StoredRecord> stored(const RecordId& id) {
    const TempFolder scratch = TempFolder::in_memory();
    const auto view = must(CollectionView::open(*pipeline.vectors, pipeline.binding(), scratch.path()));
    auto records = must(view.get({id}, true));
    return records.empty() ? std::nullopt : std::optional(std::move(records.front()));
  }
  std::vector<float> embedded(const std::string& text, std::size_t dimensions) {
    auto vector = pipeline.embedder.embed(text, dimensions);
    must(normalise(vector));
    return vector;
  }
  std::size_t batches_at_provider() { return must(pipeline.provider.list({}, 100)).batches.size(); }
  /// A find; something else happens right before it says how far it has come.
  Json find_interrupted_by(const std::function<void()>& interrupt) {
    InterruptedTable table(*pipeline.table, interrupt);
    const Ports& real = pipeline.ports;
    const Ports ports{table,      real.vectors, real.batch_files, real.queue, real.provider,
                      real.texts, real.cache,   real.clock,       real.random};
    return must(find_unembedded(Json::object(), ports, pipeline.context));
  }
  /// No result has a vector while `refuses` says so.
  void let_the_provider_refuse(const bool& refuses) {
    pipeline.scripted.edit = [this, &refuses](ProviderBatch& batch) {
      if (refuses && batch.output_file_id) pipeline.scripted.files.emplace(*batch.output_file_id, "");
    };
  }
  void expect_whole(std::uint64_t items) {
    const Census census = pipeline.census();
    EXPECT_TRUE(census.adds_up());
    EXPECT_EQ(census.published, items);
    EXPECT_EQ(census.version->vectors, items);
    EXPECT_EQ(pipeline.stored_ids().size(), items);
  }

  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"});
  Receipt other = receipt_with({"TEA 2.49", "SALT 0.99"}, "0c4f5a3b-ab5f-4a3c-9d2e-6f1ed0022c1d");
};

TEST_F(GenerationsTest, AreBuiltBesideTheOldOneWhichIsServedUntilTheNewOneIsComplete) {
  pipeline.import(receipt);
  pipeline.run();
  const Generation started = start_half_size();
  EXPECT_EQ(started.number(), 2);
  EXPECT_EQ(started.state, GenerationState::building);
  walk_once();
  EXPECT_EQ(pipeline.binding().generation, 1);
  EXPECT_EQ(stored(line_of(receipt, 1))->vector, embedded("MILK 1.29", 64));
  build();
  EXPECT_EQ(pipeline.binding().generation, 2);
  EXPECT_EQ(stored(line_of(receipt, 1))->vector, embedded("MILK 1.29", 32));
  EXPECT_EQ(state_of(1), GenerationState::retired);
  EXPECT_EQ(state_of(2), GenerationState::active);
  expect_whole(3);
}

TEST_F(GenerationsTest, SendEqualTextsOnce) {
  pipeline.import(receipt_with({"MILK", "MILK", "MILK", "TOTAL"}));
  pipeline.run();
  start_half_size();
  const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
  ASSERT_EQ(found.at("batches_total"), 1);
  const Batch batch =
      must(read_batch(*pipeline.table, BatchId(found.at("batches")[0].at("batch_id").get<std::string>())));
  const std::string requests = must(read_object(*pipeline.batch_files, ObjectKey(batch.requests_key)));
  EXPECT_EQ(std::ranges::count(requests, '\n'), 2);
  build();
  expect_whole(4);
}

TEST_F(GenerationsTest, LeaveTheStatusOfTheirItemsAlone) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  pipeline.submit_all();
  EXPECT_EQ(pipeline.row(line_of(receipt, 1)).at("embedding_status"), "SUCCESS");
  EXPECT_TRUE(pipeline.census().adds_up());
  EXPECT_EQ(pipeline.census().published, 3U);
}

TEST_F(GenerationsTest, NewItemsAreSearchableMeanwhile) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  pipeline.import(other);
  walk_once();
  EXPECT_EQ(pipeline.binding().generation, 1);
  EXPECT_TRUE(stored(line_of(other, 1)));
  build();
  EXPECT_EQ(stored(line_of(other, 1))->vector, embedded("TEA 2.49", 32));
  settle();
  expect_whole(5);
}

TEST_F(GenerationsTest, AreWithoutWhatIsRemovedMeanwhile) {
  pipeline.import(receipt);
  pipeline.import(other);
  pipeline.run();
  start_half_size();
  const auto batches = pipeline.submit_all();
  must(remove_receipt(other.image_id, 1, pipeline.ports, pipeline.context));
  for (const std::string& batch : batches) EXPECT_EQ(pipeline.collect(batch).at("dropped_count"), 2);
  build();
  settle();
  expect_whole(3);
}

TEST_F(GenerationsTest, ForgetWhatIsRemovedAfterItsVectorWasMade) {
  pipeline.import(receipt);
  pipeline.import(other);
  pipeline.run();
  start_half_size();
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  merge_all();
  EXPECT_EQ(newest(2).vectors, 5U);
  must(remove_receipt(other.image_id, 1, pipeline.ports, pipeline.context));
  build();
  settle();
  expect_whole(3);
  EXPECT_EQ(newest(2).vectors, 3U);
}

TEST_F(GenerationsTest, HaveTheNewTextOfAReceiptThatIsScannedAgainMeanwhile) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  const auto batches = pipeline.submit_all();
  receipt.lines[0].text = "OAT MILK 1.59";
  pipeline.import(receipt);
  for (const std::string& batch : batches) EXPECT_EQ(pipeline.collect(batch).at("dropped_count"), 1);
  build();
  settle();
  expect_whole(3);
  EXPECT_EQ(stored(line_of(receipt, 1))->vector, embedded("OAT MILK 1.59", 32));
  EXPECT_EQ(stored(line_of(receipt, 1))->item_version, 2);
}

TEST_F(GenerationsTest, HaveTheNewestMetadata) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  merge_all();
  receipt.merchant = "northside market";
  pipeline.import(receipt);
  merge_all();
  build();
  EXPECT_EQ(stored(line_of(receipt, 1))->metadata.at("merchant_name"), "Northside Market");
  expect_whole(3);
}

TEST_F(GenerationsTest, KeepWhatARollbackTookOutOfTheOldOne) {
  pipeline.import(receipt);
  pipeline.run();
  const std::int64_t older = newest(1).number;
  pipeline.import(other);
  pipeline.run();
  start_half_size();
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  merge_all();
  ASSERT_EQ(newest(2).vectors, 5U);
  must(roll_back(kLines, older, pipeline.ports, pipeline.context));
  build();
  settle();
  EXPECT_EQ(stored(line_of(other, 1))->vector, embedded("TEA 2.49", 32));
  expect_whole(5);
}

TEST_F(GenerationsTest, KeepWhatARollbackTookOutOfTheOldOneWhileTheyWereClosing) {
  pipeline.import(receipt);
  pipeline.run();
  const std::int64_t older = newest(1).number;
  pipeline.import(other);
  pipeline.run();
  start_half_size();
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  merge_all();
  close();
  must(roll_back(kLines, older, pipeline.ports, pipeline.context));
  build();
  settle();
  EXPECT_EQ(stored(line_of(other, 1))->vector, embedded("TEA 2.49", 32));
  expect_whole(5);
}

TEST_F(GenerationsTest, ChangeTheInputFormat) {
  pipeline.import(receipt);
  pipeline.run();
  start_rows();
  build();
  const auto milk = stored(line_of(receipt, 1));
  EXPECT_EQ(milk->vector, embedded("<EDGE>\nMILK 1.29\nBREAD 1.89", 64));
  EXPECT_EQ(milk->metadata.at("embedding_format"), "line/rows/1");
  EXPECT_FALSE(pipeline.import(receipt).changed) << "the rows know the texts of the new format";

  receipt.lines[1].text = "BUNS 0.89";
  pipeline.import(receipt);
  EXPECT_EQ(pipeline.census().unclaimed, 3U) << "the line, and those in the rows above and below";
  settle();
  EXPECT_EQ(stored(line_of(receipt, 1))->vector, embedded("<EDGE>\nMILK 1.29\nBUNS 0.89", 64));
  expect_whole(3);
}

TEST_F(GenerationsTest, ATextThatChangesUnderTheNewFormatAloneIsNoticedWhileItIsOnItsWay) {
  pipeline.import(receipt);
  pipeline.run();
  start_rows();
  const auto batches = pipeline.submit_all();
  receipt.lines[1].text = "BUNS 0.89";  // the neighbours' own texts stay
  pipeline.import(receipt);
  for (const std::string& batch : batches) EXPECT_EQ(pipeline.collect(batch).at("dropped_count"), 3);
  build();
  settle();
  EXPECT_EQ(stored(line_of(receipt, 1))->vector, embedded("<EDGE>\nMILK 1.29\nBUNS 0.89", 64));
  expect_whole(3);
}

TEST_F(GenerationsTest, ATextThatChangesUnderTheNewFormatAloneIsNoticedAfterItsVectorWasMade) {
  pipeline.import(receipt);
  pipeline.run();
  start_rows();
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  merge_all();
  receipt.lines[1].text = "BUNS 0.89";
  pipeline.import(receipt);
  build();
  settle();
  EXPECT_EQ(stored(line_of(receipt, 1))->vector, embedded("<EDGE>\nMILK 1.29\nBUNS 0.89", 64));
  expect_whole(3);
}

TEST_F(GenerationsTest, FollowEachOther) {
  pipeline.import(receipt);
  pipeline.run();
  start_rows();
  build();
  start([](CollectionBinding& binding) { binding.input_format = "line/plain/1"; });
  receipt.lines[1].text = "BUNS 0.89";
  pipeline.import(receipt);
  build();
  settle();
  EXPECT_EQ(pipeline.binding().generation, 3);
  EXPECT_EQ(stored(line_of(receipt, 1))->vector, embedded("MILK 1.29", 64));
  EXPECT_EQ(stored(line_of(receipt, 2))->vector, embedded("BUNS 0.89", 64));
  EXPECT_FALSE(pipeline.import(receipt).changed);
  expect_whole(3);
}

TEST_F(GenerationsTest, OfAnotherNumberOfShardsNeedNoProvider) {
  pipeline.import(receipt);
  pipeline.import(other);
  pipeline.run();
  const Sum128 checksum = newest(1).checksum;
  const std::size_t batches = batches_at_provider();
  start([](CollectionBinding& binding) { binding.shards = 3; });
  build();
  EXPECT_EQ(batches_at_provider(), batches);
  EXPECT_EQ(newest(2).shards.size(), 3U);
  EXPECT_EQ(newest(2).checksum, checksum) << "the vectors are taken over byte for byte";
  EXPECT_FALSE(pipeline.import(receipt).changed);
  expect_whole(5);
}

TEST_F(GenerationsTest, CanBeCancelledAndResumed) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  const auto batches = pipeline.submit_all();
  must(cancel_generation(kLines, 2, pipeline.ports, pipeline.context));
  EXPECT_EQ(state_of(2), GenerationState::cancelled);
  settle();
  EXPECT_EQ(pipeline.binding().generation, 1);
  expect_whole(3);

  must(resume_generation(kLines, 2, pipeline.ports, pipeline.context));
  build();
  EXPECT_EQ(pipeline.binding().generation, 2);
  expect_whole(3);
}

TEST_F(GenerationsTest, ACancelledOneKeepsWhatWasPaidFor) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  const std::size_t batches = batches_at_provider();
  must(cancel_generation(kLines, 2, pipeline.ports, pipeline.context));
  settle();
  must(resume_generation(kLines, 2, pipeline.ports, pipeline.context));
  build();
  EXPECT_EQ(batches_at_provider(), batches);
  expect_whole(3);
}

TEST_F(GenerationsTest, BatchesThatWereNotSubmittedEndWithACancelledOne) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
  must(cancel_generation(kLines, 2, pipeline.ports, pipeline.context));
  const std::size_t batches = batches_at_provider();
  settle();
  EXPECT_EQ(batches_at_provider(), batches);
  EXPECT_EQ(pipeline.census().batches.at("CANCELLED"), 1U);
}

TEST_F(GenerationsTest, OnlyOneIsBuiltAtATime) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  CollectionBinding wanted = pipeline.binding();
  wanted.dimensions = 16;
  const auto second = start_generation(kLines, wanted, pipeline.ports, pipeline.context);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::conflict);
  EXPECT_NE(second.error().message().find("cancel it first"), std::string::npos);
}

TEST_F(GenerationsTest, ACancelledOneThatWasFollowedByAnotherIsNotResumed) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  must(cancel_generation(kLines, 2, pipeline.ports, pipeline.context));
  EXPECT_EQ(start_rows().number(), 3);
  const auto resumed = resume_generation(kLines, 2, pipeline.ports, pipeline.context);
  ASSERT_FALSE(resumed);
  EXPECT_EQ(resumed.error().code(), Code::conflict);
  build();
  EXPECT_EQ(pipeline.binding().generation, 3);
  expect_whole(3);
}

TEST_F(GenerationsTest, ThatWouldBeNoOtherAreNotStarted) {
  const auto same = start_generation(kLines, pipeline.binding(), pipeline.ports, pipeline.context);
  ASSERT_FALSE(same);
  EXPECT_EQ(same.error().code(), Code::invalid_input);
}

TEST_F(GenerationsTest, ItemsThatTheProviderRefusesAreListedAndDoNotBlockTheSwap) {
  pipeline.import(receipt);
  pipeline.import(other);
  pipeline.run();
  start_half_size();
  const std::string refused = line_of(receipt, 2).str();
  pipeline.scripted.edit = [&](ProviderBatch& batch) {
    if (!batch.output_file_id || pipeline.scripted.files.contains(*batch.output_file_id)) return;
    auto file = must(pipeline.provider.download(*batch.output_file_id));
    std::string kept;
    std::string lines = must(read_all(*file, 1 << 20));
    for (std::size_t begin = 0; begin < lines.size();) {
      const std::size_t end = lines.find('\n', begin) + 1;
      if (lines.substr(begin, end - begin).find(refused) == std::string::npos) kept += lines.substr(begin, end - begin);
      begin = end;
    }
    pipeline.scripted.files[*batch.output_file_id] = kept;
  };
  build();
  EXPECT_EQ(pipeline.binding().generation, 2);
  const Generation generation = must(generation_numbered(kLines, 2, pipeline.ports));
  ASSERT_EQ(generation.left_out, 1U);
  EXPECT_EQ(generation.left_out_listed.front().id, line_of(receipt, 2));
  EXPECT_EQ(pipeline.row(line_of(receipt, 2)).at("embedding_status"), "FAILED");
  const Census census = pipeline.census();
  EXPECT_TRUE(census.adds_up());
  EXPECT_EQ(census.failed, 1U);
  EXPECT_EQ(census.version->vectors, 4U);
}

TEST_F(GenerationsTest, OfAModelThatNobodyKnowsAreCancelledInsteadOfLosingEverything) {
  pipeline.import(receipt);
  pipeline.run();
  start([](CollectionBinding& binding) { binding.model = "a-model-of-nobody"; });
  build();
  EXPECT_EQ(state_of(2), GenerationState::cancelled);
  EXPECT_EQ(must(generation_numbered(kLines, 2, pipeline.ports)).left_out, 3U);
  EXPECT_EQ(pipeline.binding().generation, 1);
  expect_whole(3);
}

TEST_F(GenerationsTest, ThatWereGivenUpForTooManyRefusalsHaveAFreshChanceWhenTheyAreResumed) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  bool refuses = true;
  let_the_provider_refuse(refuses);
  build();
  ASSERT_EQ(state_of(2), GenerationState::cancelled);

  must(resume_generation(kLines, 2, pipeline.ports, pipeline.context));
  EXPECT_EQ(must(generation_numbered(kLines, 2, pipeline.ports)).left_out, 0U);
  const std::size_t batches = batches_at_provider();
  build();
  EXPECT_EQ(state_of(2), GenerationState::cancelled) << "nothing is better";
  EXPECT_EQ(batches_at_provider(), batches + 3) << "each item had all its attempts";

  refuses = false;
  must(resume_generation(kLines, 2, pipeline.ports, pipeline.context));
  build();
  EXPECT_EQ(pipeline.binding().generation, 2);
  EXPECT_EQ(must(generation_numbered(kLines, 2, pipeline.ports)).left_out, 0U);
  expect_whole(3);
}

TEST_F(GenerationsTest, AMergeIntoARetiredOneIsRefused) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  build();
  const auto merged = final_merge(
      pipeline.line_event(
          {{"generation", 1}, {"chunks", {{{"chunk_index", 0}, {"delta_ids", {newest(1).consumed[0].str()}}}}}}),
      pipeline.ports, pipeline.context);
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code(), Code::conflict);
}

TEST_F(GenerationsTest, APublisherWhoReadTheRootBeforeASwapDoesNotPublishAfterIt) {
  pipeline.import(receipt);
  pipeline.run();
  Manifest late;
  {
    const auto lock = must(PublishLock::take(*pipeline.table, *pipeline.vectors, pipeline.clock, pipeline.random,
                                             pipeline.binding(), "slow", pipeline.settings.lock));
    late = lock.fence();  // it sleeps from here on, and does not notice that the lock is gone
  }
  start_half_size();
  build();
  ASSERT_EQ(pipeline.binding().generation, 2);
  late.predecessor = late.number;
  late.predecessor_nonce = late.nonce;
  ++late.number;
  late.nonce = "late";
  late.fence = false;
  EXPECT_FALSE(ManifestLog(*pipeline.vectors, "receipt_lines", 1).publish(late));
}

TEST_F(GenerationsTest, WaitWithTheSwapForBatchesOfTheOldOne) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  pipeline.import(other);
  std::vector<std::string> of_old;
  for (const std::string& batch : pipeline.submit_all()) {
    if (must(read_batch(*pipeline.table, BatchId(batch))).generation == 1) {
      of_old.push_back(batch);
    } else {
      pipeline.collect(batch);
    }
  }
  ASSERT_EQ(of_old.size(), 1U);
  merge_all();
  for (int finds = 0; finds < 3; ++finds) {
    must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
    EXPECT_EQ(pipeline.binding().generation, 1);
  }
  EXPECT_TRUE(must(building_generation(kLines, pipeline.ports))->closing);
  pipeline.collect(of_old.front());
  build();
  expect_whole(5);
}

TEST_F(GenerationsTest, AreSwappedThoughMetadataChangesBeforeEveryFind) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  build_while([this](int walk) {
    receipt.merchant = walk % 2 == 0 ? "northside market" : "corner pantry";
    scan(receipt);
  });
  EXPECT_EQ(pipeline.binding().generation, 2);
  settle();
  EXPECT_EQ(stored(line_of(receipt, 1))->metadata.at("merchant_name"),
            receipt.merchant == "corner pantry" ? "Corner Pantry" : "Northside Market");
  expect_whole(3);
}

TEST_F(GenerationsTest, AreSwappedThoughATextChangesBeforeEveryFind) {
  pipeline.import(receipt);
  pipeline.run();
  start_rows();
  build_while([this](int walk) {
    receipt.lines[0].text = fmt::format("MILK {}.29", walk);
    scan(receipt);
  });
  EXPECT_EQ(pipeline.binding().generation, 2);
  settle();
  EXPECT_EQ(stored(line_of(receipt, 1))->vector, embedded("<EDGE>\n" + receipt.lines[0].text + "\nBREAD 1.89", 64));
  expect_whole(3);
}

TEST_F(GenerationsTest, AreSwappedThoughAReceiptIsRemovedOrScannedAgainBeforeEveryFind) {
  pipeline.import(receipt);
  pipeline.import(other);
  pipeline.run();
  start_half_size();
  bool is_there = true;
  const auto change = [&] {
    if (is_there) must(remove_receipt(other.image_id, 1, pipeline.ports, pipeline.context));
    if (!is_there) scan(other);
    is_there = !is_there;
  };
  build_while([&](int) { change(); });
  EXPECT_EQ(pipeline.binding().generation, 2);
  settle();
  expect_whole(is_there ? 5 : 3);
  change();
  settle();
  expect_whole(is_there ? 5 : 3);
}

TEST_F(GenerationsTest, AreSwappedThoughANewReceiptComesBeforeEveryFind) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  const std::uint64_t new_receipts = build_while_receipts_come();
  EXPECT_EQ(pipeline.binding().generation, 2);
  settle();
  expect_whole(3 + new_receipts);
}

TEST_F(GenerationsTest, OfMoreShardsAreSwappedThoughANewReceiptComesBeforeEveryFind) {
  pipeline.import(receipt);
  pipeline.run();
  start([](CollectionBinding& binding) { binding.shards = 3; });
  const std::uint64_t new_receipts = build_while_receipts_come();
  EXPECT_EQ(pipeline.binding().generation, 2);
  settle();
  expect_whole(3 + new_receipts);
}

TEST_F(GenerationsTest, AreSwappedThoughASingleMergeComesBetweenEveryChangeAndTheNextFind) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  const Json event = {{"collection", "receipt_lines"}, {"execution", "single"}};
  for (int walks = 0; is_building(); ++walks) {
    ASSERT_LT(walks, kWalksMax) << "it never comes to its end";
    receipt.merchant = walks % 2 == 0 ? "northside market" : "corner pantry";
    scan(receipt);
    for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
    must(compact_round(event, pipeline.ports, pipeline.context));
  }
  EXPECT_EQ(pipeline.binding().generation, 2);
  settle();
  expect_whole(3);
}

TEST_F(GenerationsTest, AreToldOfChangesTogetherWithTheOldOne) {
  pipeline.import(receipt);
  pipeline.import(other);
  pipeline.run();
  start_half_size();
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  merge_all();
  must(remove_receipt(other.image_id, 1, pipeline.ports, pipeline.context));
  pipeline.flush();
  merge_all();
  EXPECT_EQ(newest(1).vectors, 3U);
  EXPECT_EQ(newest(2).vectors, 3U);
}

TEST_F(GenerationsTest, WhatIsRemovedRightBeforeTheSwapIsGoneForReadersOfBoth) {
  pipeline.import(receipt);
  pipeline.import(other);
  pipeline.run();
  start_half_size();
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  merge_all();
  must(remove_receipt(other.image_id, 1, pipeline.ports, pipeline.context));
  pipeline.flush();
  EXPECT_FALSE(stored(line_of(other, 1)));
  EXPECT_EQ(must(find_unembedded(Json::object(), pipeline.ports, pipeline.context)).at("building").at("swapped"), true);
  EXPECT_EQ(pipeline.binding().generation, 2);
  EXPECT_FALSE(stored(line_of(other, 1)));
  settle();
  expect_whole(3);
}

TEST_F(GenerationsTest, ItemsAreFoundAgainWhenOneThatWasClosingTurnsOutToLackTexts) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  pipeline.import(other);
  std::vector<std::string> of_old;
  for (const std::string& batch : pipeline.submit_all()) {
    if (must(read_batch(*pipeline.table, BatchId(batch))).generation == 1) of_old.push_back(batch);
    if (must(read_batch(*pipeline.table, BatchId(batch))).generation == 2) pipeline.collect(batch);
  }
  merge_all();
  must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
  ASSERT_TRUE(must(building_generation(kLines, pipeline.ports))->closing);
  for (const std::string& batch : of_old) pipeline.collect(batch);
  merge_all();
  EXPECT_EQ(must(find_unembedded(Json::object(), pipeline.ports, pipeline.context)).at("building").at("batches"), 1);
  EXPECT_FALSE(must(building_generation(kLines, pipeline.ports))->closing);
}

TEST_F(GenerationsTest, OfTwoFindsAtOnceOneMovesThePassOn) {
  for (int number = 0; number < 6; ++number) {
    pipeline.import(numbered_receipt(number));
  }
  pipeline.run();
  start_half_size();
  pipeline.settings.batch.items_max = 1;
  pipeline.settings.batches_per_run = 1;
  pipeline.submit_all();
  pipeline.settings.batches_per_run = 2;
  const BackfillCursor started_at = must(building_generation(kLines, pipeline.ports))->cursor;
  ASSERT_FALSE(started_at.after.str().empty());
  Json moved_to;
  find_interrupted_by([&] {
    pipeline.settings.batches_per_run = 4;  // it takes up the two that the other one has just prepared
    pipeline.submit_all();
    moved_to = to_json(must(building_generation(kLines, pipeline.ports))->cursor);
  });
  EXPECT_NE(moved_to, to_json(started_at));
  EXPECT_EQ(to_json(must(building_generation(kLines, pipeline.ports))->cursor), moved_to);
  build();
  settle();
  expect_whole(6);
}

TEST_F(GenerationsTest, AFindThatIsOvertakenByACancelReportsNoGeneration) {
  pipeline.import(receipt);
  pipeline.run();
  start_half_size();
  const Json found =
      find_interrupted_by([this] { must(cancel_generation(kLines, 2, pipeline.ports, pipeline.context)); });
  EXPECT_EQ(found.at("building"), nullptr);
  EXPECT_EQ(found.at("batches_total"), 0);
}

TEST_F(GenerationsTest, AFindThatCancelsOneReportsNoGeneration) {
  pipeline.import(receipt);
  pipeline.run();
  start([](CollectionBinding& binding) { binding.model = "a-model-of-nobody"; });
  Json found;
  for (int walks = 0; is_building() && walks < kWalksMax; ++walks) {
    found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
    for (const Json& batch : found.at("batches")) {
      must(submit_batch(batch, pipeline.ports, pipeline.context));
      pipeline.collect(batch.at("batch_id").get<std::string>());
    }
  }
  EXPECT_EQ(state_of(2), GenerationState::cancelled);
  EXPECT_EQ(found.at("building"), nullptr);
}

TEST_F(GenerationsTest, ItemsOfABatchThatWasClaimedForTheOldOneAtTheLastMomentAreEmbeddedInTheNewOne) {
  pipeline.import(receipt);
  pipeline.run();
  const CollectionBinding old = pipeline.binding();
  const Generation next = start_half_size();
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  merge_all();
  // Whoever finds has read that nothing is closing, and goes on after the swap.
  pipeline.import(other);
  for (const std::string& batch : pipeline.submit_all()) {
    EXPECT_EQ(must(read_batch(*pipeline.table, BatchId(batch))).generation, 1);
  }
  must(swap_root(old, next.binding, *pipeline.vectors));
  settle();
  EXPECT_EQ(pipeline.binding().generation, 2);
  EXPECT_EQ(stored(line_of(other, 1))->vector, embedded("TEA 2.49", 32));
  expect_whole(5);
  EXPECT_EQ(state_of(1), GenerationState::retired) << "the rows are made up for";
}

TEST_F(GenerationsTest, AChangeThatWasWrittenForTheOldOneAtTheLastMomentIsToldAgain) {
  pipeline.import(receipt);
  pipeline.import(other);
  pipeline.run();
  const CollectionBinding old = pipeline.binding();
  start_half_size();
  build();
  must(remove_receipt(other.image_id, 1, pipeline.ports, pipeline.context));
  must(write_change_deltas(kLines, old, pipeline.ports, pipeline.context));
  EXPECT_EQ(pipeline.census().changes_waiting, 0U);
  settle();
  expect_whole(3);
}

TEST_F(GenerationsTest, OfTwoSwappersOneWins) {
  const CollectionBinding old = pipeline.binding();
  CollectionBinding second = old;
  second.generation = 2;
  CollectionBinding third = old;
  third.generation = 3;
  must(swap_root(old, second, *pipeline.vectors));
  must(swap_root(old, second, *pipeline.vectors));  // the same again
  const auto lost = swap_root(old, third, *pipeline.vectors);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code(), Code::conflict);
  EXPECT_EQ(pipeline.binding(), second);
}

TEST_F(GenerationsTest, RetiredOnesStayReadableForTheRetentionAndAreGoneThen) {
  pipeline.import(receipt);
  pipeline.run();
  const TempFolder scratch = TempFolder::in_memory();
  const auto view = must(CollectionView::open(*pipeline.vectors, pipeline.binding(), scratch.path()));
  start_half_size();
  build();
  EXPECT_EQ(must(view.query(embedded("MILK 1.29", 64), 1, Where())).size(), 1U) << "who pinned the old version goes on";
  constexpr std::int64_t retention_ms = 1000;
  EXPECT_EQ(must(remove_generations(kLines, retention_ms, false, pipeline.ports, pipeline.context)).generations, 0U);
  pipeline.clock.advance(retention_ms);
  EXPECT_EQ(must(remove_generations(kLines, retention_ms, true, pipeline.ports, pipeline.context)).generations, 1U);
  EXPECT_EQ(state_of(1), GenerationState::retired) << "a dry run changes nothing";
  must(remove_generations(kLines, retention_ms, false, pipeline.ports, pipeline.context));
  EXPECT_EQ(state_of(1), GenerationState::removed);
  EXPECT_TRUE(must(list_all(*pipeline.vectors, generation_folder("receipt_lines", 1))).empty());
  expect_whole(3);
}

TEST_F(GenerationsTest, ImportedRecordsWithoutAReceiptAreTakenOverOrKeepAnotherModelOut) {
  pipeline.import(receipt);
  pipeline.run();
  ChangeWriter writer(pipeline.binding(), pipeline.ports, pipeline.context);
  must(writer.add({.id = RecordId("tea-1"),
                   .kind = RecordKind::vector,
                   .item_version = -5,
                   .metadata = {{"kind", "tea"}},
                   .document = "green tea",
                   .vector = embedded("green tea", 64)}));
  must(writer.finish());
  merge_all();
  CollectionBinding wanted = pipeline.binding();
  wanted.dimensions = 32;
  const auto refused = start_generation(kLines, wanted, pipeline.ports, pipeline.context);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("1 imported record"), std::string::npos) << refused.error().message();
  start_rows();
  build();
  EXPECT_EQ(stored(RecordId("tea-1"))->vector, embedded("green tea", 64));
  EXPECT_EQ(newest(2).vectors, 4U);
}

TEST_F(GenerationsTest, TheSettingsChangeNothingUntilOneIsStarted) {
  pipeline.import(receipt);
  pipeline.run();
  pipeline.settings.dimensions = 16;
  pipeline.settings.model = "another-model";
  pipeline.settings.formats[kLines] = InputFormat::line_rows_1;
  pipeline.import(other);
  settle();
  EXPECT_EQ(stored(line_of(other, 1))->vector, embedded("TEA 2.49", 64));
  expect_whole(5);
}

TEST_F(GenerationsTest, TellWhatTheyNeedBeforeTheyAreStarted) {
  pipeline.import(receipt);
  pipeline.run();
  CollectionBinding wanted = pipeline.binding();
  wanted.dimensions = 32;
  const GenerationNeeds all = must(needs_of_generation(pipeline.binding(), wanted, pipeline.ports, pipeline.context));
  EXPECT_EQ(all.records, 3U);
  EXPECT_EQ(all.texts, 3U);
  EXPECT_GT(all.tokens, 3U);
  wanted = pipeline.binding();
  wanted.shards = 2;
  const GenerationNeeds none = must(needs_of_generation(pipeline.binding(), wanted, pipeline.ports, pipeline.context));
  EXPECT_EQ(none.texts, 0U);
  EXPECT_EQ(none.copies, 3U);
}

// Cut off at any call, lost at any answer: a later run comes to the same.

Generation prepare(Pipeline& pipeline) {
  Receipt first = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"});
  pipeline.import(first);
  must(walk(pipeline.ports, pipeline.context));
  CollectionBinding wanted = pipeline.binding();
  wanted.input_format = "line/rows/1";
  const Generation started = must(start_generation(kLines, wanted, pipeline.ports, pipeline.context));
  first.lines.pop_back();
  first.merchant = "northside market";
  must(import_receipt(first, false, pipeline.ports, pipeline.context));
  must(import_receipt(receipt_with({"TEA 2.49"}, "0c4f5a3b-ab5f-4a3c-9d2e-6f1ed0022c1d"), false, pipeline.ports,
                      pipeline.context));
  return started;
}

Result<void> build_all(const Ports& ports, const StepContext& context) {
  for (int walks = 0; walks < kWalksMax && TRY(building_generation(kLines, ports)); ++walks) TRY(walk(ports, context));
  return walk(ports, context);
}

void expect_built(Pipeline& pipeline) {
  EXPECT_EQ(pipeline.binding().generation, 2);
  const Census census = pipeline.census();
  EXPECT_TRUE(census.adds_up());
  EXPECT_EQ(census.found, 3U);
  EXPECT_EQ(census.published, 3U);
  EXPECT_EQ(census.version->vectors, 3U);
  EXPECT_EQ(census.deltas_waiting, 0U);
  EXPECT_EQ(census.changes_waiting, 0U);
  const TempFolder scratch = TempFolder::in_memory();
  const auto view = must(CollectionView::open(*pipeline.vectors, pipeline.binding(), scratch.path()));
  const auto milk = must(view.get({line_of(receipt_with({"MILK 1.29"}), 1)}, true));
  ASSERT_EQ(milk.size(), 1U);
  auto expected = pipeline.embedder.embed("<EDGE>\nMILK 1.29\nBREAD 1.89", 64);
  must(normalise(expected));
  EXPECT_EQ(milk.front().vector, expected);
  EXPECT_EQ(milk.front().metadata.at("merchant_name"), "Northside Market");
}

constexpr int kParts = 12;
class GenerationsCrashTest : public ::testing::TestWithParam<int> {
 protected:
  /// A build that nothing disturbs.
  struct Undisturbed {
    int calls = 0;
    Sum128 checksum;
  };
  static Undisturbed undisturbed() {
    Pipeline pipeline;
    prepare(pipeline);
    FailingPorts whole(pipeline.ports, Outage::crash_at(-1));
    must(build_all(whole.ports(), pipeline.context));
    expect_built(pipeline);
    return {whole.calls(), pipeline.census().version->checksum};
  }
  void sweep(Outage (*outage)(int)) {
    const auto [calls, checksum] = undisturbed();
    for (int call = GetParam(); call < calls; call += kParts) {
      SCOPED_TRACE(fmt::format("call {} of {}", call, calls));
      Pipeline pipeline;
      prepare(pipeline);
      FailingPorts ports(pipeline.ports, outage(call));
      static_cast<void>(build_all(ports.ports(), pipeline.context));
      pipeline.clock.advance(10 * 60'000);
      must(build_all(pipeline.ports, pipeline.context));
      expect_built(pipeline);
      EXPECT_EQ(pipeline.census().version->checksum, checksum) << "record for record the same";
      if (HasFailure()) return;
    }
  }
};

TEST_P(GenerationsCrashTest, ABuildThatIsCutOffAtAnyCallIsMadeUpForByTheNext) { sweep(&Outage::crash_at); }

TEST_P(GenerationsCrashTest, ABuildThatLosesAnyAnswerComesToTheSame) { sweep(&Outage::lost_answer_of); }

INSTANTIATE_TEST_SUITE_P(Calls, GenerationsCrashTest, ::testing::Range(0, kParts));

}  // namespace
}  // namespace tillite::testing
