#include "server/aws_request.h"

#include "base/percent_coding.h"
#include "server/aws_error.h"
#include "server/lambda_protocol.h"
#include "server/query_protocol.h"

namespace tillite {
namespace {

constexpr std::string_view kForm = "application/x-www-form-urlencoded";

std::string_view query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

Result<AwsRequest> parse_json_request(const ServerRequest& request, AwsRequest parsed) {
  const std::string_view target = request.field("x-amz-target");
  const std::size_t dot = target.find('.');
  if (dot == std::string_view::npos) {
    return aws_error("UnknownOperationException",
                     "this is no request of AWS's programs: there is neither X-Amz-Target nor an Action in a form");
  }
  parsed.service = target.substr(0, dot);
  parsed.operation = target.substr(dot + 1);
  if (request.body.empty()) {
    parsed.parameters = Json::object();
    return parsed;
  }
  auto parameters = parse_json(request.body, "the body");
  if (!parameters) return aws_error("SerializationException", parameters.error().message());
  if (!parameters->is_object()) return aws_error("SerializationException", "the body is not a JSON object");
  parsed.parameters = *std::move(parameters);
  return parsed;
}

Result<AwsRequest> parse_query_request(const ServerRequest& request, AwsRequest parsed) {
  parsed.service = kServiceOfQueryProtocol;
  // The queue may be named by the address alone.
  const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  auto form = TRY(parse_query_form(request.body.empty() ? query_of(request.target) : std::string_view(request.body)));
  parsed.operation = std::move(form.action);
  parsed.parameters = std::move(form.parameters);
  if (path.size() > 1 && !parsed.parameters.contains("QueueUrl"))
    parsed.parameters["QueueUrl"] = parsed.origin + std::string(path);
  return parsed;
}

}  // namespace

AwsProtocol aws_protocol_of(const ServerRequest& request) {
  if (is_lambda_target(request.target)) return AwsProtocol::lambda;
  const std::string_view type = request.field("content-type");
  if (type.starts_with("application/x-amz-json-1.1")) return AwsProtocol::json_1_1;
  if (type.starts_with(kForm) || (type.empty() && !query_of(request.target).empty())) return AwsProtocol::query;
  return AwsProtocol::json_1_0;
}

Result<AwsRequest> parse_aws_request(const ServerRequest& request) {
  AwsRequest parsed{.protocol = aws_protocol_of(request), .origin = fmt::format("http://{}", request.field("host"))};
  if (parsed.protocol == AwsProtocol::query) return parse_query_request(request, std::move(parsed));
  if (parsed.protocol != AwsProtocol::lambda) return parse_json_request(request, std::move(parsed));
  auto call = TRY(parse_lambda_request(request));
  parsed.service = kServiceOfLambdaProtocol;
  parsed.operation = std::move(call.operation);
  parsed.parameters = std::move(call.parameters);
  return parsed;
}

}  // namespace tillite
