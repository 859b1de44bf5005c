#pragma once

#include <memory>

#include "adapters/aws/aws_client.h"
#include "support/seeded_random.h"

namespace tillite::testing {

/// A client of one of AWS's services at an address of this machine, with a credential that nobody checks.
inline std::shared_ptr<AwsClient> aws_client_at(const std::string& url, AwsApi api, Clock& clock, Random& random,
                                                AwsSettings settings = {}) {
  class AnyCredential final : public CredentialSource {
   public:
    Result<std::optional<IssuedCredential>> fetch(const std::stop_token&) override {
      IssuedCredential issued;
      issued.credential.access_key_id = "any";
      issued.credential.secret_access_key = Secret(std::string("any-secret"));
      return issued;
    }
  };
  settings.region = "us-east-1";
  settings.endpoint_url = url;
  const auto credentials = std::make_shared<Credentials>(std::make_unique<AnyCredential>(), clock, Logger::none());
  return std::make_shared<AwsClient>(api, settings, credentials, clock, random, Logger::none());
}

}  // namespace tillite::testing
