// Step Functions' operations on activities and on tasks that are ended from outside.
#include "server/aws_error.h"
#include "server/execution_event_json.h"
#include "server/step_functions_parameters.h"
#include "server/step_functions_service.h"

namespace tillite {
namespace {

constexpr std::int64_t kActivityWaitMs = 60'000;  // as AWS has it
constexpr std::size_t kNameBytesMax = 4096;

std::unexpected<Error> activity_missing(const Error& error, const NameArn& arn) {
  if (error.code() != Code::not_found) return std::unexpected(error);
  return aws_error("ActivityDoesNotExist",
                   fmt::format("Activity Does Not Exist: '{}'", activity_arn(arn.place, arn.name)));
}

Json json_of(const ActivityInfo& activity, const AwsPlace& place) {
  return {{"activityArn", activity_arn(place, activity.name)},
          {"name", activity.name},
          {"creationDate", json_time(activity.created_ms)}};
}

/// The answer to SendTask...: its errors by AWS's names.
Result<Json> sent(const Result<void>& result) {
  if (result) return Json::object();
  if (result.error().code() == Code::not_found) {
    return aws_error("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'");
  }
  return std::unexpected(with_aws_name(result.error(), Code::invalid_input, "InvalidToken"));
}

}  // namespace

Result<Json> StepFunctionsService::create_activity(const Json& parameters) {
  const std::string name = TRY(text_of(parameters, "name", kNameBytesMax));
  TRY(check_states_name(name));
  Json answer = json_of(TRY(backend_.create_activity(name)), place_);
  answer.erase("name");
  return answer;
}

Result<Json> StepFunctionsService::describe_activity(const Json& parameters) {
  const NameArn arn = TRY(parse_activity_arn(TRY(text_of(parameters, "activityArn", kArnBytesMax))));
  const auto activity = backend_.describe_activity(arn.name);
  if (!activity) return activity_missing(activity.error(), arn);
  return json_of(*activity, arn.place);
}

Result<Json> StepFunctionsService::delete_activity(const Json& parameters) {
  const NameArn arn = TRY(parse_activity_arn(TRY(text_of(parameters, "activityArn", kArnBytesMax))));
  TRY(backend_.delete_activity(arn.name));
  return Json::object();
}

Result<Json> StepFunctionsService::list_activities(const Json& parameters) {
  std::vector<Json> entries;
  for (const ActivityInfo& activity : TRY(backend_.list_activities())) entries.push_back(json_of(activity, place_));
  return page_of_list(std::move(entries), "activities", parameters);
}

void StepFunctionsService::get_activity_task(AwsCall call) {
  struct Wanted {
    NameArn activity;
    std::string worker;
  };
  const auto wanted = [&]() -> Result<Wanted> {
    NameArn activity = TRY(parse_activity_arn(TRY(text_of(call.parameters, "activityArn", kArnBytesMax))));
    auto worker = TRY(optional_text_of(call.parameters, "workerName", kNameBytesMax)).value_or("");
    if (!worker.empty()) TRY(check_states_name(worker));
    return Wanted{.activity = std::move(activity), .worker = std::move(worker)};
  }();
  if (!wanted) return call.answer(std::unexpected(wanted.error()));
  polls_.add(kActivityWaitMs, [this, wanted = *wanted, call = std::move(call)](bool is_last) mutable {
    // Nobody would do the task that is handed to one who has gone.
    if (!call.is_wanted()) {
      call.answer(Json::object());
      return true;
    }
    const auto task = backend_.take_activity_task(wanted.activity.name, wanted.worker);
    if (!task) {
      call.answer(activity_missing(task.error(), wanted.activity));
      return true;
    }
    if (!*task && !is_last) return false;
    call.answer(*task ? Json{{"taskToken", (*task)->token}, {"input", to_text((*task)->input)}} : Json::object());
    return true;
  });
}

Result<Json> StepFunctionsService::send_task_success(const Json& parameters) {
  const std::string token = TRY(text_of(parameters, "taskToken", kTokenBytesMax));
  const std::string output = TRY(text_of(parameters, "output", kPayloadBytesMax));
  const auto value = parse_value(output, "output");
  if (!value) return aws_error("InvalidOutput", fmt::format("Invalid Output: '{}'", value.error().message()));
  return sent(backend_.task_succeeded(token, *value));
}

Result<Json> StepFunctionsService::send_task_failure(const Json& parameters) {
  const std::string token = TRY(text_of(parameters, "taskToken", kTokenBytesMax));
  const auto error = TRY(optional_text_of(parameters, "error", kErrorBytesMax)).value_or("");
  const auto cause = TRY(optional_text_of(parameters, "cause", kCauseBytesMax)).value_or("");
  return sent(backend_.task_failed(token, error, cause));
}

Result<Json> StepFunctionsService::send_task_heartbeat(const Json& parameters) {
  return sent(backend_.task_heartbeat(TRY(text_of(parameters, "taskToken", kTokenBytesMax))));
}

}  // namespace tillite
