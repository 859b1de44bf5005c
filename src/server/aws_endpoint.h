#pragma once

#include <optional>
#include <vector>

#include "base/log.h"
#include "ports/clock.h"
#include "server/aws_service.h"
#include "server/signature_check.h"

namespace tillite {

/// AWS's wire protocols over HTTP: finds the service, checks the signature, and writes answers and errors in the form
/// in which they were asked for, each with an id of its own (x-amzn-RequestId). Threads: any.
class AwsEndpoint {
 public:
  /// Without `signatures` everything is accepted. The services must outlive the endpoint.
  AwsEndpoint(std::vector<AwsService*> services, std::optional<SignatureCheck> signatures, Random& random, Logger log)
      : services_(std::move(services)), signatures_(std::move(signatures)), random_(random), log_(std::move(log)) {}

  void handle(const ServerRequest& request, ServerAnswer answer);

 private:
  [[nodiscard]] Result<AwsService*> service_of(const AwsRequest& request) const;

  std::vector<AwsService*> services_;
  std::optional<SignatureCheck> signatures_;
  Random& random_;
  Logger log_;
};

}  // namespace tillite
