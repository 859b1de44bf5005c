#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.h"

namespace tillite {

/// What AWS's programs sign with.
struct AwsCredential {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  ///< empty: a credential that does not end
};

/// What a signature is valid for: one day, region and service.
struct SigV4Scope {
  std::string date;  ///< "20150830"
  std::string region;
  std::string service;

  /// "20150830/us-east-1/sqs/aws4_request"
  [[nodiscard]] std::string text() const;
};

/// The body of a request whose body is not signed (S3, and every presigned address).
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

/// A request as its signature sees it: the same for who sends it and for who checks it.
struct SigV4Request {
  std::string method;
  std::string target;                                        ///< path and query as they are sent: "/a%20b?c=d"
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case; those that are signed, or more
  std::string payload_hash;  ///< the body's SHA-256 in hexadecimal digits, or UNSIGNED-PAYLOAD
  /// Every service but S3 has the path without "//", "." and "..", and encoded once more than it was sent.
  bool is_for_s3 = false;
};

/// "20150830T123600Z": the form of x-amz-date. The first eight characters are a scope's date.
[[nodiscard]] std::string sigv4_timestamp(std::int64_t epoch_ms);

/// The text of a request that is signed (AWS Signature Version 4, "Create a canonical request"). `signed_names` are the
/// names of headers, in lower case and sorted.
[[nodiscard]] std::string sigv4_canonical_request(const SigV4Request& request,
                                                  const std::vector<std::string>& signed_names);

/// The signature, 64 hexadecimal digits. `timestamp` is the request's x-amz-date.
[[nodiscard]] std::string sigv4_signature(std::string_view secret_access_key, const SigV4Scope& scope,
                                          std::string_view timestamp, std::string_view canonical_request);

/// The value of the header Authorization that signs all headers of a request. Among them must be host, x-amz-date with
/// this timestamp, and x-amz-security-token if the credential has a session token.
[[nodiscard]] std::string sigv4_authorization(const SigV4Request& request, const AwsCredential& credential,
                                              const SigV4Scope& scope, std::string_view timestamp);

/// The request's target with a signature in its query ("presigned"), good for `expires_s` seconds from the timestamp.
/// Whoever uses it must send the request's headers as they are here; host must be among them.
[[nodiscard]] std::string sigv4_presigned_target(const SigV4Request& request, const AwsCredential& credential,
                                                 const SigV4Scope& scope, std::string_view timestamp,
                                                 std::int64_t expires_s);

}  // namespace tillite
