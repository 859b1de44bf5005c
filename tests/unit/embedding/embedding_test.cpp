#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "embedding/batch_files.h"
#include "embedding/batch_plan.h"
#include "embedding/embedder.h"
#include "embedding/metadata.h"
#include "embedding/reading_order.h"

namespace tillite {
namespace {

const ImageId kImage("6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d");

/// A line of words set side by side.
Line line_at(int line_id, double y, const std::vector<std::string>& words, double x = 0.1) {
  Line line{.line_id = line_id, .box = {x, y, 0.1 * static_cast<double>(words.size()), 0.02}};
  for (std::size_t i = 0; i < words.size(); ++i) {
    line.text += (i == 0 ? "" : " ") + words[i];
    line.words.push_back({static_cast<int>(i) + 1, words[i], {x + 0.1 * static_cast<double>(i), y, 0.08, 0.02}, 0.5});
  }
  return line;
}

Receipt receipt_of(std::vector<Line> lines) {
  return {.image_id = kImage, .receipt_id = 1, .merchant = "  corner PANTRY ", .lines = std::move(lines)};
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

TEST(InputFormats, AWordIsSentWithTwoNeighboursOnEachSideAndEdges) {
  const auto inputs =
      embedding_inputs(receipt_of({line_at(1, 0.5, {"Total", "Tax", "Discount"})}), InputFormat::word_context_1);
  EXPECT_EQ(inputs.at(word_record_id(kImage, 1, 1, 1)), "<EDGE> <EDGE> Total Tax Discount");
  EXPECT_EQ(inputs.at(word_record_id(kImage, 1, 1, 2)), "<EDGE> Total Tax Discount <EDGE>");
}

TEST(InputFormats, WordsAtTheSameHeightAreNeighboursAcrossOcrLines) {
  const auto inputs = embedding_inputs(receipt_of({line_at(1, 0.5, {"TOTAL"}), line_at(2, 0.505, {"3.18"}, 0.8)}),
                                       InputFormat::word_context_1);
  EXPECT_EQ(inputs.at(word_record_id(kImage, 1, 1, 1)), "<EDGE> <EDGE> TOTAL 3.18 <EDGE>");
}

TEST(InputFormats, NearbyLinesFillASideThatHasTooFew) {
  const auto inputs =
      embedding_inputs(receipt_of({line_at(1, 0.5, {"A", "B"}), line_at(2, 0.46, {"C"})}), InputFormat::word_context_1);
  EXPECT_EQ(inputs.at(word_record_id(kImage, 1, 1, 2)), "C A B <EDGE> <EDGE>");
}

TEST(InputFormats, NoiseIsNeitherSentNorANeighbour) {
  const auto receipt = receipt_of({line_at(1, 0.5, {"A", "---", "B"}), line_at(2, 0.2, {"====="})});
  const auto words = embedding_inputs(receipt, InputFormat::word_context_1);
  EXPECT_EQ(words.size(), 2U);
  EXPECT_EQ(words.at(word_record_id(kImage, 1, 1, 1)), "<EDGE> <EDGE> A B <EDGE>");
  EXPECT_EQ(embedding_inputs(receipt, InputFormat::line_plain_1).size(), 1U);
}

TEST(InputFormats, ALineIsSentBetweenTheRowsAboveAndBelowIt) {
  const auto inputs = embedding_inputs(receipt_of({line_at(1, 0.5, {"MILK"}), line_at(2, 0.505, {"1.29"}, 0.8),
                                                   line_at(3, 0.4, {"TOTAL"}), line_at(4, 0.6, {"CORNER", "PANTRY"})}),
                                       InputFormat::line_rows_1);
  EXPECT_EQ(inputs.at(line_record_id(kImage, 1, 4)), "<EDGE>\nCORNER PANTRY\nMILK 1.29");
  EXPECT_EQ(inputs.at(line_record_id(kImage, 1, 1)), "CORNER PANTRY\nMILK 1.29\nTOTAL");
  EXPECT_EQ(inputs.at(line_record_id(kImage, 1, 2)), inputs.at(line_record_id(kImage, 1, 1))) << "the same row";
  EXPECT_EQ(inputs.at(line_record_id(kImage, 1, 3)), "MILK 1.29\nTOTAL\n<EDGE>");
}

TEST(InputFormats, ALineThatIsAloneHasEdgesAboveAndBelow) {
  const auto inputs = embedding_inputs(receipt_of({line_at(1, 0.5, {"MILK"})}), InputFormat::line_rows_1);
  EXPECT_EQ(inputs.at(line_record_id(kImage, 1, 1)), "<EDGE>\nMILK\n<EDGE>");
}

TEST(InputFormats, NoiseIsNobodysRow) {
  const auto inputs =
      embedding_inputs(receipt_of({line_at(1, 0.6, {"MILK"}), line_at(2, 0.5, {"====="}), line_at(3, 0.4, {"TOTAL"})}),
                       InputFormat::line_rows_1);
  EXPECT_EQ(inputs.size(), 2U);
  EXPECT_EQ(inputs.at(line_record_id(kImage, 1, 1)), "<EDGE>\nMILK\nTOTAL");
}

TEST(InputFormats, ATaggedWordTellsItsPlaceAndItsNearestNeighbours) {
  const auto inputs =
      embedding_inputs(receipt_of({line_at(1, 0.9, {"Total", "Tax", "Discount"})}), InputFormat::word_tagged_1);
  EXPECT_EQ(inputs.at(word_record_id(kImage, 1, 1, 1)),
            "<TARGET>Total</TARGET> <POS>top-left</POS> <CONTEXT><EDGE> Tax</CONTEXT>");
  EXPECT_EQ(inputs.at(word_record_id(kImage, 1, 1, 2)),
            "<TARGET>Tax</TARGET> <POS>top-left</POS> <CONTEXT>Total Discount</CONTEXT>");
}

TEST(InputFormats, TheGridOfATaggedWordIsCutAtAThirdAndTwoThirds) {
  const auto position_of = [](double x, double y) {
    Receipt receipt = receipt_of({line_at(1, 0.5, {"A"})});
    receipt.lines[0].words[0].box = {x, y, 0, 0};
    const std::string text = embedding_inputs(receipt, InputFormat::word_tagged_1).at(word_record_id(kImage, 1, 1, 1));
    const std::size_t begin = text.find("<POS>") + 5;
    return text.substr(begin, text.find("</POS>") - begin);
  };
  EXPECT_EQ(position_of(0.32, 0.67), "top-left");
  EXPECT_EQ(position_of(0.33, 0.66), "middle-center");
  EXPECT_EQ(position_of(0.66, 0.33), "bottom-right");
  EXPECT_EQ(position_of(0, 0), "bottom-left");
  EXPECT_EQ(position_of(1, 1), "top-right");
}

TEST(InputFormats, AreReadByTheirNames) {
  for (const InputFormat format :
       {InputFormat::line_plain_1, InputFormat::line_rows_1, InputFormat::word_context_1, InputFormat::word_tagged_1}) {
    EXPECT_EQ(parse_input_format(format_name(format)).value(), format);
    EXPECT_TRUE(format_name(format).starts_with(names_of(entity_of(format)).name));
  }
  const auto unknown = parse_input_format("line/plain/2");
  EXPECT_EQ(unknown.error().code(), Code::invalid_input);
  EXPECT_NE(unknown.error().message().find("line/rows/1"), std::string::npos);
}

TEST(ReadingOrder, RowsAreComparedPairwiseAndReadFromTheTop) {
  // The tall middle line reaches into both others, but only shares a centre with the first.
  const auto rows = visual_rows(receipt_of({line_at(1, 0.50, {"B"}, 0.5), line_at(2, 0.505, {"A"}, 0.1),
                                            line_at(3, 0.6, {"TOP"}), line_at(4, 0.47, {"C"})}));
  EXPECT_EQ(rows, (std::vector<std::vector<std::size_t>>{{2}, {1, 0}, {3}}));
}

TEST(Metadata, OfALineIsExactlyWhatIsDocumented) {
  const StoredReceipt stored{.receipt = receipt_of({line_at(1, 0.5, {"OAT", "MILK"}), line_at(2, 0.4, {"TOTAL"})})};
  const auto texts = stored_texts(stored, InputFormat::line_plain_1);
  const Json expected = {{"image_id", kImage.str()},
                         {"receipt_id", 1},
                         {"line_id", 1},
                         {"text", "OAT MILK"},
                         {"confidence", 1.0},
                         {"avg_word_confidence", 0.5},
                         {"x", 0.1},
                         {"y", 0.5},
                         {"width", 0.2},
                         {"height", 0.02},
                         {"prev_line", "<EDGE>"},
                         {"next_line", "TOTAL"},
                         {"source", "openai_embedding_batch"},
                         {"embedding_format", "line/plain/1"},
                         {"merchant_name", "Corner Pantry"}};
  EXPECT_EQ(texts.at(line_record_id(kImage, 1, 1)).metadata, expected);
  EXPECT_EQ(texts.at(line_record_id(kImage, 1, 1)).document, "OAT MILK");
}

TEST(Metadata, OfAWordTellsItsLabels) {
  StoredReceipt stored{.receipt = receipt_of({line_at(1, 0.5, {"TOTAL", "3.18"})})};
  const auto id = word_record_id(kImage, 1, 1, 2);
  stored.labels[id] = {{"GRAND_TOTAL", "VALID", "model", "2026-01-02T00:00:00Z"},
                       {"TAX", "INVALID", "model", "2026-01-01T00:00:00Z"}};
  const auto texts = stored_texts(stored, InputFormat::word_context_1);
  const Json& metadata = texts.at(id).metadata;
  EXPECT_EQ(metadata.at("label_status"), "validated");
  EXPECT_EQ(metadata.at("validated_labels"), ",GRAND_TOTAL,");
  EXPECT_EQ(metadata.at("invalid_labels"), ",TAX,");
  EXPECT_EQ(metadata.at("left"), "TOTAL");
  EXPECT_EQ(metadata.at("right"), "<EDGE>");
  EXPECT_EQ(texts.at(word_record_id(kImage, 1, 1, 1)).metadata.at("label_status"), "unvalidated");
}

TEST(Metadata, TellsSectionAndConfidenceOfALabelWhenKnown) {
  StoredReceipt stored{.receipt = receipt_of({line_at(1, 0.5, {"TOTAL", "3.18"})})};
  const auto line = line_record_id(kImage, 1, 1);
  const auto word = word_record_id(kImage, 1, 1, 2);
  EXPECT_FALSE(stored_texts(stored, InputFormat::line_plain_1).at(line).metadata.contains("section_label"));
  EXPECT_FALSE(stored_texts(stored, InputFormat::word_context_1).at(word).metadata.contains("label_confidence"));
  stored.sections[1] = "TOTALS";
  stored.labels[word] = {{"GRAND_TOTAL", "PENDING", "model", "2026-01-02T00:00:00Z", 0.75}};
  EXPECT_EQ(stored_texts(stored, InputFormat::line_plain_1).at(line).metadata.at("section_label"), "TOTALS");
  EXPECT_EQ(stored_texts(stored, InputFormat::word_context_1).at(word).metadata.at("label_confidence"), 0.75);
}

TEST(Metadata, PutsMerchantsInTitleCaseWhateverTheirAccentsAreMadeOf) {
  const auto merchant = [](const std::string& name) {
    StoredReceipt stored{.receipt = receipt_of({line_at(1, 0.5, {"TOTAL"})})};
    stored.receipt.merchant = name;
    return stored_texts(stored, InputFormat::line_plain_1)
        .at(line_record_id(kImage, 1, 1))
        .metadata.at("merchant_name")
        .get<std::string>();
  };
  EXPECT_EQ(merchant("O'NEIL & SONS"), "O'neil & Sons");
  EXPECT_EQ(merchant("JOE\u2019S 7ELEVEN"), "Joe\u2019s 7Eleven");
  EXPECT_EQ(merchant("CAFE\u0301S"), "Cafe\u0301s") << "an accent that is a character of its own";
}

RC_GTEST_PROP(BatchPlanner, KeepsReceiptsWholeUnlessOneAloneIsLargerThanABatch,
              (const std::vector<std::uint8_t>& sizes)) {
  BatchPlanner planner({.items_max = 100});
  std::vector<std::vector<BatchItem>> batches;
  const auto take = [&](std::vector<std::vector<BatchItem>> full) {
    std::ranges::move(full, std::back_inserter(batches));
  };
  std::size_t total = 0;
  for (std::size_t receipt = 0; receipt < sizes.size(); ++receipt) {
    std::vector<BatchItem> items;
    for (int i = 0; i < sizes[receipt]; ++i) {
      items.push_back({RecordId(std::to_string(receipt)), fmt::format("{} {}", receipt, i), 1, "x"});
    }
    total += items.size();
    take(planner.add(std::move(items)));
  }
  take(planner.finish());
  std::size_t found = 0;
  std::map<std::string, std::set<std::size_t>> batches_of;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    RC_ASSERT(!batches[i].empty() && batches[i].size() <= 100U);
    found += batches[i].size();
    for (const BatchItem& item : batches[i]) batches_of[item.id.str()].insert(i);
  }
  RC_ASSERT(found == total);
  for (std::size_t i = 0; i + 1 < batches.size(); ++i) RC_ASSERT(batches[i].size() >= 50U);
  for (const auto& [receipt, in] : batches_of) RC_ASSERT(in.size() == 1 || sizes[std::stoul(receipt)] > 100);
}

TEST(BatchPlanner, PutsItemsThatWereTurnedAwayIntoBatchesOfHalfTheSizeEachTime) {
  const auto sizes_of = [](std::int64_t deferrals) {
    BatchPlanner planner({.items_max = 8});
    std::vector<BatchItem> items;
    for (int i = 0; i < 8; ++i) {
      items.push_back({.id = RecordId("a"), .input_hash = std::to_string(i), .input = "x", .deferrals = deferrals});
    }
    std::vector<std::size_t> sizes;
    for (const auto& batch : planner.add(std::move(items))) sizes.push_back(batch.size());
    for (const auto& batch : planner.finish()) sizes.push_back(batch.size());
    return sizes;
  };
  EXPECT_EQ(sizes_of(0), (std::vector<std::size_t>{8}));
  EXPECT_EQ(sizes_of(1), (std::vector<std::size_t>{4, 4}));
  EXPECT_EQ(sizes_of(2), (std::vector<std::size_t>{2, 2, 2, 2}));
  EXPECT_EQ(sizes_of(70), std::vector<std::size_t>(8, 1));
}

TEST(BatchPlanner, NeverPutsAnItemThatWasTurnedAwayIntoALargerBatchThanItTakes) {
  BatchPlanner planner({.items_max = 8});
  std::vector<std::vector<BatchItem>> batches;
  int text = 0;
  for (const std::int64_t deferrals : {0, 0, 0, 0, 0, 1, 0, 0, 2, 1}) {
    const std::string hash = std::to_string(++text);
    for (auto& batch : planner.add({{.id = RecordId("a"), .input_hash = hash, .input = "x", .deferrals = deferrals}}))
      batches.push_back(batch);
  }
  for (auto& batch : planner.finish()) batches.push_back(batch);
  std::size_t items = 0;
  for (const auto& batch : batches) {
    items += batch.size();
    for (const BatchItem& item : batch) EXPECT_LE(batch.size(), 8U >> item.deferrals);
  }
  EXPECT_EQ(items, 10U);
}

TEST(BatchPlanner, CountsTheRequestsAndNotTheItemsThatShareThem) {
  BatchPlanner planner({.items_max = 2});
  const auto item = [](const std::string& text) {
    return BatchItem{.id = RecordId("a"), .input_hash = text, .input = text};
  };
  EXPECT_TRUE(planner.add({item("milk"), item("milk"), item("milk")}).empty());
  const auto full = planner.add({item("bread"), item("milk")});
  ASSERT_EQ(full.size(), 1U);
  EXPECT_EQ(full.front().size(), 5U);
}

TEST(BatchPlanner, KeepsTheItemsOfOneTextTogetherWhenItSplitsAReceipt) {
  BatchPlanner planner({.items_max = 1});
  const auto item = [](const std::string& text) {
    return BatchItem{.id = RecordId("a"), .input_hash = text, .input = text};
  };
  const auto parts = planner.add({item("milk"), item("bread"), item("milk")});
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].size(), 2U);
  EXPECT_EQ(parts[1].front().input, "bread");
}

