#include "app/parts/openai_environment.h"

#include <algorithm>

#include "base/http_client.h"

namespace tillite {
namespace {

constexpr std::size_t kUrlBytesMax = 2048;
constexpr std::size_t kKeyBytesMax = 4096;
constexpr std::string_view kBlanks = " \t\r\n";

std::string value_of(const Environment& environment, const std::string& name) { return environment(name).value_or(""); }

/// What goes into a header: no blanks around it, as the end of a file's line would be, and nothing unprintable in it.
Result<std::string> header_value(const Environment& environment, const std::string& name) {
  std::string value = value_of(environment, name);
  value.erase(std::min(value.find_last_not_of(kBlanks) + 1, value.size()));
  value.erase(0, std::min(value.find_first_not_of(kBlanks), value.size()));
  const bool is_printable = std::ranges::all_of(value, [](char c) { return c > 0x20 && c < 0x7f; });
  if (is_printable && value.size() <= kKeyBytesMax) return value;
  wipe(value);
  return fail(Code::invalid_input, "the variable {} must be at most {} printable characters without blanks", name,
              kKeyBytesMax);
}

Result<std::string> base_url(const Environment& environment) {
  std::string url = value_of(environment, "OPENAI_BASE_URL");
  if (url.empty()) return OpenAiSettings().base_url;
  const bool is_url = url.size() <= kUrlBytesMax && is_http_url(url) &&
                      std::ranges::none_of(url, [](char c) { return static_cast<unsigned char>(c) <= 0x20; }) &&
                      url.find_first_of("?#@\x7f") == std::string::npos;
  if (!is_url) {
    return fail(
        Code::invalid_input,
        "the variable OPENAI_BASE_URL must be an address such as https://api.openai.com/v1, without a query and "
        "a password");
  }
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

bool names_openai(const Environment& environment) {
  return !value_of(environment, "OPENAI_API_KEY").empty() || !value_of(environment, "OPENAI_BASE_URL").empty();
}

Result<OpenAiSettings> read_openai_settings(const Environment& environment) {
  OpenAiSettings settings;
  settings.needs_key = value_of(environment, "OPENAI_BASE_URL").empty();
  settings.base_url = TRY(base_url(environment));
  settings.api_key = Secret(TRY(header_value(environment, "OPENAI_API_KEY")));
  settings.organization = TRY(header_value(environment, "OPENAI_ORG_ID"));
  settings.project = TRY(header_value(environment, "OPENAI_PROJECT_ID"));
  settings.certificates_file = value_of(environment, "SSL_CERT_FILE");
  return settings;
}

}  // namespace tillite
