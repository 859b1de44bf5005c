#pragma once

#include "base/http_server.h"
#include "base/sigv4.h"
#include "ports/clock.h"

namespace tillite {

/// Checks that requests are signed with one credential, as AWS does: AWS Signature Version 4 in the Authorization
/// header, by x-amz-date not more than 15 minutes off, for any region and service. Threads: any.
class SignatureCheck {
 public:
  static constexpr std::int64_t kClockSkewMsMax = 15 * 60'000;

  SignatureCheck(AwsCredential credential, Clock& clock) : credential_(std::move(credential)), clock_(clock) {}

  /// The errors have AWS's names: MissingAuthenticationTokenException, IncompleteSignatureException,
  /// UnrecognizedClientException, InvalidSignatureException; their code is `permission`.
  [[nodiscard]] Result<void> check(const ServerRequest& request) const;

 private:
  AwsCredential credential_;
  Clock& clock_;
};

}  // namespace tillite
