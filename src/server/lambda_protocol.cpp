#include "server/lambda_protocol.h"

#include <algorithm>
#include <array>

#include "base/number_text.h"
#include "base/percent_coding.h"

namespace tillite {
namespace {

constexpr std::string_view kVersion = "/2015-03-31/";
constexpr std::string_view kFunctions = "/2015-03-31/functions";
constexpr std::string_view kInvoke = "Invoke";
constexpr const char* kContentType = "application/json";

struct Route {
  std::string_view method;
  std::string_view behind_name;  ///< of the path
  std::string_view operation;
};
constexpr std::array kRoutes = {
    Route{"POST", "/invocations", kInvoke},
    Route{"GET", "", "GetFunction"},
    Route{"GET", "/configuration", "GetFunctionConfiguration"},
};

constexpr std::string_view kMaxItems = "MaxItems";
constexpr std::array<std::string_view, 2> kQueryTexts = {"Marker", "Qualifier"};

struct Header {
  std::string_view name;
  std::string_view parameter;
};
constexpr std::array kRequestHeaders = {
    Header{"x-amz-invocation-type", "InvocationType"},
    Header{"x-amz-log-type", "LogType"},
    Header{"x-amz-client-context", "ClientContext"},
};
constexpr std::array kAnswerHeaders = {
    Header{"X-Amz-Executed-Version", "ExecutedVersion"},
    Header{"X-Amz-Function-Error", "FunctionError"},
    Header{"X-Amz-Log-Result", "LogResult"},
};

/// Errors whose status is another here than in the other services.
struct Status {
  std::string_view error;
  unsigned status;
};
constexpr std::array kStatuses = {
    Status{"ResourceNotFoundException", 404}, Status{"UnknownOperationException", 404},
    Status{"RequestTooLargeException", 413},  Status{"TooManyRequestsException", 429},
    Status{"ServiceException", 500},
};

std::unexpected<Error> unreadable(std::string_view what) {
  return aws_error("ValidationException", fmt::format("the request's target cannot be read: {}", what));
}

/// Only what Lambda has there: the names of headers' and the body's parameters mean nothing in a query.
Result<Json> query_parameters(std::string_view query) {
  Json parameters = Json::object();
  for (const auto& [encoded_name, encoded_value] : split_query(query)) {
    const auto name = percent_decode(encoded_name, true);
    const auto value = percent_decode(encoded_value, true);
    if (!name || !value) return unreadable("its query is not percent-encoded");
    if (*name == kMaxItems) {
      const auto number = parse_whole_number(*value);
      if (!number) return unreadable("MaxItems is no number");
      parameters[*name] = *number;
    } else if (std::ranges::find(kQueryTexts, *name) != kQueryTexts.end()) {
      parameters[*name] = *value;
    }
  }
  return parameters;
}

std::string text_of(const Json& answer, std::string_view name) {
  const Json* const field = find_field(answer, name);
  return field == nullptr ? "" : field->get<std::string>();
}

}  // namespace

bool is_lambda_target(std::string_view target) { return target.starts_with(kVersion); }

Result<LambdaRequest> parse_lambda_request(const ServerRequest& request) {
  const std::string_view target = request.target;
  const std::size_t mark = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, mark);
  LambdaRequest parsed;
  parsed.parameters = TRY(query_parameters(target.substr(std::min(mark + 1, target.size()))));
  const auto unknown = [&] {
    return aws_error("UnknownOperationException",
                     fmt::format("Lambda has no '{} {}' here", request.method.substr(0, 16), path.substr(0, 256)));
  };
  if (!path.starts_with(kFunctions)) return unknown();
  std::string_view rest = path.substr(kFunctions.size());
  if (rest.empty() || rest == "/") {
    if (request.method != "GET") return unknown();
    parsed.operation = "ListFunctions";
    return parsed;
  }
  if (rest.front() != '/') return unknown();
  rest.remove_prefix(1);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const auto* const route = std::ranges::find_if(kRoutes, [&](const Route& known) {
    return known.method == request.method && known.behind_name == rest.substr(slash);
  });
  if (route == kRoutes.end()) return unknown();
  parsed.operation = route->operation;
  auto name = percent_decode(rest.substr(0, slash));
  if (!name) return unreadable("the function's name is not percent-encoded");
  parsed.parameters["FunctionName"] = *std::move(name);
  if (parsed.operation != kInvoke) return parsed;
  for (const Header& header : kRequestHeaders) {
    const std::string_view value = request.field(header.name);
    if (!value.empty()) parsed.parameters[std::string(header.parameter)] = value;
  }
  parsed.parameters["Payload"] = request.body;
  return parsed;
}

ServerResponse lambda_answer(std::string_view operation, const Json& answer) {
  if (operation != kInvoke) return {.content_type = kContentType, .body = to_text(answer)};
  ServerResponse response{.status = answer.at("StatusCode").get<unsigned>(), .body = text_of(answer, "Payload")};
  response.content_type = response.body.empty() ? "" : kContentType;
  for (const Header& header : kAnswerHeaders) {
    if (std::string value = text_of(answer, header.parameter); !value.empty()) {
      response.fields.push_back({std::string(header.name), std::move(value)});
    }
  }
  return response;
}

ServerResponse lambda_error(const WireError& error) {
  const auto* const known = std::ranges::find(kStatuses, error.name, &Status::error);
  ServerResponse response{.status = known == kStatuses.end() ? error.status : known->status,
                          .content_type = kContentType};
  response.fields.push_back({"x-amzn-ErrorType", error.name});
  // Two of Lambda's exceptions have their text as Message, the others as message: programs look for either.
  const bool is_capital = error.name == "ResourceNotFoundException" || error.name == "ServiceException";
  response.body = to_text(
      {{"Type", response.status < 500 ? "User" : "Service"}, {is_capital ? "Message" : "message", error.message}});
  return response;
}

}  // namespace tillite
