#include "steps/batches/provider_files.h"

#include <gtest/gtest.h>

#include "support/failing_ports.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

/// A provider that does not remove one of its files.
class KeepingProvider final : public BatchProvider {
 public:
  explicit KeepingProvider(BatchProvider& real) : real_(real) {}

  ProviderFileId kept;
  Code why = Code::invalid_input;

  Result<ProviderFileId> upload(ByteSource& content, const std::string& file_name) override {
    return real_.upload(content, file_name);
  }
  Result<ProviderBatch> create_batch(const ProviderFileId& input_file,
                                     const std::map<std::string, std::string>& metadata) override {
    return real_.create_batch(input_file, metadata);
  }
  Result<ProviderBatch> batch(const ProviderBatchId& id) override { return real_.batch(id); }
  Result<ProviderBatchPage> list(const ProviderBatchId& after, std::size_t limit) override {
    return real_.list(after, limit);
  }
  Result<void> cancel(const ProviderBatchId& id) override { return real_.cancel(id); }
  Result<std::unique_ptr<ByteSource>> download(const ProviderFileId& id) override { return real_.download(id); }
  Result<ProviderFilePage> list_files(const ProviderFileId& after, std::size_t limit) override {
    return real_.list_files(after, limit);
  }
  Result<void> delete_file(const ProviderFileId& id) override {
    if (id == kept) return fail(why, "the file {} is not removed", id.str());
    return real_.delete_file(id);
  }

 private:
  BatchProvider& real_;
};

Ports with_provider(const Ports& ports, BatchProvider& provider) {
  return {ports.table, ports.vectors, ports.batch_files, ports.queue, provider,
          ports.texts, ports.cache,   ports.clock,       ports.random};
}

class ProviderFiles : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89"});
  std::string batch;

  void SetUp() override {
    pipeline.import(receipt);
    batch = pipeline.submit_all().front();
  }
  Batch row() { return must(read_batch(*pipeline.table, BatchId(batch))); }
  bool is_there(const ProviderFileId& file) { return pipeline.provider.download(file).has_value(); }
  DeletedFiles delete_left() {
    return must(delete_files_left(Entity::line, 1'000'000, pipeline.ports, pipeline.context));
  }
};

TEST_F(ProviderFiles, AreRemovedOnceTheDeltaIsPublishedAndNotBefore) {
  pipeline.collect(batch);
  pipeline.merge();
  const Batch delivered = row();
  ASSERT_FALSE(delivered.output_file_id.empty());
  EXPECT_TRUE(is_there(delivered.input_file_id));
  EXPECT_TRUE(is_there(delivered.output_file_id)) << "the delta may turn out to be damaged until it is published";
  EXPECT_EQ(pipeline.complete().at("files_deleted"), 2);
  EXPECT_FALSE(is_there(delivered.input_file_id));
  EXPECT_FALSE(is_there(delivered.output_file_id));
  EXPECT_TRUE(row().files_left.empty());
  EXPECT_EQ(row().output_file_id, delivered.output_file_id) << "the row goes on saying what there was";
}

TEST_F(ProviderFiles, OfABatchThatEndedWithoutADeltaAreRemovedByItsLastPoll) {
  pipeline.scripted.end_all(ProviderStatus::completed, "nothing of use\n", "[]\n");
  const ProviderFileId input = row().input_file_id;
  pipeline.poll(batch);
  EXPECT_FALSE(is_there(input));
  EXPECT_TRUE(row().files_left.empty());
}

TEST_F(ProviderFiles, StayIfTheSettingsSaySo) {
  pipeline.settings.deletes_provider_files = false;
  pipeline.run();
  pipeline.collect(batch);
  pipeline.merge();
  EXPECT_EQ(pipeline.complete().at("files_deleted"), 0);
  EXPECT_TRUE(is_there(row().input_file_id));
  EXPECT_TRUE(is_there(row().output_file_id));
  EXPECT_EQ(delete_left().files, 0U);
}

