#pragma once

#include <future>
#include <memory>

#include "server/aws_error.h"
#include "server/aws_service.h"

namespace tillite::testing {

/// Calls a service and waits for its answer.
inline Result<Json> call(AwsService& service, const std::string& operation, const Json& parameters = Json::object()) {
  // Shared: a service may answer from a thread that is not done with it when it is taken here.
  const auto answer = std::make_shared<std::promise<Result<Json>>>();
  auto answered = answer->get_future();
  service.handle({.operation = operation,
                  .parameters = parameters,
                  .origin = "http://127.0.0.1:8765",
                  .request_id = "the-request",
                  .answer = [answer](Result<Json> result) { answer->set_value(std::move(result)); }});
  return answered.get();
}

/// The name of AWS's that a call fails with; empty if it does not.
inline std::string error_of(AwsService& service, const std::string& operation,
                            const Json& parameters = Json::object()) {
  const auto answer = call(service, operation, parameters);
  return answer ? "" : wire_error(answer.error()).name;
}

}  // namespace tillite::testing
