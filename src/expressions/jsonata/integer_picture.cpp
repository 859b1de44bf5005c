#include "expressions/jsonata/integer_picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/numbers.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

constexpr std::array<std::string_view, 20> kFew = {
    "Zero", "One",    "Two",    "Three",    "Four",     "Five",    "Six",     "Seven",     "Eight",    "Nine",
    "Ten",  "Eleven", "Twelve", "Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen"};
constexpr std::array<std::string_view, 20> kOrdinals = {
    "Zeroth",     "First",     "Second",    "Third",       "Fourth",     "Fifth",     "Sixth",
    "Seventh",    "Eighth",    "Ninth",     "Tenth",       "Eleventh",   "Twelfth",   "Thirteenth",
    "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth", "Nineteenth"};
constexpr std::array<std::string_view, 8> kTens = {"Twenty", "Thirty",  "Forty",  "Fifty",
                                                   "Sixty",  "Seventy", "Eighty", "Ninety"};
constexpr std::array<std::string_view, 4> kMagnitudes = {"Thousand", "Million", "Billion", "Trillion"};

struct Roman {
  int value;
  std::string_view text;
};
constexpr std::array<Roman, 13> kRomans = {{{1000, "m"},
                                            {900, "cm"},
                                            {500, "d"},
                                            {400, "cd"},
                                            {100, "c"},
                                            {90, "xc"},
                                            {50, "l"},
                                            {40, "xl"},
                                            {10, "x"},
                                            {9, "ix"},
                                            {5, "v"},
                                            {4, "iv"},
                                            {1, "i"}}};
constexpr double kRomanMax = 10'000'000;  // beyond it there are too many of its first letter

/// The zeros of Unicode's families of decimal digits.
constexpr std::array<char32_t, 37> kZeros = {
    0x30,   0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66,
    0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10};

std::optional<char32_t> zero_of(char32_t digit) {
  for (const char32_t zero : kZeros)
    if (digit >= zero && digit <= zero + 9) return zero;
  return std::nullopt;
}

std::string words(double number, bool follows, bool is_ordinal) {
  const auto few = [&](double small) {
    return std::string((is_ordinal ? kOrdinals : kFew).at(static_cast<std::size_t>(small)));
  };
  if (number <= 19) return (follows ? " and " : "") + few(number);
  if (number < 100) {
    std::string text(kTens.at(static_cast<std::size_t>(number / 10) - 2));
    const double rest = std::fmod(number, 10);
    if (rest > 0) {
      text += "-" + words(rest, false, is_ordinal);
    } else if (is_ordinal) {
      text.pop_back();
      text += "ieth";
    }
    return (follows ? " and " : "") + text;
  }
  std::string text = follows ? ", " : "";
  double rest = 0;
  if (number < 1000) {
    text += std::string(kFew.at(static_cast<std::size_t>(number / 100))) + " Hundred";
    rest = std::fmod(number, 100);
  } else {
    const double thousands = std::min(std::floor(std::log10(number) / 3), static_cast<double>(kMagnitudes.size()));
    const double factor = std::pow(10, thousands * 3);
    const double count = std::floor(number / factor);
    text += words(count, false, false) + " " + std::string(kMagnitudes.at(static_cast<std::size_t>(thousands) - 1));
    rest = number - count * factor;
  }
  if (rest > 0) return text + words(rest, true, is_ordinal);
  return is_ordinal ? text + "th" : text;
}

