// A function on AWS's own runtime client in C++: the event is the result; one with "fail" in it is a failure.
#include <aws/lambda-runtime/runtime.h>

using aws::lambda_runtime::invocation_request;
using aws::lambda_runtime::invocation_response;

int main() {
  aws::lambda_runtime::run_handler([](const invocation_request& request) {
    if (request.payload.find("fail") != std::string::npos) {
      return invocation_response::failure("as it was told", "Peer.Failed", "");
    }
    return invocation_response::success(
        "{\"event\":" + request.payload + ",\"request_id\":\"" + request.request_id + "\",\"arn\":\"" +
            request.function_arn + "\",\"remaining_ms\":" + std::to_string(request.get_time_remaining().count()) + "}",
        "application/json");
  });
}
