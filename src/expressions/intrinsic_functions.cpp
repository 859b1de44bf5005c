#include "expressions/intrinsic_functions.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/base64.h"
#include "base/check.h"
#include "base/text.h"
#include "base/uuid.h"
#include "expressions/java_value.h"

namespace tillite {
namespace {

constexpr std::size_t kItemsMax = 1000;   // of States.ArrayRange
constexpr std::size_t kTextMax = 10'000;  // UTF-16 units that are encoded, decoded or hashed

using Arguments = std::span<const Value>;

struct Function {
  std::string_view name;
  std::size_t arguments_min;
  std::size_t arguments_max;
};
constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();
/// In the order of the enumeration.
constexpr std::array kFunctions = {
    Function{"States.Format", 1, kAny},      Function{"States.StringToJson", 1, 1},
    Function{"States.JsonToString", 1, 1},   Function{"States.Array", 0, kAny},
    Function{"States.ArrayPartition", 2, 2}, Function{"States.ArrayContains", 2, 2},
    Function{"States.ArrayRange", 3, 3},     Function{"States.ArrayGetItem", 2, 2},
    Function{"States.ArrayLength", 1, 1},    Function{"States.ArrayUnique", 1, 1},
    Function{"States.Base64Encode", 1, 1},   Function{"States.Base64Decode", 1, 1},
    Function{"States.Hash", 2, 2},           Function{"States.JsonMerge", 3, 3},
    Function{"States.MathRandom", 2, 3},     Function{"States.MathAdd", 2, 2},
    Function{"States.StringSplit", 2, 2},    Function{"States.UUID", 0, 0},
};

std::unexpected<Error> refuse(std::string message) {
  return std::unexpected(Error(Code::failed, std::move(message)).named("States.Runtime"));
}

std::unexpected<Error> invalid_arguments(IntrinsicFunction function) {
  return refuse(fmt::format("Invalid arguments in {}", name_of(function)));
}

std::size_t utf16_size(std::string_view text) {
  std::size_t size = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) size += byte >= 0xf0 ? 2 : 1;
  }
  return size;
}

/// A number without its fraction, if it is one and fits Java's int.
std::optional<std::int64_t> truncated(const Value& value) {
  if (!value.is_number()) return std::nullopt;
  const double number = std::trunc(value.number());
  if (!(number >= std::numeric_limits<std::int32_t>::min() && number <= std::numeric_limits<std::int32_t>::max()))
    return std::nullopt;
  return static_cast<std::int64_t>(number);
}

/// A number as Math.round() rounds it: halves go up.
std::optional<std::int64_t> rounded(const Value& value) {
  if (!value.is_number()) return std::nullopt;
  return truncated(Value(std::floor(value.number() + 0.5)));
}

Result<Value> format(Arguments arguments) {
  const std::string pattern = java_text(arguments[0]);
  std::string text;
  std::size_t used = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (c == '\\' && (next == '{' || next == '}' || next == '\\' || next == '\'')) {
      text += next;
      ++i;
    } else if (c == '{') {
      if (next != '}') return refuse("Invalid template in States.Format: matching '}' not found for '{'.");
      if (used < arguments.size()) text += java_text(arguments[used]);
      ++used;
      ++i;
    } else if (c == '}') {
      return refuse("Invalid template in States.Format: matching '{' not found for '}'.");
    } else {
      text += c;
    }
  }
  if (used != arguments.size()) {
    return refuse("Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.");
  }
  return Value(std::move(text));
}

Result<Value> string_to_json(Arguments arguments) {
  if (!arguments[0].is_string()) return invalid_arguments(IntrinsicFunction::string_to_json);
  const std::string& text = arguments[0].string();
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return Value();
  auto value = parse_value(text, "the text");
  if (!value) return invalid_arguments(IntrinsicFunction::string_to_json);
  return value;
}

Result<Value> array_partition(Arguments arguments) {
  const auto size = truncated(arguments[1]);
  if (!arguments[0].is_array() || !size || *size < 1) return invalid_arguments(IntrinsicFunction::array_partition);
  const Value::Array& items = arguments[0].array();
  Value::Array parts;
  for (std::size_t begin = 0; begin < items.size();) {
    const std::size_t count = std::min(items.size() - begin, static_cast<std::size_t>(*size));
    const auto first = items.begin() + static_cast<std::ptrdiff_t>(begin);
    parts.emplace_back(Value::Array(first, first + static_cast<std::ptrdiff_t>(count)));
    begin += count;
  }
  return Value(std::move(parts));
}

