// Texts that are longer than the model takes.
#include <gtest/gtest.h>

#include "embedding/batch_files.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

class LongTextsTest : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"TEA", "EXTRA VIRGIN OLIVE OIL 1000 ML IN A GLASS BOTTLE"});

  void SetUp() override { pipeline.settings.models.input_tokens_max = 6; }

  Json find() { return must(find_unembedded(Json::object(), pipeline.ports, pipeline.context)); }
  std::vector<std::string> inputs_of(const Json& batch) {
    const Batch stored = must(read_batch(*pipeline.table, BatchId(batch.at("batch_id").get<std::string>())));
    const std::string requests = must(read_object(*pipeline.batch_files, ObjectKey(stored.requests_key)));
    const auto source = source_of(requests);
    LineReader lines(*source, 1 << 20);
    std::vector<std::string> inputs;
    while (true) {
      const auto line = must(lines.next());
      if (line.status == LineReader::Status::end) return inputs;
      inputs.push_back(must(parse_request_line(line.text)).input);
    }
  }
  Item row(int line) { return pipeline.row(line_of(receipt, line)); }
};

TEST_F(LongTextsTest, AreCutAtATokensEndAndEmbedded) {
  pipeline.import(receipt);
  const Json batch = find().at("batches").front();
  const auto inputs = inputs_of(batch);
  ASSERT_EQ(inputs.size(), 2U);
  EXPECT_EQ(inputs[1], must(cl100k_base().cut_to_tokens(receipt.lines[1].text, 6)));
  EXPECT_EQ(row(2).at("input_hash"), input_hash(receipt.lines[1].text)) << "the hash is of the whole text";
  pipeline.run();
  EXPECT_EQ(pipeline.census().published, 2U);
}

TEST_F(LongTextsTest, FailWithTheReasonIfTheyAreToBeRefused) {
  pipeline.settings.too_long = TooLong::refuse;
  pipeline.import(receipt);
  const Json found = find();
  EXPECT_EQ(found.at("items_total"), 1);
  EXPECT_EQ(inputs_of(found.at("batches").front()), std::vector<std::string>{"TEA"});
  EXPECT_EQ(row(2).at("embedding_status"), "FAILED");
  const std::string reason = row(2).at("failure_reason");
  EXPECT_TRUE(reason.starts_with("too_long: the text has ")) << reason;
  pipeline.run();
  const Census census = pipeline.census();
  EXPECT_EQ(census.published, 1U);
  EXPECT_EQ(census.failed, 1U);
  EXPECT_TRUE(census.adds_up());
}

TEST_F(LongTextsTest, ABatchOfNothingElseEnds) {
  pipeline.settings.too_long = TooLong::refuse;
  receipt = receipt_with({receipt.lines[1].text});
  pipeline.import(receipt);
  EXPECT_EQ(find().at("batches_total"), 0);
  EXPECT_EQ(row(1).at("embedding_status"), "FAILED");
  EXPECT_EQ(pipeline.census().batches, (std::map<std::string, std::uint64_t>{{"CANCELLED", 1}}));
}

}  // namespace
}  // namespace tillite::testing
