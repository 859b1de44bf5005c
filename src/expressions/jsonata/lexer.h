#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "expressions/value.h"

namespace tillite::jsonata {

class Pattern;

struct Token {
  enum class Kind : std::uint8_t { end, name, variable, operation, literal, regex };

  Kind kind = Kind::end;
  std::string text;  ///< of names, variables (without '$') and operators
  Value value;       ///< of literals
  std::shared_ptr<const Pattern> pattern;

  [[nodiscard]] bool is(std::string_view operation) const { return kind == Kind::operation && text == operation; }
  /// As error messages quote it.
  [[nodiscard]] std::string quoted() const;
};

/// Cuts an expression into tokens.
class Lexer {
 public:
  /// `source` must outlive the lexer.
  explicit Lexer(std::string_view source) : source_(source) {}

  /// The next token. `behind_operand`: a '/' divides; elsewhere it begins a regular expression.
  [[nodiscard]] Result<Token> next(bool behind_operand);

 private:
  [[nodiscard]] Result<void> skip_blanks_and_comments();
  [[nodiscard]] Result<Token> regex();
  [[nodiscard]] Result<Token> string_literal(char quote);
  [[nodiscard]] Result<std::uint32_t> escaped_unit();
  [[nodiscard]] Result<Token> number(std::size_t size);
  [[nodiscard]] Result<Token> quoted_name();
  [[nodiscard]] Token word();
  [[nodiscard]] char at(std::size_t position) const { return position < source_.size() ? source_[position] : '\0'; }

  std::string_view source_;
  std::size_t position_ = 0;
};

}  // namespace tillite::jsonata
