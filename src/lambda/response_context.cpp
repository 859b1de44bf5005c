#include "lambda/response_context.h"

#include <algorithm>

#include "base/base64.h"
#include "base/bytes.h"

namespace tillite {
namespace {

constexpr std::string_view kQueueSource = "aws:sqs";
constexpr int kOk = 200;
constexpr const char* kRetryAfterSeconds = "30";

/// The field, if it is there and of the wanted type.
const Json* field_of_type(const Json& object, std::string_view name, Json::value_t type) {
  const Json* const field = find_field(object, name);
  return field != nullptr && field->type() == type ? field : nullptr;
}

const Json* text_field(const Json& object, std::string_view name) {
  return field_of_type(object, name, Json::value_t::string);
}

bool is_from_queue(const Json& event) {
  const Json* const records = field_of_type(event, "Records", Json::value_t::array);
  return records != nullptr && !records->empty() && std::ranges::all_of(*records, [](const Json& record) {
           const Json* const source = text_field(record, "eventSource");
           return source != nullptr && *source == kQueueSource;
         });
}

bool is_gateway(CallerKind kind) { return kind == CallerKind::rest_gateway || kind == CallerKind::http_gateway; }

Result<std::string> decoded_body(const Json& event) {
  const std::string body = TRY(optional_string(event, "body")).value_or("");
  if (!TRY(optional_bool(event, "isBase64Encoded")).value_or(false)) return body;
  const auto size = base64_size(body);
  std::string decoded(size.value_or(0), '\0');
  if (!size || !read_base64(body, std::as_writable_bytes(std::span(decoded)))) {
    return fail(Code::invalid_input, "the request's body is not base64, although isBase64Encoded says so");
  }
  return decoded;
}

Json gateway_response(int status, const Json& body) {
  return {{"statusCode", status},
          {"headers", {{"Content-Type", "application/json"}}},
          {"isBase64Encoded", false},
          {"body", to_text(body)}};
}

/// Every message comes again.
Json all_failed(const Json& event) {
  Json failures = Json::array();
  for (const Json& record : event.at("Records")) {
    if (const Json* const id = text_field(record, "messageId")) failures.push_back({{"itemIdentifier", *id}});
  }
  return {{"batchItemFailures", std::move(failures)}};
}

}  // namespace

std::string_view caller_kind_name(CallerKind kind) {
  switch (kind) {
    case CallerKind::queue:
      return "queue";
    case CallerKind::rest_gateway:
      return "rest_gateway";
    case CallerKind::http_gateway:
      return "http_gateway";
    case CallerKind::state_machine:
      return "state_machine";
    case CallerKind::direct:
      return "direct";
  }
  return "direct";
}

CallerKind recognise_caller(const Json& event) {
  if (is_from_queue(event)) return CallerKind::queue;
  const Json* const request = field_of_type(event, "requestContext", Json::value_t::object);
  // The HTTP API has an apiId, too: what only it has is looked for first.
  if (request != nullptr && field_of_type(*request, "http", Json::value_t::object) != nullptr) {
    return CallerKind::http_gateway;
  }
  const bool has_api = request != nullptr && text_field(*request, "apiId") != nullptr;
  if (has_api || text_field(event, "httpMethod") != nullptr) return CallerKind::rest_gateway;
  if (text_field(event, "execution") != nullptr) return CallerKind::state_machine;
  return CallerKind::direct;
}

Result<Json> step_event(CallerKind kind, const Json& event) {
  if (!is_gateway(kind)) return event;
  const std::string body = TRY(decoded_body(event));
  if (!body.empty()) {
    auto parsed = TRY(parse_json(body, "the request's body"));
    if (!parsed.is_object()) return fail(Code::invalid_input, "the request's body must be a JSON object");
    return parsed;
  }
  const Json* const query = field_of_type(event, "queryStringParameters", Json::value_t::object);
  return query == nullptr ? Json::object() : *query;
}

FunctionAnswer success_answer(CallerKind kind, const Json& result) {
  if (kind == CallerKind::queue) {
    const Json* const failures = field_of_type(result, "batchItemFailures", Json::value_t::array);
    return {.payload = to_text({{"batchItemFailures", failures == nullptr ? Json::array() : *failures}})};
  }
  return {.payload = to_text(is_gateway(kind) ? gateway_response(kOk, result) : result)};
}

FunctionAnswer error_answer(CallerKind kind, const Json& event, const Error& error, std::string_view request_id) {
  if (kind == CallerKind::queue) return {.payload = to_text(all_failed(event))};
  if (!is_gateway(kind)) {
    return {.payload = {}, .is_error = true, .error_type = error.name(), .error_message = error.message()};
  }
  Json response = gateway_response(http_status(error.code()), {{"error", error.name()},
                                                               {"message", error.message()},
                                                               {"retryable", error.retryable()},
                                                               {"request_id", request_id}});
  if (error.retryable()) response["headers"]["Retry-After"] = kRetryAfterSeconds;
  return {.payload = to_text(response)};
}

int http_status(Code code) {
  switch (code) {
    case Code::invalid_input:
    case Code::usage:
      return 400;
    case Code::not_found:
      return 404;
    case Code::conflict:
    case Code::lost_lease:
      return 409;
    case Code::limit_exceeded:
      return 413;
    case Code::lock_held:
      return 423;
    case Code::unsupported:
      return 501;
    case Code::permission:  // of ours at the other side, not of who asks
      return 502;
    case Code::unavailable:
    case Code::cancelled:
      return 503;
    case Code::timed_out:
      return 504;
    case Code::no_space:
      return 507;
    case Code::corrupt:
    case Code::failed:
    case Code::internal:
      return 500;
  }
  return 500;
}

}  // namespace tillite
