#include "steps/batches/immediate_delivery.h"

#include <gtest/gtest.h>

#include "support/pipeline.h"

namespace tillite::testing {
namespace {

/// Refuses every call that has one of some texts in it.
class RefusingTexts final : public TextEmbedder {
 public:
  explicit RefusingTexts(TextEmbedder& real) : real_(real) {}

  std::map<std::string, Code> refused;
  int calls = 0;

  Result<std::vector<std::vector<float>>> embed(std::string_view model, std::size_t dimensions,
                                                std::span<const std::string> texts) override {
    ++calls;
    for (const std::string& text : texts) {
      const auto found = refused.find(text);
      if (found != refused.end()) return fail(found->second, "the provider does not want {}", text);
    }
    return real_.embed(model, dimensions, texts);
  }

 private:
  TextEmbedder& real_;
};

Ports with_texts(const Ports& ports, TextEmbedder& texts) {
  return {ports.table, ports.vectors, ports.batch_files, ports.queue, ports.provider,
          texts,       ports.cache,   ports.clock,       ports.random};
}

class ImmediateDelivery : public ::testing::Test {
 protected:
  Pipeline pipeline;
  RefusingTexts texts{pipeline.texts};
  Ports ports = with_texts(pipeline.ports, texts);
  Receipt receipt = receipt_with({"MILK", "BREAD", "EGGS", "SALT", "TEA", "TOTAL"});

  void SetUp() override {
    pipeline.settings.direct_items_max = 100;
    pipeline.import(receipt);
  }
  Json find() { return must(find_unembedded(Json::object(), ports, pipeline.context)); }
  Result<Json> submit(const Json& found) { return submit_batch(found.at("batches").front(), ports, pipeline.context); }
  Item row(int line) { return pipeline.row(line_of(receipt, line)); }
};

TEST_F(ImmediateDelivery, OneRefusedTextKeepsNoOtherFromItsVector) {
  for (const Code code : {Code::invalid_input, Code::limit_exceeded}) {
    Pipeline own;
    own.settings.direct_items_max = 100;
    own.import(receipt);
    RefusingTexts refusing(own.texts);
    refusing.refused = {{"EGGS", code}};
    const Ports through = with_texts(own.ports, refusing);
    const Json found = must(find_unembedded(Json::object(), through, own.context));
    const Json done = must(submit_batch(found.at("batches").front(), through, own.context));
    EXPECT_EQ(done.at("action"), "delivered");
    EXPECT_EQ(done.at("embedding_count"), 5);
    EXPECT_EQ(own.row(line_of(receipt, 3)).at("embedding_status"), "NONE");
    EXPECT_EQ(own.row(line_of(receipt, 3)).at("attempts"), 1);
    EXPECT_LE(refusing.calls, 7) << "the call is halved, not taken apart";
    own.merge();
    own.complete();
    EXPECT_EQ(own.census().published, 5U);
  }
}

TEST_F(ImmediateDelivery, ATextThatIsRefusedAsOftenAsIsTriedFailsWithTheProvidersReason) {
  texts.refused = {{"EGGS", Code::invalid_input}, {"TOTAL", Code::invalid_input}};
  for (int i = 0; i < pipeline.settings.attempts_max; ++i) must(submit(find()));
  EXPECT_EQ(row(3).at("embedding_status"), "FAILED");
  EXPECT_EQ(row(3).at("failure_reason"), "the provider does not want EGGS");
  EXPECT_EQ(row(6).at("failure_reason"), "the provider does not want TOTAL");
  EXPECT_EQ(find().at("batches_total"), 0);
}

TEST_F(ImmediateDelivery, WhatIsWrongWithTheAccountOrTheLineUsesUpNoAttemptAndIsTriedAgain) {
  const Json found = find();
  for (const Code code : {Code::permission, Code::unavailable, Code::timed_out}) {
    texts.refused = {{"EGGS", code}};
    texts.calls = 0;
    const auto answer = submit(found);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), code);
    EXPECT_EQ(texts.calls, 1);
    EXPECT_EQ(row(3).at("attempts"), 0);
    pipeline.clock.advance(pipeline.settings.submit_lease_ms + 1);
  }
  texts.refused.clear();
  EXPECT_EQ(must(submit(found)).at("embedding_count"), 6);
}

TEST_F(ImmediateDelivery, AModelThatIsNotFoundIsAskedForOnceAndCountsForAllTexts) {
  texts.refused = {{"EGGS", Code::not_found}};
  EXPECT_EQ(must(submit(find())).at("embedding_count"), 0);
  EXPECT_EQ(texts.calls, 1);
  for (int line = 1; line <= 6; ++line) EXPECT_EQ(row(line).at("attempts"), 1);
}

TEST_F(ImmediateDelivery, AStopIsHeardBetweenTheCallsForHalves) {
  std::stop_source stop;
  stop.request_stop();
  StepContext context = pipeline.context;
  context.stop = stop.get_token();
  const auto answer = submit_batch(find().at("batches").front(), ports, context);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::cancelled);
}

}  // namespace
}  // namespace tillite::testing
