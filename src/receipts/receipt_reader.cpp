#include "receipts/receipt_reader.h"

#include <utf8proc.h>

#include <algorithm>
#include <set>

#include "base/text.h"

namespace tillite {
namespace {

constexpr std::size_t kLineBytesMax = std::size_t{8} << 20;
constexpr std::size_t kTextBytesMax = 4096;
constexpr std::size_t kLinesMax = 10'000;
constexpr std::size_t kWordsMax = 1000;
constexpr std::int64_t kIdMax = 99'999;
constexpr std::int64_t kPixelsMax = 1'000'000;
constexpr int kDepthMax = 64;
constexpr double kTolerance = 1e-9;  // of boxes that end at the image's edge, for sums of rounded numbers

/// Whether brackets are nested deeper than any receipt's: the parser is recursive, a bomb must not reach it.
bool is_too_deep(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kDepthMax) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

/// A control character that is no blank: nobody prints one, and terminals obey some.
bool has_control_character(std::string_view text) {
  const auto is_control = [](char32_t c) {
    return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_CC && !(c >= 0x09 && c <= 0x0d) &&
           c != 0x85;
  };
  return std::ranges::any_of(code_points(text), is_control);
}

/// "lines[3]" and "text" as "lines[3].text".
std::string place_of(const std::string& place, std::string_view name) {
  return place.empty() ? std::string(name) : fmt::format("{}.{}", place, name);
}

Result<void> check_text(std::string_view text, const std::string& place) {
  if (text.size() > kTextBytesMax) {
    return fail(Code::invalid_input, "{}: has {} bytes, at most {} are allowed", place, text.size(), kTextBytesMax);
  }
  if (has_control_character(text)) {
    return fail(Code::invalid_input, "{}: has a control character (NUL or the like): remove it", place);
  }
  return {};
}

Result<void> check_object(const Json& json, const std::string& place) {
  if (json.is_object()) return {};
  return fail(Code::invalid_input, "{}: must be an object, but is {}", place, json.type_name());
}

/// The list itself: a receipt's lines are too many to copy.
Result<const Json*> list_field(const Json& object, const std::string& place, std::string_view name,
                               std::size_t count_max) {
  const Json* list = find_field(object, name);
  if (list == nullptr) return fail(Code::invalid_input, "{}: is missing", place_of(place, name));
  if (!list->is_array()) {
    return fail(Code::invalid_input, "{}: must be a list, but is {}", place_of(place, name), list->type_name());
  }
  if (list->size() > count_max) {
    return fail(Code::invalid_input, "{}: has {} elements, at most {} are allowed", place_of(place, name), list->size(),
                count_max);
  }
  return list;
}

/// string_field and the others say "the field 'x' ...": here the place before it says which field.
template <typename T>
Result<T> field(const Json& object, const std::string& place, std::string_view name,
                Result<T> (*read)(const Json&, std::string_view)) {
  auto value = read(object, name);
  if (value) return value;
  const std::string message = value.error().message();
  const std::string prefix = fmt::format("the field '{}' ", name);
  return fail(Code::invalid_input, "{}: {}", place_of(place, name),
              message.starts_with(prefix) ? message.substr(prefix.size()) : message);
}

Result<int> read_id(const Json& object, const std::string& place, std::string_view name) {
  const std::int64_t id = TRY(field(object, place, name, int_field));
  if (id < 1 || id > kIdMax) {
    return fail(Code::invalid_input, "{}: must be from 1 to {}, but is {}", place_of(place, name), kIdMax, id);
  }
  return static_cast<int>(id);
}

Result<std::string> read_text(const Json& object, const std::string& place) {
  std::string text = TRY(field(object, place, "text", string_field));
  TRY(check_text(text, place_of(place, "text")));
  return text;
}

Result<double> read_confidence(const Json& object, const std::string& place) {
  const auto confidence = TRY(field(object, place, "confidence", optional_number));
  if (confidence && !(*confidence >= 0 && *confidence <= 1)) {
    return fail(Code::invalid_input, "{}.confidence: must be from 0 to 1, but is {}", place, *confidence);
  }
  return confidence.value_or(1.0);
}

Result<void> check_box(const Box& box, const std::string& place) {
  if (!(box.width >= 0 && box.height >= 0))
    return fail(Code::invalid_input, "{}: width and height must not be below 0", place);
  const bool inside = box.x >= -kTolerance && box.y >= -kTolerance && box.x + box.width <= 1 + kTolerance &&
                      box.y + box.height <= 1 + kTolerance;
  if (!inside) {
    return fail(Code::invalid_input,
                "{}: lies outside the image (x {}, y {}, width {}, height {}; all in parts of the image)", place, box.x,
                box.y, box.width, box.height);
  }
  return {};
}

Result<Box> read_box(const Json& object, const std::string& place) {
  const Json json = TRY(field(object, place, "box", object_field));
  const std::string box_place = place + ".box";
  Box box;
  box.x = TRY(field(json, box_place, "x", number_field));
  box.y = TRY(field(json, box_place, "y", number_field));
  box.width = TRY(field(json, box_place, "width", number_field));
  box.height = TRY(field(json, box_place, "height", number_field));
  TRY(check_box(box, box_place));
  return box;
}

/// A box in pixels with its origin at the top left.
Result<Box> read_pixel_box(const Json& line, const std::string& place, const Receipt& receipt) {
  const double left = TRY(field(line, place, "x", number_field));
  const double top = TRY(field(line, place, "y", number_field));
  const double width = TRY(field(line, place, "width", number_field));
  const double height = TRY(field(line, place, "height", number_field));
  const auto image_width = static_cast<double>(receipt.width_px);
  const auto image_height = static_cast<double>(receipt.height_px);
  if (!(width >= 0 && height >= 0)) return fail(Code::invalid_input, "{}: width and height must not be below 0", place);
  const auto is_inside = [](double begin, double length, double size) {
    return begin >= -kTolerance * size && begin + length <= size + kTolerance * size;
  };
  if (!is_inside(left, width, image_width) || !is_inside(top, height, image_height)) {
    return fail(Code::invalid_input, "{}: lies outside the image of {} x {} pixels (x {}, y {}, width {}, height {})",
                place, receipt.width_px, receipt.height_px, left, top, width, height);
  }
  return Box{left / image_width, (image_height - top - height) / image_height, width / image_width,
             height / image_height};
}

/// Splits a line's text at blanks; each word's box is its share of the line's by characters.
std::vector<Word> split_into_words(const Line& line) {
  const std::string_view text = line.text;
  const auto characters = static_cast<double>(code_points(text).size());
  std::vector<Word> words;
  std::size_t end_of_last = 0;
  std::size_t before = 0;  // characters
  for (const std::string_view part : split_at_blanks(text)) {
    const auto begin = static_cast<std::size_t>(part.data() - text.data());
    before += code_points(text.substr(end_of_last, begin - end_of_last)).size();
    const std::size_t length = code_points(part).size();
    Box box = line.box;
    box.x += line.box.width * static_cast<double>(before) / characters;
    box.width = line.box.width * static_cast<double>(length) / characters;
    words.push_back({static_cast<int>(words.size()) + 1, std::string(part), box, line.confidence});
    before += length;
    end_of_last = begin + part.size();
  }
  return words;
}

Result<std::vector<Word>> read_words(const Json& line_json, const std::string& place) {
  const Json& list = *TRY(list_field(line_json, place, "words", kWordsMax));
  std::vector<Word> words;
  std::set<int> ids;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string word_place = fmt::format("{}.words[{}]", place, i);
    TRY(check_object(list[i], word_place));
    Word word;
    word.word_id = TRY(read_id(list[i], word_place, "word_id"));
    word.text = TRY(read_text(list[i], word_place));
    word.box = TRY(read_box(list[i], word_place));
    word.confidence = TRY(read_confidence(list[i], word_place));
    if (!ids.insert(word.word_id).second) {
      return fail(Code::invalid_input, "{}.word_id: {} is there twice in this line", word_place, word.word_id);
    }
    words.push_back(std::move(word));
  }
  std::ranges::sort(words, {}, &Word::word_id);
  return words;
}

Result<Line> read_line(const Json& json, const std::string& place, bool pixels, const Receipt& receipt) {
  TRY(check_object(json, place));
  Line line;
  line.line_id = TRY(read_id(json, place, "line_id"));
  line.text = TRY(read_text(json, place));
  line.box = pixels ? TRY(read_pixel_box(json, place, receipt)) : TRY(read_box(json, place));
  line.confidence = TRY(read_confidence(json, place));
  line.words = find_field(json, "words") != nullptr ? TRY(read_words(json, place)) : split_into_words(line);
  if (line.words.size() > kWordsMax) {
    return fail(Code::invalid_input, "{}.text: has {} words, at most {} are allowed", place, line.words.size(),
                kWordsMax);
  }
  return line;
}

Result<ImageId> read_image_id(const Json& json) {
  auto id = parse_image_id(TRY(field(json, "", "image_id", string_field)));
  if (!id) return fail(Code::invalid_input, "image_id: must be a UUID (8-4-4-4-12 hexadecimal digits)");
  return id;
}

/// SROIE's form has entities, or lines whose boxes are numbers of their own.
bool is_sroie(const Json& json) {
  if (find_field(json, "entities") != nullptr) return true;
  const Json* lines = find_field(json, "lines");
  return lines != nullptr && lines->is_array() && !lines->empty() && lines->front().is_object() &&
         !lines->front().contains("box") && lines->front().contains("x");
}

Result<std::optional<std::string>> read_name(const Json& object, const std::string& place, std::string_view name) {
  auto merchant = TRY(field(object, place, name, optional_string));
  if (merchant) TRY(check_text(*merchant, place_of(place, name)));
  if (merchant && trim(*merchant).empty()) merchant.reset();
  return merchant;
}

Result<std::optional<std::string>> read_merchant(const Json& json, bool sroie) {
  if (!sroie) return read_name(json, "", "merchant");
  const Json* entities = find_field(json, "entities");
  if (entities == nullptr) return std::optional<std::string>{};
  TRY(check_object(*entities, "entities"));
  return read_name(*entities, "entities", "company");
}

Result<std::int64_t> read_size(const Json& json, std::string_view name, bool required) {
  const auto size = TRY(field(json, "", name, optional_int));
  if (!size && !required) return 0;
  if (!size) return fail(Code::invalid_input, "{}: is missing", name);
  if (*size < 1 || *size > kPixelsMax) {
    return fail(Code::invalid_input, "{}: must be from 1 to {} pixels, but is {}", name, kPixelsMax, *size);
  }
  return *size;
}

/// "lines[3].box.x: must be ..." taken apart.
BadReceipt bad_receipt(const std::string& file, std::size_t line, const std::string& message) {
  const std::size_t colon = message.find(": ");
  const bool has_field = colon != std::string::npos && message.find(' ') > colon;
  return {file, line, has_field ? message.substr(0, colon) : "", has_field ? message.substr(colon + 2) : message};
}

}  // namespace

