#include "server/step_functions_parameters.h"

#include <algorithm>
#include <charconv>

#include "server/aws_error.h"

namespace tillite {
namespace {

constexpr std::size_t kPageStandard = 100;
constexpr std::int64_t kPageMax = 1000;

std::unexpected<Error> refuse(std::string_view name, std::string constraint) {
  return aws_error("ValidationException", fmt::format("1 validation error detected: Value at '{}' failed to satisfy "
                                                      "constraint: {}",
                                                      name, constraint));
}

}  // namespace

Result<std::optional<std::string>> optional_text_of(const Json& parameters, std::string_view name,
                                                    std::size_t bytes_max) {
  const Json* const value = find_field(parameters, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return refuse(name, "Member must be a string");
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() > bytes_max) {
    return refuse(name, fmt::format("Member must have length less than or equal to {}", bytes_max));
  }
  return text;
}

Result<std::string> text_of(const Json& parameters, std::string_view name, std::size_t bytes_max) {
  auto text = TRY(optional_text_of(parameters, name, bytes_max));
  if (!text) return refuse(name, "Member must not be null");
  return *std::move(text);
}

Result<std::size_t> page_size_of(const Json& parameters) {
  const Json* const value = find_field(parameters, "maxResults");
  if (value == nullptr) return kPageStandard;
  if (!value->is_number_integer() || *value < 0 || *value > kPageMax) {
    return refuse("maxResults", fmt::format("Member must have value between 0 and {}", kPageMax));
  }
  return *value == 0 ? kPageStandard : value->get<std::size_t>();
}

std::unexpected<Error> invalid_token() { return aws_error("InvalidToken", "Invalid Token: 'Invalid token'"); }

Result<std::optional<std::int64_t>> number_token_of(const Json& parameters) {
  const auto token = TRY(optional_text_of(parameters, "nextToken", kTokenBytesMax));
  if (!token) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(token->data(), token->data() + token->size(), number);
  if (error != std::errc() || end != token->data() + token->size() || number < 0) return invalid_token();
  return number;
}

Result<bool> wants_all_data(const Json& parameters) {
  const auto included = TRY(optional_text_of(parameters, "includedData", kTokenBytesMax));
  if (!included || included == "ALL_DATA") return true;
  if (included == "METADATA_ONLY") return false;
  return refuse("includedData", "Member must satisfy enum value set: [ALL_DATA, METADATA_ONLY]");
}

Result<Json> page_of_list(std::vector<Json> entries, std::string_view name, const Json& parameters) {
  const std::size_t size = TRY(page_size_of(parameters));
  const auto token = TRY(number_token_of(parameters));
  const std::size_t begin = std::min(static_cast<std::size_t>(token.value_or(0)), entries.size());
  const std::size_t end = std::min(begin + size, entries.size());
  Json page = {{std::string(name), Json::array()}};
  for (std::size_t i = begin; i < end; ++i) page[std::string(name)].push_back(std::move(entries[i]));
  if (end < entries.size()) page["nextToken"] = std::to_string(end);
  return page;
}

}  // namespace tillite
