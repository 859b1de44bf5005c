#include "receipts/receipt_items.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "adapters/local/sqlite_table.h"
#include "base/time.h"
#include "receipts/sample.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

constexpr std::int64_t kNow = 1'760'000'000'123;
const ImageId kImage("6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d");

/// One line "OAT" with one word.
Receipt small_receipt() {
  const Word word{.word_id = 1, .text = "OAT", .box = {0.1, 0.5, 0.2, 0.02}, .confidence = 0.9};
  const Line line{.line_id = 2, .text = "OAT", .box = {0.1, 0.5, 0.2, 0.02}, .confidence = 0.8, .words = {word}};
  return {.image_id = kImage, .receipt_id = 7, .width_px = 600, .height_px = 1800, .lines = {line}};
}

/// All rows of a receipt; every line and word in the state given.
std::vector<Item> rows_of(const Receipt& receipt, const ItemState& state) {
  std::vector<Item> rows = {image_row(receipt, kNow), receipt_row(receipt, kNow)};
  if (receipt.merchant) rows.push_back(metadata_row(receipt));
  for (const Line& line : receipt.lines) {
    rows.push_back(line_row(receipt, line, state));
    for (const Word& word : line.words) rows.push_back(word_row(receipt, line, word, state));
  }
  return rows;
}

class StoredReceipts : public ::testing::Test {
 protected:
  void store(const std::vector<Item>& rows) {
    std::vector<Write> writes;
    for (const Item& row : rows) writes.emplace_back(Put{row});
    const auto written = table->write_each(writes);
    ASSERT_TRUE(written) << written.error().message();
  }

  Result<std::optional<StoredReceipt>> load(int receipt_id = 7) { return load_receipt(*table, kImage, receipt_id); }

  TempFolder folder;
  std::unique_ptr<SqliteTable> table = *SqliteTable::open(folder / "table.sqlite3");
};

TEST(ReceiptRows, CarryTheKeysAndAttributesOfTheDataModel) {
  const Receipt receipt = small_receipt();
  const Line& line = receipt.lines.front();
  const ItemState state{.status = EmbeddingStatus::success,
                        .item_version = 3,
                        .metadata_version = 2,
                        .input_hash = "ab12",
                        .batch_id = BatchId("batch-1"),
                        .attempts = 4,
                        .failure_reason = "earlier",
                        .deferrals = 2,
                        .deferred_until_ms = kNow};
  const std::string id = "IMAGE#6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d#RECEIPT#00007#LINE#00002";
  const double top = 0.5 + 0.02;
  const double right = 0.1 + 0.2;
  const Json line_expected = {{"PK", "IMAGE#6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d"},
                              {"SK", "RECEIPT#00007#LINE#00002"},
                              {"TYPE", "RECEIPT_LINE"},
                              {"GSI1PK", "EMBEDDING_STATUS#SUCCESS"},
                              {"GSI1SK", "LINE#" + id},
                              {"text", "OAT"},
                              {"bounding_box", {{"x", 0.1}, {"y", 0.5}, {"width", 0.2}, {"height", 0.02}}},
                              {"top_left", {{"x", 0.1}, {"y", top}}},
                              {"top_right", {{"x", right}, {"y", top}}},
                              {"bottom_left", {{"x", 0.1}, {"y", 0.5}}},
                              {"bottom_right", {{"x", right}, {"y", 0.5}}},
                              {"angle_degrees", 0},
                              {"angle_radians", 0},
                              {"confidence", 0.8},
                              {"embedding_status", "SUCCESS"},
                              {"is_noise", false},
                              {"line_embedding_id", id},
                              {"item_version", 3},
                              {"metadata_version", 2},
                              {"input_hash", "ab12"},
                              {"embedding_batch_id", "batch-1"},
                              {"attempts", 4},
                              {"failure_reason", "earlier"},
                              {"deferrals", 2},
                              {"deferred_until_ms", kNow}};
  EXPECT_EQ(line_row(receipt, line, state), line_expected);

  Json word_expected = line_expected;
  word_expected.erase("line_embedding_id");
  word_expected.update({{"SK", "RECEIPT#00007#LINE#00002#WORD#00001"},
                        {"TYPE", "RECEIPT_WORD"},
                        {"GSI1SK", "WORD#" + id + "#WORD#00001"},
                        {"confidence", 0.9},
                        {"word_embedding_id", id + "#WORD#00001"}});
  EXPECT_EQ(word_row(receipt, line, line.words.front(), state), word_expected);
}

