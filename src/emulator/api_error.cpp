#include "emulator/api_error.h"

#include <fmt/format.h>

namespace tillite {
namespace {

constexpr std::size_t kQuotedMax = 200;

Json text_or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

/// As OpenAI calls the types of JSON in its messages.
std::string_view type_in_words(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::boolean:
      return "a boolean";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::number_float:
      return "a decimal number";
    default:
      return "an integer";
  }
}

}  // namespace

ApiError::ApiError(const Error& error)
    : status_(500),
      message_(fmt::format("The server had an error while processing your request: {}", error.message())),
      type_("server_error") {}

ApiError ApiError::of_type(std::string type) && {
  type_ = std::move(type);
  return std::move(*this);
}

ApiError ApiError::at(std::string param) && {
  param_ = std::move(param);
  return std::move(*this);
}

ApiError ApiError::coded(std::string code) && {
  code_ = std::move(code);
  return std::move(*this);
}

Json ApiError::body() const {
  return {{"error",
           {{"message", message_}, {"type", type_}, {"param", text_or_null(param_)}, {"code", text_or_null(code_)}}}};
}

ApiError missing_parameter(std::string_view name) {
  return ApiError(400, fmt::format("Missing required parameter: '{}'.", name))
      .at(std::string(name))
      .coded("missing_required_parameter");
}

ApiError invalid_value(std::string_view name, std::string_view value, std::string_view supported) {
  return ApiError(400,
                  fmt::format("Invalid value: '{}'. Supported values are: {}.", value.substr(0, kQuotedMax), supported))
      .at(std::string(name))
      .coded("invalid_value");
}

ApiError invalid_type(std::string_view name, std::string_view expected, const Json& got) {
  return ApiError(400, fmt::format("Invalid type for '{}': expected {}, but got {} instead.", name, expected,
                                   type_in_words(got)))
      .at(std::string(name))
      .coded("invalid_type");
}

ApiError no_such_file(std::string_view id) {
  return ApiError(404, fmt::format("No such File object: {}", id.substr(0, kQuotedMax))).at("id");
}

ApiError no_such_batch(std::string_view id) {
  return {404, fmt::format("No batch found with id '{}'.", id.substr(0, kQuotedMax))};
}

ApiError no_such_url(std::string_view method, std::string_view path) {
  return {404, fmt::format("Invalid URL ({} {})", method, path.substr(0, kQuotedMax))};
}

}  // namespace tillite
