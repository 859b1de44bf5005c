// A model's enqueued tokens: reserved before a submit, given back when the batch has ended.
#include "steps/batches/enqueued_tokens.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/failing_ports.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

/// Lines of a few tokens each, every one a batch of its own.
class EnqueuedTokensTest : public ::testing::Test {
 protected:
  static void limit_to(Pipeline& pipeline, std::uint64_t tokens) {
    pipeline.settings.models.enqueued_tokens_max = tokens;
    pipeline.settings.batch.items_max = 1;
  }
  static std::vector<Json> find(Pipeline& pipeline) {
    const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
    return found.at("batches").get<std::vector<Json>>();
  }
  static std::string submit(Pipeline& pipeline, const Json& batch) {
    return must(submit_batch(batch, pipeline.ports, pipeline.context)).at("action").get<std::string>();
  }
  static std::uint64_t sum(Pipeline& pipeline) {
    return must(tokens_enqueued(pipeline.settings.model, *pipeline.table));
  }
  static std::uint64_t sum_of_rows(Pipeline& pipeline) {
    std::uint64_t tokens = 0;
    for (const Item& row : must(query_all(*pipeline.table, {.index = Index::type, .hash = "BATCH_SUMMARY"}))) {
      tokens += static_cast<std::uint64_t>(must(parse_batch(row)).tokens_reserved);
    }
    return tokens;
  }
  static std::uint64_t tokens_in(Pipeline& pipeline, const Json& batch) {
    return static_cast<std::uint64_t>(
        must(read_batch(*pipeline.table, BatchId(batch.at("batch_id").get<std::string>()))).token_count);
  }

  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"});
};

TEST_F(EnqueuedTokensTest, ABatchSaysWhatItsRequestsCount) {
  Pipeline pipeline;
  pipeline.import(receipt);
  const auto batches = find(pipeline);
  ASSERT_EQ(batches.size(), 1U);
  std::size_t expected = 0;
  for (const Line& line : receipt.lines) expected += must(cl100k_base().count_tokens(line.text));
  EXPECT_EQ(tokens_in(pipeline, batches.front()), expected);
}

TEST_F(EnqueuedTokensTest, ABatchThatDoesNotFitWaitsUntilAnotherHasEnded) {
  Pipeline pipeline;
  limit_to(pipeline, 13);
  pipeline.import(receipt);
  const auto batches = find(pipeline);
  ASSERT_EQ(batches.size(), 3U);
  ASSERT_GT(tokens_in(pipeline, batches[0]) + tokens_in(pipeline, batches[1]) + tokens_in(pipeline, batches[2]), 13U);
  EXPECT_EQ(submit(pipeline, batches[0]), "submitted");
  EXPECT_EQ(submit(pipeline, batches[1]), "submitted");
  EXPECT_EQ(submit(pipeline, batches[2]), "wait");
  EXPECT_EQ(sum(pipeline), tokens_in(pipeline, batches[0]) + tokens_in(pipeline, batches[1]));

  EXPECT_EQ(find(pipeline), std::vector<Json>{batches[2]}) << "the next run takes it up";
  EXPECT_EQ(submit(pipeline, batches[2]), "wait") << "nothing has ended yet";
  pipeline.collect(batches[0].at("batch_id"));
  EXPECT_EQ(submit(pipeline, batches[2]), "submitted");
  pipeline.collect(batches[1].at("batch_id"));
  pipeline.collect(batches[2].at("batch_id"));
  EXPECT_EQ(sum(pipeline), 0U);
  EXPECT_EQ(sum_of_rows(pipeline), 0U);
}

TEST_F(EnqueuedTokensTest, ABatchAboveTheLimitGoesAlone) {
  Pipeline pipeline;
  limit_to(pipeline, 1);
  pipeline.import(receipt);
  const auto batches = find(pipeline);
  EXPECT_EQ(submit(pipeline, batches[0]), "submitted");
  EXPECT_EQ(submit(pipeline, batches[1]), "wait");
  pipeline.collect(batches[0].at("batch_id"));
  EXPECT_EQ(submit(pipeline, batches[1]), "submitted");
}

TEST_F(EnqueuedTokensTest, WithoutALimitNothingIsReserved) {
  Pipeline pipeline;
  pipeline.import(receipt);
  EXPECT_EQ(submit(pipeline, find(pipeline).front()), "submitted");
  EXPECT_EQ(sum_of_rows(pipeline), 0U);
}

TEST_F(EnqueuedTokensTest, TheLimitIsThatOfTheModelThatTheCollectionIsBoundTo) {
  Pipeline pipeline;
  pipeline.import(receipt);
  limit_to(pipeline, 1);
  pipeline.settings.models.model = "another-model";
  const auto batches = find(pipeline);
  ASSERT_EQ(batches.size(), 3U);
  for (const Json& batch : batches) EXPECT_EQ(submit(pipeline, batch), "submitted");
}

TEST_F(EnqueuedTokensTest, ABatchThatFailsGivesItsTokensBack) {
  Pipeline pipeline;
  limit_to(pipeline, 100);
  pipeline.import(receipt);
  const auto batches = find(pipeline);
  submit(pipeline, batches[0]);
  ASSERT_GT(sum(pipeline), 0U);
  pipeline.scripted.end_all(ProviderStatus::failed, std::nullopt, std::nullopt, "token_limit_exceeded");
  pipeline.poll(batches[0].at("batch_id"));
  EXPECT_EQ(sum(pipeline), 0U);
  EXPECT_EQ(sum_of_rows(pipeline), 0U);
}

