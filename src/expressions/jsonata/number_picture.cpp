#include "expressions/jsonata/number_picture.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/numbers.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

using Text = std::u32string;
constexpr std::size_t kNowhere = Text::npos;
constexpr std::size_t kDigitsMax = 100;

Text wide(std::string_view text) {
  Text code_points;
  for (std::size_t i = 0; i < text.size(); i += code_point_size(text, i)) code_points += code_point_at(text, i);
  return code_points;
}

std::string narrow(const Text& text) {
  std::string bytes;
  for (const char32_t code_point : text) append_code_point(bytes, code_point);
  return bytes;
}

/// A part of a text that begins at `from`, or nothing if that is behind its end.
Text part_from(const Text& text, std::size_t from) { return from >= text.size() ? Text() : text.substr(from); }

/// A sub-picture cut into its parts.
struct Parts {
  Text all;
  Text prefix;
  Text suffix;
  Text active;
  Text mantissa;
  Text integer;
  Text fraction;
  std::optional<Text> exponent;
};

/// What a sub-picture asks for.
struct Layout {
  Text all;
  Text prefix;
  Text suffix;
  std::vector<std::size_t> integer_groups;   ///< digits to the right of each separator
  std::vector<std::size_t> fraction_groups;  ///< digits to the left
  std::size_t regular_group = 0;             ///< digits of each group, if all are the same
  std::size_t integer_least = 0;
  std::size_t fraction_least = 0;
  std::size_t fraction_most = 0;
  std::size_t exponent_least = 0;
  int scaling = 0;
};

class Formatter {
 public:
  explicit Formatter(const NumberSymbols& symbols) : symbols_(symbols) {}

  Result<std::string> format(double number, const Text& picture) const {
    std::vector<Layout> layouts;
    for (const Text& sub_picture : TRY(sub_pictures(picture))) {
      const Parts parts = split(sub_picture);
      TRY(validate(parts));
      layouts.push_back(analyse(parts));
    }
    if (layouts.size() == 1) {
      layouts.push_back(layouts.front());
      layouts.back().prefix = symbols_.minus_sign + layouts.back().prefix;
    }
    return narrow(TRY(write(number, number >= 0 ? layouts.front() : layouts.back())));
  }