TEST_F(ProviderFiles, ThatAreGoneAreNoError) {
  pipeline.collect(batch);
  pipeline.merge();
  must(pipeline.provider.delete_file(row().input_file_id));
  must(pipeline.provider.delete_file(row().output_file_id));
  pipeline.complete();
  EXPECT_TRUE(row().files_left.empty());
}

TEST_F(ProviderFiles, ThatCannotBeRemovedNowAreLeftToALaterCallAndStopNothing) {
  pipeline.collect(batch);
  pipeline.merge();
  pipeline.scripted.deletes_nothing = true;
  EXPECT_EQ(pipeline.complete().at("items_completed"), 2);
  EXPECT_EQ(row().status, BatchStatus::completed);
  EXPECT_EQ(row().files_left.size(), 2U);
  EXPECT_FALSE(delete_left().all);
  pipeline.scripted.deletes_nothing = false;
  const DeletedFiles deleted = delete_left();
  EXPECT_EQ(deleted.files, 2U);
  EXPECT_TRUE(deleted.all);
  EXPECT_EQ(delete_left().files, 0U);
}

TEST_F(ProviderFiles, OneThatTheProviderWillNotRemoveStaysAloneAndStopsNoOther) {
  pipeline.import(receipt_with({"EGGS 2.49"}, "7a2fd113-bc60-4b4d-8e3f-1d5a6b4c3d2e"));
  const std::string other = pipeline.submit_all().front();
  pipeline.scripted.deletes_nothing = true;
  for (const std::string& id : {batch, other}) pipeline.collect(id);
  pipeline.merge();
  pipeline.complete();
  pipeline.scripted.deletes_nothing = false;

  // Rows are looked at in the order of their keys: the first one's first file is the one that stays.
  const Batch first = must(read_batch(*pipeline.table, BatchId(std::min(batch, other))));
  const Batch second = must(read_batch(*pipeline.table, BatchId(std::max(batch, other))));
  KeepingProvider keeping(pipeline.scripted);
  keeping.kept = first.input_file_id;
  const Ports ports = with_provider(pipeline.ports, keeping);
  for (const Code code : {Code::permission, Code::unavailable, Code::timed_out}) {
    keeping.why = code;
    EXPECT_EQ(must(delete_files_left(Entity::line, 1'000'000, ports, pipeline.context)).files, 0U);
    EXPECT_TRUE(is_there(second.input_file_id)) << "asking for more files is of no use";
  }
  keeping.why = Code::invalid_input;
  const DeletedFiles deleted = must(delete_files_left(Entity::line, 1'000'000, ports, pipeline.context));
  EXPECT_EQ(deleted.files, 2U);
  EXPECT_FALSE(deleted.all);
  EXPECT_TRUE(is_there(first.input_file_id));
  EXPECT_FALSE(is_there(first.output_file_id));
  EXPECT_FALSE(is_there(second.input_file_id));
  EXPECT_EQ(delete_left().files, 2U);
  EXPECT_FALSE(is_there(first.input_file_id));
}

TEST_F(ProviderFiles, TheRemovalCutOffAtAnyCallIsMadeUpForByTheNext) {
  pipeline.collect(batch);
  pipeline.merge();
  for (int call = 0; call < 40; ++call) {
    FailingPorts ports(pipeline.ports, Outage::crash_at(call));
    static_cast<void>(mark_complete(pipeline.line_event(), ports.ports(), pipeline.context));
  }
  pipeline.complete();
  EXPECT_TRUE(row().files_left.empty());
  EXPECT_FALSE(is_there(row().input_file_id));
  EXPECT_FALSE(is_there(row().output_file_id));
}

TEST_F(ProviderFiles, WithoutTimeNothingIsRemovedAndNothingForgotten) {
  pipeline.collect(batch);
  pipeline.merge();
  pipeline.scripted.deletes_nothing = true;
  pipeline.complete();
  pipeline.scripted.deletes_nothing = false;
  const auto none = must(delete_files_left(Entity::line, -1, pipeline.ports, pipeline.context));
  EXPECT_EQ(none.files, 0U);
  EXPECT_FALSE(none.all);
  EXPECT_EQ(delete_left().files, 2U);
}

}  // namespace
}  // namespace tillite::testing