TEST(BatchPlanner, ClosesABatchWhoseRequestsCountMoreTokensThanTheyMay) {
  const auto tokens_of_batches = [](const std::vector<std::uint64_t>& texts, bool one_receipt) {
    BatchPlanner planner({.items_max = 10, .tokens_max = 10});
    std::vector<std::vector<BatchItem>> batches;
    std::vector<BatchItem> receipt;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      receipt.push_back({.id = RecordId("a"), .input_hash = std::to_string(i), .input = "x", .tokens = texts[i]});
      if (one_receipt && i + 1 < texts.size()) continue;
      std::ranges::move(planner.add(std::exchange(receipt, {})), std::back_inserter(batches));
    }
    std::ranges::move(planner.finish(), std::back_inserter(batches));
    std::vector<std::uint64_t> sums;
    for (const auto& batch : batches) {
      sums.push_back(std::accumulate(batch.begin(), batch.end(), std::uint64_t{0},
                                     [](std::uint64_t sum, const BatchItem& item) { return sum + item.tokens; }));
    }
    return sums;
  };
  EXPECT_EQ(tokens_of_batches({4, 4, 4, 4}, false), (std::vector<std::uint64_t>{8, 8}));
  EXPECT_EQ(tokens_of_batches({4, 4, 4, 4}, true), (std::vector<std::uint64_t>{8, 8}));
  EXPECT_EQ(tokens_of_batches({4, 30, 4}, true), (std::vector<std::uint64_t>{4, 30, 4})) << "one alone may be more";
}

