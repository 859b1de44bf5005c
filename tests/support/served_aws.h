#pragma once

#include <memory>

#include "support/aws_place.h"

namespace tillite::testing {

/// A client of one of AWS's services at an address of this machine, under a clock of the test's own.
inline std::shared_ptr<AwsClient> aws_client_at(const std::string& url, AwsApi api, Clock& clock, Random& random,
                                                AwsSettings settings = {}) {
  settings.region = "us-east-1";
  settings.endpoint_url = url;
  const auto credentials = std::make_shared<Credentials>(std::make_unique<FixedCredential>(), clock, Logger::none());
  return std::make_shared<AwsClient>(api, settings, credentials, clock, random, Logger::none());
}

}  // namespace tillite::testing
