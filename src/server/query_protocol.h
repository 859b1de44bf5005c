#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "server/aws_error.h"

namespace tillite {

// SQS's older protocol (API version 2012-11-05): forms in, XML out. Both are turned into what the JSON protocol has, so
// that the operations know one form only.

struct QueryForm {
  std::string action;  ///< "SendMessage"
  Json parameters;     ///< as of the JSON protocol
};

/// "Action=SendMessage&MessageBody=a&MessageAttribute.1.Name=b&...". InvalidAction without an action;
/// MalformedQueryString for bad encoding, for more than 1,000 parameters, and for names that contradict each other.
[[nodiscard]] Result<QueryForm> parse_query_form(std::string_view form);

/// `<SendMessageResponse>...` of an answer of the JSON protocol.
[[nodiscard]] std::string query_answer(std::string_view operation, const Json& answer, std::string_view request_id);
/// `<ErrorResponse>...`
[[nodiscard]] std::string query_error(const WireError& error, std::string_view request_id);

}  // namespace tillite
