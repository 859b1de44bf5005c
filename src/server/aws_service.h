#pragma once

#include <functional>

#include "server/aws_request.h"

namespace tillite {

/// One call of an operation: what is asked, and where the answer goes.
struct AwsCall {
  std::string operation;
  Json parameters;         ///< an object, in the form of the JSON protocol
  std::string origin;      ///< "http://127.0.0.1:8765"
  std::string request_id;  ///< of the answer's x-amzn-RequestId
  /// Given once, now or later, from any thread: the JSON protocol's answer, or an error with AWS's name.
  std::move_only_function<void(Result<Json>)> answer;
  std::function<bool()> is_wanted = [] { return true; };  ///< false once the other side has hung up
};

/// What stands behind one of AWS's endpoints. Threads: any.
class AwsService {
 public:
  virtual ~AwsService() = default;
  /// As X-Amz-Target names it, "AmazonSQS"; one without that header has a name of ours (kServiceOfLambdaProtocol).
  [[nodiscard]] virtual std::string_view target() const = 0;
  /// Answers, or keeps the call to answer it later. Unknown operations are answered by unknown_operation().
  virtual void handle(AwsCall call) = 0;
};

/// AWS has more operations than are served here; the message names both.
[[nodiscard]] Error unknown_operation(std::string_view service, std::string_view operation);

}  // namespace tillite
