#include "expressions/java_value.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace tillite {
namespace {

/// After Double.toString: digits as they are from 0.001 to below 10,000,000, else with an exponent.
std::string double_text(double number) {
  if (number == 0) return std::signbit(number) ? "-0.0" : "0.0";
  std::array<char, 32> buffer{};
  const double size = std::abs(number);
  const bool plain = size >= 1e-3 && size < 1e7;
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format).ptr;
  std::string text(buffer.data(), end);
  if (plain) return text.contains('.') ? text : text + ".0";
  const std::size_t e = text.find('e');
  std::string digits = text.substr(0, e);
  if (!digits.contains('.')) digits += ".0";
  int exponent = 0;
  const std::size_t sign = text[e + 1] == '+' ? 2 : 1;
  std::from_chars(text.data() + e + sign, text.data() + text.size(), exponent);
  return fmt::format("{}E{}", digits, exponent);
}

void append(std::string& text, const Value& value) {
  switch (value.type()) {
    case Value::Type::string:
      text += value.string();
      break;
    case Value::Type::real:
      text += double_text(value.number());
      break;
    case Value::Type::array: {
      std::string_view before = "[";
      for (const Value& item : value.array()) {
        text += std::exchange(before, ", ");
        append(text, item);
      }
      text += value.array().empty() ? "[]" : "]";
      break;
    }
    case Value::Type::object: {
      std::string_view before = "{";
      for (const auto& [name, field] : value.object()) {
        text += std::exchange(before, ", ");
        text.append(name).append("=");
        append(text, field);
      }
      text += value.object().empty() ? "{}" : "}";
      break;
    }
    default:
      text += to_text(value);
  }
}

std::uint32_t folded(std::uint64_t bits) { return static_cast<std::uint32_t>(bits ^ (bits >> 32)); }

/// String.hashCode, over UTF-16.
std::uint32_t text_hash(std::string_view text) {
  std::uint32_t hash = 0;
  if (!is_utf8(text)) return hash;
  for (const char32_t c : code_points(text)) {
    if (c > 0xffff) {
      hash = 31 * hash + (0xd800 + ((c - 0x10000) >> 10));
      hash = 31 * hash + (0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
      hash = 31 * hash + c;
    }
  }
  return hash;
}

std::uint32_t hash_of(const Value& value) {
  switch (value.type()) {
    case Value::Type::null:
      return 0;
    case Value::Type::boolean:
      return value.boolean() ? 1231 : 1237;
    case Value::Type::integer: {
      const std::int64_t integer = value.integer();
      const bool fits = integer == static_cast<std::int32_t>(integer);
      return fits ? static_cast<std::uint32_t>(integer) : folded(static_cast<std::uint64_t>(integer));
    }
    case Value::Type::real:
      return folded(std::bit_cast<std::uint64_t>(value.number()));
    case Value::Type::string:
      return text_hash(value.string());
    case Value::Type::array: {
      std::uint32_t hash = 1;
      for (const Value& item : value.array()) hash = 31 * hash + hash_of(item);
      return hash;
    }
    case Value::Type::object: {
      std::uint32_t hash = 0;
      for (const auto& [name, field] : value.object()) hash += text_hash(name) ^ hash_of(field);
      return hash;
    }
  }
  return 0;
}

bool equals(const Value& left, const Value& right) { return left.type() == right.type() && left == right; }

}  // namespace

std::string java_text(const Value& value) {
  std::string text;
  append(text, value);
  return text;
}

Value::Array java_hash_set(const Value::Array& items) {
  // HashSet(Collection): room for all items at a load of three quarters, in a power of two.
  const std::size_t room = std::max<std::size_t>(items.size() * 4 / 3 + 1, 16);
  std::vector<Value::Array> buckets(std::bit_ceil(room));
  for (const Value& item : items) {
    const std::uint32_t hash = hash_of(item);
    Value::Array& bucket = buckets[(hash ^ (hash >> 16)) & (buckets.size() - 1)];
    if (std::ranges::none_of(bucket, [&](const Value& one) { return equals(one, item); })) bucket.push_back(item);
  }
  Value::Array different;
  for (Value::Array& bucket : buckets) std::ranges::move(bucket, std::back_inserter(different));
  return different;
}

}  // namespace tillite
