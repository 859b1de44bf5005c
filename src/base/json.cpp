#include "base/json.h"

#include <array>
#include <charconv>
#include <cmath>

namespace tillite {
namespace {

constexpr std::size_t kDepthMax = 512;  // what copies and writes a value calls itself for each level

/// Whether a JSON text opens more brackets within each other than that. Of another text it may say anything.
bool is_too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool is_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') is_string = !is_string;
    if (is_string) {
      if (c == '\\') ++i;
    } else if (c == '[' || c == '{') {
      if (++depth > kDepthMax) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

std::string library_text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Whether a text stands between its quotes as it is. What is not ASCII may be no UTF-8: the library looks.
bool is_plain(std::string_view text) {
  bool is_other = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    is_other = is_other || byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\';
  }
  return !is_other;
}

void append_string(std::string& text, const std::string& string) {
  if (!is_plain(string)) {
    text += library_text(Json(string));
    return;
  }
  text += '"';
  text += string;
  text += '"';
}

template <typename Number>
void append_whole(std::string& text, Number number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  text.append(digits.data(), end);
}

/// What records are made of is written here, the rest by the library, which takes three times as long for it.
void append_text(std::string& text, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object: {
      char before = '{';
      for (const auto& [name, field] : value.get_ref<const Json::object_t&>()) {
        text += before;
        append_string(text, name);
        text += ':';
        append_text(text, field);
        before = ',';
      }
      text += before == '{' ? "{}" : "}";
      return;
    }
    case Json::value_t::array: {
      char before = '[';
      for (const Json& element : value) {
        text += before;
        append_text(text, element);
        before = ',';
      }
      text += before == '[' ? "[]" : "]";
      return;
    }
    case Json::value_t::string:
      return append_string(text, value.get_ref<const std::string&>());
    case Json::value_t::number_integer:
      return append_whole(text, value.get<std::int64_t>());
    case Json::value_t::number_unsigned:
      return append_whole(text, value.get<std::uint64_t>());
    case Json::value_t::boolean:
      text += value.get<bool>() ? "true" : "false";
      return;
    case Json::value_t::number_float: {
      // The library's own digits, without what it makes for each value around them. Of an infinity it makes null.
      const auto real = value.get<double>();
      if (!std::isfinite(real)) break;
      std::array<char, 64> digits{};
      text.append(digits.data(), nlohmann::detail::to_chars(digits.data(), digits.data() + digits.size(), real));
      return;
    }
    default:
      break;
  }
  text += library_text(value);
}

/// A number as it stands, of anything else its type: what it holds may be long.
std::string described(const Json& value) { return value.is_number() ? to_text(value) : value.type_name(); }

template <typename Accepts>
Result<const Json*> required(const Json& object, std::string_view name, std::string_view type, Accepts accepts) {
  const Json* field = find_field(object, name);
  if (field == nullptr) return fail(Code::invalid_input, "the field '{}' is missing", name);
  if (!accepts(*field)) {
    return fail(Code::invalid_input, "the field '{}' must be {}, but is {}", name, type, described(*field));
  }
  return field;
}

bool is_integer(const Json& value) {
  return value.is_number_integer() &&
         (!value.is_number_unsigned() || value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX));
}

/// A required field's reader, made to answer "not there" for an absent field.
template <typename T>
Result<std::optional<T>> optional_field(const Json& object, std::string_view name,
                                        Result<T> (*read)(const Json&, std::string_view)) {
  if (find_field(object, name) == nullptr) return std::optional<T>{};
  return std::optional<T>(TRY(read(object, name)));
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view name) {
  if (is_too_deep(text)) return fail(Code::invalid_input, "{} is more than {} levels deep", name, kDepthMax);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return fail(Code::invalid_input, "{} is not valid JSON at byte {}", name, error.byte);
  } catch (const std::exception& error) {
    return fail(Code::invalid_input, "{} cannot be read as JSON: {}", name, error.what());
  }
}

std::string to_text(const Json& value) {
  std::string text;
  append_text(text, value);
  return text;
}

const Json* find_field(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> string_field(const Json& object, std::string_view name) {
  return TRY(required(object, name, "a string", [](const Json& v) { return v.is_string(); }))->get<std::string>();
}

Result<std::int64_t> int_field(const Json& object, std::string_view name) {
  return TRY(required(object, name, "a whole number", is_integer))->get<std::int64_t>();
}

Result<double> number_field(const Json& object, std::string_view name) {
  return TRY(required(object, name, "a number", [](const Json& v) { return v.is_number(); }))->get<double>();
}

Result<bool> bool_field(const Json& object, std::string_view name) {
  return TRY(required(object, name, "true or false", [](const Json& v) { return v.is_boolean(); }))->get<bool>();
}

Result<Json> array_field(const Json& object, std::string_view name) {
  return *TRY(required(object, name, "a list", [](const Json& v) { return v.is_array(); }));
}

Result<Json> object_field(const Json& object, std::string_view name) {
  return *TRY(required(object, name, "an object", [](const Json& v) { return v.is_object(); }));
}

Result<std::optional<std::string>> optional_string(const Json& object, std::string_view name) {
  return optional_field<std::string>(object, name, string_field);
}

Result<std::optional<std::int64_t>> optional_int(const Json& object, std::string_view name) {
  return optional_field<std::int64_t>(object, name, int_field);
}

Result<std::optional<double>> optional_number(const Json& object, std::string_view name) {
  return optional_field<double>(object, name, number_field);
}

Result<std::optional<bool>> optional_bool(const Json& object, std::string_view name) {
  return optional_field<bool>(object, name, bool_field);
}

}  // namespace tillite
