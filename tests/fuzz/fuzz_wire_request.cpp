// A request as it comes over the wire: its X-Amz-Target or content type, its target, its Authorization, one a line, and
// the body. Lambda's are known by their target.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/http_server.h"
#include "ports/clock.h"
#include "server/aws_request.h"
#include "server/function_reference.h"
#include "server/lambda_protocol.h"
#include "server/log_filter.h"
#include "server/message_attributes.h"
#include "server/query_protocol.h"
#include "server/signature_check.h"
#include "server/step_functions_arn.h"

namespace tillite {
namespace {

class StandingClock final : public Clock {
 public:
  std::int64_t now_ms() override { return 1'440'938'160'000; }
  std::int64_t steady_ms() override { return 0; }
  Result<void> sleep(std::int64_t, std::stop_token) override { return {}; }
};

std::string take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  std::string line(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

/// What the services do with texts of a request.
void use_texts(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (const auto filter = LogFilter::parse(text)) static_cast<void>(filter->matches("REPORT RequestId: 1"));
    if (const auto arn = parse_execution_arn(text)) {
      const auto again = parse_execution_arn(execution_arn(arn->place, arn->id, arn->is_express));
      check(again && again->id.name == arn->id.name, "an ARN that was written can be read");
    }
    if (const auto function = parse_function_reference(text)) {
      const auto again = parse_function_reference(function_arn({}, *function));
      check(again && again->name == function->name && again->qualifier == function->qualifier,
            "a function's ARN that was written can be read");
    }
    static_cast<void>(check_states_name(text));
  } else if (value.is_structured()) {
    for (const Json& part : value) use_texts(part);
  }
}

void use(std::string_view bytes) {
  ServerRequest request{.method = "POST", .fields = {{"host", "127.0.0.1"}, {"x-amz-date", "20150830T123600Z"}}};
  if (bytes.starts_with("GET ")) {
    request.method = "GET";
    bytes.remove_prefix(4);
  }
  const std::string kind = take_line(bytes);
  if (kind.empty()) {
    request.fields.push_back({"content-type", "application/x-www-form-urlencoded"});
  } else {
    request.fields.push_back({"x-amz-target", kind});
  }
  request.target = "/" + take_line(bytes);
  request.fields.push_back({"authorization", take_line(bytes)});
  request.body = bytes;

  StandingClock clock;
  static_cast<void>(
      SignatureCheck({.access_key_id = "a", .secret_access_key = Secret(std::string("b"))}, clock).check(request));
  const auto parsed = parse_aws_request(request);
  if (!parsed) return;
  check(parsed->parameters.is_object(), "parameters are an object");
  use_texts(parsed->parameters);
  if (parsed->protocol == AwsProtocol::lambda) {
    check(parsed->operation == "ListFunctions" || parsed->parameters.contains("FunctionName"), "a function is named");
    return;
  }
  static_cast<void>(query_answer(parsed->operation, parsed->parameters, "id"));
  const Json* const attributes = find_field(parsed->parameters, "MessageAttributes");
  if (attributes != nullptr && check_message_attributes(*attributes)) {
    static_cast<void>(md5_of_attributes(*attributes));
    static_cast<void>(message_attributes_bytes(*attributes));
  }
}

}  // namespace
}  // namespace tillite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillite::use(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
