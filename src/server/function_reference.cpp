#include "server/function_reference.h"

#include <algorithm>

#include "server/aws_error.h"

namespace tillite {
namespace {

constexpr std::string_view kKind = "function:";
constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kQualifierBytesMax = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_word(std::string_view text, std::size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
  });
}

bool is_qualifier(std::string_view text) { return text == "$LATEST" || is_word(text, kQualifierBytesMax); }

/// What stands behind "arn:aws:lambda:REGION:ACCOUNT:function:", "ACCOUNT:function:" or nothing of that; empty if that
/// is of another kind.
std::string without_place(std::string_view text) {
  if (text.starts_with("arn:")) {
    const auto arn = parse_arn(text);
    if (!arn || arn->service != "lambda" || !arn->resource.starts_with(kKind)) return {};
    return arn->resource.substr(kKind.size());
  }
  std::string_view rest = text;
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && std::ranges::all_of(text.substr(0, colon), is_digit) &&
      text.substr(colon + 1).starts_with(kKind)) {
    rest.remove_prefix(colon + 1);
  }
  if (rest.starts_with(kKind)) rest.remove_prefix(kKind.size());
  return std::string(rest);
}

}  // namespace

Result<FunctionReference> parse_function_reference(std::string_view text) {
  const std::string rest = without_place(text);
  const std::size_t colon = std::min(rest.find(':'), rest.size());
  const bool is_qualified = colon != rest.size();
  FunctionReference function = {.name = rest.substr(0, colon), .qualifier = is_qualified ? rest.substr(colon + 1) : ""};
  if (is_word(function.name, kNameBytesMax) && (!is_qualified || is_qualifier(function.qualifier))) return function;
  return constraint_error(
      "functionName", fmt::format("Member must be a function's name or ARN, with a version or an alias behind it or "
                                  "not, but is '{}'",
                                  text.substr(0, 256)));
}

std::string function_arn(const AwsPlace& place, const FunctionReference& function) {
  return fmt::format("{}{}{}", place.arn("lambda", fmt::format("{}{}", kKind, function.name)),
                     function.qualifier.empty() ? "" : ":", function.qualifier);
}

}  // namespace tillite
