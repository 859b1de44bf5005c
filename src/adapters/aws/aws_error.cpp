#include "adapters/aws/aws_error.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "adapters/aws/xml_element.h"
#include "adapters/remote/shown_text.h"
#include "base/json.h"

namespace tillite {
namespace {

constexpr std::size_t kMessageBytesMax = 500;
constexpr std::size_t kNameBytesMax = 128;
constexpr std::size_t kErrorJsonBytesMax = std::size_t{4} << 20;  // DynamoDB's may hold rows

using Names = std::span<const std::string_view>;

constexpr auto kThrottling = std::to_array<std::string_view>(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "RequestThrottled",
     "TooManyRequestsException", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
     "BandwidthLimitExceeded", "LimitExceededException", "SlowDown", "PriorRequestNotComplete", "EC2ThrottledException",
     // Of a single write: a transaction on the row is under way, and nothing was done.
     "TransactionConflictException"});
constexpr auto kFaults = std::to_array<std::string_view>(
    {"InternalError", "InternalFailure", "InternalServerError", "ServiceUnavailable", "ServiceUnavailableException",
     "IDPCommunicationError", "TransactionInProgressException", "ServiceException", "KmsThrottled"});
constexpr auto kTimeouts = std::to_array<std::string_view>({"RequestTimeout", "RequestTimeoutException"});
constexpr auto kExpired = std::to_array<std::string_view>(
    {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"});
constexpr auto kSkew =
    std::to_array<std::string_view>({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture",
                                     "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure"});
constexpr auto kPermission = std::to_array<std::string_view>(
    {"AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId",
     "InvalidAccessKeyId", "IncompleteSignature", "IncompleteSignatureException", "MissingAuthenticationToken",
     "MissingAuthenticationTokenException", "InvalidToken", "OptInRequired", "NotAuthorized",
     "KMS.AccessDeniedException", "KmsAccessDenied", "InvalidIdentityToken"});
constexpr auto kConflict = std::to_array<std::string_view>(
    {"ConditionalCheckFailedException", "TransactionCanceledException", "PreconditionFailed", "ResourceInUseException",
     "QueueNameExists", "QueueAlreadyExists", "ExecutionAlreadyExists", "IdempotentParameterMismatchException",
     "StateMachineAlreadyExists", "TableAlreadyExistsException"});
constexpr auto kNotFound =
    std::to_array<std::string_view>({"ResourceNotFoundException", "TableNotFoundException", "NoSuchKey", "NoSuchBucket",
                                     "NoSuchUpload", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
                                     "ExecutionDoesNotExist", "StateMachineDoesNotExist", "NotFound"});
constexpr auto kLimits = std::to_array<std::string_view>({"EntityTooLarge", "ItemCollectionSizeLimitExceededException",
                                                          "RequestEntityTooLarge", "InvalidMessageContents",
                                                          "BatchRequestTooLong", "ExecutionLimitExceeded"});

bool is_one_of(std::string_view name, Names names) { return std::ranges::find(names, name) != names.end(); }

/// "ConditionalCheckFailedException" of "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException:http://...".
std::string bare_type(std::string_view text) {
  text = text.substr(0, text.find_first_of(":;,"));
  const std::size_t mark = text.rfind('#');
  if (mark != std::string_view::npos) text.remove_prefix(mark + 1);
  return shown_text(std::string(text), kNameBytesMax);
}

struct Reason {
  std::string type;
  std::string message;
  std::string request_id;
};

std::string text_field(const Json& object, std::string_view name) {
  const Json* const field = find_field(object, name);
  return field != nullptr && field->is_string() ? field->get<std::string>() : "";
}

Reason reason_in(const HttpResponse& response) {
  Reason reason;
  reason.request_id = response.header("x-amzn-requestid").value_or(response.header("x-amz-request-id").value_or(""));
  const std::string_view body = response.body;
  if (body.starts_with('{') && body.size() <= kErrorJsonBytesMax) {
    const auto json = parse_json(body, "an error of AWS");
    if (json && json->is_object()) {
      reason.type = text_field(*json, "__type");
      if (reason.type.empty()) reason.type = text_field(*json, "code");
      reason.message = text_field(*json, "message");
      if (reason.message.empty()) reason.message = text_field(*json, "Message");
    }
  } else if (body.starts_with('<')) {
    reason.type = xml_element_text(body, "Code").value_or("");
    reason.message = xml_element_text(body, "Message").value_or("");
    if (reason.request_id.empty()) reason.request_id = xml_element_text(body, "RequestId").value_or("");
  }
  if (reason.type.empty()) {
    reason.type = response.header("x-amzn-errortype").value_or(response.header("x-amzn-query-error").value_or(""));
  }
  return {.type = bare_type(reason.type),
          .message = shown_text(std::move(reason.message), kMessageBytesMax),
          .request_id = shown_text(std::move(reason.request_id), kNameBytesMax)};
}

Code code_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
    case 407:
      return Code::permission;
    case 404:
    case 410:
      return Code::not_found;
    case 408:
      return Code::timed_out;
    case 409:
    case 412:
      return Code::conflict;
    case 413:
      return Code::limit_exceeded;
    case 405:
    case 501:
      return Code::unsupported;
    case 429:
      return Code::unavailable;
    default:
      return status < 500 ? Code::invalid_input : Code::unavailable;
  }
}

/// S3 redirects to a bucket's region, or has expected a signature for it; where the answer has no body, to HEAD, the
/// header alone says so.
bool is_elsewhere(const HttpResponse& response, const Reason& reason) {
  return response.status < 400 || reason.type == "AuthorizationHeaderMalformed" ||
         (response.status == 400 && reason.type.empty() && response.header("x-amz-bucket-region").has_value());
}

Code code_of(const HttpResponse& response, const Reason& reason) {
  const std::string& type = reason.type;
  if (is_elsewhere(response, reason)) return Code::unsupported;
  if (is_one_of(type, kThrottling) || is_one_of(type, kFaults)) return Code::unavailable;
  if (is_one_of(type, kTimeouts)) return Code::timed_out;
  if (is_one_of(type, kPermission) || is_one_of(type, kExpired) || is_one_of(type, kSkew)) return Code::permission;
  if (is_one_of(type, kConflict)) return Code::conflict;
  if (is_one_of(type, kNotFound)) return Code::not_found;
  if (is_one_of(type, kLimits)) return Code::limit_exceeded;
  if (type == "ValidationException" && reason.message.contains("exceeded the maximum allowed size"))
    return Code::limit_exceeded;
  return code_of_status(response.status);
}

std::string remedy(const HttpResponse& response, Code code, const Reason& reason) {
  if (is_elsewhere(response, reason)) {
    const auto region = response.header("x-amz-bucket-region");
    if (region) return fmt::format("; the bucket is in the region {}: set AWS_REGION to it", bare_type(*region));
    return "; what is asked for is elsewhere: check AWS_REGION and AWS_ENDPOINT_URL";
  }
  if (code != Code::permission) return "";
  if (is_one_of(reason.type, kExpired)) return "; the credential has ended: get another one";
  if (is_one_of(reason.type, kSkew)) return "; check the secret key, the region and this machine's clock";
  return "; check the credential and its rights";
}

}  // namespace