TEST_F(EnqueuedTokensTest, ASubmitThatFailedKeepsItsTokensForTheNextTry) {
  Pipeline pipeline;
  limit_to(pipeline, 100);
  pipeline.import(receipt);
  const Json batch = find(pipeline).front();
  pipeline.scripted.before_create = [](const ProviderFileId&) -> Result<void> {
    return fail(Code::unavailable, "no answer");
  };
  ASSERT_FALSE(submit_batch(batch, pipeline.ports, pipeline.context));
  EXPECT_EQ(sum(pipeline), tokens_in(pipeline, batch)) << "it may be at the provider";
  pipeline.scripted.before_create = [](const ProviderFileId&) -> Result<void> { return {}; };
  pipeline.clock.advance(pipeline.settings.submit_lease_ms);
  EXPECT_EQ(submit(pipeline, batch), "submitted");
  EXPECT_EQ(sum(pipeline), tokens_in(pipeline, batch));
}

TEST_F(EnqueuedTokensTest, ARowOfAnOlderProgramIsCountedFromItsRequests) {
  Pipeline pipeline;
  limit_to(pipeline, 100);
  pipeline.import(receipt);
  const Json batch = find(pipeline).front();
  const std::uint64_t tokens = tokens_in(pipeline, batch);
  must(pipeline.table->write(
      Update{.key = batch_row_key(BatchId(batch.at("batch_id").get<std::string>())), .remove = {"token_count"}}));
  submit(pipeline, batch);
  EXPECT_EQ(sum(pipeline), tokens);
}

TEST_F(EnqueuedTokensTest, OfManySubmitsAtOnceNoMoreGoThanFit) {
  Pipeline pipeline;
  std::vector<std::string> texts;
  for (int i = 10; i < 34; ++i) texts.push_back(fmt::format("TEA {}.49", i));
  pipeline.import(receipt_with(texts));
  limit_to(pipeline, 40);
  const auto batches = find(pipeline);
  ASSERT_EQ(batches.size(), texts.size());
  std::vector<std::string> actions(batches.size());
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (std::size_t part = 0; part < 4; ++part) {
      threads.emplace_back([&, part] {
        for (std::size_t i = part; i < batches.size(); i += 4) actions[i] = submit(pipeline, batches[i]);
      });
    }
  }
  std::uint64_t submitted = 0;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    if (actions[i] == "submitted") submitted += tokens_in(pipeline, batches[i]);
  }
  EXPECT_EQ(sum(pipeline), submitted);
  EXPECT_EQ(sum_of_rows(pipeline), submitted);
  EXPECT_LE(submitted, 40U);
  EXPECT_GT(submitted + tokens_in(pipeline, batches.back()), 40U) << "and no fewer";
}

/// Find, submit and poll once, as far as it gets.
Result<void> walk(const Ports& ports, const StepContext& context) {
  const Json event = {{"collection", "receipt_lines"}, {"execution", "walk"}, {"skip_sqs_notification", true}};
  const Json found = TRY(find_unembedded(event, ports, context));
  for (const Json& batch : found.at("batches")) TRY(submit_batch(batch, ports, context));
  const Json listed = TRY(list_pending(event, ports, context));
  for (const Json& batch : listed.at("pending_batches")) {
    TRY(poll_batch(batch, ports, context));
    TRY(poll_batch(batch, ports, context));
  }
  return {};
}

class TokensAfterACrash : public ::testing::TestWithParam<bool> {};

TEST_P(TokensAfterACrash, TheSumIsThatOfTheRowsAndComesToNothingInTheEnd) {
  const auto prepare = [](Pipeline& pipeline) {
    pipeline.settings.models.enqueued_tokens_max = 12;
    pipeline.settings.batch.items_max = 1;
    pipeline.import(receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"}));
  };
  const auto check_sum = [](Pipeline& pipeline) {
    std::int64_t rows = 0;
    for (const Item& row : must(query_all(*pipeline.table, {.index = Index::type, .hash = "BATCH_SUMMARY"}))) {
      rows += must(parse_batch(row)).tokens_reserved;
    }
    EXPECT_EQ(static_cast<std::int64_t>(must(tokens_enqueued(pipeline.settings.model, *pipeline.table))), rows);
    return rows;
  };
  int calls = 1;
  for (int call = 0; call < calls; ++call) {
    SCOPED_TRACE(fmt::format("call {}", call));
    Pipeline pipeline;
    prepare(pipeline);
    FailingPorts ports(pipeline.ports, GetParam() ? Outage::crash_at(call) : Outage::lost_answer_of(call));
    static_cast<void>(walk(ports.ports(), pipeline.context));
    calls = std::max(calls, ports.calls());
    check_sum(pipeline);
    for (int run = 0; run < 4; ++run) {
      pipeline.clock.advance(10 * 60'000);
      must(walk(pipeline.ports, pipeline.context));
      check_sum(pipeline);
    }
    EXPECT_EQ(check_sum(pipeline), 0);
    EXPECT_EQ(pipeline.census().in_deltas, 3U);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(CutOffOrAnswerLost, TokensAfterACrash, ::testing::Bool());

}  // namespace
}  // namespace tillite::testing
