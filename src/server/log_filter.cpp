#include "server/log_filter.h"

#include <algorithm>

#include "server/aws_error.h"

namespace tillite {
namespace {

constexpr std::size_t kPatternBytesMax = 1024;

std::unexpected<Error> refuse(std::string message) {
  return aws_error("InvalidParameterException", std::move(message));
}

bool is_term_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// The term at the front of `rest`, which it takes away: a word, or what stands between quotation marks.
Result<std::string> take_term(std::string_view& rest) {
  std::string term;
  if (rest.starts_with('"')) {
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '"') {
        rest.remove_prefix(i + 1);
        if (term.empty()) return refuse("Invalid filter pattern: a quoted term is empty");
        return term;
      }
      if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) ++i;
      term += rest[i];
    }
    return refuse("Invalid filter pattern: a quotation mark is not closed");
  }
  while (!rest.empty() && is_term_character(rest.front())) {
    term += rest.front();
    rest.remove_prefix(1);
  }
  if (!rest.empty() && rest.front() != ' ' && rest.front() != '\t') {
    return refuse(
        fmt::format("Invalid filter pattern: a term with '{}' must stand between quotation marks", rest.substr(0, 1)));
  }
  if (term.empty()) return refuse("Invalid filter pattern: a term is missing behind '?' or '-'");
  return term;
}

}  // namespace

Result<LogFilter> LogFilter::parse(std::string_view pattern) {
  if (pattern.size() > kPatternBytesMax) {
    return refuse(fmt::format("Invalid filter pattern: more than {} bytes", kPatternBytesMax));
  }
  LogFilter filter;
  std::string_view rest = pattern;
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (rest.empty()) return filter;
    if (rest.front() == '{' || rest.front() == '[' || rest.front() == '%') {
      return refuse(
          "Invalid filter pattern: terms are supported here, but not patterns for JSON, for fields, and "
          "regular expressions");
    }
    auto& terms = rest.front() == '?' ? filter.optional_ : rest.front() == '-' ? filter.excluded_ : filter.required_;
    if (rest.front() == '?' || rest.front() == '-') rest.remove_prefix(1);
    terms.push_back(TRY(take_term(rest)));
  }
}

bool LogFilter::matches(std::string_view message) const {
  const auto is_in = [&](const std::string& term) { return message.find(term) != std::string_view::npos; };
  if (std::ranges::any_of(excluded_, is_in) || !std::ranges::all_of(required_, is_in)) return false;
  return optional_.empty() || !required_.empty() || std::ranges::any_of(optional_, is_in);
}

}  // namespace tillite