std::string BadReceipt::text() const {
  return fmt::format("{}:{}: {}{}{}", file, line, field, field.empty() ? "" : ": ", reason);
}

Result<Receipt> parse_receipt(const Json& json) {
  if (!json.is_object())
    return fail(Code::invalid_input, "a receipt must be a JSON object, but this is {}", json.type_name());
  const bool sroie = is_sroie(json);
  Receipt receipt;
  receipt.image_id = TRY(read_image_id(json));
  receipt.receipt_id = TRY(read_id(json, "", "receipt_id"));
  receipt.merchant = TRY(read_merchant(json, sroie));
  receipt.width_px = TRY(read_size(json, "width", sroie));
  receipt.height_px = TRY(read_size(json, "height", sroie));
  const Json& lines = *TRY(list_field(json, "", "lines", kLinesMax));
  std::set<int> ids;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string place = fmt::format("lines[{}]", i);
    receipt.lines.push_back(TRY(read_line(lines[i], place, sroie, receipt)));
    if (!ids.insert(receipt.lines.back().line_id).second) {
      return fail(Code::invalid_input, "{}.line_id: {} is there twice", place, receipt.lines.back().line_id);
    }
  }
  std::ranges::sort(receipt.lines, {}, &Line::line_id);
  return receipt;
}

