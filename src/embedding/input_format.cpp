#include "embedding/input_format.h"

#include "base/hash.h"
#include "embedding/word_neighbours.h"
#include "receipts/noise.h"

namespace tillite {
namespace {

constexpr std::array kFormats = {std::pair{InputFormat::line_plain_1, std::string_view("line/plain/1")},
                                 std::pair{InputFormat::word_context_1, std::string_view("word/context/1")}};

std::map<RecordId, std::string> plain_lines(const Receipt& receipt) {
  std::map<RecordId, std::string> inputs;
  for (const Line& line : receipt.lines) {
    if (!is_noise(line.text)) {
      inputs.emplace(line_record_id(receipt.image_id, receipt.receipt_id, line.line_id), line.text);
    }
  }
  return inputs;
}

std::map<RecordId, std::string> words_in_context(const Receipt& receipt) {
  const auto neighbours = word_neighbours(receipt);
  std::map<RecordId, std::string> inputs;
  for (const Line& line : receipt.lines) {
    for (const Word& word : line.words) {
      const auto id = word_record_id(receipt.image_id, receipt.receipt_id, line.line_id, word.word_id);
      const auto found = neighbours.find(id);
      if (found == neighbours.end()) continue;
      const auto& [left, right] = found->second;
      inputs.emplace(id, fmt::format("{} {} {} {} {}", left[1], left[0], word.text, right[0], right[1]));
    }
  }
  return inputs;
}

}  // namespace

std::string_view format_name(InputFormat format) { return kFormats.at(static_cast<std::size_t>(format)).second; }

Result<InputFormat> parse_input_format(std::string_view name) {
  for (const auto& [format, text] : kFormats) {
    if (text == name) return format;
  }
  return fail(Code::invalid_input, "there is no input format '{}': use line/plain/1 or word/context/1",
              name.substr(0, 64));
}

InputFormat default_format(Entity entity) {
  return entity == Entity::line ? InputFormat::line_plain_1 : InputFormat::word_context_1;
}

Entity entity_of(InputFormat format) { return format == InputFormat::line_plain_1 ? Entity::line : Entity::word; }

std::map<RecordId, std::string> embedding_inputs(const Receipt& receipt, InputFormat format) {
  return format == InputFormat::line_plain_1 ? plain_lines(receipt) : words_in_context(receipt);
}

std::string input_hash(std::string_view text) { return sha256_hex(text); }

}  // namespace tillite
