#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "receipts/entity.h"

namespace tillite {

/// A rectangle in parts of the image (0 to 1); (x, y) is its lower left corner: y grows upwards.
struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
  bool operator==(const Box&) const = default;
};

struct Word {
  int word_id = 0;  ///< from 1, unique in its line
  std::string text;
  Box box;
  double confidence = 1.0;  ///< 0 to 1
  bool operator==(const Word&) const = default;
};

struct Line {
  int line_id = 0;  ///< from 1, unique in its receipt
  std::string text;
  Box box;
  double confidence = 1.0;
  std::vector<Word> words;  ///< in order of their ids
  bool operator==(const Line&) const = default;
};

/// One receipt on one image, OCR'd. Text is valid UTF-8; boxes lie inside the image.
struct Receipt {
  ImageId image_id;
  int receipt_id = 0;  ///< from 1, unique on its image
  std::optional<std::string> merchant;
  std::int64_t width_px = 0;
  std::int64_t height_px = 0;
  std::vector<Line> lines;  ///< in order of their ids
  bool operator==(const Receipt&) const = default;
};

/// "IMAGE#{uuid}#RECEIPT#{00001}": what all ids of a receipt begin with.
[[nodiscard]] std::string receipt_name(const ImageId& image, int receipt_id);
/// The id of a line or a word, in the vector store and in batch files.
[[nodiscard]] RecordId line_record_id(const ImageId& image, int receipt_id, int line_id);
[[nodiscard]] RecordId word_record_id(const ImageId& image, int receipt_id, int line_id, int word_id);

/// A UUID as it stands in ids: in lower case. `invalid_input` for anything else.
[[nodiscard]] Result<ImageId> parse_image_id(std::string_view text);

/// A RecordId taken apart. word_id is 0 for a line.
struct RecordName {
  ImageId image_id;
  int receipt_id = 0;
  int line_id = 0;
  int word_id = 0;
  [[nodiscard]] Entity entity() const { return word_id == 0 ? Entity::line : Entity::word; }
};
/// `invalid_input` for anything that line_record_id and word_record_id do not make.
[[nodiscard]] Result<RecordName> parse_record_id(const RecordId& id);

}  // namespace tillite
