// Where credentials come from, in the order in which they are asked.
#include <algorithm>
#include <set>

#include "adapters/aws/credentials.h"
#include "adapters/aws/sts.h"
#include "base/check.h"
#include "base/file.h"
#include "base/number_text.h"
#include "base/subprocess.h"

namespace tillite {
namespace {

constexpr std::size_t kTokenBytesMax = 64 * 1024;
constexpr std::size_t kAnswerBytesMax = 64 * 1024;
constexpr std::int64_t kProcessMsMax = 60'000;
constexpr std::int64_t kLinkConnectMs = 1'000;  // these addresses are on the machine's own link, or nowhere
constexpr std::int64_t kLinkCallMs = 5'000;
constexpr std::size_t kRolesMax = 8;  // one assumed by another

using Fetched = Result<std::optional<IssuedCredential>>;

std::optional<std::string> variable(const Environment& environment, const std::string& name) {
  auto value = environment(name);
  return value && value->empty() ? std::nullopt : std::move(value);
}

/// What every source may need.
struct Surroundings {
  AwsSettings settings;
  Environment environment;
  Clock& clock;
  Random& random;
  Logger log;

  [[nodiscard]] AwsClient sts(std::shared_ptr<Credentials> credentials) const {
    return {AwsApi::sts, settings, std::move(credentials), clock, random, log};
  }
  [[nodiscard]] std::optional<std::string> of_profile(const std::string& profile, const std::string& name) const {
    return settings.shared.profile_value(profile, name);
  }
  [[nodiscard]] std::string session_name() const { return fmt::format("tillite-{}", clock.now_ms()); }
};

class OneCredential final : public CredentialSource {
 public:
  explicit OneCredential(IssuedCredential credential) : credential_(std::move(credential)) {}
  Fetched fetch(const std::stop_token& /*stop*/) override {
    if (!credential_) return std::nullopt;
    return std::exchange(credential_, std::nullopt);
  }

