#include "adapters/aws/dynamodb_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace tillite {
namespace {

constexpr int kLevelsMax = 32;  // DynamoDB's own limit
constexpr double kNumberMax = 9.9e125;
constexpr double kNumberMin = 1e-130;  // that is not 0

Result<std::string> number_text(const Json& number) {
  if (!number.is_number_float()) return number.dump();
  const auto value = number.get<double>();
  const double size = std::abs(value);
  if (!std::isfinite(value) || size > kNumberMax || (size != 0 && size < kNumberMin)) {
    return fail(Code::invalid_input, "the table holds no number as {}", value);
  }
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return std::string(text.data(), end);
}

template <typename Number>
std::optional<Json> whole(std::string_view text, auto... format) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, format...);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Json(number);
}

Result<Json> parse_number(const std::string& text) {
  if (auto number = whole<std::int64_t>(text)) return *std::move(number);
  if (auto number = whole<std::uint64_t>(text)) return *std::move(number);
  auto number = whole<double>(text, std::chars_format::general);
  if (!number || !std::isfinite(number->get<double>())) {
    return fail(Code::corrupt, "'{}' is no number of DynamoDB's", text.substr(0, 64));
  }
  return *std::move(number);
}

Result<Json> to_attribute(const Json& value, int level) {
  if (level > kLevelsMax) return fail(Code::limit_exceeded, "a value of more than {} levels", kLevelsMax);
  switch (value.type()) {
    case Json::value_t::null:
    case Json::value_t::discarded:
      return Json{{"NULL", true}};
    case Json::value_t::boolean:
      return Json{{"BOOL", value}};
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float: {
      std::string text = TRY(number_text(value));
      return Json{{"N", std::move(text)}};
    }
    case Json::value_t::array: {
      Json list = Json::array();
      for (const Json& element : value) list.push_back(TRY(to_attribute(element, level + 1)));
      return Json{{"L", std::move(list)}};
    }
    case Json::value_t::object: {
      Json map = Json::object();
      for (const auto& [name, field] : value.items()) map[name] = TRY(to_attribute(field, level + 1));
      return Json{{"M", std::move(map)}};
    }
    case Json::value_t::string:
    case Json::value_t::binary:
      return Json{{"S", value}};
  }
  return fail(Code::internal, "a JSON value of an unknown kind");
}

std::unexpected<Error> no_attribute() { return fail(Code::corrupt, "a value of DynamoDB's that is not understood"); }

Result<Json> from_list(const Json& list, int level);
Result<Json> from_map(const Json& map, int level);

Result<Json> from_attribute(const Json& attribute, int level) {
  if (level > kLevelsMax || !attribute.is_object() || attribute.size() != 1) return no_attribute();
  const std::string& kind = attribute.begin().key();
  const Json& value = attribute.begin().value();
  if (kind == "S" && value.is_string()) return value;
  if (kind == "N" && value.is_string()) return parse_number(value.get_ref<const std::string&>());
  if (kind == "BOOL" && value.is_boolean()) return value;
  if (kind == "NULL" && value.is_boolean()) return Json(nullptr);
  if (kind == "M" && value.is_object()) return from_map(value, level);
  if (kind == "L" && value.is_array()) return from_list(value, level);
  if (kind == "B" && value.is_string()) return value;
  if ((kind == "SS" || kind == "NS" || kind == "BS") && value.is_array()) {
    Json list = Json::array();
    for (const Json& element : value)
      list.push_back(TRY(from_attribute(Json{{kind.substr(0, 1), element}}, level + 1)));
    return list;
  }
  return no_attribute();
}

Result<Json> from_list(const Json& list, int level) {
  Json values = Json::array();
  for (const Json& element : list) values.push_back(TRY(from_attribute(element, level + 1)));
  return values;
}

Result<Json> from_map(const Json& map, int level) {
  Json object = Json::object();
  for (const auto& [name, field] : map.items()) object[name] = TRY(from_attribute(field, level + 1));
  return object;
}

/// A byte for two significant digits, one more, and one for a minus.
std::size_t number_bytes(std::string_view text) {
  text = text.substr(0, text.find_first_of("eE"));
  const auto first = std::min(text.find_first_of("123456789"), text.size());
  const auto last = std::min(text.find_last_of("123456789"), text.size());
  const std::string_view significant = text.substr(first, last + 1 - first);
  const auto digits = significant.size() - static_cast<std::size_t>(std::ranges::count(significant, '.'));
  return (digits + 1) / 2 + 1 + (text.starts_with('-') ? 1 : 0);
}

constexpr std::size_t kCollectionBytes = 3;
constexpr std::size_t kElementBytes = 1;

std::size_t attribute_bytes(const Json& attribute) {
  const std::string& kind = attribute.begin().key();
  const Json& value = attribute.begin().value();
  if (kind == "S") return value.get_ref<const std::string&>().size();
  if (kind == "N") return number_bytes(value.get_ref<const std::string&>());
  if (kind == "L") {
    std::size_t bytes = kCollectionBytes;
    for (const Json& element : value) bytes += kElementBytes + attribute_bytes(element);
    return bytes;
  }
  if (kind == "M") return kCollectionBytes + kElementBytes * value.size() + stored_bytes(value);
  return 1;  // BOOL, NULL
}

}  // namespace

std::size_t stored_bytes(const Json& attributes) {
  std::size_t bytes = 0;
  for (const auto& [name, attribute] : attributes.items()) bytes += name.size() + attribute_bytes(attribute);
  return bytes;
}

Result<Json> to_attribute(const Json& value) { return to_attribute(value, 0); }
Result<Json> from_attribute(const Json& attribute) { return from_attribute(attribute, 0); }

bool is_no_index_key(std::string_view attribute, const Json& value) {
  const bool is_key = attribute.size() == 6 && attribute.starts_with("GSI") && attribute[3] >= '1' &&
                      attribute[3] <= '3' && (attribute.ends_with("PK") || attribute.ends_with("SK"));
  const auto* const text = value.get_ptr<const std::string*>();
  return is_key && (value.is_null() || (text != nullptr && text->empty()));
}

Result<Json> to_attributes(const Item& item) {
  Json attributes = Json::object();
  for (const auto& [name, value] : item.items()) {
    if (is_no_index_key(name, value)) continue;
    attributes[name] = TRY(to_attribute(value));
  }
  return attributes;
}

Result<Item> from_attributes(const Json& attributes) {
  if (!attributes.is_object()) return no_attribute();
  return from_map(attributes, -1);
}

Json key_attributes(const ItemKey& key) { return {{"PK", {{"S", key.pk}}}, {"SK", {{"S", key.sk}}}}; }

}  // namespace tillite
