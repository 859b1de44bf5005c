#include "receipts/receipt.h"

#include <algorithm>
#include <charconv>

#include "base/uuid.h"

namespace tillite {
namespace {

constexpr int kIdMax = 99'999;

/// Takes "{tag}#{number}" from the front of `text`, and the '#' behind it.
Result<int> take_number(std::string_view& text, std::string_view tag, const RecordId& id) {
  const auto malformed = [&] {
    return fail(Code::invalid_input,
                "'{}' is not the id of a line or word (IMAGE#{{uuid}}#RECEIPT#00001#LINE#00001[#WORD#00001])",
                id.str().substr(0, 200));
  };
  if (!text.starts_with(tag) || text.size() < tag.size() + 6 || text[tag.size()] != '#') return malformed();
  const std::string_view digits = text.substr(tag.size() + 1, 5);
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < 1 || number > kIdMax) return malformed();
  text.remove_prefix(tag.size() + 6);
  if (!text.empty() && text.front() != '#') return malformed();
  if (!text.empty()) text.remove_prefix(1);
  return number;
}

}  // namespace

std::string receipt_name(const ImageId& image, int receipt_id) {
  return fmt::format("IMAGE#{}#RECEIPT#{:05}", image.str(), receipt_id);
}

RecordId line_record_id(const ImageId& image, int receipt_id, int line_id) {
  return RecordId(fmt::format("{}#LINE#{:05}", receipt_name(image, receipt_id), line_id));
}

RecordId word_record_id(const ImageId& image, int receipt_id, int line_id, int word_id) {
  return RecordId(fmt::format("{}#WORD#{:05}", line_record_id(image, receipt_id, line_id).str(), word_id));
}

Result<ImageId> parse_image_id(std::string_view text) {
  if (!is_uuid(text)) {
    return fail(Code::invalid_input, "the image's id must be a UUID (8-4-4-4-12 hexadecimal digits), but is '{}'",
                text.substr(0, 64));
  }
  std::string id(text);
  std::ranges::transform(id, id.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  return ImageId(std::move(id));
}

Result<RecordName> parse_record_id(const RecordId& id) {
  constexpr std::string_view image = "IMAGE#";
  constexpr std::size_t uuid_length = 36;
  std::string_view text = id.str();
  RecordName name;
  if (text.starts_with(image) && text.size() > image.size() + uuid_length && text[image.size() + uuid_length] == '#') {
    name.image_id = ImageId(std::string(text.substr(image.size(), uuid_length)));
    text.remove_prefix(image.size() + uuid_length + 1);
  }
  if (!is_uuid(name.image_id.str())) text = {};
  name.receipt_id = TRY(take_number(text, "RECEIPT", id));
  name.line_id = TRY(take_number(text, "LINE", id));
  if (!text.empty()) name.word_id = TRY(take_number(text, "WORD", id));
  if (!text.empty()) return fail(Code::invalid_input, "'{}' goes on behind its word", id.str().substr(0, 200));
  return name;
}

}  // namespace tillite