TEST(ReceiptRows, OfImageReceiptAndMerchantHaveTheirKeys) {
  Receipt receipt = small_receipt();
  receipt.merchant = "Café & Bar 24";
  const Item image = image_row(receipt, kNow);
  EXPECT_EQ(key_of(image), (ItemKey{"IMAGE#" + kImage.str(), "IMAGE"}));
  EXPECT_EQ(image.at("timestamp_added"), iso_time(kNow));
  const Item row = receipt_row(receipt, kNow);
  EXPECT_EQ(key_of(row), (ItemKey{"IMAGE#" + kImage.str(), "RECEIPT#00007"}));
  EXPECT_EQ(row.at("GSI2PK"), "RECEIPT");
  EXPECT_EQ(row.at("GSI2SK"), "IMAGE#" + kImage.str() + "#RECEIPT#00007");
  EXPECT_EQ(row.at("top_right"), (Json{{"x", 1}, {"y", 1}}));
  const Item metadata = metadata_row(receipt);
  EXPECT_EQ(key_of(metadata), (ItemKey{"IMAGE#" + kImage.str(), "RECEIPT#00007#METADATA"}));
  EXPECT_EQ(metadata.at("GSI1PK"), "MERCHANT#CAFÉ___BAR_24");
  EXPECT_EQ(metadata.at("GSI1SK"), "IMAGE#" + kImage.str() + "#RECEIPT#00007#METADATA");
  EXPECT_EQ(metadata.at("merchant_name"), "Café & Bar 24");
}

TEST(ReceiptRows, StandInTheOutboxWhileAChangeWaits) {
  const Receipt receipt = small_receipt();
  const Line& line = receipt.lines.front();
  EXPECT_FALSE(line_row(receipt, line, {}).contains("GSI3PK"));
  const Item row = word_row(receipt, line, line.words.front(), {.change_waiting = true});
  EXPECT_EQ(row.at("GSI3PK"), "CHANGE#receipt_words");
  EXPECT_EQ(row.at("GSI3SK"), word_record_id(kImage, 7, 2, 1).str());
  EXPECT_TRUE(item_state(row)->change_waiting);
}

TEST(ReceiptRows, OfNoiseSayThatTheyAreNoiseAndHaveNoEmbedding) {
  const Receipt receipt = small_receipt();
  const Item row = line_row(receipt, receipt.lines.front(), {.status = EmbeddingStatus::noise});
  EXPECT_EQ(row.at("is_noise"), true);
  EXPECT_EQ(row.at("GSI1PK"), "EMBEDDING_STATUS#NOISE");
  EXPECT_FALSE(row.contains("line_embedding_id"));
}

TEST(ReceiptRows, ATombstoneKeepsKeysVersionsAndTimeOnly) {
  const RecordId id = line_record_id(kImage, 7, 2);
  const ItemState state{.item_version = 5, .metadata_version = 2, .removed = true, .removed_at_ms = kNow};
  const Item row = tombstone_row(id, state);
  EXPECT_EQ(row, (Json{{"PK", "IMAGE#" + kImage.str()},
                       {"SK", "RECEIPT#00007#LINE#00002"},
                       {"TYPE", "RECEIPT_LINE_TOMBSTONE"},
                       {"item_version", 5},
                       {"metadata_version", 2},
                       {"removed_at", iso_time(kNow)}}));
  const auto read = item_state(row);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_TRUE(read->removed);
  EXPECT_EQ(read->removed_at_ms, kNow);
  EXPECT_EQ(read->item_version, 5);
}

