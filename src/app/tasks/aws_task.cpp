#include "app/tasks/aws_task.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <future>

#include "app/tasks/task_result.h"
#include "base/time.h"
#include "base/uuid.h"
#include "server/aws_error.h"
#include "workflow/resource.h"
#include "workflow/sdk_answer.h"

namespace tillite {
namespace {

constexpr std::string_view kSdk = "aws-sdk:";
constexpr std::string_view kStates = "sfn";
constexpr auto kLookEvery = std::chrono::milliseconds(50);  ///< whether an operation that waits is to stop

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string capitalized(std::string name) {
  if (!name.empty()) name.front() = upper(name.front());
  return name;
}

/// What a resource asks for.
struct Wanted {
  std::string service;    ///< "sqs", "sfn"
  std::string operation;  ///< "SendMessage"
  bool is_sdk = false;
};

Wanted wanted_of(const std::string& resource) {
  const Resource parsed(resource);
  if (parsed.kind() != Resource::Kind::integration) return {};
  std::string_view service = parsed.type();
  const bool is_sdk = service.starts_with(kSdk);
  if (is_sdk) service.remove_prefix(kSdk.size());
  const std::string& name = parsed.name();
  return {std::string(service), capitalized(name.substr(0, name.find('.'))), is_sdk};
}

/// The JSON that a field of the service's takes as a text; a Task may give it as a value.
bool is_text_of_json(std::string_view name) {
  constexpr std::array kNames = {"MessageBody", "input", "output", "definition"};
  return std::ranges::find(kNames, name) != kNames.end();
}

/// Parameters as the service takes them: Step Functions' names begin with a small letter.
Json parameters_of(const Json& payload, bool small) {
  if (payload.is_array()) {
    Json list = Json::array();
    for (const Json& item : payload) list.push_back(parameters_of(item, small));
    return list;
  }
  if (!payload.is_object()) return payload;
  Json parameters = Json::object();
  for (const auto& [given, value] : payload.items()) {
    if (value.is_null()) continue;
    std::string name = given;
    if (small && !name.empty()) name.front() = lower(name.front());
    const bool becomes_text = is_text_of_json(name) && !value.is_string();
    parameters[name] = becomes_text ? Json(to_text(value)) : parameters_of(value, small);
  }
  return parameters;
}

/// Step Functions' answer as the SDK shows it.
Json shown(const Json& answer) {
  if (answer.is_array()) {
    Json list = Json::array();
    for (const Json& item : answer) list.push_back(shown(item));
    return list;
  }
  if (!answer.is_object()) return answer;
  Json fields = Json::object();
  for (const auto& [name, value] : answer.items()) {
    const bool is_moment = value.is_number() && (name.ends_with("Date") || name == "timestamp");
    fields[capitalized(name)] =
        is_moment ? Json(iso_time(std::llround(value.get<double>() * 1000)))
                  : (name == "assignedVariables" ? value : shown(value));  // whose names are the machine's
  }
  return fields;
}

Result<Json> answer_of(AwsService& service, const std::string& operation, Json parameters,
                       const std::stop_token& stop) {
  const auto answered = std::make_shared<std::promise<Result<Json>>>();
  auto answer = answered->get_future();
  service.handle({.operation = operation,
                  .parameters = std::move(parameters),
                  .origin = "http://127.0.0.1",
                  .answer = [answered](Result<Json> result) { answered->set_value(std::move(result)); },
                  .is_wanted = [stop] { return !stop.stop_requested(); }});
  while (answer.wait_for(kLookEvery) != std::future_status::ready) {
    if (stop.stop_requested()) return fail(Code::cancelled, "stopped while {} waits", operation);
  }
  return answer.get();
}

std::string exception_name(const std::string& name) { return name.ends_with("Exception") ? name : name + "Exception"; }

/// As an optimized integration words it.
Error sqs_error(const WireError& error, const std::string& request_id) {
  const bool is_plain =
      error.name == "InvalidParameterValueException" || error.name == "MissingRequiredParameterException";
  return task_error("SQS." + (is_plain ? "AmazonSQSException" : exception_name(error.name)),
                    fmt::format("{} (Service: AmazonSQS; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
                                error.message, error.status, error.query_code, request_id));
}

/// As an integration of the SDK words it.
Error sdk_error(const std::string& service, const WireError& error, const std::string& request_id) {
  const std::string name = capitalized(service);
  return task_error(fmt::format("{}.{}", name, exception_name(error.name)),
                    fmt::format("{} (Service: {}, Status Code: {}, Request ID: {}) (SDK Attempt Count: 1)",
                                error.message, name, error.status, request_id));
}

}  // namespace

bool AwsTask::handles(const std::string& resource) const {
  const Wanted wanted = wanted_of(resource);
  return services_.contains(wanted.service) && (wanted.is_sdk || wanted.operation == "SendMessage");
}

Result<Json> AwsTask::run(const Call& call) const {
  const Wanted wanted = wanted_of(call.resource);
  const bool is_states = wanted.service == kStates;
  if (is_states && (wanted.operation == "StartSyncExecution" || wanted.operation == "GetActivityTask")) {
    return std::unexpected(task_error(
        "Sfn.UnsupportedOperationException",
        fmt::format("{} would hold on to a thread while it waits and is no task here; to wait for an execution "
                    "use arn:aws:states:::states:startExecution.sync:2",
                    wanted.operation)));
  }
  const std::string request_id = uuid4(random_.bytes());
  const auto answer =
      answer_of(*services_.at(wanted.service), wanted.operation, parameters_of(call.payload, is_states), call.stop);
  if (!answer) {
    if (answer.error().code() == Code::cancelled) return answer;
    const WireError error = wire_error(answer.error());
    return std::unexpected(wanted.is_sdk ? sdk_error(wanted.service, error, request_id) : sqs_error(error, request_id));
  }
  if (is_states) return shown(*answer);
  if (wanted.is_sdk) return answer;
  Value::Object fields;
  for (const auto& [name, value] : answer->items()) fields.set(name, to_value(value));
  return to_json(sdk_answer(fields, to_text(*answer).size(), request_id, clock_.now_ms()));
}

}  // namespace tillite
