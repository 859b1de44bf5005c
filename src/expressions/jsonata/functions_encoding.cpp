#include <array>

#include "base/base64.h"
#include "base/text.h"
#include "expressions/jsonata/builtins.h"
#include "expressions/jsonata/evaluator.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

using Arguments = Builtin::Arguments;

constexpr std::string_view kHexadecimals = "0123456789ABCDEF";
constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()";
constexpr std::string_view kReserved = ";/?:@&=+$,#";

/// One byte for each UTF-16 unit, as JSONata has it: characters beyond Latin-1 lose their upper bits.
Result<Datum> base64_encode(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const std::string& text = argument(arguments, 0).string();
  TRY(evaluator.charge_text(text.size()));
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < text.size(); i += code_point_size(text, i)) {
    const char32_t code_point = code_point_at(text, i);
    if (code_point >= 0x10000) bytes.push_back(static_cast<std::byte>((code_point - 0x10000) >> 10));
    bytes.push_back(static_cast<std::byte>(code_point));
  }
  return evaluator.text(base64_of(bytes));
}

/// Leniently: other characters are passed over, the alphabet for URLs is known, too, and padding ends the text.
Result<Datum> base64_decode(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string decoded;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : argument(arguments, 0).string()) {
    if (c == '=') break;
    const std::size_t value = kAlphabet.find(c == '-' ? '+' : c == '_' ? '/' : c);
    if (value == std::string_view::npos) continue;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      append_code_point(decoded, bits >> count & 0xff);
    }
  }
  return evaluator.text(std::move(decoded));
}

std::unexpected<Error> malformed(std::string_view function, const std::string& text) {
  return fault("D3140", {.value = json_text(Value(text)), .token = std::string(function)});
}

Result<Datum> encode(Evaluator& evaluator, const Arguments& arguments, std::string_view function,
                     std::string_view kept) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const std::string& text = argument(arguments, 0).string();
  if (!is_utf8(text)) return malformed(function, text);
  std::string encoded;
  for (const char c : text) {
    if (kUnreserved.contains(c) || kept.contains(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      encoded.append({'%', kHexadecimals[byte >> 4], kHexadecimals[byte & 15]});
    }
  }
  return evaluator.text(std::move(encoded));
}

Result<Datum> decode(Evaluator& evaluator, const Arguments& arguments, std::string_view function,
                     std::string_view kept) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const std::string& text = argument(arguments, 0).string();
  const auto digit = [&](std::size_t at) {
    if (at >= text.size()) return std::string_view::npos;
    const char c = text[at];
    return kHexadecimals.find(c >= 'a' && c <= 'f' ? static_cast<char>(c - 0x20) : c);
  };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const std::size_t high = digit(i + 1);
    const std::size_t low = digit(i + 2);
    if (high == std::string_view::npos || low == std::string_view::npos) return malformed(function, text);
    const char byte = static_cast<char>(high << 4 | low);
    if (kept.contains(byte)) {
      decoded.append(text, i, 3);
    } else {
      decoded += byte;
    }
    i += 2;
  }
  if (!is_utf8(decoded)) return malformed(function, text);
  return evaluator.text(std::move(decoded));
}

Result<Datum> encode_url_component(Evaluator& evaluator, const Arguments& arguments) {
  return encode(evaluator, arguments, "encodeUrlComponent", "");
}
Result<Datum> encode_url(Evaluator& evaluator, const Arguments& arguments) {
  return encode(evaluator, arguments, "encodeUrl", kReserved);
}
Result<Datum> decode_url_component(Evaluator& evaluator, const Arguments& arguments) {
  return decode(evaluator, arguments, "decodeUrlComponent", "");
}
Result<Datum> decode_url(Evaluator& evaluator, const Arguments& arguments) {
  return decode(evaluator, arguments, "decodeUrl", kReserved);
}

}  // namespace

void add_encoding_functions(std::vector<Builtin>& builtins) {
  builtins.push_back(builtin("base64encode", "<s-:s>", 1, base64_encode));
  builtins.push_back(builtin("base64decode", "<s-:s>", 1, base64_decode));
  builtins.push_back(builtin("encodeUrlComponent", "<s-:s>", 1, encode_url_component));
  builtins.push_back(builtin("encodeUrl", "<s-:s>", 1, encode_url));
  builtins.push_back(builtin("decodeUrlComponent", "<s-:s>", 1, decode_url_component));
  builtins.push_back(builtin("decodeUrl", "<s-:s>", 1, decode_url));
}

}  // namespace tillite::jsonata
