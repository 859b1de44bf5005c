// An import or a removal that dies between any two rows is made up for by its repetition. Rows of one call happen in
// any order, as on DynamoDB.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/forwarding_table.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

/// Dies after so many writes, in the order of a call or in the reverse.
class DyingTable final : public ForwardingTable {
 public:
  DyingTable(Table& real, std::size_t writes_left, bool backwards)
      : real_(real), writes_left_(writes_left), backwards_(backwards) {}
  Table& real() override { return real_; }

  Result<std::vector<bool>> write_each(const std::vector<Write>& writes) override {
    std::vector<bool> happened(writes.size(), true);
    for (std::size_t i = 0; i < writes.size(); ++i) {
      if (writes_left_ == 0) return fail(Code::unavailable, "the process was killed");
      --writes_left_;
      const std::size_t at = backwards_ ? writes.size() - 1 - i : i;
      happened[at] = TRY(real_.write_each({writes[at]})).at(0);
    }
    return happened;
  }

 private:
  Table& real_;
  std::size_t writes_left_;
  bool backwards_;
};

Ports with_table(const Ports& ports, Table& table) {
  return {table,       ports.vectors, ports.batch_files, ports.queue, ports.provider,
          ports.texts, ports.cache,   ports.clock,       ports.random};
}

Receipt sample() {
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"});
  receipt.width_px = 0;  // a receipt without a size: its row says no more than that it is there
  receipt.height_px = 0;
  return receipt;
}

/// All rows of the receipt's image, without what says when they were written, and how often an item's neighbours, which
/// its metadata name, have changed: those that came by another import are such a change.
std::vector<Item> rows_of(Pipeline& pipeline, const Receipt& receipt) {
  auto rows = must(query_all(*pipeline.table, {.hash = "IMAGE#" + receipt.image_id.str()}));
  for (Item& row : rows) {
    row.erase("timestamp_added");
    row.erase("metadata_version");
  }
  return rows;
}

bool has_type(const std::vector<Item>& rows, const std::string& type) {
  return std::ranges::any_of(rows, [&](const Item& row) { return row.at("TYPE") == type; });
}

class KilledImportTest : public ::testing::TestWithParam<bool> {
 protected:
  /// Does `change` with a table that dies after 0, 1, 2, ... writes, each time in a new home, until it lives.
  template <typename Change, typename Check>
  void kill_after_each_write(bool imported_before, Change change, Check check) {
    for (std::size_t writes = 0;; ++writes) {
      SCOPED_TRACE(fmt::format("dead after {} writes", writes));
      ASSERT_LT(writes, 100U);
      Pipeline pipeline;
      if (imported_before) pipeline.import(sample());
      DyingTable table(*pipeline.table, writes, GetParam());
      const auto changed = change(with_table(pipeline.ports, table), pipeline.context);
      check(pipeline, changed.has_value());
      if (changed || HasFailure()) return;
    }
  }
};

TEST_P(KilledImportTest, AReceiptWhoseRowIsThereIsThereAsAWholeAndAnotherImportMakesItSo) {
  Pipeline whole;
  whole.import(sample());
  const auto expected = rows_of(whole, sample());
  ASSERT_TRUE(has_type(expected, "RECEIPT") && has_type(expected, "IMAGE") && has_type(expected, "RECEIPT_METADATA"));
  kill_after_each_write(
      false,
      [](const Ports& ports, const StepContext& context) { return import_receipt(sample(), false, ports, context); },
      [&](Pipeline& pipeline, bool) {
        const auto left = rows_of(pipeline, sample());
        if (has_type(left, "RECEIPT")) {
          EXPECT_EQ(left, expected);
        }
        pipeline.import(sample());
        EXPECT_EQ(rows_of(pipeline, sample()), expected);
        EXPECT_FALSE(pipeline.import(sample()).changed) << "a third one has nothing to do";
      });
}

TEST_P(KilledImportTest, ARemovalThatWasCutShortIsFinishedByAnother) {
  kill_after_each_write(
      true,
      [](const Ports& ports, const StepContext& context) {
        return remove_receipt(sample().image_id, sample().receipt_id, ports, context);
      },
      [](Pipeline& pipeline, bool removed) {
        const auto again = remove_receipt(sample().image_id, sample().receipt_id, pipeline.ports, pipeline.context);
        EXPECT_TRUE(again || removed) << again.error().message();
        const auto left = rows_of(pipeline, sample());
        EXPECT_FALSE(has_type(left, "RECEIPT") || has_type(left, "RECEIPT_METADATA"));
        EXPECT_FALSE(has_type(left, "RECEIPT_LINE") || has_type(left, "RECEIPT_WORD"));
      });
}

INSTANTIATE_TEST_SUITE_P(Order, KilledImportTest, ::testing::Bool());

}  // namespace
}  // namespace tillite::testing