 private:
  std::optional<IssuedCredential> credential_;
};

Fetched from_variables(const Environment& environment) {
  auto id = variable(environment, "AWS_ACCESS_KEY_ID");
  auto secret = variable(environment, "AWS_SECRET_ACCESS_KEY");
  if (id.has_value() != secret.has_value()) {
    return fail(Code::invalid_input, "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is set: set both, or none");
  }
  if (!id) return std::nullopt;
  return IssuedCredential{
      .credential = {.access_key_id = *std::move(id),
                     .secret_access_key = Secret(*std::move(secret)),
                     .session_token = Secret(variable(environment, "AWS_SESSION_TOKEN").value_or(""))},
      .expires_ms = {}};
}

Result<Secret> read_token(const std::string& file) {
  auto token = TRY(read_file(file, kTokenBytesMax));
  while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
  return Secret(std::move(token));
}

Fetched from_web_identity(const Surroundings& place, const std::string& file, Role role, const std::stop_token& stop) {
  const Secret token = TRY(read_token(file));
  AwsClient sts = place.sts(nullptr);
  return TRY(assume_role_with_web_identity(sts, role, token, stop));
}

Fetched from_web_identity_variables(const Surroundings& place, const std::stop_token& stop) {
  const auto file = variable(place.environment, "AWS_WEB_IDENTITY_TOKEN_FILE");
  const auto arn = variable(place.environment, "AWS_ROLE_ARN");
  if (!file || !arn) return std::nullopt;
  return from_web_identity(
      place, *file,
      {.arn = *arn,
       .session_name = variable(place.environment, "AWS_ROLE_SESSION_NAME").value_or(place.session_name())},
      stop);
}

Fetched from_process(const std::string& command, const std::stop_token& stop) {
  auto outcome = TRY(run_subprocess(
      {.words = {"/bin/sh", "-c", command}, .timeout_ms = kProcessMsMax, .output_bytes_max = kAnswerBytesMax}, stop));
  if (outcome.exit_status != 0) {
    return fail(Code::permission, "credential_process ended with status {}: {}", outcome.exit_status,
                outcome.error_tail.substr(0, 500));
  }
  auto credential = parse_credential_json(outcome.output, "credential_process");
  wipe(outcome.output);
  return TRY(std::move(credential));
}

/// An address that may be given a token: https, this machine, or where containers have their credentials.
bool is_trusted_address(std::string_view url) {
  if (url.starts_with("https://")) return true;
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return false;
  url.remove_prefix(kScheme.size());
  std::string_view host = url.substr(0, std::min(url.find_first_of("/?"), url.size()));
  if (host.contains('@')) return false;
  const std::size_t colon = host.starts_with('[') ? host.find("]:") : host.find(':');
  if (colon != std::string_view::npos) host = host.substr(0, colon + (host.starts_with('[') ? 1 : 0));
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]" || host == "169.254.170.2" ||
         host == "169.254.170.23" || host == "[fd00:ec2::23]";
}

Result<HttpResponse> ask(const std::string& method, const std::string& url, HttpHeaders headers,
                         const std::stop_token& stop) {
  HttpClient http({.uses_proxies = false});
  return http.send({.method = method,
                    .url = url,
                    .headers = std::move(headers),
                    .connect_timeout_ms = kLinkConnectMs,
                    .timeout_ms = kLinkCallMs,
                    .response_bytes_max = kAnswerBytesMax},
                   stop);
}

Result<IssuedCredential> credential_of(Result<HttpResponse> answer, std::string_view source) {
  HttpResponse response = TRY(std::move(answer));
  if (!response.is_success()) {
    const Code code = response.status >= 500 || response.status == 429 ? Code::unavailable : Code::permission;
    return fail(code, "{} answers with status {}", source, response.status);
  }
  auto credential = parse_credential_json(response.body, source);
  wipe(response.body);
  return credential;
}

Fetched from_container(const Surroundings& place, const std::stop_token& stop) {
  const auto relative = variable(place.environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const auto full = variable(place.environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!relative && !full) return std::nullopt;
  const std::string url = relative ? "http://169.254.170.2" + *relative : *full;
  if (!is_trusted_address(url)) {
    return fail(Code::invalid_input,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or on this machine, or where containers have it");
  }
  HttpHeaders headers;
  if (const auto file = variable(place.environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
    headers.emplace_back("Authorization", std::string(TRY(read_token(*file)).reveal()));
  } else if (const auto token = variable(place.environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN")) {
    headers.emplace_back("Authorization", *token);
  }
  return TRY(credential_of(ask("GET", url, std::move(headers), stop), "the container's source of credentials"));
}

/// Version 2: a token first. Where nobody answers there is no instance.
Fetched from_instance(const Surroundings& place, const std::stop_token& stop) {
  if (variable(place.environment, "AWS_EC2_METADATA_DISABLED") == "true") return std::nullopt;
  const std::string origin =
      variable(place.environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or("http://169.254.169.254");
  const std::string base = origin + (origin.ends_with('/') ? "" : "/") + "latest/";
  const auto token = ask("PUT", base + "api/token", {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}}, stop);
  if (stop.stop_requested()) return fail(Code::cancelled, "stopped while asking for a credential");
  if (token && (token->status >= 500 || token->status == 429)) {
    return fail(Code::unavailable, "the instance's metadata answer with status {}", token->status);
  }
  if (!token || !token->is_success()) return std::nullopt;
  const HttpHeaders headers = {{"x-aws-ec2-metadata-token", token->body}};
  const std::string roles = base + "meta-data/iam/security-credentials/";
  const HttpResponse listed = TRY(ask("GET", roles, headers, stop));
  if (listed.status == 404) return std::nullopt;  // an instance without a role
  const std::string role = listed.body.substr(0, listed.body.find_first_of("\r\n"));
  if (!listed.is_success() || role.empty()) {
    return fail(Code::unavailable, "the instance's metadata answer with status {}", listed.status);
  }
  return TRY(credential_of(ask("GET", roles + role, headers, stop), "the instance's metadata"));
}

/// What a profile of the shared files says.
class ProfileReader {
 public:
  ProfileReader(const Surroundings& place, const std::stop_token& stop) : place_(place), stop_(stop) {}

  Fetched read(const std::string& profile) {
    if (!seen_.insert(profile).second || seen_.size() > kRolesMax) {
      return fail(Code::invalid_input, "the profile '{}' leads back to itself, or over more than {} others", profile,
                  kRolesMax);
    }
    if (const auto arn = place_.of_profile(profile, "role_arn"); arn && seen_.size() == 1) {
      return with_role(profile, *arn);
    }
    auto keys = TRY(with_keys(profile));
    if (keys) return keys;
    if (const auto arn = place_.of_profile(profile, "role_arn")) return with_role(profile, *arn);
    if (const auto command = place_.of_profile(profile, "credential_process")) {
      return named(from_process(*command, stop_), profile);
    }
    for (const char* name : {"sso_session", "sso_start_url"}) {
      if (!place_.of_profile(profile, name)) continue;
      return fail(Code::unsupported,
                  "the profile '{}' signs in with a browser: set its credential_process to 'aws configure "
                  "export-credentials --profile {}'",
                  profile, profile);
    }
    return std::nullopt;
  }

 private:
  static Fetched named(Fetched fetched, const std::string& profile) {
    if (!fetched) return pass_on(fetched, fmt::format("the profile '{}'", profile));
    return fetched;
  }

  Fetched with_keys(const std::string& profile) {
    const auto id = place_.of_profile(profile, "aws_access_key_id");
    const auto secret = place_.settings.shared.profile_secret(profile, "aws_secret_access_key");
    if (id.has_value() != (secret != nullptr)) {
      return fail(Code::invalid_input,
                  "the profile '{}' has one of aws_access_key_id and aws_secret_access_key: it needs both", profile);
    }
    if (!id) return std::nullopt;
    const auto token = place_.settings.shared.profile_secret(profile, "aws_session_token");
    return IssuedCredential{.credential = {.access_key_id = *id,
                                           .secret_access_key = Secret(std::string(secret->reveal())),
                                           .session_token = Secret(token ? std::string(token->reveal()) : "")},
                            .expires_ms = {}};
  }

  Fetched with_role(const std::string& profile, const std::string& arn) {
    if (place_.of_profile(profile, "mfa_serial")) {
      return fail(Code::unsupported, "the profile '{}' wants a code of a device (mfa_serial)", profile);
    }
    Role role{.arn = arn,
              .session_name = place_.of_profile(profile, "role_session_name").value_or(place_.session_name()),
              .external_id = place_.of_profile(profile, "external_id")};
    if (const auto text = place_.of_profile(profile, "duration_seconds")) {
      const auto seconds = parse_whole_number(*text);
      if (!seconds) return fail(Code::invalid_input, "duration_seconds of the profile '{}' is no number", profile);
      role.duration_s = *seconds;
    }
    if (const auto file = place_.of_profile(profile, "web_identity_token_file")) {
      return named(from_web_identity(place_, *file, std::move(role), stop_), profile);
    }
    auto base = TRY(base_of(profile));
    if (!base) {
      return fail(Code::permission, "the profile '{}' has a role_arn, and no credential to assume it with", profile);
    }
    const auto credentials =
        std::make_shared<Credentials>(std::make_unique<OneCredential>(*std::move(base)), place_.clock, place_.log);
    AwsClient sts = place_.sts(credentials);
    auto assumed = assume_role(sts, role, stop_);
    if (!assumed) return pass_on(assumed, fmt::format("the profile '{}'", profile));
    return *std::move(assumed);
  }

  /// What a role is assumed with.
  Fetched base_of(const std::string& profile) {
    if (const auto source = place_.of_profile(profile, "source_profile")) {
      if (*source == profile) return with_keys(profile);
      if (!place_.settings.shared.has_profile(*source)) {
        return fail(Code::invalid_input, "source_profile of the profile '{}' names '{}', which is not there", profile,
                    *source);
      }
      return read(*source);
    }
    const auto where = place_.of_profile(profile, "credential_source");
    if (where == "Environment") return from_variables(place_.environment);
    if (where == "EcsContainer") return from_container(place_, stop_);
    if (where == "Ec2InstanceMetadata") return from_instance(place_, stop_);
    return fail(Code::invalid_input,
                "the profile '{}' has a role_arn: it needs source_profile, or credential_source as Environment, "
                "EcsContainer or Ec2InstanceMetadata, or web_identity_token_file",
                profile);
  }

  const Surroundings& place_;
  const std::stop_token& stop_;
  std::set<std::string> seen_;
};

class DefaultSource final : public CredentialSource {
 public:
  explicit DefaultSource(Surroundings place) : place_(std::move(place)) {}

  Fetched fetch(const std::stop_token& stop) override {
    auto found = TRY(from_variables(place_.environment));
    if (!found) found = TRY(from_web_identity_variables(place_, stop));
    if (!found) found = TRY(ProfileReader(place_, stop).read(place_.settings.profile));
    if (!found) found = TRY(from_container(place_, stop));
    if (!found) found = TRY(from_instance(place_, stop));
    return found;
  }

 private:
  Surroundings place_;
};

}  // namespace

std::unique_ptr<CredentialSource> default_credential_source(const AwsSettings& settings, const Environment& environment,
                                                            Clock& clock, Random& random, const Logger& log) {
  return std::make_unique<DefaultSource>(Surroundings{settings, environment, clock, random, log});
}

}  // namespace tillite
