#pragma once

#include <map>
#include <stop_token>
#include <string>

#include "ports/clock.h"
#include "server/aws_service.h"

namespace tillite {

/// Tasks that are operations of AWS's services, of those that are served here (docs/tasks.md):
///
///     arn:aws:states:::sqs:sendMessage[.waitForTaskToken]      the answer and, as on AWS, the request's metadata
///     arn:aws:states:::aws-sdk:sqs:ACTION, aws-sdk:sfn:ACTION  the answer; names in parameters and answers begin with
///                                                              a capital letter, moments are ISO texts
///
/// The services' own operations do it, so that a task and a client of the server get the same.
/// Threads: any, several calls at once; add() comes before all of them.
class AwsTask {
 public:
  AwsTask(Clock& clock, Random& random) : clock_(clock), random_(random) {}

  /// `name` as resources have it: "sqs", "sfn". The service must outlive this object.
  void add(const std::string& name, AwsService& service) { services_[name] = &service; }

  struct Call {
    std::string resource;
    Json payload;
    std::stop_token stop;  ///< requested: the error is `cancelled`
  };
  /// The operation's answer. Errors are named as the SDK's exceptions that Step Functions shows:
  /// "SQS.QueueDoesNotExistException", "Sfn.InvalidTokenException".
  [[nodiscard]] Result<Json> run(const Call& call) const;

  /// Whether a Resource is one of these, and its service is here.
  [[nodiscard]] bool handles(const std::string& resource) const;

 private:
  Clock& clock_;
  Random& random_;
  std::map<std::string, AwsService*> services_;
};

}  // namespace tillite
