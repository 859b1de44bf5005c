#pragma once

#include <stop_token>
#include <string>

#include "base/http_client.h"
#include "base/json.h"

namespace tillite {

/// Tasks that are functions of a Lambda endpoint: AWS's own API (Invoke, 2015-03-31), spoken by emulators and by the
/// gateways of other runtimes (docs/tasks.md). Requests are not signed.
///
/// Threads: any, several calls at once.
class LambdaTask {
 public:
  /// `endpoint`: "http://127.0.0.1:9001" (AWS_ENDPOINT_URL_LAMBDA).
  LambdaTask(HttpClient& client, std::string endpoint);

  struct Call {
    std::string function_name;  ///< or a whole ARN, with a version or an alias behind it or not
    Json payload;
    std::int64_t timeout_ms = 0;  ///< 0: none
    std::stop_token stop;         ///< requested: the error is `cancelled`
  };
  /// The function's result. Errors as Step Functions names them: a function's own has its errorType and the text of its
  /// answer as cause; the service's are Lambda.ResourceNotFoundException, Lambda.TooManyRequestsException and so on,
  /// Lambda.SdkClientException without a connection, States.Timeout, States.DataLimitExceeded.
  [[nodiscard]] Result<Json> run(const Call& call) const;

 private:
  HttpClient& client_;
  std::string endpoint_;
};

}  // namespace tillite