AwsError judge_aws_refusal(const HttpResponse& response, std::string_view call) {
  Reason reason = reason_in(response);
  const Code code = code_of(response, reason);
  std::string words = reason.type.empty() ? "no reason that can be read" : reason.type;
  if (!reason.message.empty()) words += ": " + reason.message;
  const std::string request = reason.request_id.empty() ? "" : fmt::format(" [request {}]", reason.request_id);
  return {.error = Error(code, fmt::format("{}: status {}, {}{}{}", call, response.status, words, request,
                                           remedy(response, code, reason))),
          .type = std::move(reason.type),
          .message = std::move(reason.message),
          .status = response.status,
          .request_id = std::move(reason.request_id),
          .body = response.body};
}

bool is_throttling(const AwsError& error) { return error.status == 429 || is_one_of(error.type, kThrottling); }

bool may_pass(const AwsError& error) {
  if (is_throttling(error) || is_one_of(error.type, kFaults) || is_one_of(error.type, kTimeouts)) return true;
  if (error.status == 0) return error.error.code() == Code::unavailable || error.error.code() == Code::timed_out;
  return error.status == 408 || (error.status >= 500 && error.status != 501 && error.status != 505);
}

bool is_expired_credential(const AwsError& error) { return is_one_of(error.type, kExpired); }

bool may_be_clock_skew(const AwsError& error) {
  // An answer to HEAD has no body to say why.
  return is_one_of(error.type, kSkew) || (error.status == 403 && error.type.empty());
}

}  // namespace tillite
