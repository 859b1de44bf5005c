#include "app/tasks/lambda_task.h"

#include "app/tasks/task_result.h"
#include "base/percent_coding.h"

namespace tillite {
namespace {

constexpr std::string_view kUnknown = "Lambda.Unknown";

/// The function ran and failed: its answer is the cause, as it is.
Error function_error(const HttpResponse& response) {
  const auto described = described_error(response.body);
  return task_error(described ? std::string_view(described->type) : kUnknown, response.body);
}

/// "ResourceNotFoundException:http://..." in a header, or in the body's Type or __type.
std::string exception_name(const HttpResponse& response, const Json& body) {
  std::string name = response.header("x-amzn-errortype").value_or("");
  for (const char* field : {"__type", "Type"}) {
    if (!name.empty() || !body.is_object()) break;
    const auto type = optional_string(body, field);
    if (type) name = type->value_or("");
  }
  name = name.substr(0, name.find(':'));
  name = name.substr(name.find_last_of('#') + 1);
  if (name.ends_with("Exception")) return name;
  if (response.status == 404) return "ResourceNotFoundException";
  if (response.status == 429) return "TooManyRequestsException";
  return response.status >= 500 ? "ServiceException" : "Unknown";
}

/// The service did not run the function.
Error service_error(const HttpResponse& response) {
  const auto body = parse_json(response.body, "the answer");
  const Json json = body ? *body : Json();
  std::string message = response.body;
  for (const char* field : {"Message", "message"}) {
    if (!json.is_object()) break;
    const auto text = optional_string(json, field);
    if (text && *text) message = **text;
  }
  const std::string name = exception_name(response, json);
  return task_error("Lambda." + name,
                    fmt::format("{} (Service: AWSLambda; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
                                message, response.status, name, response.header("x-amzn-requestid").value_or("null")));
}

}  // namespace

LambdaTask::LambdaTask(HttpClient& client, std::string endpoint) : client_(client), endpoint_(std::move(endpoint)) {
  while (endpoint_.ends_with('/')) endpoint_.pop_back();
}

Result<Json> LambdaTask::run(const Call& call) const {
  if (call.function_name.empty()) return fail(Code::invalid_input, "no function is named");
  const auto response = client_.send(
      {.method = "POST",
       .url = fmt::format("{}/2015-03-31/functions/{}/invocations", endpoint_, percent_encode(call.function_name)),
       .headers = {{"Content-Type", "application/json"}, {"X-Amz-Invocation-Type", "RequestResponse"}},
       .body = to_text(call.payload),
       .timeout_ms = call.timeout_ms,
       .response_bytes_max = kTaskResultBytesMax,
       .fresh_connection = true},  // on a kept one it may be sent twice
      call.stop);
  if (!response) return std::unexpected(call_error(response.error(), "Lambda.SdkClientException"));
  if (!response->is_success()) return std::unexpected(service_error(*response));
  if (response->header("x-amz-function-error")) return std::unexpected(function_error(*response));
  return task_result(response->body, kUnknown);
}

}  // namespace tillite
