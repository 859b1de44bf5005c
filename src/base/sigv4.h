#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/http_server.h"

namespace tillite {

/// What AWS's programs sign with.
struct AwsCredential {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  ///< empty: a credential that does not end
};

/// What a signature is valid for: one day, region and service.
struct SigV4Scope {
  std::string date;  ///< "20150830"
  std::string region;
  std::string service;

  /// "20150830/us-east-1/sqs/aws4_request"
  [[nodiscard]] std::string text() const;
};

/// The text of a request that is signed (AWS Signature Version 4, "Create a canonical request"). `signed_names` are the
/// names of headers, in lower case and sorted; `payload_hash` is the body's SHA-256 in hexadecimal digits. The path is
/// encoded once more than it was sent, as every service but S3 has it.
[[nodiscard]] std::string sigv4_canonical_request(const ServerRequest& request,
                                                  const std::vector<std::string>& signed_names,
                                                  std::string_view payload_hash);

/// The signature, 64 hexadecimal digits. `timestamp` is the request's x-amz-date, "20150830T123600Z".
[[nodiscard]] std::string sigv4_signature(std::string_view secret_access_key, const SigV4Scope& scope,
                                          std::string_view timestamp, std::string_view canonical_request);

}  // namespace tillite