TEST(ReceiptRows, WithoutOurAttributesReadAsUnknown) {
  for (const Json& missing : {Json(nullptr), Json()}) {
    Item row = line_row(small_receipt(), small_receipt().lines.front(), {});
    for (const char* name : {"item_version", "metadata_version", "input_hash", "embedding_batch_id", "attempts",
                             "failure_reason", "embedding_status"}) {
      row[name] = missing;
    }
    const auto state = item_state(row);
    ASSERT_TRUE(state) << state.error().message();
    EXPECT_EQ(state->status, EmbeddingStatus::none);
    EXPECT_EQ(state->item_version, 1);
    EXPECT_TRUE(state->input_hash.empty());
  }
}

TEST(ReceiptRows, EachStatusHasANameThatIsReadBack) {
  for (const EmbeddingStatus status : kEmbeddingStatuses)
    EXPECT_EQ(parse_embedding_status(status_name(status)), status);
  EXPECT_EQ(parse_embedding_status("DONE").error().code(), Code::corrupt);
}

TEST_F(StoredReceipts, AreNothingWhereNoRowIs) {
  const auto loaded = load();
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->has_value());
}

TEST_F(StoredReceipts, AreNotMixedWithOthersOnTheSameImage) {
  Receipt other = small_receipt();
  other.receipt_id = 70;
  store(rows_of(small_receipt(), {}));
  store(rows_of(other, {}));
  EXPECT_EQ((*load(7))->receipt, small_receipt());
  EXPECT_EQ((*load(70))->receipt, other);
}

TEST_F(StoredReceipts, HaveTombstonesInTheirStatesOnly) {
  store(rows_of(small_receipt(), {}));
  const RecordId gone = line_record_id(kImage, 7, 3);
  store({tombstone_row(gone, {.item_version = 2, .removed = true, .removed_at_ms = kNow})});
  const auto loaded = load();
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->receipt, small_receipt());
  EXPECT_EQ((*loaded)->states.size(), 3U);
  EXPECT_TRUE((*loaded)->states.at(gone).removed);
}

TEST_F(StoredReceipts, AWordWhoseLineIsGoneIsLeftToTheNextImport) {
  store(rows_of(small_receipt(), {}));
  store({tombstone_row(line_record_id(kImage, 7, 2), {.item_version = 2, .removed = true, .removed_at_ms = kNow})});
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_TRUE((*loaded)->receipt.lines.empty());
  EXPECT_FALSE((*loaded)->states.at(word_record_id(kImage, 7, 2, 1)).removed);
}

TEST_F(StoredReceipts, OfOthersMayLackWhatIsOptional) {
  std::vector<Item> rows = rows_of(small_receipt(), {});
  std::erase_if(rows, [](const Item& row) { return row.at("TYPE") == "RECEIPT"; });
  for (Item& row : rows) {
    for (const char* name : {"top_left", "top_right", "bottom_left", "bottom_right", "angle_degrees"}) row.erase(name);
    row["confidence"] = nullptr;
  }
  rows.push_back({{"PK", "IMAGE#" + kImage.str()}, {"SK", "RECEIPT#00007#SECTION#ITEMS"}, {"TYPE", "RECEIPT_SECTION"}});
  store(rows);
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ((*loaded)->receipt.width_px, 0);
  EXPECT_EQ((*loaded)->receipt.lines.front().confidence, 1.0);
  EXPECT_EQ((*loaded)->receipt.lines.front().words.size(), 1U);
}

TEST_F(StoredReceipts, TakeTheCanonicalNameOfTheMerchantIfThereIsOne) {
  Receipt receipt = small_receipt();
  receipt.merchant = "CRNR PANTRY 12";
  Item metadata = metadata_row(receipt);
  for (const char* none : {"", "  "}) {
    metadata["canonical_merchant_name"] = none;
    store({metadata});
    EXPECT_EQ((*load())->receipt.merchant, "CRNR PANTRY 12");
  }
  metadata["canonical_merchant_name"] = "Corner Pantry";
  store({metadata});
  EXPECT_EQ((*load())->receipt.merchant, "Corner Pantry");
}

