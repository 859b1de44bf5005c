#include "adapters/aws/sts.h"

#include "adapters/aws/xml_element.h"
#include "base/percent_coding.h"
#include "base/time.h"

namespace tillite {
namespace {

constexpr std::string_view kVersion = "2011-06-15";

using Form = std::vector<std::pair<std::string_view, std::string>>;

Result<IssuedCredential> call_sts(AwsClient& sts, std::string_view action, const Role& role, Form form,
                                  const std::stop_token& stop) {
  form.insert(form.end(), {{"RoleArn", role.arn},
                           {"RoleSessionName", role.session_name},
                           {"DurationSeconds", std::to_string(role.duration_s)}});
  std::string body = fmt::format("Action={}&Version={}", action, kVersion);
  for (auto& [name, value] : form) {
    body += fmt::format("&{}={}", name, percent_encode(value));
    wipe(value);
  }
  AwsClient::Call call{.headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}},
                       .body = std::move(body)};
  auto answer = sts.call(call, stop);
  wipe(call.body);
  if (!answer) return std::unexpected(answer.error().error.in(fmt::format("assuming the role {}", role.arn)));
  auto credential = parse_credential_xml(answer->body);
  wipe(answer->body);
  return credential;
}

}  // namespace

Result<IssuedCredential> parse_credential_xml(std::string_view xml) {
  auto id = xml_element_text(xml, "AccessKeyId");
  auto secret = xml_element_text(xml, "SecretAccessKey");
  auto token = xml_element_text(xml, "SessionToken");
  const auto end = xml_element_text(xml, "Expiration");
  if (!id || !secret || !token || !end) return fail(Code::corrupt, "STS answers without a credential");
  const auto expires_ms = parse_iso_time(*end);
  if (!expires_ms) return fail(Code::corrupt, "STS answers with a credential whose end is no time");
  return IssuedCredential{.credential = {.access_key_id = *std::move(id),
                                         .secret_access_key = Secret(*std::move(secret)),
                                         .session_token = Secret(*std::move(token))},
                          .expires_ms = *expires_ms};
}

Result<IssuedCredential> parse_credential_json(std::string_view text, std::string_view source) {
  const Json json = TRY(parse_json(text, source));
  if (!json.is_object()) return fail(Code::corrupt, "{} gives no JSON object", source);
  IssuedCredential issued;
  issued.credential.access_key_id = TRY(string_field(json, "AccessKeyId"));
  issued.credential.secret_access_key = Secret(TRY(string_field(json, "SecretAccessKey")));
  auto token = TRY(optional_string(json, "Token"));
  if (!token) token = TRY(optional_string(json, "SessionToken"));
  issued.credential.session_token = Secret(std::move(token).value_or(""));
  const auto end = TRY(optional_string(json, "Expiration"));
  if (end && !end->empty()) issued.expires_ms = TRY(parse_iso_time(*end));
  return issued;
}

Result<IssuedCredential> assume_role(AwsClient& sts, const Role& role, const std::stop_token& stop) {
  Form form;
  if (role.external_id) form.emplace_back("ExternalId", *role.external_id);
  return call_sts(sts, "AssumeRole", role, std::move(form), stop);
}

Result<IssuedCredential> assume_role_with_web_identity(AwsClient& sts, const Role& role, const Secret& token,
                                                       const std::stop_token& stop) {
  Form form;
  form.emplace_back("WebIdentityToken", std::string(token.reveal()));
  return call_sts(sts, "AssumeRoleWithWebIdentity", role, std::move(form), stop);
}

}  // namespace tillite
