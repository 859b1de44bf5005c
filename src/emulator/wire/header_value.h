#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tillite {

/// A header's value with parameters, as Content-Type and Content-Disposition have them (RFC 9110, RFC 7578):
/// `form-data; name="file"; filename="a.jsonl"`.
struct HeaderValue {
  std::string value;                              ///< "form-data", in lower case
  std::map<std::string, std::string> parameters;  ///< names in lower case; texts without their quotes

  [[nodiscard]] std::optional<std::string> parameter(const std::string& name) const;
};

/// Nothing for what has not that form. Of a parameter that is there twice the first counts.
[[nodiscard]] std::optional<HeaderValue> parse_header_value(std::string_view text);

}  // namespace tillite
