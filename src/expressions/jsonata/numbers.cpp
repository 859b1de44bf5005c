#include "expressions/jsonata/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace tillite::jsonata {
namespace {

constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

/// The number's shortest digits, and where their decimal point stands: d.ddd times ten to the exponent.
struct Decimal {
  std::string digits;
  int exponent = 0;
};

Decimal decimal_of(double magnitude) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), magnitude, std::chars_format::scientific).ptr;
  Decimal decimal;
  const char* at = text.data();
  for (; at < end && *at != 'e'; ++at)
    if (*at != '.') decimal.digits += *at;
  ++at;
  if (at < end && *at == '+') ++at;
  std::from_chars(at, end, decimal.exponent);
  return decimal;
}

double parsed(const std::string& text) {
  double number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc::result_out_of_range) return number;
  // Too large or too small for a number: which of both shows the exponent.
  return text.contains("e-") ? 0.0 : (text.starts_with('-') ? -HUGE_VAL : HUGE_VAL);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_decimal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto take_digits = [&] {
    const std::size_t before = text.size();
    while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
    return text.size() < before;
  };
  if (!take_digits()) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!take_digits()) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (!take_digits()) return false;
  }
  return text.empty();
}

}  // namespace

std::string number_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  if (number == 0) return "0";
  if (std::abs(number) < kExactIntegers && std::trunc(number) == number)
    return fmt::format("{}", static_cast<std::int64_t>(number));
  auto [digits, exponent] = decimal_of(std::abs(number));
  const auto count = static_cast<int>(digits.size());
  std::string text;
  if (exponent >= 21 || exponent < -6) {
    text = digits.substr(0, 1);
    if (count > 1) text += "." + digits.substr(1);
    text += fmt::format("e{}{}", exponent < 0 ? '-' : '+', std::abs(exponent));
  } else if (exponent < 0) {
    text = "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  } else if (exponent >= count - 1) {
    text = digits + std::string(static_cast<std::size_t>(exponent - count + 1), '0');
  } else {
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    text = digits.substr(0, whole) + "." + digits.substr(whole);
  }
  return number < 0 ? "-" + text : text;
}

std::string number_text(double number, int base) {
  if (base == 10 || !std::isfinite(number)) return number_text(number);
  std::string text;
  double rest = std::trunc(std::abs(number));
  // Above 2^53 the last digits of a number mean nothing: JavaScript prints zeros for them.
  double error = std::nextafter(rest, HUGE_VAL) - rest;
  while (rest >= 1 || text.empty()) {
    const double digit = error > 1 && error / 2 >= base ? 0 : std::fmod(rest, base);
    text += "0123456789abcdefghijklmnopqrstuvwxyz"[static_cast<std::size_t>(digit)];
    rest = std::floor(rest / base);
    error /= base;
  }
  if (number < 0) text += '-';
  std::ranges::reverse(text);
  return text;
}

std::string fixed_text(double number, int digits) {
  if (std::abs(number) >= 1e21 || !std::isfinite(number)) return number_text(number);
  // printf rounds the exact decimal value of the number, and exact halves to even; toFixed rounds those up.
  std::string exact = fmt::format("{:.1100f}", std::abs(number));
  const std::size_t end = exact.find('.') + 1 + static_cast<std::size_t>(digits);
  const bool up = exact[end] >= '5';
  exact.resize(digits == 0 ? end - 1 : end);
  if (up) {
    std::size_t at = exact.size();
    while (at > 0) {
      --at;
      if (exact[at] == '.') continue;
      if (exact[at] != '9') {
        ++exact[at];
        break;
      }
      exact[at] = '0';
      if (at == 0) exact.insert(0, 1, '1');
    }
  }
  const bool is_negative = number < 0 && std::ranges::any_of(exact, [](char c) { return c >= '1' && c <= '9'; });
  return is_negative ? "-" + exact : exact;
}

double with_15_digits(double number) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::scientific, 14).ptr;
  return parsed(std::string(text.data(), end));
}

double shifted(double number, int exponent) {
  if (number == 0 || !std::isfinite(number)) return number;
  const auto [digits, own] = decimal_of(std::abs(number));
  const double magnitude =
      parsed(fmt::format("{}.{}e{}", digits.front(), digits.size() > 1 ? digits.substr(1) : "0", own + exponent));
  return number < 0 ? -magnitude : magnitude;
}

double rounded(double number, int precision) {
  const double scaled = precision == 0 ? number : shifted(number, precision);
  const double below = std::floor(scaled);
  double result = scaled - below >= 0.5 ? below + 1 : below;
  if (std::abs(result - scaled) == 0.5 && std::abs(std::fmod(result, 2)) == 1) result -= 1;
  if (precision != 0) result = shifted(result, -precision);
  return result == 0 ? 0.0 : result;
}

std::optional<double> parse_number(std::string_view text) {
  if (is_decimal(text)) {
    const double number = parsed(std::string(text));
    return std::isfinite(number) ? std::optional(number) : std::nullopt;
  }
  if (text.size() < 3 || text.front() != '0') return std::nullopt;
  const char kind = static_cast<char>(text[1] | 0x20);
  const int base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
  if (base == 0) return std::nullopt;
  double number = 0;
  for (const char c : text.substr(2)) {
    const std::size_t digit = std::string_view("0123456789abcdef").find(static_cast<char>(is_digit(c) ? c : c | 0x20));
    if (digit >= static_cast<std::size_t>(base) || c < '0') return std::nullopt;
    number = number * base + static_cast<double>(digit);
  }
  return number;
}

bool is_whole(double number) { return std::isfinite(number) && std::trunc(number) == number; }

Value whole_or_real(double number) {
  if (!is_whole(number) || std::abs(number) > kExactIntegers) return number;
  return static_cast<std::int64_t>(number);
}

}  // namespace tillite::jsonata