Json receipt_json(const Receipt& receipt) {
  const auto box_json = [](const Box& box) -> Json {
    return {{"x", box.x}, {"y", box.y}, {"width", box.width}, {"height", box.height}};
  };
  Json json = {{"image_id", receipt.image_id.str()}, {"receipt_id", receipt.receipt_id}, {"lines", Json::array()}};
  if (receipt.merchant) json["merchant"] = *receipt.merchant;
  if (receipt.width_px > 0) json["width"] = receipt.width_px;
  if (receipt.height_px > 0) json["height"] = receipt.height_px;
  for (const Line& line : receipt.lines) {
    Json words = Json::array();
    for (const Word& word : line.words) {
      words.push_back({{"word_id", word.word_id},
                       {"text", word.text},
                       {"box", box_json(word.box)},
                       {"confidence", word.confidence}});
    }
    json["lines"].push_back({{"line_id", line.line_id},
                             {"text", line.text},
                             {"box", box_json(line.box)},
                             {"confidence", line.confidence},
                             {"words", std::move(words)}});
  }
  return json;
}

ReceiptReader::ReceiptReader(ByteSource& source, std::string file_name)
    : lines_(source, kLineBytesMax), file_name_(std::move(file_name)) {}

Result<ReceiptReader::Next> ReceiptReader::next() {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  while (true) {
    const auto line = TRY(lines_.next());
    const auto bad = [&](const std::string& message) {
      return Next{.bad = bad_receipt(file_name_, line.number, message)};
    };
    if (line.status == LineReader::Status::end) return Next{};
    if (line.status == LineReader::Status::too_long) {
      return bad(fmt::format("the line is longer than the {} bytes allowed", kLineBytesMax));
    }
    std::string_view text = line.text;
    if (line.number == 1 && text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    if (!is_utf8(text)) return bad("the line is not valid UTF-8");
    if (trim(text).empty()) continue;
    if (is_too_deep(text)) return bad(fmt::format("the line is nested deeper than {} levels", kDepthMax));
    const auto json = parse_json(text, "the line");
    if (!json) return bad(json.error().message());
    auto receipt = parse_receipt(*json);
    if (!receipt) return bad(receipt.error().message());
    return Next{.receipt = *std::move(receipt)};
  }
}

}  // namespace tillite
