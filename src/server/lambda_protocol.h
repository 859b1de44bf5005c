#pragma once

#include <string>
#include <string_view>

#include "base/http_server.h"
#include "base/json.h"
#include "server/aws_error.h"

namespace tillite {

// Lambda's protocol (API version 2015-03-31): method and path name the operation; its parameters are in the path, the
// query, headers and the body. Both directions are turned into what a JSON protocol would have, so that the endpoint
// and the operations know one form only.

/// As the endpoint knows this service: the only one of that protocol.
inline constexpr std::string_view kServiceOfLambdaProtocol = "Lambda";

/// Whether a request's target is one of Lambda's: "/2015-03-31/functions/name/invocations".
[[nodiscard]] bool is_lambda_target(std::string_view target);

struct LambdaRequest {
  std::string operation;  ///< Invoke, ListFunctions, GetFunction or GetFunctionConfiguration
  Json parameters;        ///< texts by AWS's names; Invoke's body is `Payload`, MaxItems is a number
};
/// UnknownOperationException for another method or path, ValidationException for a target that cannot be read.
[[nodiscard]] Result<LambdaRequest> parse_lambda_request(const ServerRequest& request);

/// The answer to an operation; Invoke's `Payload` is its body.
[[nodiscard]] ServerResponse lambda_answer(std::string_view operation, const Json& answer);
[[nodiscard]] ServerResponse lambda_error(const WireError& error);

}  // namespace tillite
