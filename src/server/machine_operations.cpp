// Step Functions' operations on state machines and definitions.
#include <algorithm>
#include <memory>

#include "server/aws_error.h"
#include "server/execution_event_json.h"
#include "server/step_functions_parameters.h"
#include "server/step_functions_service.h"
#include "workflow/test_state.h"

namespace tillite {
namespace {

constexpr std::size_t kNameBytesMax = 4096;  // what is longer is refused before it is looked at
constexpr std::int64_t kDiagnosticsMax = 100;

std::string_view type_name(bool is_express) { return is_express ? "EXPRESS" : "STANDARD"; }

Result<bool> is_express_of(const Json& parameters) {
  const auto type = TRY(optional_text_of(parameters, "type", kTokenBytesMax)).value_or("STANDARD");
  if (type == "STANDARD" || type == "EXPRESS") return type == "EXPRESS";
  return constraint_error("type", "Member must satisfy enum value set: [STANDARD, EXPRESS]");
}

std::string text_of(const DefinitionFinding& finding) {
  return fmt::format("{}: {}{}{}", finding.code, finding.message, finding.location.empty() ? "" : " at ",
                     finding.location);
}

/// What is the same for every machine here: nothing is logged elsewhere, nothing traced.
void set_configuration(Json& json) {
  json["loggingConfiguration"] = {{"level", "OFF"}, {"includeExecutionData", false}};
  json["tracingConfiguration"] = {{"enabled", false}};
}

Error does_not_exist(const Error& error, const NameArn& arn) {
  if (error.code() != Code::not_found) return error;
  return aws_error("StateMachineDoesNotExist",
                   fmt::format("State Machine Does Not Exist: '{}'", machine_arn(arn.place, arn.name)))
      .error();
}

}  // namespace

Result<void> StepFunctionsService::check_definition(const std::string& definition, bool is_express) {
  std::string texts;
  for (const DefinitionFinding& finding : backend_.validate(definition, is_express)) {
    if (finding.is_error) texts += (texts.empty() ? "" : ", ") + text_of(finding);
  }
  if (texts.empty()) return {};
  return aws_error("InvalidDefinition", fmt::format("Invalid State Machine Definition: '{}'", texts));
}

Result<MachineInfo> StepFunctionsService::machine_named(const NameArn& arn) {
  auto machine = backend_.describe_machine(arn.name);
  if (machine) return machine;
  return std::unexpected(does_not_exist(machine.error(), arn));
}

Result<Json> StepFunctionsService::create_state_machine(const Json& parameters) {
  MachineInfo wanted;
  wanted.name = TRY(text_of(parameters, "name", kNameBytesMax));
  wanted.definition = TRY(text_of(parameters, "definition", kDefinitionBytesMax));
  wanted.is_express = TRY(is_express_of(parameters));
  wanted.role_arn = TRY(text_of(parameters, "roleArn", kArnBytesMax));
  TRY(check_states_name(wanted.name));
  TRY(parse_arn(wanted.role_arn));
  TRY(check_definition(wanted.definition, wanted.is_express));
  const auto answer = [&](const MachineInfo& machine) {
    return Json{{"stateMachineArn", machine_arn(place_, machine.name)},
                {"creationDate", json_time(machine.created_ms)}};
  };
  const auto created = backend_.create_machine(wanted);
  if (created) return answer(*created);
  if (created.error().code() != Code::conflict) return std::unexpected(created.error());
  // The same request once more is answered as it was; another one is refused.
  const MachineInfo there = TRY(backend_.describe_machine(wanted.name));
  if (there.definition == wanted.definition && there.is_express == wanted.is_express &&
      there.role_arn == wanted.role_arn) {
    return answer(there);
  }
  return aws_error("StateMachineAlreadyExists",
                   fmt::format("State Machine Already Exists: '{}'", machine_arn(place_, wanted.name)));
}

Result<Json> StepFunctionsService::update_state_machine(const Json& parameters) {
  const NameArn arn = TRY(parse_machine_arn(TRY(text_of(parameters, "stateMachineArn", kArnBytesMax))));
  const auto definition = TRY(optional_text_of(parameters, "definition", kDefinitionBytesMax));
  const auto role_arn = TRY(optional_text_of(parameters, "roleArn", kArnBytesMax));
  const MachineInfo machine = TRY(machine_named(arn));
  const bool has_configuration = find_field(parameters, "loggingConfiguration") != nullptr ||
                                 find_field(parameters, "tracingConfiguration") != nullptr;
  if (!definition && !role_arn && !has_configuration) {
    return aws_error(
        "MissingRequiredParameter",
        "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be "
        "specified");
  }
  if (role_arn) TRY(parse_arn(*role_arn));
  if (definition) TRY(check_definition(*definition, machine.is_express));
  const auto updated = backend_.update_machine(arn.name, definition, role_arn);
  if (!updated) return std::unexpected(does_not_exist(updated.error(), arn));
  Json answer = {{"updateDate", json_time(updated->updated_ms)}};
  if (!updated->revision_id.empty()) answer["revisionId"] = updated->revision_id;
  return answer;
}

Result<Json> StepFunctionsService::describe_state_machine(const Json& parameters) {
  const NameArn arn = TRY(parse_machine_arn(TRY(text_of(parameters, "stateMachineArn", kArnBytesMax))));
  const bool all_data = TRY(wants_all_data(parameters));
  const MachineInfo machine = TRY(machine_named(arn));
  Json answer = {{"stateMachineArn", machine_arn(arn.place, machine.name)},
                 {"name", machine.name},
                 {"status", "ACTIVE"},
                 {"roleArn", machine.role_arn},
                 {"type", type_name(machine.is_express)},
                 {"creationDate", json_time(machine.created_ms)}};
  if (all_data) answer["definition"] = machine.definition;
  if (!machine.revision_id.empty()) answer["revisionId"] = machine.revision_id;
  set_configuration(answer);
  return answer;
}

Result<Json> StepFunctionsService::delete_state_machine(const Json& parameters) {
  const NameArn arn = TRY(parse_machine_arn(TRY(text_of(parameters, "stateMachineArn", kArnBytesMax))));
  TRY(backend_.delete_machine(arn.name));
  return Json::object();
}

Result<Json> StepFunctionsService::list_state_machines(const Json& parameters) {
  std::vector<Json> entries;
  for (const MachineInfo& machine : TRY(backend_.list_machines())) {
    entries.push_back({{"stateMachineArn", machine_arn(place_, machine.name)},
                       {"name", machine.name},
                       {"type", type_name(machine.is_express)},
                       {"creationDate", json_time(machine.created_ms)}});
  }
  return page_of_list(std::move(entries), "stateMachines", parameters);
}

/// A machine has neither versions nor aliases nor tags here; programs that ask for them find none.
Result<Json> StepFunctionsService::list_state_machine_versions(const Json& parameters) {
  TRY(machine_named(TRY(parse_machine_arn(TRY(text_of(parameters, "stateMachineArn", kArnBytesMax))))));
  return Json{{"stateMachineVersions", Json::array()}};
}

Result<Json> StepFunctionsService::list_state_machine_aliases(const Json& parameters) {
  TRY(machine_named(TRY(parse_machine_arn(TRY(text_of(parameters, "stateMachineArn", kArnBytesMax))))));
  return Json{{"stateMachineAliases", Json::array()}};
}

Result<Json> StepFunctionsService::list_tags(const Json& parameters) {
  TRY(parse_arn(TRY(text_of(parameters, "resourceArn", kArnBytesMax))));
  return Json{{"tags", Json::array()}};
}

Result<Json> StepFunctionsService::validate_definition(const Json& parameters) {
  const std::string definition = TRY(text_of(parameters, "definition", kDefinitionBytesMax));
  const bool is_express = TRY(is_express_of(parameters));
  const auto severity = TRY(optional_text_of(parameters, "severity", kTokenBytesMax)).value_or("ERROR");
  const std::int64_t wanted = TRY(optional_int(parameters, "maxResults")).value_or(0);
  const auto count_max = static_cast<std::size_t>(wanted > 0 && wanted < kDiagnosticsMax ? wanted : kDiagnosticsMax);
  Json diagnostics = Json::array();
  bool is_good = true;
  bool is_truncated = false;
  for (const DefinitionFinding& finding : backend_.validate(definition, is_express)) {
    is_good = is_good && !finding.is_error;
    if (!finding.is_error && severity != "WARNING") continue;
    if (diagnostics.size() == count_max) {
      is_truncated = true;
      continue;
    }
    Json diagnostic = {
        {"severity", finding.is_error ? "ERROR" : "WARNING"}, {"code", finding.code}, {"message", finding.message}};
    if (!finding.location.empty()) diagnostic["location"] = finding.location;
    diagnostics.push_back(std::move(diagnostic));
  }
  return Json{{"result", is_good ? "OK" : "FAIL"}, {"diagnostics", diagnostics}, {"truncated", is_truncated}};
}

/// A state may run a task, however long that takes: in a thread of its own.
void StepFunctionsService::test_state(AwsCall call) {
  auto request = test_state_request(to_value(call.parameters));
  if (!request) return call.answer(std::unexpected(request.error()));
  const bool runs_a_task = tasks_ != nullptr && !request->mock;
  auto work = [this, request = *std::move(request),
               call = std::make_shared<AwsCall>(std::move(call))] {  // for what is copied
    const auto answer = tillite::test_state(request, {.region = place_.region,
                                                      .account = place_.account,
                                                      .now_ms = clock_.now_ms(),
                                                      .tasks = tasks_,
                                                      .stop = stop_.get_token()});
    call->answer(answer ? Result<Json>(to_json(test_state_wire(*answer))) : std::unexpected(answer.error()));
  };
  if (!runs_a_task) return work();
  tests_.add({.turn = "", .group = "", .work = std::move(work)});
}

}  // namespace tillite
