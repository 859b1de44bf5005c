#include "emulator/wire/header_value.h"

#include <algorithm>

namespace tillite {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return result;
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Takes a quoted text off the front; nothing if its end is missing.
std::optional<std::string> take_quoted(std::string_view& rest) {
  std::string text;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return text;
    }
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
    text += rest[i];
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> HeaderValue::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::nullopt : std::optional(found->second);
}

std::optional<HeaderValue> parse_header_value(std::string_view text) {
  const std::size_t end = std::min(text.find(';'), text.size());
  HeaderValue header{.value = lower(without_blanks(text.substr(0, end)))};
  if (header.value.empty()) return std::nullopt;
  std::string_view rest = text.substr(end);
  while (!(rest = without_blanks(rest)).empty()) {
    if (!rest.starts_with(';')) return std::nullopt;
    rest = without_blanks(rest.substr(1));
    if (rest.empty()) break;
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    std::string name = lower(without_blanks(rest.substr(0, equals)));
    if (name.empty() || name.find(';') != std::string::npos) return std::nullopt;
    rest = without_blanks(rest.substr(equals + 1));
    std::string value;
    if (rest.starts_with('"')) {
      auto quoted = take_quoted(rest);
      if (!quoted) return std::nullopt;
      value = *std::move(quoted);
    } else {
      const std::size_t stop = std::min(rest.find(';'), rest.size());
      value = without_blanks(rest.substr(0, stop));
      rest.remove_prefix(stop);
    }
    header.parameters.emplace(std::move(name), std::move(value));
  }
  return header;
}

}  // namespace tillite
