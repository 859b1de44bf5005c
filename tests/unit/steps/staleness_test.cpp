// Receipts that change while their items are on their way: whatever happened, and whenever, everything ends, and each
// line that is there is published with the vector of the text that it has.
#include <gtest/gtest.h>

#include <cmath>

#include "support/pipeline.h"

namespace tillite::testing {
namespace {

/// How far the items have come when the receipt changes.
enum class Stage { prepared, submitted, finalizing, merged, published };
constexpr std::array kStages = {Stage::prepared, Stage::submitted, Stage::finalizing, Stage::merged, Stage::published};

struct Change {
  std::string name;
  std::function<void(Pipeline&, Receipt&)> apply;
};

void remove_receipt_of(Pipeline& pipeline, const Receipt& receipt) {
  must(remove_receipt(receipt.image_id, receipt.receipt_id, pipeline.ports, pipeline.context));
}

const std::vector<Change>& changes() {
  static const std::vector<Change> all = {
      {"a line is removed",
       [](Pipeline& pipeline, Receipt& receipt) {
         receipt.lines.pop_back();
         pipeline.import(receipt);
       }},
      {"the receipt is removed",
       [](Pipeline& pipeline, Receipt& receipt) {
         remove_receipt_of(pipeline, receipt);
         receipt.lines.clear();
       }},
      {"the receipt is removed and scanned again",
       [](Pipeline& pipeline, Receipt& receipt) {
         remove_receipt_of(pipeline, receipt);
         pipeline.import(receipt);
       }},
      {"the receipt is scanned again with other lines",
       [](Pipeline& pipeline, Receipt& receipt) {
         receipt = receipt_with({"MILK 1.29", "CREAM 0.99"});
         pipeline.import(receipt);
       }},
      {"a text changes",
       [](Pipeline& pipeline, Receipt& receipt) {
         receipt.lines[0].text = "OAT MILK 2.19";
         pipeline.import(receipt);
       }},
      {"a text changes and changes back",
       [](Pipeline& pipeline, Receipt& receipt) {
         const Receipt before = receipt;
         receipt.lines[0].text = "OAT MILK 2.19";
         pipeline.import(receipt);
         receipt = before;
         pipeline.import(receipt);
       }},
      {"a text changes, is found, and changes back",
       [](Pipeline& pipeline, Receipt& receipt) {
         const Receipt before = receipt;
         receipt.lines[0].text = "OAT MILK 2.19";
         pipeline.import(receipt);
         must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
         receipt = before;
         pipeline.import(receipt);
       }},
      {"two lines swap their texts",
       [](Pipeline& pipeline, Receipt& receipt) {
         std::swap(receipt.lines[0].text, receipt.lines[1].text);
         pipeline.import(receipt);
       }},
      {"the merchant becomes known",
       [](Pipeline& pipeline, Receipt& receipt) {
         receipt.merchant = "another shop";
         pipeline.import(receipt);
       }},
  };
  return all;
}

class Staleness : public ::testing::TestWithParam<std::tuple<std::size_t, Stage>> {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"});

  /// Brings the receipt's items to a stage; the batch.
  std::string bring_to(Stage stage) {
    pipeline.import(receipt);
    const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
    const std::string batch = found.at("batches").front().at("batch_id");
    if (stage >= Stage::submitted) must(submit_batch({{"batch_id", batch}}, pipeline.ports, pipeline.context));
    if (stage >= Stage::finalizing) pipeline.collect(batch);
    if (stage >= Stage::merged) pipeline.merge();
    if (stage >= Stage::published) pipeline.complete();
    return batch;
  }

  /// Runs as long as it takes.
  void run_to_the_end() {
    for (int round = 0; round < 6; ++round) {
      pipeline.submit_all();
      const Json listed = must(list_pending(pipeline.line_event(), pipeline.ports, pipeline.context));
      for (const Json& batch : listed.at("pending_batches")) pipeline.collect(batch.at("batch_id"));
      pipeline.flush();
      if (!pipeline.merge().is_null()) pipeline.complete();
    }
  }

  void expect_vectors_of_the_texts() {
    const TempFolder scratch = TempFolder::in_memory();
    const auto view = must(CollectionView::open(*pipeline.vectors, pipeline.binding(), scratch.path()));
    std::vector<RecordId> ids;
    for (const Line& line : receipt.lines) ids.push_back(line_of(receipt, line.line_id));
    const auto records = must(view.get(ids, true));
    ASSERT_EQ(records.size(), ids.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto expected = pipeline.embedder.embed(receipt.lines[i].text);
      EXPECT_EQ(records[i].document, receipt.lines[i].text);
      for (std::size_t n = 0; n < expected.size(); ++n) {
        ASSERT_NEAR(records[i].vector[n], expected[n], 1e-6) << receipt.lines[i].text;
      }
    }
  }
};

TEST_P(Staleness, EndsWithWhatTheReceiptIsNow) {
  const auto& [change, stage] = GetParam();
  SCOPED_TRACE(changes()[change].name);
  const std::string batch = bring_to(stage);
  changes()[change].apply(pipeline, receipt);
  run_to_the_end();

  const Census census = pipeline.census();
  EXPECT_TRUE(census.adds_up());
  EXPECT_EQ(census.published, receipt.lines.size());
  EXPECT_EQ(census.found, receipt.lines.size());
  EXPECT_EQ(census.claimed + census.unclaimed + census.in_deltas, 0U) << "nothing is stuck";
  EXPECT_EQ(census.changes_waiting, 0U);
  for (const BatchStatus open : kOpenStatuses) {
    EXPECT_FALSE(census.batches.contains(std::string(batch_status_name(open)))) << batch_status_name(open);
  }
  EXPECT_TRUE(has_ended(must(read_batch(*pipeline.table, BatchId(batch))).status));
  EXPECT_EQ(pipeline.stored_ids().size(), receipt.lines.size()) << "what was removed does not come back";
  expect_vectors_of_the_texts();
}

std::string name_of(const ::testing::TestParamInfo<std::tuple<std::size_t, Stage>>& test) {
  static constexpr std::array stages = {"prepared", "submitted", "finalizing", "merged", "published"};
  std::string name = changes()[std::get<0>(test.param)].name;
  std::erase(name, ',');
  std::ranges::replace(name, ' ', '_');
  return fmt::format("{}_when_{}", name, stages.at(static_cast<std::size_t>(std::get<1>(test.param))));
}

INSTANTIATE_TEST_SUITE_P(Changes, Staleness,
                         ::testing::Combine(::testing::Range(std::size_t{0}, changes().size()),
                                            ::testing::ValuesIn(kStages)),
                         name_of);

}  // namespace
}  // namespace tillite::testing
