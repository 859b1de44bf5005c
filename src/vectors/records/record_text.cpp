#include "vectors/records/record_text.h"

#include <charconv>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "vectors/records/record_json.h"

namespace tillite {
namespace {

/// A string as it stands between its quotes.
struct QuotedText {
  std::string_view raw;
  bool has_escapes = false;
};

char unescaped(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

std::string text_of(const QuotedText& quoted) {
  if (!quoted.has_escapes) return std::string(quoted.raw);
  std::string text;
  text.reserve(quoted.raw.size());
  for (std::size_t i = 0; i < quoted.raw.size(); ++i) {
    text += quoted.raw[i] == '\\' ? unescaped(quoted.raw[++i]) : quoted.raw[i];
  }
  return text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A number of the metadata: one of the two, and which JSON's parser would make of it.
struct MetadataNumber {
  std::optional<double> real;
  std::int64_t whole = 0;
};

/// The parts of a record's text, one after the other. Each take_...() says whether the text goes on with such a part;
/// false also for what is JSON but out of the ordinary.
class TextParts {
 public:
  explicit TextParts(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool is_ascii() const { return is_ascii_; }

  bool take(std::string_view part) {
    if (!rest_.starts_with(part)) return false;
    rest_.remove_prefix(part.size());
    return true;
  }

  /// Without \u and \/, which nobody writes here.
  bool take_string(QuotedText& quoted) {
    if (!take("\"")) return false;
    quoted.has_escapes = false;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const auto c = static_cast<unsigned char>(rest_[i]);
      if (c == '"') {
        quoted.raw = rest_.substr(0, i);
        rest_.remove_prefix(i + 1);
        return true;
      }
      if (c < 0x20) return false;
      if (c == '\\') {
        if (++i == rest_.size() || std::string_view("\"\\bfnrt").find(rest_[i]) == std::string_view::npos) return false;
        quoted.has_escapes = true;
      }
      is_ascii_ = is_ascii_ && c < 0x80;
    }
    return false;
  }

  bool take_whole(std::int64_t& number) {
    const std::size_t size = whole_size();
    return size > 0 && take_whole(number, size);
  }

  bool take_number(MetadataNumber& number) {
    std::size_t size = whole_size();
    if (size == 0) return false;
    const std::size_t whole = size;
    if (size < rest_.size() && rest_[size] == '.') {
      const std::size_t point = size++;
      size += digits_at(size);
      if (size == point + 1) return false;
    }
    if (size < rest_.size() && (rest_[size] == 'e' || rest_[size] == 'E')) {
      ++size;
      if (size < rest_.size() && (rest_[size] == '+' || rest_[size] == '-')) ++size;
      const std::size_t digits = digits_at(size);
      if (digits == 0) return false;
      size += digits;
    }
    number.real.reset();
    if (size == whole) return take_whole(number.whole, size);
    double real = 0;
    const std::string_view text = rest_.substr(0, size);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), real);
    if (error != std::errc() || end != text.data() + text.size()) return false;
    number.real = real;
    rest_.remove_prefix(size);
    return true;
  }

 private:
  [[nodiscard]] std::size_t digits_at(std::size_t position) const {
    std::size_t count = 0;
    while (position + count < rest_.size() && is_digit(rest_[position + count])) ++count;
    return count;
  }
  /// The size of a whole number without needless zeros; 0 if there is none.
  [[nodiscard]] std::size_t whole_size() const {
    const std::size_t sign = rest_.starts_with('-') ? 1 : 0;
    const std::size_t digits = digits_at(sign);
    if (digits == 0 || (rest_[sign] == '0' && (digits > 1 || sign > 0) && !is_small_real(sign, digits))) return 0;
    return sign + digits;
  }
  /// "-0.5": the zero is needed there.
  [[nodiscard]] bool is_small_real(std::size_t sign, std::size_t digits) const {
    return digits == 1 && sign + 1 < rest_.size() && rest_[sign + 1] == '.';
  }
  bool take_whole(std::int64_t& number, std::size_t size) {
    constexpr std::size_t kSizeMax = 18;  // these fit whatever the digits are
    if (size > kSizeMax) return false;
    const std::string_view text = rest_.substr(0, size);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return false;
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
  bool is_ascii_ = true;
};

/// The metadata as a tree.
class MetadataTree {
 public:
  void add(std::string_view name, const QuotedText& value) { put(name, Json(text_of(value))); }
  void add(std::string_view name, bool value) { put(name, Json(value)); }
  void add(std::string_view name, const MetadataNumber& value) {
    if (value.real) return put(name, Json(*value.real));
    if (value.whole < 0) return put(name, Json(value.whole));
    put(name, Json(static_cast<std::uint64_t>(value.whole)));  // as JSON's parser has it
  }
  Json take() { return Json(std::move(fields_)); }

 private:
  void put(std::string_view name, Json&& value) { fields_.emplace_hint(fields_.end(), name, std::move(value)); }
  Json::object_t fields_;
};

/// Metadata that is checked only.
struct NoTree {
  template <typename Value>
  void add(std::string_view /*name*/, const Value& /*value*/) {}
};

template <typename Tree>
bool take_metadata(TextParts& parts, Tree& tree) {
  if (!parts.take("{")) return false;
  if (parts.take("}")) return true;
  std::string_view last;
  do {
    QuotedText name;
    if (!parts.take_string(name) || name.has_escapes || name.raw <= last || name.raw.starts_with(kReservedPrefix) ||
        !parts.take(":")) {
      return false;
    }
    last = name.raw;
    QuotedText text;
    MetadataNumber number;
    if (parts.take_string(text)) {
      tree.add(name.raw, text);
    } else if (parts.take_number(number)) {
      tree.add(name.raw, number);
    } else if (parts.take("true")) {
      tree.add(name.raw, true);
    } else if (parts.take("false")) {
      tree.add(name.raw, false);
    } else {
      return false;
    }
  } while (parts.take(","));
  return parts.take("}");
}

/// What a text has besides the metadata.
struct OrdinaryRecord {
  QuotedText delta;
  QuotedText document;
  QuotedText id;
  QuotedText input_hash;
  std::int64_t item_version = 0;
  std::int64_t metadata_version = 0;
  RecordKind kind = RecordKind::vector;
};

bool has_ordinary_values(const OrdinaryRecord& record) {
  return !record.id.has_escapes && is_record_id(record.id.raw) && record.item_version >= kFirstImportedVersion &&
         record.metadata_version >= 1;
}

/// Reads a text that is written as record_json() does it; nothing if it is not, or not a valid record's.
template <typename Tree>
std::optional<OrdinaryRecord> ordinary_record(std::string_view text, Tree& tree) {
  TextParts parts(text);
  OrdinaryRecord record;
  if (!parts.take("{")) return std::nullopt;
  if (parts.take(R"("delta":)") && !(parts.take_string(record.delta) && !record.delta.raw.empty() && parts.take(","))) {
    return std::nullopt;
  }
  if (!parts.take(R"("document":)") || !parts.take_string(record.document) || !parts.take(R"(,"id":)") ||
      !parts.take_string(record.id)) {
    return std::nullopt;
  }
  if (parts.take(R"(,"input_hash":)") && !parts.take_string(record.input_hash)) return std::nullopt;
  if (!parts.take(R"(,"item_version":)") || !parts.take_whole(record.item_version)) return std::nullopt;
  if (parts.take(R"(,"kind":"metadata")")) {
    record.kind = RecordKind::metadata;
  } else if (!parts.take(R"(,"kind":"vector")")) {
    return std::nullopt;
  }
  if (!parts.take(R"(,"metadata":)") || !take_metadata(parts, tree) || !parts.take(R"(,"metadata_version":)") ||
      !parts.take_whole(record.metadata_version) || !parts.take("}") || !parts.at_end()) {
    return std::nullopt;
  }
  if (!has_ordinary_values(record) || !(parts.is_ascii() || is_utf8(text))) return std::nullopt;
  return record;
}

Result<Record> parse_any(std::string_view text) {
  const auto json = parse_json(text, "the record");
  if (!json) return fail(Code::corrupt, "{}", json.error().message());
  return parse_record(*json);
}

RecordLine line_of(const Record& record) {
  return {.id = record.id,
          .kind = record.kind,
          .item_version = record.item_version,
          .metadata_version = record.metadata_version,
          .delta = record.delta,
          .text = to_text(record_json(record))};
}

}  // namespace

Result<Record> parse_record_text(std::string_view text) {
  MetadataTree metadata;
  const auto ordinary = ordinary_record(text, metadata);
  if (!ordinary) return parse_any(text);
  Record record;
  record.id = RecordId(std::string(ordinary->id.raw));
  record.kind = ordinary->kind;
  record.item_version = ordinary->item_version;
  record.metadata_version = ordinary->metadata_version;
  record.delta = DeltaId(text_of(ordinary->delta));
  record.input_hash = text_of(ordinary->input_hash);
  record.metadata = metadata.take();
  record.document = text_of(ordinary->document);
  return record;
}

Result<RecordLine> parse_record_line(std::string_view text) {
  NoTree metadata;
  const auto ordinary = ordinary_record(text, metadata);
  if (!ordinary) return line_of(TRY(parse_any(text)));
  return RecordLine{.id = RecordId(std::string(ordinary->id.raw)),
                    .kind = ordinary->kind,
                    .item_version = ordinary->item_version,
                    .metadata_version = ordinary->metadata_version,
                    .delta = DeltaId(text_of(ordinary->delta)),
                    .text = std::string(text)};
}

Result<RecordLine> of_delta(RecordLine line, const DeltaId& delta) {
  if (line.delta.empty()) {  // "delta" comes first among the fields, and an id needs no escapes
    line.text = fmt::format(R"({{"delta":"{}",{})", delta.str(), std::string_view(line.text).substr(1));
    line.delta = delta;
    return line;
  }
  if (line.delta == delta) return line;
  Record record = TRY(parse_record_text(line.text));
  record.delta = delta;
  return line_of(record);
}

}  // namespace tillite
