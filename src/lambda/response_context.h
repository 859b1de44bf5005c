#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace tillite {

/// Who invoked a function, which decides how its event is read and its answer written.
enum class CallerKind {
  queue,          ///< SQS, by an event source mapping: {"Records": [...]}
  rest_gateway,   ///< API Gateway's REST API, and payload format 1.0 of its HTTP API
  http_gateway,   ///< API Gateway's HTTP API with payload format 2.0, and function URLs
  state_machine,  ///< Step Functions, with the `execution` that our definitions pass
  direct          ///< Invoke
};

[[nodiscard]] std::string_view caller_kind_name(CallerKind kind);  ///< "queue", "rest_gateway", ...

/// Recognises a caller by what AWS documents of its events. Any JSON has one.
[[nodiscard]] CallerKind recognise_caller(const Json& event);

/// What the step is given: of a gateway's event the body as JSON, decoded if isBase64Encoded says so, and without a
/// body the query's parameters, as texts; else the event itself. `invalid_input` says why a body cannot be read.
[[nodiscard]] Result<Json> step_event(CallerKind kind, const Json& event);

/// How an invocation ends: with a payload, or as an error that Lambda is told of.
struct FunctionAnswer {
  std::string payload;  ///< JSON, if it is no error
  bool is_error = false;
  std::string error_type = {};  ///< of an error
  std::string error_message = {};
};

/// A step's result, as that caller expects it: queue: {"batchItemFailures": [...]}; gateways: {"statusCode", "headers",
/// "body"}, the body a JSON text; the others: the result as it is.
[[nodiscard]] FunctionAnswer success_answer(CallerKind kind, const Json& result);

/// A step's error: to a queue all messages of `event`, which come again; to gateways a fitting status and the body
/// {"error", "message", "retryable", "request_id"}; to the others an error with its type, never a result.
[[nodiscard]] FunctionAnswer error_answer(CallerKind kind, const Json& event, const Error& error,
                                          std::string_view request_id);

/// The HTTP status of an error code: 400 to 504.
[[nodiscard]] int http_status(Code code);

}  // namespace tillite
