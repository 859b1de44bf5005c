#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tillite::jsonata {

/// How whole numbers are written: a picture of XPath's fn:format-integer, as far as JSONata has it: "#,##0", "001;o"
/// (ordinal), "a", "I", "w", "Ww". https://docs.jsonata.org/numeric-functions#formatinteger
class IntegerPicture {
 public:
  /// Errors: D3131.
  [[nodiscard]] static Result<IntegerPicture> parse(std::string_view picture);

  /// `number` must be whole. Errors: D3130.
  [[nodiscard]] Result<std::string> format(double number) const;
  /// NaN if the text is no number in this form. Errors: D3130.
  [[nodiscard]] Result<double> read(std::string_view text) const;

  /// A regular expression for what may be a number in this form, in lower case. Errors: D3130.
  [[nodiscard]] Result<std::string> pattern() const;

  [[nodiscard]] bool is_decimal() const { return primary_ == Primary::decimal; }
  [[nodiscard]] int mandatory_digits() const { return mandatory_digits_; }
  [[nodiscard]] int optional_digits() const { return optional_digits_; }
  [[nodiscard]] bool has_regular_groups() const { return regular_ > 0; }
  [[nodiscard]] std::string separator() const;  ///< of regular groups
  void set_mandatory_digits(int digits) { mandatory_digits_ = digits; }
  /// Another number follows at once: this one has exactly its mandatory digits.
  void set_fixed_width() { fixed_width_ = mandatory_digits_; }

 private:
  enum class Primary : std::uint8_t { decimal, letters, roman, words, sequence };
  enum class Case : std::uint8_t { lower, upper, title };
  struct Separator {
    std::size_t position;  ///< digits to its right
    char32_t character;
  };

  [[nodiscard]] std::string decimal_text(double magnitude) const;
  [[nodiscard]] Result<void> parse_digits(std::string_view primary);

  Primary primary_ = Primary::decimal;
  Case case_ = Case::lower;
  bool is_ordinal_ = false;
  char32_t zero_ = U'0';
  int mandatory_digits_ = 0;
  int optional_digits_ = 0;
  int fixed_width_ = 0;      ///< 0: any number of digits
  std::size_t regular_ = 0;  ///< digits of each group, if all are the same
  std::vector<Separator> separators_;
  std::string token_;
};

}  // namespace tillite::jsonata
