#include "embedding/metadata.h"

#include <algorithm>

#include "base/text.h"
#include "embedding/reading_order.h"
#include "embedding/word_neighbours.h"
#include "receipts/noise.h"

namespace tillite {
namespace {

constexpr std::string_view kSource = "openai_embedding_batch";  // vectors that came through the Batch API

Json common(const Receipt& receipt, InputFormat format) {
  Json metadata = {{"image_id", receipt.image_id.str()},
                   {"receipt_id", receipt.receipt_id},
                   {"source", kSource},
                   {"embedding_format", format_name(format)}};
  if (receipt.merchant) metadata["merchant_name"] = title_case(trim(*receipt.merchant));
  return metadata;
}

double average_confidence(const Line& line) {
  if (line.words.empty()) return line.confidence;
  double sum = 0;
  for (const Word& word : line.words) sum += word.confidence;
  return sum / static_cast<double>(line.words.size());
}

std::map<RecordId, StoredText> lines_of(const StoredReceipt& stored, InputFormat format) {
  const Receipt& receipt = stored.receipt;
  std::vector<std::size_t> order;
  for (const auto& row : visual_rows(receipt)) order.insert(order.end(), row.begin(), row.end());

  std::map<RecordId, StoredText> texts;
  for (std::size_t position = 0; position < order.size(); ++position) {
    const Line& line = receipt.lines[order[position]];
    if (is_noise(line.text)) continue;
    Json metadata = common(receipt, format);
    metadata.update(
        {{"line_id", line.line_id},
         {"text", line.text},
         {"confidence", line.confidence},
         {"avg_word_confidence", average_confidence(line)},
         {"x", line.box.x},
         {"y", line.box.y},
         {"width", line.box.width},
         {"height", line.box.height},
         {"prev_line", position == 0 ? std::string(kEdge) : receipt.lines[order[position - 1]].text},
         {"next_line", position + 1 == order.size() ? std::string(kEdge) : receipt.lines[order[position + 1]].text}});
    const auto section = stored.sections.find(line.line_id);
    if (section != stored.sections.end()) metadata["section_label"] = section->second;
    texts.emplace(line_record_id(receipt.image_id, receipt.receipt_id, line.line_id),
                  StoredText{std::move(metadata), line.text});
  }
  return texts;
}

/// ",A,B,": commas at both ends, so that one label can be matched exactly.
std::string label_list(const std::vector<WordLabel>& labels, std::string_view validation_status) {
  std::vector<std::string> names;
  for (const WordLabel& label : labels) {
    if (label.validation_status == validation_status) names.push_back(label.name);
  }
  std::ranges::sort(names);
  return names.empty() ? "" : fmt::format(",{},", fmt::join(names, ","));
}

void add_labels(Json& metadata, const std::vector<WordLabel>& labels) {
  const std::string valid = label_list(labels, "VALID");
  const std::string invalid = label_list(labels, "INVALID");
  const bool pending = !label_list(labels, "PENDING").empty();
  metadata["label_status"] = !valid.empty() ? "validated" : pending ? "auto_suggested" : "unvalidated";
  if (!valid.empty()) metadata["validated_labels"] = valid;
  if (!invalid.empty()) metadata["invalid_labels"] = invalid;
  const auto latest = std::ranges::max_element(labels, {}, &WordLabel::added_at);
  if (latest == labels.end()) return;
  if (!latest->proposed_by.empty()) metadata["label_proposed_by"] = latest->proposed_by;
  if (latest->confidence) metadata["label_confidence"] = *latest->confidence;
  std::string validated_at;
  for (const WordLabel& label : labels) {
    if (label.validation_status == "VALID") validated_at = std::max(validated_at, label.added_at);
  }
  if (!validated_at.empty()) metadata["label_validated_at"] = validated_at;
}

std::map<RecordId, StoredText> words_of(const StoredReceipt& stored, InputFormat format) {
  const Receipt& receipt = stored.receipt;
  const auto neighbours = word_neighbours(receipt);
  std::map<RecordId, StoredText> texts;
  for (const Line& line : receipt.lines) {
    for (const Word& word : line.words) {
      const auto id = word_record_id(receipt.image_id, receipt.receipt_id, line.line_id, word.word_id);
      const auto near = neighbours.find(id);
      if (near == neighbours.end()) continue;
      Json metadata = common(receipt, format);
      metadata.update({{"line_id", line.line_id},
                       {"word_id", word.word_id},
                       {"text", word.text},
                       {"x", word.box.x + word.box.width / 2},
                       {"y", word.box.y + word.box.height / 2},
                       {"width", word.box.width},
                       {"height", word.box.height},
                       {"confidence", word.confidence},
                       {"left", near->second.left[0]},
                       {"right", near->second.right[0]}});
      const auto labels = stored.labels.find(id);
      add_labels(metadata, labels == stored.labels.end() ? std::vector<WordLabel>{} : labels->second);
      texts.emplace(id, StoredText{std::move(metadata), word.text});
    }
  }
  return texts;
}

}  // namespace

std::map<RecordId, StoredText> stored_texts(const StoredReceipt& stored, InputFormat format) {
  return entity_of(format) == Entity::line ? lines_of(stored, format) : words_of(stored, format);
}

}  // namespace tillite
