// A run that is cut off at any call to the outside, or loses any answer, is made up for by the next one: nothing lost,
// nothing twice, nothing paid twice.
#include <gtest/gtest.h>

#include "steps/batches/provider_orphans.h"
#include "support/failing_ports.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

/// Find, submit, poll, merge and complete, as the state machines do it; ends at the first error.
Result<void> walk(const Ports& ports, const StepContext& context) {
  const Json event = {{"collection", "receipt_lines"}, {"execution", "walk"}};
  const Json found = TRY(find_unembedded(event, ports, context));
  for (const Json& batch : found.at("batches")) TRY(submit_batch(batch, ports, context));
  const Json listed = TRY(list_pending(event, ports, context));
  for (const Json& batch : listed.at("pending_batches")) {
    while (TRY(poll_batch(batch, ports, context)).at("action") == "wait") {
    }
  }
  const Json split = TRY(split_into_chunks(event, ports, context));
  if (split.at("total_chunks") == 0) return {};
  for (Json chunk : split.at("chunks")) {
    chunk.update(event);
    TRY(process_chunk(chunk, ports, context));
  }
  Json merge = event;
  merge["chunks"] = split.at("chunks");
  TRY(final_merge(merge, ports, context));
  TRY(mark_complete(event, ports, context));
  return {};
}

/// One receipt embedded, another one new, a line of the first one removed: every kind of change is on its way.
void prepare(Pipeline& pipeline) {
  Receipt first = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"});
  pipeline.import(first);
  must(walk(pipeline.ports, pipeline.context));
  first.lines.pop_back();
  must(import_receipt(first, false, pipeline.ports, pipeline.context));
  must(import_receipt(receipt_with({"TEA 2.49", "TOTAL 2.49"}, "0c4f5a3b-ab5f-4a3c-9d2e-6f1ed0022c1d"), false,
                      pipeline.ports, pipeline.context));
}

void expect_all_published(Pipeline& pipeline) {
  const Census census = pipeline.census();
  EXPECT_TRUE(census.adds_up());
  EXPECT_EQ(census.found, 4U);
  EXPECT_EQ(census.published, 4U);
  EXPECT_EQ(census.version->vectors, 4U);
  EXPECT_EQ(census.deltas_waiting, 0U);
  EXPECT_EQ(census.changes_waiting, 0U);
  EXPECT_EQ(census.batches, (std::map<std::string, std::uint64_t>{{"COMPLETED", 2}}));
  EXPECT_EQ(census.version->consumed.size(), 3U) << "each delta once";
  EXPECT_EQ(must(pipeline.provider.list({}, 100)).batches.size(), 2U) << "nothing is paid twice";
  EXPECT_EQ(pipeline.row(line_of(receipt_with({"MILK"}), 1)).value("embedding_status", ""), "SUCCESS");
}

std::size_t files_left(Pipeline& pipeline) {
  return must(query_all(*pipeline.table, {.index = Index::gsi2, .hash = "PROVIDER_FILES"})).size();
}

/// A later run, by another process: what the first one reserved has run out.
void make_up_for(Pipeline& pipeline) {
  pipeline.clock.advance(10 * 60'000);
  must(walk(pipeline.ports, pipeline.context));
  must(mark_complete({{"collection", "receipt_lines"}}, pipeline.ports, pipeline.context));
  expect_all_published(pipeline);
  EXPECT_EQ(files_left(pipeline), 0U);
  // What was uploaded by a submit that could not say so any more is gc's to find.
  for (const OrphanFile& file : must(find_orphan_files(pipeline.ports))) {
    must(pipeline.provider.delete_file(file.file.id));
  }
  EXPECT_TRUE(must(pipeline.provider.list_files({}, 100)).files.empty());
}

/// What cannot be done at its very end is no failure of a walk: a later one makes up for it.
void expect_cut_off(const Result<void>& walked, Pipeline& pipeline) {
  if (walked) {
    EXPECT_GT(files_left(pipeline), 0U);
  }
}

template <typename Home = Pipeline>
int calls_of_a_walk() {
  Home pipeline;
  prepare(pipeline);
  FailingPorts whole(pipeline.ports, Outage::crash_at(-1));
  must(walk(whole.ports(), pipeline.context));
  expect_all_published(pipeline);
  return whole.calls();
}

constexpr int kParts = 8;

/// A pipeline of several shards.
class ShardedPipeline : public Pipeline {
 public:
  ShardedPipeline() { settings.shards = 3; }
};

/// The calls are dealt out to a few tests, which run at the same time.
class CrashTest : public ::testing::TestWithParam<int> {};

TEST_P(CrashTest, ARunThatIsCutOffAtAnyCallIsMadeUpForByTheNext) {
  const int calls = calls_of_a_walk();
  for (int call = GetParam(); call < calls; call += kParts) {
    SCOPED_TRACE(fmt::format("call {} of {}", call, calls));
    Pipeline pipeline;
    prepare(pipeline);
    FailingPorts ports(pipeline.ports, Outage::crash_at(call));
    expect_cut_off(walk(ports.ports(), pipeline.context), pipeline);
    make_up_for(pipeline);
    if (HasFailure()) return;
  }
}

TEST_P(CrashTest, ARunThatLosesAnyAnswerComesToTheSame) {
  const int calls = calls_of_a_walk();
  for (int call = GetParam(); call < calls; call += kParts) {
    SCOPED_TRACE(fmt::format("call {} of {}", call, calls));
    Pipeline pipeline;
    prepare(pipeline);
    FailingPorts ports(pipeline.ports, Outage::lost_answer_of(call));
    static_cast<void>(walk(ports.ports(), pipeline.context));
    make_up_for(pipeline);
    if (HasFailure()) return;
  }
}

TEST_P(CrashTest, ARunOverSeveralShardsThatIsCutOffAtAnyCallIsMadeUpForByTheNext) {
  // Shards are merged in threads: which call comes when differs, and the last ones may not come at all.
  const int calls = calls_of_a_walk<ShardedPipeline>();
  for (int call = GetParam(); call < calls; call += kParts) {
    SCOPED_TRACE(fmt::format("call {} of {}", call, calls));
    ShardedPipeline pipeline;
    prepare(pipeline);
    FailingPorts ports(pipeline.ports, Outage::crash_at(call));
    static_cast<void>(walk(ports.ports(), pipeline.context));
    make_up_for(pipeline);
    EXPECT_EQ(pipeline.census().version->shards.size(), 3U);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Calls, CrashTest, ::testing::Range(0, kParts));

}  // namespace
}  // namespace tillite::testing
