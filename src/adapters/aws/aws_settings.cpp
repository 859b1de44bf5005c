#include "adapters/aws/aws_settings.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/http_client.h"
#include "base/number_text.h"

namespace tillite {
namespace {

constexpr std::size_t kUrlBytesMax = 2048;
constexpr std::size_t kRegionBytesMax = 40;
constexpr std::int64_t kAttemptsMax = 50;

struct ApiName {
  AwsApi api;
  std::string_view signing;   ///< in signatures and hosts
  std::string_view variable;  ///< behind AWS_ENDPOINT_URL_
  std::string_view config;    ///< in a section [services NAME]
};
constexpr std::array<ApiName, 5> kApiNames = {{{AwsApi::dynamodb, "dynamodb", "DYNAMODB", "dynamodb"},
                                               {AwsApi::s3, "s3", "S3", "s3"},
                                               {AwsApi::sqs, "sqs", "SQS", "sqs"},
                                               {AwsApi::step_functions, "states", "SFN", "sfn"},
                                               {AwsApi::sts, "sts", "STS", "sts"}}};

/// A variable that is set to nothing is not set.
std::optional<std::string> variable(const Environment& environment, const std::string& name) {
  auto value = environment(name);
  return value && value->empty() ? std::nullopt : std::move(value);
}

Result<std::string> checked_url(std::string url, const std::string& name) {
  const bool is_url = url.size() <= kUrlBytesMax && is_http_url(url) &&
                      std::ranges::none_of(url, [](char c) { return static_cast<unsigned char>(c) <= 0x20; }) &&
                      url.find_first_of("?#@\x7f") == std::string::npos;
  if (!is_url) {
    return fail(Code::invalid_input,
                "{} must be an address such as http://127.0.0.1:5000, without a query and a password", name);
  }
  while (url.ends_with('/')) url.pop_back();
  return url;
}

/// It goes into the names of hosts.
Result<std::string> checked_region(std::string region, std::string_view name) {
  const bool is_region = region.size() <= kRegionBytesMax && std::ranges::all_of(region, [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                         });
  if (!is_region) return fail(Code::invalid_input, "{} must be a region such as eu-central-1", name);
  return region;
}

Path shared_file(const Environment& environment, const std::string& name, std::string_view file) {
  const auto home = variable(environment, "HOME");
  const auto named = variable(environment, name);
  if (!named) return home ? Path(*home) / ".aws" / file : Path();
  if (named->starts_with("~/") && home) return Path(*home) / named->substr(2);
  return Path(*named);
}

Result<void> add_shared_file(const Path& path, SharedConfig::File kind, SharedConfig& shared) {
  if (path.empty()) return {};
  auto text = read_file(path, std::size_t{1} << 20);
  if (!text && text.error().code() == Code::not_found) return {};
  if (!text) return std::unexpected(text.error());
  auto added = shared.add(*text, kind, path.string());
  wipe(*text);  // there may be keys in it
  return added;
}

Result<void> read_region(const Environment& environment, AwsSettings& settings) {
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    const auto value = variable(environment, name);
    if (!value) continue;
    settings.region = TRY(checked_region(*value, fmt::format("the variable {}", name)));
    return {};
  }
  const auto value = settings.shared.profile_value(settings.profile, "region");
  if (!value) {
    return fail(Code::invalid_input, "no region of AWS: set AWS_REGION, or 'region' in the profile '{}'",
                settings.profile);
  }
  settings.region = TRY(checked_region(*value, fmt::format("'region' of the profile '{}'", settings.profile)));
  return {};
}

bool ignores_endpoints(const Environment& environment, const AwsSettings& settings) {
  const auto value = variable(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
  return value.value_or(
             settings.shared.profile_value(settings.profile, "ignore_configured_endpoint_urls").value_or("false")) ==
         "true";
}

Result<void> read_endpoints(const Environment& environment, AwsSettings& settings) {
  if (ignores_endpoints(environment, settings)) return {};
  const auto common = variable(environment, "AWS_ENDPOINT_URL");
  if (common) settings.endpoint_url = TRY(checked_url(*common, "the variable AWS_ENDPOINT_URL"));
  const auto services = settings.shared.profile_value(settings.profile, "services");
  for (const ApiName& api : kApiNames) {
    const std::string name = fmt::format("AWS_ENDPOINT_URL_{}", api.variable);
    if (const auto value = variable(environment, name)) {
      settings.service_endpoints[api.api] = TRY(checked_url(*value, fmt::format("the variable {}", name)));
    } else if (services && !common) {
      const std::string place = fmt::format("{}.endpoint_url", api.config);
      if (const auto configured = settings.shared.services_value(*services, place)) {
        settings.service_endpoints[api.api] =
            TRY(checked_url(*configured, fmt::format("'{}' of [services {}]", place, *services)));
      }
    }
  }
  if (common) return {};
  if (const auto configured = settings.shared.profile_value(settings.profile, "endpoint_url")) {
    settings.endpoint_url =
        TRY(checked_url(*configured, fmt::format("'endpoint_url' of the profile '{}'", settings.profile)));
  }
  return {};
}

Result<void> read_attempts(const Environment& environment, AwsSettings& settings) {
  const auto text = variable(environment, "AWS_MAX_ATTEMPTS");
  if (!text) return {};
  const auto number = parse_whole_number(*text);
  if (!number || *number < 1 || *number > kAttemptsMax) {
    return fail(Code::invalid_input, "the variable AWS_MAX_ATTEMPTS must be a whole number from 1 to {}", kAttemptsMax);
  }
  settings.retries.attempts_max = static_cast<int>(*number);
  return {};
}

}  // namespace

std::string_view signing_name(AwsApi api) { return std::ranges::find(kApiNames, api, &ApiName::api)->signing; }

bool AwsSettings::has_own_endpoint(AwsApi api) const {
  return !endpoint_url.empty() || service_endpoints.contains(api);
}

std::string AwsSettings::endpoint_of(AwsApi api) const {
  if (const auto own = service_endpoints.find(api); own != service_endpoints.end()) return own->second;
  if (!endpoint_url.empty()) return endpoint_url;
  return fmt::format("https://{}.{}.amazonaws.com{}", signing_name(api), region,
                     region.starts_with("cn-") ? ".cn" : "");
}

Result<AwsSettings> read_aws_settings(const Environment& environment) {
  AwsSettings settings;
  const auto profile = variable(environment, "AWS_PROFILE");
  settings.profile = profile.value_or("default");
  const Path config = shared_file(environment, "AWS_CONFIG_FILE", "config");
  TRY(add_shared_file(config, SharedConfig::File::config, settings.shared));
  const Path credentials = shared_file(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  TRY(add_shared_file(credentials, SharedConfig::File::credentials, settings.shared));
  if (profile && !settings.shared.has_profile(*profile)) {
    return fail(Code::invalid_input, "AWS_PROFILE names the profile '{}', which is neither in {} nor in {}", *profile,
                config.string(), credentials.string());
  }
  TRY(read_region(environment, settings));
  TRY(read_endpoints(environment, settings));
  TRY(read_attempts(environment, settings));
  settings.certificates_file = variable(environment, "AWS_CA_BUNDLE")
                                   .value_or(settings.shared.profile_value(settings.profile, "ca_bundle").value_or(""));
  return settings;
}

}  // namespace tillite