 private:
  [[nodiscard]] bool is_digit(char32_t c) const { return c >= symbols_.zero_digit && c <= symbols_.zero_digit + 9; }
  [[nodiscard]] bool is_optional(char32_t c) const { return Text(1, c) == symbols_.digit; }
  [[nodiscard]] bool is_active(char32_t c) const {
    const Text text(1, c);
    return is_digit(c) || text == symbols_.decimal_separator || text == symbols_.exponent_separator ||
           text == symbols_.grouping_separator || text == symbols_.digit || text == symbols_.pattern_separator;
  }
  [[nodiscard]] std::size_t count_digits(const Text& text, bool with_optional) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [&](char32_t c) { return is_digit(c) || (with_optional && is_optional(c)); }));
  }

  [[nodiscard]] Result<std::vector<Text>> sub_pictures(const Text& picture) const {
    std::vector<Text> all;
    std::size_t begin = 0;
    for (;;) {
      const std::size_t end =
          symbols_.pattern_separator.empty() ? kNowhere : picture.find(symbols_.pattern_separator, begin);
      all.push_back(picture.substr(begin, end - begin));
      if (end == kNowhere) break;
      begin = end + symbols_.pattern_separator.size();
    }
    if (all.size() > 2) return fault("D3080");
    return all;
  }

  [[nodiscard]] Parts split(const Text& picture) const {
    const auto stands_out = [&](char32_t c) { return is_active(c) && Text(1, c) != symbols_.exponent_separator; };
    Parts parts{.all = picture};
    const auto first = std::ranges::find_if(picture, stands_out);
    if (first != picture.end()) {
      parts.prefix.assign(picture.begin(), first);
      std::size_t end = picture.size();
      while (!stands_out(picture[end - 1])) --end;
      parts.suffix = picture.substr(end);
    }
    parts.active = picture.substr(parts.prefix.size(), picture.size() - parts.prefix.size() - parts.suffix.size());
    const std::size_t exponent =
        symbols_.exponent_separator.empty() ? kNowhere : picture.find(symbols_.exponent_separator, parts.prefix.size());
    if (exponent == kNowhere || exponent > picture.size() - parts.suffix.size()) {
      parts.mantissa = parts.active;
    } else {
      parts.mantissa = parts.active.substr(0, exponent);
      parts.exponent = part_from(parts.active, exponent + 1);
    }
    const std::size_t decimal = parts.mantissa.find(symbols_.decimal_separator);
    parts.integer = parts.mantissa.substr(0, decimal);
    parts.fraction = decimal == kNowhere ? parts.suffix : part_from(parts.mantissa, decimal + 1);
    return parts;
  }

  /// The last rule that is broken counts.
  [[nodiscard]] Result<void> validate(const Parts& parts) const {
    const Text& all = parts.all;
    const auto is_twice = [&](const Text& sign) { return all.find(sign) != all.rfind(sign); };
    const auto has = [&](const Text& sign) { return all.find(sign) != kNowhere; };
    const auto sign_at = [&](std::size_t at) { return at < all.size() ? Text(1, all[at]) : Text(); };
    std::string_view error;
    if (is_twice(symbols_.decimal_separator)) error = "D3081";
    if (is_twice(symbols_.percent)) error = "D3082";
    if (is_twice(symbols_.per_mille)) error = "D3083";
    if (has(symbols_.percent) && has(symbols_.per_mille)) error = "D3084";
    if (count_digits(parts.mantissa, true) == 0) error = "D3085";
    if (!std::ranges::all_of(parts.active, [&](char32_t c) { return is_active(c); })) error = "D3086";
    if (const std::size_t decimal = all.find(symbols_.decimal_separator); decimal != kNowhere) {
      if ((decimal > 0 && sign_at(decimal - 1) == symbols_.grouping_separator) ||
          sign_at(decimal + 1) == symbols_.grouping_separator)
        error = "D3087";
    } else if (!parts.integer.empty() && Text(1, parts.integer.back()) == symbols_.grouping_separator) {
      error = "D3088";
    }
    if (has(symbols_.grouping_separator + symbols_.grouping_separator)) error = "D3089";
    const std::size_t first_optional = parts.integer.find(symbols_.digit);
    if (first_optional != kNowhere && count_digits(parts.integer.substr(0, first_optional), false) > 0) error = "D3090";
    const std::size_t last_optional = parts.fraction.rfind(symbols_.digit);
    if (last_optional != kNowhere && count_digits(part_from(parts.fraction, last_optional), false) > 0) error = "D3091";
    if (parts.exponent && !parts.exponent->empty() && (has(symbols_.percent) || has(symbols_.per_mille)))
      error = "D3092";
    if (parts.exponent && (parts.exponent->empty() || count_digits(*parts.exponent, false) < parts.exponent->size()))
      error = "D3093";
    if (!error.empty()) return fault(error);
    return {};
  }

  [[nodiscard]] std::vector<std::size_t> groups(const Parts& parts, const Text& part, bool to_left) const {
    std::vector<std::size_t> positions;
    if (symbols_.grouping_separator.empty()) return positions;
    for (std::size_t at = part.find(symbols_.grouping_separator); at != kNowhere;
         at = parts.integer.find(symbols_.grouping_separator, at + 1))
      positions.push_back(count_digits(to_left ? part.substr(0, at) : part_from(part, at), true));
    return positions;
  }

  [[nodiscard]] Layout analyse(const Parts& parts) const {
    Layout layout{.all = parts.all, .prefix = parts.prefix, .suffix = parts.suffix};
    layout.integer_groups = groups(parts, parts.integer, false);
    layout.fraction_groups = groups(parts, parts.fraction, true);
    std::size_t common = 0;
    for (const std::size_t position : layout.integer_groups) common = std::gcd(common, position);
    layout.regular_group = common;
    for (std::size_t i = 1; i <= layout.integer_groups.size(); ++i)
      if (std::ranges::find(layout.integer_groups, i * common) == layout.integer_groups.end()) layout.regular_group = 0;
    layout.integer_least = count_digits(parts.integer, false);
    layout.scaling = static_cast<int>(layout.integer_least);
    layout.fraction_least = count_digits(parts.fraction, false);
    layout.fraction_most = count_digits(parts.fraction, true);
    if (layout.integer_least == 0 && layout.fraction_most == 0) {
      if (parts.exponent) {
        layout.fraction_least = 1;
        layout.fraction_most = 1;
      } else {
        layout.integer_least = 1;
      }
    }
    if (parts.exponent && layout.integer_least == 0 && parts.integer.find(symbols_.digit) != kNowhere)
      layout.integer_least = 1;
    if (layout.integer_least == 0 && layout.fraction_least == 0) layout.fraction_least = 1;
    if (parts.exponent) layout.exponent_least = count_digits(*parts.exponent, false);
    return layout;
  }

  [[nodiscard]] Text digits_of(double number, std::size_t decimals) const {
    Text text = wide(fixed_text(std::abs(number), static_cast<int>(decimals)));
    for (char32_t& c : text)
      if (c >= U'0' && c <= U'9') c = c - U'0' + symbols_.zero_digit;
    return text;
  }

  [[nodiscard]] Result<Text> write(double number, const Layout& layout) const {
    if (layout.fraction_most > kDigitsMax) return fault("D3085");
    double mantissa = number;
    if (layout.all.find(symbols_.percent) != kNowhere) {
      mantissa *= 100;
    } else if (layout.all.find(symbols_.per_mille) != kNowhere) {
      mantissa *= 1000;
    }
    std::optional<int> exponent;
    if (layout.exponent_least > 0) {
      exponent = 0;
      if (!std::isfinite(mantissa)) return fault("D1001", {.value = "null"});
      const double least = std::pow(10, layout.scaling - 1);
      const double most = std::pow(10, layout.scaling);
      for (; mantissa != 0 && std::abs(mantissa) < least; --*exponent) mantissa *= 10;
      for (; mantissa != 0 && std::abs(mantissa) > most; ++*exponent) mantissa /= 10;
    }
    const Text zero(1, symbols_.zero_digit);
    const Text plain = digits_of(rounded(mantissa, static_cast<int>(layout.fraction_most)), layout.fraction_most);
    const std::size_t point = plain.find(U'.');
    Text integer = plain.substr(0, point);
    Text fraction = point == kNowhere ? Text() : plain.substr(point + 1);
    integer.erase(0, std::min(integer.find_first_not_of(zero), integer.size()));
    fraction.erase(std::min(fraction.find_last_not_of(zero) + 1, fraction.size()));
    if (integer.size() < layout.integer_least) integer.insert(0, layout.integer_least - integer.size(), zero.front());
    if (fraction.size() < layout.fraction_least) fraction.append(layout.fraction_least - fraction.size(), zero.front());
    group(integer, fraction, layout);
    Text text = layout.prefix + integer + symbols_.decimal_separator + fraction;
    // As JSONata has it: the last sign goes, also if that is a digit.
    if (layout.all.find(symbols_.decimal_separator) == kNowhere || fraction.empty())
      if (!text.empty()) text.pop_back();
    if (exponent) {
      Text digits = digits_of(*exponent, 0);
      if (digits.size() < layout.exponent_least) digits.insert(0, layout.exponent_least - digits.size(), zero.front());
      text += symbols_.exponent_separator + (*exponent < 0 ? symbols_.minus_sign : Text()) + digits;
    }
    return text + layout.suffix;
  }

  void group(Text& integer, Text& fraction, const Layout& layout) const {
    const std::size_t digits = integer.size();
    if (layout.regular_group > 0) {
      for (std::size_t at = layout.regular_group; at < digits; at += layout.regular_group)
        integer.insert(digits - at, symbols_.grouping_separator);
    } else {
      std::vector<std::size_t> positions = layout.integer_groups;
      std::ranges::sort(positions);
      for (const std::size_t position : positions)
        if (position <= digits) integer.insert(digits - position, symbols_.grouping_separator);
    }
    std::size_t inserted = 0;
    for (const std::size_t position : layout.fraction_groups)
      if (position + inserted <= fraction.size()) fraction.insert(position, symbols_.grouping_separator);
  }

  const NumberSymbols& symbols_;
};

}  // namespace

Result<NumberSymbols> number_symbols(const Datum& options) {
  NumberSymbols symbols;
  if (!options.is_object()) return symbols;
  const auto set = [&](std::string_view name, Text& symbol) {
    const Datum value = options.field(name);
    if (value.is_string()) symbol = wide(value.string());
  };
  set("decimal-separator", symbols.decimal_separator);
  set("grouping-separator", symbols.grouping_separator);
  set("exponent-separator", symbols.exponent_separator);
  set("minus-sign", symbols.minus_sign);
  set("percent", symbols.percent);
  set("per-mille", symbols.per_mille);
  set("digit", symbols.digit);
  set("pattern-separator", symbols.pattern_separator);
  Text zero(1, symbols.zero_digit);
  set("zero-digit", zero);
  if (!zero.empty()) symbols.zero_digit = zero.front();
  return symbols;
}

Result<std::string> formatted_number(double number, std::string_view picture, const NumberSymbols& symbols) {
  return Formatter(symbols).format(number, wide(picture));
}

}  // namespace tillite::jsonata
