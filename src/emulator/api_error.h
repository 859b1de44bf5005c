#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace tillite {

/// What OpenAI answers instead of a result: a status of HTTP and {"error": {message, type, param, code}}.
class [[nodiscard]] ApiError {
 public:
  ApiError(unsigned status, std::string message) : status_(status), message_(std::move(message)) {}
  /// What went wrong here is the server's fault to the caller: status 500, "server_error".
  ApiError(const Error& error);  // NOLINT(google-explicit-constructor): so that TRY passes it on

  [[nodiscard]] ApiError of_type(std::string type) &&;
  [[nodiscard]] ApiError at(std::string param) &&;
  [[nodiscard]] ApiError coded(std::string code) &&;

  [[nodiscard]] unsigned status() const { return status_; }
  [[nodiscard]] const std::string& message() const { return message_; }
  [[nodiscard]] const std::optional<std::string>& code() const { return code_; }
  /// {"error": {...}}; `param` and `code` are null where there is none.
  [[nodiscard]] Json body() const;

 private:
  unsigned status_;
  std::string message_;
  std::string type_ = "invalid_request_error";
  std::optional<std::string> param_;
  std::optional<std::string> code_;
};

/// A value, or what OpenAI answers in its place.
template <typename T>
using ApiResult = std::expected<T, ApiError>;

// The errors that several calls share, in OpenAI's words.
[[nodiscard]] ApiError missing_parameter(std::string_view name);
/// `supported` is a list as it stands in a sentence: "'24h'".
[[nodiscard]] ApiError invalid_value(std::string_view name, std::string_view value, std::string_view supported);
[[nodiscard]] ApiError invalid_type(std::string_view name, std::string_view expected, const Json& got);
[[nodiscard]] ApiError no_such_file(std::string_view id);
[[nodiscard]] ApiError no_such_batch(std::string_view id);
[[nodiscard]] ApiError no_such_url(std::string_view method, std::string_view path);

namespace detail {
/// Has TRY take an ApiResult too.
template <typename T>
T take(ApiResult<T>&& result) {
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}
}  // namespace detail

}  // namespace tillite