bool is_word(std::string_view word, std::string_view name) {
  return std::ranges::equal(word, name, {}, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
}

/// The value of a number's word in lower case; nothing if it is none.
std::optional<double> word_value(std::string_view word) {
  for (std::size_t i = 0; i < kFew.size(); ++i)
    if (is_word(word, kFew.at(i)) || is_word(word, kOrdinals.at(i))) return static_cast<double>(i);
  for (std::size_t i = 0; i < kTens.size(); ++i) {
    const std::string_view tens = kTens.at(i);
    const bool is_ordinal =
        word.ends_with("ieth") && is_word(word.substr(0, word.size() - 4), tens.substr(0, tens.size() - 1));
    if (is_word(word, tens) || is_ordinal) return static_cast<double>(i + 2) * 10;
  }
  const std::string_view cardinal = word.ends_with("th") ? word.substr(0, word.size() - 2) : word;
  if (is_word(cardinal, "Hundred")) return 100;
  for (std::size_t i = 0; i < kMagnitudes.size(); ++i)
    if (is_word(cardinal, kMagnitudes.at(i))) return std::pow(10, static_cast<double>(i + 1) * 3);
  return std::nullopt;
}

/// A regular expression for a number in words, in lower case.
std::string words_pattern() {
  std::string pattern = "(?:";
  const auto add = [&](std::string_view word, std::string_view ending) {
    pattern += lower_case(word) + std::string(ending) + "|";
  };
  for (const std::string_view word : kFew) add(word, "");
  for (const std::string_view word : kOrdinals) add(word, "");
  for (const std::string_view word : kTens) {
    add(word, "");
    add(word.substr(0, word.size() - 1), "ieth");
  }
  add("Hundred", "");
  add("Hundred", "th");
  for (const std::string_view word : kMagnitudes) {
    add(word, "");
    add(word, "th");
  }
  return pattern + "and|[, \\-])+";
}

/// A number in words, in lower case.
double read_words(std::string_view text) {
  std::vector<double> segments = {0};
  while (!text.empty()) {
    std::size_t end = 0;
    while (end < text.size() && text[end] >= 'a' && text[end] <= 'z') ++end;
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end == 0 ? 1 : end);
    if (end == 0 || word == "and") continue;
    const auto value = word_value(word);
    if (!value) return NAN;
    if (*value < 100) {
      if (segments.back() >= 1000) segments.push_back(0);
      segments.back() += *value;
    } else {
      segments.back() *= *value;
    }
  }
  return std::accumulate(segments.begin(), segments.end(), 0.0);
}

int roman_value(char letter) {
  for (const Roman& roman : kRomans)
    if (roman.text.size() == 1 && roman.text.front() == (letter | 0x20)) return roman.value;
  return 0;
}

double read_roman(std::string_view text) {
  int total = 0;
  int largest = 1;
  for (std::size_t i = text.size(); i-- > 0;) {
    const int value = roman_value(text[i]);
    if (value == 0) return NAN;
    if (value < largest) {
      total -= value;
    } else {
      largest = value;
      total += value;
    }
  }
  return total;
}

std::string roman_text(double number) {
  std::string text;
  for (const Roman& roman : kRomans) {
    for (; number >= roman.value; number -= roman.value) text += roman.text;
  }
  return text;
}

std::string letters(double number, char first) {
  std::string text;
  for (; number > 0; number = std::floor((number - 1) / 26))
    text += static_cast<char>(first + static_cast<char>(std::fmod(number - 1, 26)));
  std::ranges::reverse(text);
  return text;
}

}  // namespace

Result<IntegerPicture> IntegerPicture::parse(std::string_view picture) {
  IntegerPicture parsed;
  std::string_view primary = picture;
  if (const std::size_t semicolon = picture.rfind(';'); semicolon != std::string_view::npos) {
    primary = picture.substr(0, semicolon);
    parsed.is_ordinal_ = picture.substr(semicolon + 1).starts_with('o');
  }
  if (primary == "A" || primary == "I" || primary == "W") parsed.case_ = Case::upper;
  if (primary == "A" || primary == "a") {
    parsed.primary_ = Primary::letters;
  } else if (primary == "I" || primary == "i") {
    parsed.primary_ = Primary::roman;
  } else if (primary == "W" || primary == "w" || primary == "Ww") {
    parsed.primary_ = Primary::words;
    if (primary == "Ww") parsed.case_ = Case::title;
  } else {
    TRY(parsed.parse_digits(primary));
  }
  return parsed;
}

Result<void> IntegerPicture::parse_digits(std::string_view primary) {
  std::optional<char32_t> zero;
  std::size_t digits = 0;  // to the right of where we are
  std::vector<char32_t> characters;
  for (std::size_t i = 0; i < primary.size(); i += code_point_size(primary, i))
    characters.push_back(code_point_at(primary, i));
  std::ranges::reverse(characters);
  for (const char32_t character : characters) {
    if (const auto own = zero_of(character)) {
      if (zero && *zero != *own) return fault("D3131");
      zero = own;
      ++mandatory_digits_;
      ++digits;
    } else if (character == U'#') {
      ++optional_digits_;
      ++digits;
    } else {
      separators_.push_back({digits, character});
    }
  }
  if (!zero) {
    primary_ = Primary::sequence;
    token_ = primary;
    return {};
  }
  zero_ = *zero;
  // Groups are regular if all are separated by one sign and stand at all multiples of one number of digits.
  const bool has_one_sign = std::ranges::all_of(
      separators_, [&](const Separator& other) { return other.character == separators_.front().character; });
  if (separators_.empty() || !has_one_sign) return {};
  std::size_t common = 0;
  for (const Separator& separator : separators_) common = std::gcd(common, separator.position);
  for (std::size_t i = 1; i <= separators_.size(); ++i)
    if (std::ranges::find(separators_, i * common, &Separator::position) == separators_.end()) return {};
  regular_ = common;
  return {};
}

