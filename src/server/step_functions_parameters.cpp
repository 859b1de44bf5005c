#include "server/step_functions_parameters.h"

#include "base/number_text.h"
#include "server/aws_error.h"
#include "server/list_page.h"

namespace tillite {
namespace {

constexpr std::size_t kPageStandard = 100;
constexpr std::int64_t kPageMax = 1000;

}  // namespace

Result<std::optional<std::string>> optional_text_of(const Json& parameters, std::string_view name,
                                                    std::size_t bytes_max) {
  const Json* const value = find_field(parameters, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return constraint_error(name, "Member must be a string");
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() > bytes_max) {
    return constraint_error(name, fmt::format("Member must have length less than or equal to {}", bytes_max));
  }
  return text;
}

Result<std::string> text_of(const Json& parameters, std::string_view name, std::size_t bytes_max) {
  auto text = TRY(optional_text_of(parameters, name, bytes_max));
  if (!text) return constraint_error(name, "Member must not be null");
  return *std::move(text);
}

Result<std::size_t> page_size_of(const Json& parameters) {
  const Json* const value = find_field(parameters, "maxResults");
  if (value == nullptr) return kPageStandard;
  if (!value->is_number_integer() || *value < 0 || *value > kPageMax) {
    return constraint_error("maxResults", fmt::format("Member must have value between 0 and {}", kPageMax));
  }
  return *value == 0 ? kPageStandard : value->get<std::size_t>();
}

std::unexpected<Error> invalid_token() { return aws_error("InvalidToken", "Invalid Token: 'Invalid token'"); }

Result<std::optional<std::int64_t>> number_token_of(const Json& parameters) {
  const auto token = TRY(optional_text_of(parameters, "nextToken", kTokenBytesMax));
  if (!token) return std::nullopt;
  const auto number = parse_whole_number(*token);
  if (!number || *number < 0) return invalid_token();
  return number;
}

Result<bool> wants_all_data(const Json& parameters) {
  const auto included = TRY(optional_text_of(parameters, "includedData", kTokenBytesMax));
  if (!included || included == "ALL_DATA") return true;
  if (included == "METADATA_ONLY") return false;
  return constraint_error("includedData", "Member must satisfy enum value set: [ALL_DATA, METADATA_ONLY]");
}

Result<Json> page_of_list(std::vector<Json> entries, std::string_view name, const Json& parameters) {
  const std::size_t size = TRY(page_size_of(parameters));
  const auto token = TRY(number_token_of(parameters));
  ListPage listed = page_at(std::move(entries), token.value_or(0), static_cast<std::int64_t>(size));
  Json page = {{std::string(name), std::move(listed.entries)}};
  if (!listed.next.empty()) page["nextToken"] = listed.next;
  return page;
}

}  // namespace tillite
