#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "adapters/aws/shared_config.h"
#include "adapters/remote/retries.h"
#include "base/environment.h"
#include "base/result.h"

namespace tillite {

enum class AwsApi { dynamodb, s3, sqs, step_functions, sts };

/// "dynamodb", "s3", "sqs", "states", "sts": in signatures and in the names of hosts.
[[nodiscard]] std::string_view signing_name(AwsApi api);

struct AwsTimeouts {
  std::int64_t connect_ms = 3'000;
  std::int64_t idle_ms = 20'000;  ///< without a byte
  std::int64_t call_ms = 60'000;  ///< one attempt with a small answer
};

/// Where AWS's services are, as whom, and how patiently they are asked (docs/aws.md).
struct AwsSettings {
  std::string region;
  std::string endpoint_url;                         ///< of all services; empty: AWS's own
  std::map<AwsApi, std::string> service_endpoints;  ///< in place of it; none ends in '/'
  std::string certificates_file;                    ///< trusted in place of the system's; empty: those
  std::string profile = "default";                  ///< of the shared files
  bool names_profile = false;                       ///< somebody chose it: its credentials come first
  SharedConfig shared;                              ///< what they say
  AwsTimeouts timeouts;
  RetryPolicy retries{.attempts_max = 5,
                      .first_pause_ms = 50,
                      .pause_ms_max = 5'000,
                      .asked_pause_ms_max = 20'000,
                      .total_ms_max = 60'000};

  /// Whether the service was given an address of its own, which is not AWS's: a bucket has no host of its own there.
  [[nodiscard]] bool has_own_endpoint(AwsApi api) const;
  /// "https://dynamodb.us-east-1.amazonaws.com", or what was configured: without a '/' at its end.
  [[nodiscard]] std::string endpoint_of(AwsApi api) const;
};

/// AWS_REGION or AWS_DEFAULT_REGION, AWS_PROFILE, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_<DYNAMODB|S3|SQS|SFN|STS>,
/// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, AWS_MAX_ATTEMPTS, AWS_CA_BUNDLE, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE,
/// and the shared files of the profile (region, endpoint_url, services). Reads files, sends nothing.
///
/// Errors: `invalid_input` names the variable or the file's line, and what belongs there; no region is one.
[[nodiscard]] Result<AwsSettings> read_aws_settings(const Environment& environment);

}  // namespace tillite
