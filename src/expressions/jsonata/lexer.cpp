#include "expressions/jsonata/lexer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/numbers.h"
#include "expressions/jsonata/pattern.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

constexpr std::string_view kBlanks = " \t\n\r\v";
constexpr std::string_view kSingleOperators = ".[]{}(),@#;:?+-*/%|=<>^&!~";
constexpr std::array<std::string_view, 9> kDoubleOperators = {"..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The length of the number that `text` begins with, as JSON has them; 0 if it begins with none.
std::size_t number_size(std::string_view text) {
  const auto digits_from = [&](std::size_t from) {
    std::size_t end = from;
    while (end < text.size() && is_digit(text[end])) ++end;
    return end;
  };
  if (text.empty() || !is_digit(text.front())) return 0;
  std::size_t end = text.front() == '0' ? 1 : digits_from(0);
  if (end < text.size() && text[end] == '.' && digits_from(end + 1) > end + 1) end = digits_from(end + 1);
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    const bool has_sign = end + 1 < text.size() && (text[end + 1] == '+' || text[end + 1] == '-');
    const std::size_t first = end + (has_sign ? 2 : 1);
    if (digits_from(first) > first) end = digits_from(first);
  }
  return end;
}

Token operation(std::string_view text) { return {.kind = Token::Kind::operation, .text = std::string(text)}; }
Token literal(Value value) { return {.kind = Token::Kind::literal, .text = {}, .value = std::move(value)}; }

}  // namespace

std::string Token::quoted() const {
  switch (kind) {
    case Kind::end:
      return "\"(end)\"";
    case Kind::literal:
      return json_text(value);
    case Kind::regex:
      return "{}";
    default:
      return quoted_text(text);
  }
}

Result<Token> Lexer::next(bool behind_operand) {
  TRY(skip_blanks_and_comments());
  if (position_ >= source_.size()) return Token{};
  const char current = source_[position_];
  if (current == '/' && !behind_operand) {
    ++position_;
    return regex();
  }
  const std::string_view rest = source_.substr(position_);
  for (const std::string_view pair : kDoubleOperators) {
    if (!rest.starts_with(pair)) continue;
    position_ += pair.size();
    return operation(pair);
  }
  if (kSingleOperators.contains(current)) {
    ++position_;
    return operation(rest.substr(0, 1));
  }
  if (current == '"' || current == '\'') {
    ++position_;
    return string_literal(current);
  }
  if (const std::size_t size = number_size(rest); size > 0) return number(size);
  if (current == '`') {
    ++position_;
    return quoted_name();
  }
  return word();
}

Result<void> Lexer::skip_blanks_and_comments() {
  for (;;) {
    while (position_ < source_.size() && kBlanks.contains(source_[position_])) ++position_;
    if (!source_.substr(std::min(position_, source_.size())).starts_with("/*")) return {};
    const std::size_t end = source_.find("*/", position_ + 2);
    if (end == std::string_view::npos) return syntax_fault("S0106");
    position_ = end + 2;
  }
}

/// A regular expression ends at the first '/' outside of brackets that is not escaped.
Result<Token> Lexer::regex() {
  const std::size_t start = position_;
  int depth = 0;
  for (; position_ < source_.size(); ++position_) {
    const char current = source_[position_];
    std::size_t backslashes = 0;
    while (position_ - start > backslashes && source_[position_ - backslashes - 1] == '\\') ++backslashes;
    if (current == '/' && depth == 0 && backslashes % 2 == 0) {
      const std::string_view pattern = source_.substr(start, position_ - start);
      if (pattern.empty()) return syntax_fault("S0301");
      ++position_;
      const std::size_t flags = position_;
      while (at(position_) == 'i' || at(position_) == 'm') ++position_;
      Token token{.kind = Token::Kind::regex};
      token.pattern = TRY(Pattern::compile(pattern, source_.substr(flags, position_ - flags)));
      return token;
    }
    if (backslashes > 0) continue;
    if (std::string_view("([{").contains(current)) ++depth;
    if (std::string_view(")]}").contains(current)) --depth;
  }
  return syntax_fault("S0302");
}

Result<Token> Lexer::string_literal(char quote) {
  std::string text;
  for (; position_ < source_.size(); ++position_) {
    const char current = source_[position_];
    if (current == quote) {
      ++position_;
      return literal(std::move(text));
    }
    if (current != '\\') {
      text += current;
      continue;
    }
    ++position_;
    constexpr std::string_view kEscapes = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char escape = at(position_);
    if (position_ >= source_.size()) return syntax_fault("S0103", {.token = "\"\""});
    if (escape == 'u') {
      append_unit(text, TRY(escaped_unit()));
    } else if (const std::size_t which = kEscapes.find(escape); which != std::string_view::npos) {
      text += kMeanings[which];
    } else {
      const std::size_t size = code_point_size(source_, position_);
      return syntax_fault("S0103", {.token = quoted_text(source_.substr(position_, size))});
    }
  }
  return syntax_fault("S0101");
}

/// The four hexadecimal digits behind a "\u"; leaves the position at the last.
Result<std::uint32_t> Lexer::escaped_unit() {
  std::uint32_t unit = 0;
  for (int digit = 0; digit < 4; ++digit) {
    ++position_;
    const std::size_t value = std::string_view("0123456789abcdef").find(static_cast<char>(at(position_) | 0x20));
    if (position_ >= source_.size() || value == std::string_view::npos || at(position_) < '0')
      return syntax_fault("S0104");
    unit = unit << 4 | static_cast<std::uint32_t>(value);
  }
  return unit;
}

Result<Token> Lexer::number(std::size_t size) {
  const std::string digits(source_.substr(position_, size));
  const double value = std::strtod(digits.c_str(), nullptr);
  if (!std::isfinite(value)) return syntax_fault("S0102", {.token = quoted_text(digits)});
  position_ += size;
  return literal(whole_or_real(value));
}

Result<Token> Lexer::quoted_name() {
  const std::size_t end = source_.find('`', position_);
  if (end == std::string_view::npos) return syntax_fault("S0105");
  Token token{.kind = Token::Kind::name, .text = std::string(source_.substr(position_, end - position_))};
  position_ = end + 1;
  return token;
}

/// A name, a variable or a word with a meaning: up to the next blank or operator.
Token Lexer::word() {
  std::size_t end = position_;
  while (end < source_.size() && !kBlanks.contains(source_[end]) && !kSingleOperators.contains(source_[end])) ++end;
  const std::string_view text = source_.substr(position_, end - position_);
  position_ = end;
  if (text.starts_with('$')) return {.kind = Token::Kind::variable, .text = std::string(text.substr(1))};
  if (text == "or" || text == "in" || text == "and") return operation(text);
  if (text == "true") return literal(true);
  if (text == "false") return literal(false);
  if (text == "null") return literal(nullptr);
  return {.kind = Token::Kind::name, .text = std::string(text)};
}

}  // namespace tillite::jsonata