std::string IntegerPicture::separator() const {
  std::string text;
  if (regular_ > 0) append_code_point(text, separators_.front().character);
  return text;
}

Result<std::string> IntegerPicture::format(double number) const {
  const double magnitude = std::abs(number);
  std::string text;
  switch (primary_) {
    case Primary::letters:
      text = letters(magnitude, case_ == Case::upper ? 'A' : 'a');
      break;
    case Primary::roman:
      if (magnitude > kRomanMax) return fault("D1001", {.value = number_text(number)});
      text = roman_text(magnitude);
      break;
    case Primary::words:
      if (!std::isfinite(magnitude)) return fault("D1001", {.value = "null"});
      text = words(magnitude, false, is_ordinal_);
      break;
    case Primary::decimal:
      text = decimal_text(magnitude);
      break;
    case Primary::sequence:
      return fault("D3130", {.value = quoted_text(token_)});
  }
  if (primary_ == Primary::roman && case_ == Case::upper) text = upper_case(text);
  if (primary_ == Primary::words && case_ == Case::upper) text = upper_case(text);
  if (primary_ == Primary::words && case_ == Case::lower) text = lower_case(text);
  return number < 0 ? "-" + text : text;
}

std::string IntegerPicture::decimal_text(double magnitude) const {
  std::string digits = number_text(magnitude);
  const auto mandatory = static_cast<std::size_t>(std::max(mandatory_digits_, 0));
  if (digits.size() < mandatory) digits.insert(0, mandatory - digits.size(), '0');
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const std::size_t to_the_right = digits.size() - i;
    for (auto separator = separators_.rbegin(); regular_ == 0 && separator != separators_.rend(); ++separator)
      if (separator->position == to_the_right) append_code_point(text, separator->character);
    if (regular_ > 0 && i > 0 && to_the_right % regular_ == 0) text += separator();
    append_code_point(text, static_cast<char32_t>(digits[i]) + zero_ - U'0');
  }
  for (const Separator& separator : separators_)
    if (regular_ == 0 && separator.position == 0) append_code_point(text, separator.character);
  if (is_ordinal_) {
    const char last = digits.back();
    const bool is_teen = digits.size() > 1 && digits[digits.size() - 2] == '1';
    text += is_teen ? "th" : last == '1' ? "st" : last == '2' ? "nd" : last == '3' ? "rd" : "th";
  }
  return text;
}

Result<double> IntegerPicture::read(std::string_view text) const {
  switch (primary_) {
    case Primary::letters: {
      double number = 0;
      for (const char letter : text) number = number * 26 + (letter - (case_ == Case::upper ? 'A' : 'a') + 1);
      return number;
    }
    case Primary::roman:
      return read_roman(text);
    case Primary::words:
      return read_words(lower_case(text));
    case Primary::sequence:
      return fault("D3130", {.value = quoted_text(token_)});
    case Primary::decimal:
      break;
  }
  if (is_ordinal_ && text.size() >= 2) text.remove_suffix(2);
  double number = 0;
  bool is_any = false;
  for (std::size_t i = 0; i < text.size(); i += code_point_size(text, i)) {
    const char32_t character = code_point_at(text, i);
    if (std::ranges::find(separators_, character, &Separator::character) != separators_.end()) continue;
    if (character < zero_ || character > zero_ + 9) break;
    number = number * 10 + static_cast<double>(character - zero_);
    is_any = true;
  }
  return is_any ? number : NAN;
}

Result<std::string> IntegerPicture::pattern() const {
  switch (primary_) {
    case Primary::letters:
      return "[a-z]+";
    case Primary::roman:
      return "[mdclxvi]+";
    case Primary::words:
      return words_pattern();
    case Primary::sequence:
      return fault("D3130", {.value = quoted_text(token_)});
    case Primary::decimal:
      break;
  }
  const std::string digits = fixed_width_ > 0 ? fmt::format("[0-9]{{{}}}", fixed_width_) : "[0-9]+";
  return is_ordinal_ ? digits + "(?:th|st|nd|rd)" : digits;
}

}  // namespace tillite::jsonata
