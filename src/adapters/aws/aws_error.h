#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/http_client.h"
#include "base/result.h"

namespace tillite {

/// What a service of AWS refused, or why none was reached. It becomes an Error wherever one is expected.
struct AwsError {
  Error error;             ///< names the call, the status, the type, the service's words and its id of the request
  std::string type;        ///< "ConditionalCheckFailedException", S3's "NoSuchKey"; empty: there was no answer, or none
                           ///< that says why
  std::string message;     ///< the service's words, as they may be shown
  int status = 0;          ///< 0: no answer came
  std::string request_id;  ///< the service's, for a question to AWS
  std::string body;        ///< of the answer, as it came
  /// The answer to an earlier attempt of the same call was lost: it may have done what this one was refused.
  bool follows_lost_answer = false;

  [[nodiscard]] bool is(std::string_view name) const { return type == name; }
  operator Error() const { return error; }  // NOLINT(google-explicit-constructor): TRY passes it on
};

template <typename T>
using AwsResult = std::expected<T, AwsError>;

namespace detail {
/// So that TRY takes an AwsResult, too: in a function that returns a Result its error becomes an Error.
template <typename T>
T take(AwsResult<T>&& result) {
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}
}  // namespace detail

/// An error of ours on the way to a service.
[[nodiscard]] inline AwsError aws_error_of(Error error) { return {.error = std::move(error)}; }

/// What an answer outside 200 to 299 means. The type is taken from x-amzn-errortype or x-amzn-query-error, a JSON
/// body's __type or code, or an XML body's Code. Codes: `conflict` (ConditionalCheckFailedException,
/// TransactionCanceled..., 409, 412, a name that is taken), `unavailable` (throttling, 5xx, 429), `permission` (401,
/// 403, signatures and tokens), `not_found` (404, ResourceNotFoundException, NoSuchKey, QueueDoesNotExist, ...),
/// `limit_exceeded` (413, item size), `timed_out` (408, RequestTimeout), `unsupported` (501; what is asked for is in
/// another region), else `invalid_input`.
[[nodiscard]] AwsError judge_aws_refusal(const HttpResponse& response, std::string_view call);

/// Whether the same call may succeed later: throttling, a fault of the service's, a lost connection.
[[nodiscard]] bool may_pass(const AwsError& error);
/// Whether the service did nothing, says so, and asks to come again later.
[[nodiscard]] bool is_throttling(const AwsError& error);
/// Whether the credential has ended: another one may do.
[[nodiscard]] bool is_expired_credential(const AwsError& error);
/// Whether the reason may be that the two clocks are too far apart.
[[nodiscard]] bool may_be_clock_skew(const AwsError& error);

}  // namespace tillite
