#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>

#include "adapters/aws/aws_settings.h"
#include "base/environment.h"
#include "base/log.h"
#include "base/sigv4.h"
#include "ports/clock.h"

namespace tillite {

/// A credential and when it ends.
struct IssuedCredential {
  AwsCredential credential;
  std::optional<std::int64_t> expires_ms;  ///< since the epoch; nothing: it does not end
};

/// Where credentials come from.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  /// A credential; nothing if this source has none to give. May ask other machines. One thread at a time.
  /// Errors: `permission` (it was refused), `invalid_input` (badly configured), `unavailable`, `cancelled`.
  [[nodiscard]] virtual Result<std::optional<IssuedCredential>> fetch(const std::stop_token& stop) = 0;
};

/// A source's credential, kept until shortly before its end. Fetched at the first use, never earlier.
///
/// Threads: any; one fetches while the others wait, or go on with a credential that is still good.
class Credentials {
 public:
  /// The clock must outlive this object.
  Credentials(std::unique_ptr<CredentialSource> source, Clock& clock, Logger log);
  ~Credentials();

  /// Errors: the source's, and `permission` where there is no credential at all, with what can be done about it.
  [[nodiscard]] Result<std::shared_ptr<const AwsCredential>> get(const std::stop_token& stop);
  /// A service says that this one has ended: the next get() fetches another, unless that has happened already.
  void drop(const AwsCredential& ended);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The first of these that has something to say: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN;
/// AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN (STS); the profile of the shared files (keys, role_arn with
/// source_profile or credential_source or web_identity_token_file, credential_process);
/// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI; the instance's metadata (version 2). docs/aws.md says more.
///
/// The clock and the random numbers must outlive it.
[[nodiscard]] std::unique_ptr<CredentialSource> default_credential_source(const AwsSettings& settings,
                                                                          const Environment& environment, Clock& clock,
                                                                          Random& random, const Logger& log);

}  // namespace tillite