TEST_F(StoredReceipts, KeepTheLabelsOfTheirWords) {
  store(rows_of(small_receipt(), {}));
  store({{{"PK", "IMAGE#" + kImage.str()},
          {"SK", "RECEIPT#00007#LINE#00002#WORD#00001#LABEL#PRODUCT_NAME"},
          {"TYPE", "RECEIPT_WORD_LABEL"},
          {"validation_status", "VALID"},
          {"label_proposed_by", "ann"},
          {"label_confidence", 0.5},
          {"timestamp_added", "2026-01-02T03:04:05Z"}}});
  const auto labels = (*load())->labels.at(word_record_id(kImage, 7, 2, 1));
  ASSERT_EQ(labels.size(), 1U);
  EXPECT_EQ(labels.front().name, "PRODUCT_NAME");
  EXPECT_EQ(labels.front().validation_status, "VALID");
  EXPECT_EQ(labels.front().proposed_by, "ann");
  EXPECT_EQ(labels.front().confidence, 0.5);
}

TEST_F(StoredReceipts, KnowTheSectionsOfTheirLines) {
  store(rows_of(small_receipt(), {}));
  Item section = {{"PK", "IMAGE#" + kImage.str()},
                  {"SK", "RECEIPT#00007#SECTION#ITEMS"},
                  {"TYPE", "RECEIPT_SECTION"},
                  {"section_type", "ITEMS"},
                  {"line_ids", {1, 2}}};
  store({section});
  EXPECT_EQ((*load())->sections, (std::map<int, std::string>{{1, "ITEMS"}, {2, "ITEMS"}}));
  section["line_ids"] = {"one"};
  store({section});
  EXPECT_EQ(load().error().code(), Code::corrupt);
}

TEST_F(StoredReceipts, NameTheRowThatCannotBeRead) {
  std::vector<Item> rows = rows_of(small_receipt(), {});
  rows.back()["bounding_box"] = "none";
  store(rows);
  const auto loaded = load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), Code::corrupt);
  EXPECT_NE(loaded.error().message().find("RECEIPT#00007#LINE#00002#WORD#00001"), std::string::npos);
  EXPECT_NE(loaded.error().message().find("bounding_box"), std::string::npos);
}

RC_GTEST_FIXTURE_PROP(StoredReceipts, AreLoadedExactlyAsTheyWereStored, (std::uint64_t seed)) {
  const Receipt receipt = sample_receipt(seed, 0);
  const ItemState state{
      .status = *rc::gen::element(EmbeddingStatus::none, EmbeddingStatus::pending, EmbeddingStatus::success),
      .item_version = *rc::gen::inRange(1, 1000),
      .metadata_version = *rc::gen::inRange(1, 1000),
      .input_hash = *rc::gen::element<std::string>("", "abc"),
      .batch_id = BatchId(*rc::gen::element<std::string>("", "batch")),
      .attempts = *rc::gen::inRange(0, 10),
      .failure_reason = *rc::gen::element<std::string>("", "why"),
      .deferrals = *rc::gen::inRange(0, 10),
      .deferred_until_ms = *rc::gen::inRange(0, 10),
      .change_waiting = *rc::gen::arbitrary<bool>()};
  store(rows_of(receipt, state));
  const auto loaded = load_receipt(*table, receipt.image_id, receipt.receipt_id);
  RC_ASSERT(loaded && loaded->has_value());
  RC_ASSERT((*loaded)->receipt == receipt);
  std::size_t items = receipt.lines.size();
  for (const Line& line : receipt.lines) items += line.words.size();
  RC_ASSERT((*loaded)->states.size() == items);
  for (const auto& [id, read] : (*loaded)->states) {
    RC_ASSERT(read.status == state.status && read.item_version == state.item_version &&
              read.metadata_version == state.metadata_version && read.input_hash == state.input_hash &&
              read.batch_id == state.batch_id && read.attempts == state.attempts &&
              read.failure_reason == state.failure_reason && read.deferrals == state.deferrals &&
              read.deferred_until_ms == state.deferred_until_ms && read.change_waiting == state.change_waiting &&
              !read.removed);
  }
}

}  // namespace
}  // namespace tillite::testing