TEST(BatchPlanner, ClosesABatchThatHasMoreItemsThanItMay) {
  BatchPlanner planner({.items_max = 10, .followers_max = 2});
  const auto item = [](const std::string& text) {
    return BatchItem{.id = RecordId("a"), .input_hash = text, .input = text};
  };
  EXPECT_TRUE(planner.add({item("milk"), item("milk"), item("milk")}).empty());
  const auto full = planner.add({item("milk")});
  ASSERT_EQ(full.size(), 1U);
  EXPECT_EQ(full.front().size(), 3U);
}

RC_GTEST_PROP(RequestLines, AreReadBackAsTheyWereWritten, ()) {
  const auto input = *rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
  const auto id = line_record_id(kImage, 1, 7);
  const std::string line = request_line(id, input, {.model = "model-1", .dimensions = std::nullopt});
  RC_ASSERT(line.ends_with('\n'));
  const auto request = parse_request_line(std::string_view(line).substr(0, line.size() - 1));
  RC_ASSERT(request.has_value());
  RC_ASSERT(request->custom_id == id.str() && request->model == "model-1" && request->input == input);
  RC_ASSERT(request->base64 && !request->dimensions);
}

TEST(RequestLines, HaveTheDocumentedForm) {
  EXPECT_EQ(
      request_line(RecordId("A"), "a \"b\"", {.model = "m", .dimensions = 512}),
      R"({"custom_id": "A", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m", "input": "a \"b\"", )"
      R"("encoding_format": "base64", "dimensions": 512}})"
      "\n");
}

TEST(RequestLines, AskForDimensionsOnlyOfModelsThatLetThemBeChosen) {
  EXPECT_EQ(request_body_of({.model = "text-embedding-3-small", .dimensions = 512}).dimensions, 512U);
  EXPECT_EQ(request_body_of({.model = "text-embedding-ada-002", .dimensions = 1536}).dimensions, std::nullopt);
}

TEST(NgramEmbedder, PutsLikeSpellingsNearEachOther) {
  const NgramEmbedder embedder;
  const auto total = embedder.embed("total amount");
  EXPECT_NEAR(cosine(total, total), 1, 1e-6);
  EXPECT_GT(cosine(total, embedder.embed("TOTAL AMT")), cosine(total, embedder.embed("milk")) + 0.2);
  EXPECT_EQ(embedder.embed("Total  Amount "), total) << "case and blanks do not matter";
  EXPECT_NEAR(cosine(embedder.embed(""), embedder.embed("")), 1, 1e-6);
}

}  // namespace
}  // namespace tillite
