#pragma once

#include <string>
#include <string_view>

#include "base/http_server.h"
#include "base/json.h"

namespace tillite {

/// How a request of AWS's programs is written, and so its answer. JSON: X-Amz-Target names service and operation, the
/// body is the parameters. Query (SQS before 2023): a form with Action, the answer is XML. Lambda's: method and path
/// name the operation (lambda_protocol.h).
enum class AwsProtocol { json_1_0, json_1_1, query, lambda };

/// The protocol by the request's target and content type; JSON 1.0 if these say nothing.
[[nodiscard]] AwsProtocol aws_protocol_of(const ServerRequest& request);

/// Of what is served here it alone had the query protocol.
inline constexpr std::string_view kServiceOfQueryProtocol = "AmazonSQS";

struct AwsRequest {
  AwsProtocol protocol = AwsProtocol::json_1_0;
  std::string service;  ///< as AwsService::target() has it: "AmazonSQS", "AWSStepFunctions", "Logs_20140328", "Lambda"
  std::string operation;  ///< "SendMessage"
  Json parameters;        ///< an object; in the form of the JSON protocol, whatever the request's is
  std::string origin;     ///< where it was sent to: "http://127.0.0.1:8765"
};

/// Errors have AWS's names: UnknownOperationException, SerializationException, InvalidAction, ValidationException.
[[nodiscard]] Result<AwsRequest> parse_aws_request(const ServerRequest& request);

}  // namespace tillite
