#include "workflow/definition_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace tillite {
namespace {

constexpr std::size_t kShownMax_bytes = 500;  // of the text in a message, as in Jackson
constexpr std::size_t kDepthMax = 512;
constexpr std::string_view kValues = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  /// Reads one value and the blanks around it.
  std::optional<JsonTextError> read() {
    if (!value()) return error_;
    skip_blanks();
    if (position_ < text_.size()) unexpected(fmt::format("expected a valid value ({})", kValues));
    return error_;
  }

 private:
  struct Place {
    std::size_t line;
    std::size_t column;
  };

  [[nodiscard]] Place place_of(std::size_t position) const {
    const std::string_view before = text_.substr(0, position);
    const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
    return {static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1, position - line_begin + 1};
  }
  [[nodiscard]] std::string source(std::size_t position) const {
    const Place place = place_of(position);
    const std::string cut = text_.size() > kShownMax_bytes
                                ? fmt::format("[truncated {} chars]", text_.size() - kShownMax_bytes)
                                : std::string();
    return fmt::format("[Source: (String)\"{}\"{}; line: {}, column: {}]", text_.substr(0, kShownMax_bytes), cut,
                       place.line, place.column);
  }

  bool refuse(std::string_view why, std::size_t position) {
    const std::string location = source(position);
    error_ = JsonTextError{fmt::format("{}\n at {}", why, location), location};
    return false;
  }
  bool unexpected(std::string_view expectation) {
    const char c = text_[position_];
    return refuse(fmt::format("Unexpected character ('{}' (code {})): {}", c,
                              static_cast<unsigned>(static_cast<unsigned char>(c)), expectation),
                  position_ + 1);
  }
  bool ended() {
    if (open_.empty()) return refuse("Unexpected end-of-input", text_.size());
    const bool array = text_[open_.back()] == '[';
    return refuse(fmt::format("Unexpected end-of-input: expected close marker for {} (start marker at {})",
                              array ? "Array" : "Object", source(open_.back())),
                  text_.size());
  }

  void skip_blanks() {
    while (position_ < text_.size() && is_blank(text_[position_])) ++position_;
  }
  /// The next character that is no blank, not taken; an error at the end.
  bool next(char& c) {
    skip_blanks();
    if (position_ == text_.size()) return ended();
    c = text_[position_];
    return true;
  }

  bool value() {
    char c = 0;
    if (!next(c)) return false;
    if (c == '{') return container('}', [this] { return field(); }, "Object");
    if (c == '[') return container(']', [this] { return value(); }, "Array");
    if (c == '"') return quoted();
    if (c == '-' || is_digit(c)) return number();
    if (is_word(c)) return word();
    return unexpected(fmt::format("expected a valid value ({})", kValues));
  }

  template <typename Part>
  bool container(char close, Part part, std::string_view name) {
    if (open_.size() == kDepthMax)
      return refuse(
          fmt::format("Document nesting depth ({}) exceeds the maximum allowed ({})", kDepthMax + 1, kDepthMax),
          position_ + 1);
    open_.push_back(position_++);
    char c = 0;
    if (!next(c)) return false;
    while (c != close) {
      if (!part() || !next(c)) return false;
      if (c == close) break;
      if (c != ',') return unexpected(fmt::format("was expecting comma to separate {} entries", name));
      ++position_;
      if (!next(c)) return false;
      if (c == close) {
        return close == '}' ? unexpected("was expecting double-quote to start field name")
                            : unexpected(fmt::format("expected a valid value ({})", kValues));
      }
    }
    ++position_;
    open_.pop_back();
    return true;
  }

  bool field() {
    char c = 0;
    if (!next(c)) return false;
    if (c != '"') return unexpected("was expecting double-quote to start field name");
    if (!quoted() || !next(c)) return false;
    if (c != ':') return unexpected("was expecting a colon to separate field name and value");
    ++position_;
    return value();
  }

  bool quoted() {
    for (++position_; position_ < text_.size(); ++position_) {
      const char c = text_[position_];
      if (c == '"') {
        ++position_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) {
        return refuse(
            fmt::format("Illegal unquoted character ((CTRL-CHAR, code {})): has to be escaped using backslash "
                        "to be included in string value",
                        static_cast<unsigned>(c)),
            position_ + 1);
      }
      if (c != '\\') continue;
      if (++position_ == text_.size()) break;
      const char escaped = text_[position_];
      if (std::string_view("\"\\/bfnrtu").find(escaped) == std::string_view::npos) {
        return refuse(fmt::format("Unrecognized character escape '{}' (code {})", escaped,
                                  static_cast<unsigned>(static_cast<unsigned char>(escaped))),
                      position_ + 1);
      }
    }
    return refuse("Unexpected end-of-input in VALUE_STRING", text_.size());
  }

  bool digits() {
    const std::size_t begin = position_;
    while (position_ < text_.size() && is_digit(text_[position_])) ++position_;
    return position_ > begin;
  }
  bool number() {
    if (text_[position_] == '-') ++position_;
    const std::size_t begin = position_;
    bool good = digits();
    if (good && text_[begin] == '0' && position_ > begin + 1)
      return refuse("Invalid numeric value: Leading zeroes not allowed", begin + 2);
    if (good && position_ < text_.size() && text_[position_] == '.') {
      ++position_;
      good = digits();
    }
    if (good && position_ < text_.size() && (text_[position_] == 'e' || text_[position_] == 'E')) {
      ++position_;
      if (position_ < text_.size() && (text_[position_] == '+' || text_[position_] == '-')) ++position_;
      good = digits();
    }
    if (good) return true;
    return position_ == text_.size() ? ended() : unexpected("Expected digit (0-9) in a numeric value");
  }

  bool word() {
    const std::size_t begin = position_;
    while (position_ < text_.size() && is_word(text_[position_])) ++position_;
    const std::string_view token = text_.substr(begin, position_ - begin);
    if (token == "true" || token == "false" || token == "null") return true;
    return refuse(fmt::format("Unrecognized token '{}': was expecting ({})", token.substr(0, 256), kValues), position_);
  }

  std::string_view text_;
  std::size_t position_ = 0;
  std::vector<std::size_t> open_;
  std::optional<JsonTextError> error_;
};

}  // namespace

std::optional<JsonTextError> json_text_error(std::string_view text) { return Reader(text).read(); }

}  // namespace tillite