/// Items are compared by their texts: true is in ["true"], and {a, b} is not in [{b, a}].
Result<Value> array_contains(Arguments arguments) {
  if (!arguments[0].is_array()) return invalid_arguments(IntrinsicFunction::array_contains);
  const std::string sought = java_text(arguments[1]);
  return Value(std::ranges::any_of(arguments[0].array(), [&](const Value& item) { return java_text(item) == sought; }));
}

Result<Value> array_range(Arguments arguments) {
  const auto first = truncated(arguments[0]);
  const auto last = truncated(arguments[1]);
  const auto step = truncated(arguments[2]);
  if (!first || !last || !step || *step == 0) return invalid_arguments(IntrinsicFunction::array_range);
  Value::Array items;
  for (std::int64_t i = *first; *step > 0 ? i <= *last : i >= *last; i += *step) {
    if (items.size() == kItemsMax) return invalid_arguments(IntrinsicFunction::array_range);
    items.emplace_back(i);
  }
  return Value(std::move(items));
}

Result<Value> array_get_item(Arguments arguments) {
  const auto index = truncated(arguments[1]);
  if (!arguments[0].is_array() || !index || *index < 0) return invalid_arguments(IntrinsicFunction::array_get_item);
  const Value::Array& items = arguments[0].array();
  if (items.empty()) return Value();
  if (static_cast<std::size_t>(*index) >= items.size()) return invalid_arguments(IntrinsicFunction::array_get_item);
  return items[static_cast<std::size_t>(*index)];
}

Result<Value> base64_encode(Arguments arguments) {
  if (!arguments[0].is_string() || utf16_size(arguments[0].string()) > kTextMax)
    return invalid_arguments(IntrinsicFunction::base64_encode);
  return Value(base64_of(std::as_bytes(std::span(arguments[0].string()))));
}

/// The value of a character of base64, of both alphabets; -1 of others.
int sextet_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

/// Passes over what is no base64, ends at the first '=', and needs no padding.
std::string loosely_decoded(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const int sextet = sextet_of(c);
    if (sextet < 0) continue;
    bits = (bits << 6) | static_cast<std::uint32_t>(sextet);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>((bits >> count) & 0xff);
    }
  }
  return bytes;
}

/// What is no UTF-8 becomes U+FFFD.
std::string as_utf8(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size();) {
    std::size_t size = 1;
    const auto first = static_cast<unsigned char>(bytes[i]);
    if (first >= 0xf0) {
      size = 4;
    } else if (first >= 0xe0) {
      size = 3;
    } else if (first >= 0xc0) {
      size = 2;
    }
    const std::string_view character = bytes.substr(i, size);
    if (character.size() == size && is_utf8(character)) {
      text += character;
      i += size;
    } else {
      text += "\xef\xbf\xbd";
      ++i;
    }
  }
  return text;
}

Result<Value> base64_decode(Arguments arguments) {
  if (!arguments[0].is_string() || utf16_size(arguments[0].string()) > kTextMax)
    return invalid_arguments(IntrinsicFunction::base64_decode);
  return Value(as_utf8(loosely_decoded(arguments[0].string())));
}

const EVP_MD* digest_named(std::string_view name) {
  if (name == "MD5") return EVP_md5();
  if (name == "SHA-1") return EVP_sha1();
  if (name == "SHA-256") return EVP_sha256();
  if (name == "SHA-384") return EVP_sha384();
  if (name == "SHA-512") return EVP_sha512();
  return nullptr;
}

Result<Value> hash(Arguments arguments) {
  const std::string data = java_text(arguments[0]);
  const EVP_MD* algorithm = arguments[1].is_string() ? digest_named(arguments[1].string()) : nullptr;
  if (algorithm == nullptr || utf16_size(data) > kTextMax) return invalid_arguments(IntrinsicFunction::hash);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  check(EVP_Digest(data.data(), data.size(), digest.data(), &size, algorithm, nullptr) == 1, "a digest takes bytes");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) fmt::format_to(std::back_inserter(text), "{:02x}", digest[i]);
  return Value(std::move(text));
}

/// Merges fields one level deep; anything but true as third argument asks for that.
Result<Value> json_merge(Arguments arguments) {
  if (!arguments[0].is_object() || !arguments[1].is_object() || arguments[2] == Value(true))
    return invalid_arguments(IntrinsicFunction::json_merge);
  Value::Object merged = arguments[0].object();
  for (const auto& [name, field] : arguments[1].object()) merged.set(name, field);
  return Value(std::move(merged));
}

