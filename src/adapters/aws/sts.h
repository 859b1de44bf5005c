#pragma once

#include <optional>
#include <string>

#include "adapters/aws/aws_client.h"
#include "adapters/aws/credentials.h"

namespace tillite {

/// The credential in an answer of AWS's to a program: JSON with AccessKeyId, SecretAccessKey, Token or SessionToken,
/// and Expiration (containers, the instance's metadata, credential_process). `corrupt` if it is none; `source` is
/// named.
[[nodiscard]] Result<IssuedCredential> parse_credential_json(std::string_view text, std::string_view source);

/// The credential in an answer of STS: XML. `corrupt` if it is none.
[[nodiscard]] Result<IssuedCredential> parse_credential_xml(std::string_view xml);

/// A role to be assumed.
struct Role {
  std::string arn;
  std::string session_name;  ///< shows up in AWS's logs
  std::optional<std::string> external_id;
  std::int64_t duration_s = 3600;
};

/// STS AssumeRole, signed with the client's credentials. Errors: those of AwsClient, `corrupt`.
[[nodiscard]] Result<IssuedCredential> assume_role(AwsClient& sts, const Role& role, const std::stop_token& stop);
/// STS AssumeRoleWithWebIdentity, with a client that signs nothing.
[[nodiscard]] Result<IssuedCredential> assume_role_with_web_identity(AwsClient& sts, const Role& role,
                                                                     const Secret& token, const std::stop_token& stop);

}  // namespace tillite
