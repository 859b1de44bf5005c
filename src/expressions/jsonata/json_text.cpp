#include "expressions/jsonata/json_text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "expressions/jsonata/numbers.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

constexpr std::size_t kMessageBytesMax = 1'000;

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view kEscaped = "\"\\\b\f\n\r\t";
  constexpr std::string_view kEscapes = "\"\\bfnrt";
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (const std::size_t which = kEscaped.find(text[i]); which != std::string_view::npos) {
      out.append({'\\', kEscapes[which]});
    } else if (byte < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else if (byte == 0xed && code_point_size(text, i) == 3 && code_point_at(text, i) >= 0xd800) {
      // Half of a surrogate pair.
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(code_point_at(text, i)));
      i += 2;
    } else {
      out += text[i];
    }
  }
  out += '"';
}

class Writer {
 public:
  explicit Writer(const JsonStyle& style) : style_(style) {}

  void write(const Datum& datum) {
    if (out_.size() > style_.bytes_max) return;
    if (datum.is_array()) {
      write_all('[', ']', datum.size(), [&](std::size_t i) { write(datum.at(i)); });
    } else if (datum.is_object()) {
      write_all('{', '}', datum.field_count(), [&](std::size_t i) {
        const auto [name, value] = datum.field_at(i);
        append_quoted(out_, name);
        out_ += style_.indented ? ": " : ":";
        write(value);
      });
    } else if (datum.is_function()) {
      out_ += "\"\"";
    } else if (datum.is_string()) {
      append_quoted(out_, datum.string());
    } else if (datum.is_number()) {
      write_number(datum);
    } else if (datum.is_boolean()) {
      out_ += datum.boolean() ? "true" : "false";
    } else {
      out_ += "null";
    }
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void write_number(const Datum& datum) {
    if (datum.value()->is_integer()) {
      fmt::format_to(std::back_inserter(out_), "{}", datum.value()->integer());
      return;
    }
    const double number = datum.number();
    if (!std::isfinite(number)) {
      out_ += "null";
    } else {
      out_ += number_text(is_whole(number) || style_.as_written ? number : with_15_digits(number));
    }
  }

  template <typename WriteOne>
  void write_all(char open, char close, std::size_t count, const WriteOne& write_one) {
    out_ += open;
    ++level_;
    for (std::size_t i = 0; i < count && out_.size() <= style_.bytes_max; ++i) {
      if (i > 0) out_ += ',';
      break_line();
      write_one(i);
    }
    --level_;
    if (count > 0) break_line();
    out_ += close;
  }

  void break_line() {
    if (!style_.indented) return;
    out_ += '\n';
    out_.append(2 * level_, ' ');
  }

  JsonStyle style_;
  std::string out_;
  std::size_t level_ = 0;
};

}  // namespace

std::string quoted_text(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

std::string json_text(const Datum& datum) {
  if (datum.is_undefined() || datum.is_function()) return "undefined";
  std::string text = stringified(datum, {.bytes_max = kMessageBytesMax, .as_written = true});
  if (text.size() <= kMessageBytesMax) return text;
  return with_valid_utf8(text.substr(0, kMessageBytesMax)) + "...";
}

std::string stringified(const Datum& datum, const JsonStyle& style) {
  Writer writer(style);
  writer.write(datum);
  return writer.take();
}

}  // namespace tillite::jsonata
