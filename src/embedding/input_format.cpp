#include "embedding/input_format.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"
#include "embedding/reading_order.h"
#include "embedding/word_neighbours.h"
#include "receipts/noise.h"

namespace tillite {
namespace {

struct FormatFacts {
  InputFormat format;
  Entity entity;
  std::string_view name;
};

constexpr std::array kFormats = {FormatFacts{InputFormat::line_plain_1, Entity::line, "line/plain/1"},
                                 FormatFacts{InputFormat::line_rows_1, Entity::line, "line/rows/1"},
                                 FormatFacts{InputFormat::word_context_1, Entity::word, "word/context/1"},
                                 FormatFacts{InputFormat::word_tagged_1, Entity::word, "word/tagged/1"}};

const FormatFacts& facts_of(InputFormat format) { return kFormats.at(static_cast<std::size_t>(format)); }

std::map<RecordId, std::string> plain_lines(const Receipt& receipt) {
  std::map<RecordId, std::string> inputs;
  for (const Line& line : receipt.lines) {
    if (!is_noise(line.text)) {
      inputs.emplace(line_record_id(receipt.image_id, receipt.receipt_id, line.line_id), line.text);
    }
  }
  return inputs;
}

/// The texts of a receipt's visual rows, from the top, each with the ids of its lines.
struct Row {
  std::string text;
  std::vector<RecordId> lines;
};

std::vector<Row> rows_of(Receipt receipt) {
  std::erase_if(receipt.lines, [](const Line& line) { return is_noise(line.text); });
  std::vector<Row> rows;
  for (const std::vector<std::size_t>& lines : visual_rows(receipt)) {
    Row& row = rows.emplace_back();
    for (const std::size_t i : lines) {
      const Line& line = receipt.lines[i];
      row.text += (row.text.empty() ? "" : " ") + line.text;
      row.lines.push_back(line_record_id(receipt.image_id, receipt.receipt_id, line.line_id));
    }
  }
  return rows;
}

/// Lines of one row are sent with the same text.
std::map<RecordId, std::string> lines_in_rows(const Receipt& receipt) {
  const std::vector<Row> rows = rows_of(receipt);
  std::map<RecordId, std::string> inputs;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string_view above = i == 0 ? kEdge : std::string_view(rows[i - 1].text);
    const std::string_view below = i + 1 == rows.size() ? kEdge : std::string_view(rows[i + 1].text);
    for (const RecordId& id : rows[i].lines) inputs.emplace(id, fmt::format("{}\n{}\n{}", above, rows[i].text, below));
  }
  return inputs;
}

/// The text of each word that is not noise, from the word and its neighbours.
template <typename TextOf>
std::map<RecordId, std::string> words_with_neighbours(const Receipt& receipt, TextOf text_of) {
  const auto neighbours = word_neighbours(receipt);
  std::map<RecordId, std::string> inputs;
  for (const Line& line : receipt.lines) {
    for (const Word& word : line.words) {
      const auto id = word_record_id(receipt.image_id, receipt.receipt_id, line.line_id, word.word_id);
      const auto found = neighbours.find(id);
      if (found != neighbours.end()) inputs.emplace(id, text_of(word, found->second));
    }
  }
  return inputs;
}

std::string word_in_context(const Word& word, const WordNeighbours& near) {
  return fmt::format("{} {} {} {} {}", near.left[1], near.left[0], word.text, near.right[0], near.right[1]);
}

/// Where a point lies in a grid of three by three: "top-left" to "bottom-right".
std::string grid_position(double x, double y) {
  constexpr double first_cut = 0.33;
  constexpr double second_cut = 0.66;
  const std::string_view row = y > second_cut ? "top" : y > first_cut ? "middle" : "bottom";
  const std::string_view column = x < first_cut ? "left" : x < second_cut ? "center" : "right";
  return fmt::format("{}-{}", row, column);
}

std::string tagged_word(const Word& word, const WordNeighbours& near) {
  return fmt::format("<TARGET>{}</TARGET> <POS>{}</POS> <CONTEXT>{} {}</CONTEXT>", word.text,
                     grid_position(word.box.x + word.box.width / 2, word.box.y + word.box.height / 2), near.left[0],
                     near.right[0]);
}

}  // namespace

std::string_view format_name(InputFormat format) { return facts_of(format).name; }

Result<InputFormat> parse_input_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &FormatFacts::name);
  if (found != kFormats.end()) return found->format;
  std::string known;
  for (const FormatFacts& facts : kFormats) known += fmt::format("{}{}", known.empty() ? "" : ", ", facts.name);
  return fail(Code::invalid_input, "there is no input format '{}': use one of {}", name.substr(0, 64), known);
}

InputFormat default_format(Entity entity) {
  return entity == Entity::line ? InputFormat::line_plain_1 : InputFormat::word_context_1;
}

Entity entity_of(InputFormat format) { return facts_of(format).entity; }

std::map<RecordId, std::string> embedding_inputs(const Receipt& receipt, InputFormat format) {
  switch (format) {
    case InputFormat::line_plain_1:
      return plain_lines(receipt);
    case InputFormat::line_rows_1:
      return lines_in_rows(receipt);
    case InputFormat::word_context_1:
      return words_with_neighbours(receipt, &word_in_context);
    case InputFormat::word_tagged_1:
      return words_with_neighbours(receipt, &tagged_word);
  }
  check(false, "every input format is made of something");
  return {};
}

std::string input_hash(std::string_view text) { return sha256_hex(text); }

}  // namespace tillite
