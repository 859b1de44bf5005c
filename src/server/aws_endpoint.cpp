#include "server/aws_endpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "base/uuid.h"
#include "server/aws_error.h"
#include "server/lambda_protocol.h"
#include "server/query_protocol.h"

namespace tillite {
namespace {

struct Answering {
  AwsProtocol protocol;
  std::string operation;
  std::string request_id;
  bool has_older_codes = false;  ///< the service had the query protocol before
};

ServerResponse answer_in_protocol(const Answering& answering, const Json& answer) {
  switch (answering.protocol) {
    case AwsProtocol::json_1_0:
      return {.content_type = "application/x-amz-json-1.0", .body = to_text(answer)};
    case AwsProtocol::json_1_1:
      return {.content_type = "application/x-amz-json-1.1", .body = to_text(answer)};
    case AwsProtocol::query:
      return {.content_type = "text/xml", .body = query_answer(answering.operation, answer, answering.request_id)};
    case AwsProtocol::lambda:
      return lambda_answer(answering.operation, answer);
  }
  return {.status = 500};
}

ServerResponse error_in_protocol(const Answering& answering, const WireError& error) {
  if (answering.protocol == AwsProtocol::lambda) return lambda_error(error);
  if (answering.protocol == AwsProtocol::query) {
    return {.status = error.status, .content_type = "text/xml", .body = query_error(error, answering.request_id)};
  }
  ServerResponse response = answer_in_protocol(answering, {{"__type", error.name}, {"message", error.message}});
  response.status = error.status;
  if (!answering.has_older_codes) return response;
  // Its clients go on to tell errors apart by the codes of that protocol.
  response.fields.push_back(
      {"x-amzn-query-error", fmt::format("{};{}", error.query_code, error.status < 500 ? "Sender" : "Receiver")});
  return response;
}

ServerResponse response_of(const Answering& answering, const Result<Json>& answer) {
  ServerResponse response =
      answer ? answer_in_protocol(answering, *answer) : error_in_protocol(answering, wire_error(answer.error()));
  response.fields.push_back({"x-amzn-RequestId", answering.request_id});
  return response;
}

}  // namespace

Error unknown_operation(std::string_view service, std::string_view operation) {
  return Error(Code::unsupported, fmt::format("{} has no operation '{}' here", service, operation.substr(0, 80)))
      .named("UnknownOperationException");
}

Result<AwsService*> AwsEndpoint::service_of(const AwsRequest& request) const {
  const auto found = std::ranges::find(services_, request.service, &AwsService::target);
  if (found != services_.end()) return *found;
  std::vector<std::string_view> targets;
  targets.reserve(services_.size());
  for (const AwsService* service : services_) targets.push_back(service->target());
  return aws_error("UnknownOperationException", fmt::format("there is no service '{}' here, but {}",
                                                            request.service.substr(0, 80), fmt::join(targets, ", ")));
}

void AwsEndpoint::handle(const ServerRequest& request, ServerAnswer answer) {
  Answering answering{.protocol = aws_protocol_of(request), .request_id = uuid4(random_.bytes())};
  const auto refuse = [&](const Error& error) {
    log_.info("request refused",
              {{"error", error.name()}, {"message", error.message()}, {"request_id", answering.request_id}});
    answer(response_of(answering, std::unexpected(error)));
  };
  if (signatures_) {
    if (const auto signed_well = signatures_->check(request); !signed_well) return refuse(signed_well.error());
  }
  auto parsed = parse_aws_request(request);
  if (!parsed) return refuse(parsed.error());
  answering.operation = parsed->operation;
  answering.has_older_codes = parsed->service == kServiceOfQueryProtocol;
  const auto service = service_of(*parsed);
  if (!service) return refuse(service.error());

  // Both the answer and the question whether it is wanted go with the call.
  const auto shared = std::make_shared<ServerAnswer>(std::move(answer));
  (*service)->handle({.operation = std::move(parsed->operation),
                      .parameters = std::move(parsed->parameters),
                      .origin = std::move(parsed->origin),
                      .request_id = answering.request_id,
                      .answer =
                          [shared, answering, log = log_](const Result<Json>& result) {
                            const Json fields = {{"operation", answering.operation},
                                                 {"request_id", answering.request_id}};
                            if (result) {
                              log.debug("request answered", fields);
                            } else {
                              log.with(fields).info("request failed", {{"error", wire_error(result.error()).name},
                                                                       {"message", result.error().message()}});
                            }
                            (*shared)(response_of(answering, result));
                          },
                      .is_wanted = [shared] { return shared->is_wanted(); }});
}

}  // namespace tillite
