#pragma once

#include <memory>

#include "adapters/aws/aws_client.h"
#include "adapters/aws/aws_settings.h"
#include "adapters/aws/credentials.h"

namespace tillite {

/// Clients of AWS's services, as the environment says where they are (docs/aws.md). They share one credential, and send
/// nothing before their first call. Clock and random numbers must outlive them.
class AwsClients {
 public:
  /// `invalid_input` names the variable, or the line of a shared file.
  [[nodiscard]] static Result<AwsClients> open(const Environment& environment, Clock& clock, Random& random,
                                               const Logger& log);

  [[nodiscard]] std::shared_ptr<AwsClient> of(AwsApi api) const {
    return std::make_shared<AwsClient>(api, settings_, credentials_, clock_, random_, log_);
  }
  [[nodiscard]] const AwsSettings& settings() const { return settings_; }

 private:
  AwsClients(AwsSettings settings, const Environment& environment, Clock& clock, Random& random, Logger log);

  AwsSettings settings_;
  Clock& clock_;
  Random& random_;
  Logger log_;
  std::shared_ptr<Credentials> credentials_;
};

}  // namespace tillite