/// A well-mixed number of a seed (SplitMix64), the same everywhere.
std::uint64_t mixed(std::uint64_t seed) {
  std::uint64_t bits = seed + 0x9e3779b97f4a7c15;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return bits ^ (bits >> 31);
}

/// A whole number from the first argument to below the second.
Result<Value> math_random(Arguments arguments, Random& random) {
  const auto first = truncated(arguments[0]);
  const auto end = truncated(arguments[1]);
  if (!first || !end || *first >= *end) return invalid_arguments(IntrinsicFunction::math_random);
  double part = 0;
  if (arguments.size() == 3) {
    const auto seed = truncated(arguments[2]);
    if (!seed) return invalid_arguments(IntrinsicFunction::math_random);
    part = static_cast<double>(mixed(static_cast<std::uint64_t>(*seed)) >> 11) * 0x1p-53;
  } else {
    part = unit_interval(random);
  }
  return Value(*first + static_cast<std::int64_t>(part * static_cast<double>(*end - *first)));
}

Result<Value> math_add(Arguments arguments) {
  const auto left = rounded(arguments[0]);
  const auto right = rounded(arguments[1]);
  if (!left || !right || !truncated(Value(*left + *right))) return invalid_arguments(IntrinsicFunction::math_add);
  return Value(*left + *right);
}

/// Each character of the delimiter divides; empty parts fall away.
Result<Value> string_split(Arguments arguments) {
  if (!arguments[0].is_string() || !arguments[1].is_string()) return invalid_arguments(IntrinsicFunction::string_split);
  const std::string& text = arguments[0].string();
  const std::u32string delimiters = code_points(arguments[1].string());
  Value::Array parts;
  std::size_t begin = 0;
  const auto end_part = [&](std::size_t end) {
    if (end > begin) parts.emplace_back(std::string_view(text).substr(begin, end - begin));
  };
  std::size_t place = 0;
  for (const char32_t c : code_points(text)) {
    const std::size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (delimiters.contains(c)) {
      end_part(place);
      begin = place + size;
    }
    place += size;
  }
  end_part(text.size());
  return Value(std::move(parts));
}

}  // namespace

std::optional<IntrinsicFunction> intrinsic_function(std::string_view name) {
  const auto found = std::ranges::find(kFunctions, name, &Function::name);
  if (found == kFunctions.end()) return std::nullopt;
  return static_cast<IntrinsicFunction>(found - kFunctions.begin());
}

std::string_view name_of(IntrinsicFunction function) { return kFunctions[static_cast<std::size_t>(function)].name; }

Result<Value> call(IntrinsicFunction function, std::span<const Value> arguments, Random& random) {
  const Function& known = kFunctions[static_cast<std::size_t>(function)];
  if (arguments.size() < known.arguments_min || arguments.size() > known.arguments_max)
    return refuse(fmt::format("Invalid number of arguments for {}", known.name));
  switch (function) {
    case IntrinsicFunction::format:
      return format(arguments);
    case IntrinsicFunction::string_to_json:
      return string_to_json(arguments);
    case IntrinsicFunction::json_to_string:
      return Value(to_text(arguments[0]));
    case IntrinsicFunction::array:
      return Value(Value::Array(arguments.begin(), arguments.end()));
    case IntrinsicFunction::array_partition:
      return array_partition(arguments);
    case IntrinsicFunction::array_contains:
      return array_contains(arguments);
    case IntrinsicFunction::array_range:
      return array_range(arguments);
    case IntrinsicFunction::array_get_item:
      return array_get_item(arguments);
    case IntrinsicFunction::array_length:
      if (!arguments[0].is_array()) return invalid_arguments(function);
      return Value(arguments[0].array().size());
    case IntrinsicFunction::array_unique:
      if (!arguments[0].is_array()) return invalid_arguments(function);
      return Value(java_hash_set(arguments[0].array()));
    case IntrinsicFunction::base64_encode:
      return base64_encode(arguments);
    case IntrinsicFunction::base64_decode:
      return base64_decode(arguments);
    case IntrinsicFunction::hash:
      return hash(arguments);
    case IntrinsicFunction::json_merge:
      return json_merge(arguments);
    case IntrinsicFunction::math_random:
      return math_random(arguments, random);
    case IntrinsicFunction::math_add:
      return math_add(arguments);
    case IntrinsicFunction::string_split:
      return string_split(arguments);
    case IntrinsicFunction::uuid:
      return Value(uuid4(random.bytes()));
  }
  return invalid_arguments(function);
}

}  // namespace tillite
