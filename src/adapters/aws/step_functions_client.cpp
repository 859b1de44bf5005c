#include "adapters/aws/step_functions_client.h"

#include <algorithm>

#include "base/uuid.h"

namespace tillite {
namespace {

constexpr std::size_t kPage = 1000;

/// The same error, which AWS gives no code of its own.
Error recoded(const AwsError& error, Code code) { return {code, error.error.message()}; }

Error explained(const AwsError& error) {
  if (error.is("ExecutionNotRedrivable")) return recoded(error, Code::conflict);
  return error.error;
}

}  // namespace

AwsResult<Json> StepFunctionsClient::ask(std::string_view operation, const Json& arguments,
                                         const std::stop_token& stop) {
  return client_->call_json(fmt::format("AWSStepFunctions.{}", operation), arguments, stop);
}

Result<std::string> StepFunctionsClient::find_machine(const std::string& name, const std::stop_token& stop) {
  Json arguments = {{"maxResults", kPage}};
  while (true) {
    const auto answer = ask("ListStateMachines", arguments, stop);
    if (!answer) return std::unexpected(explained(answer.error()));
    RemoteMachinePage page = TRY(parse_machine_page(*answer));
    const auto found = std::ranges::find(page.machines, name, &RemoteMachine::name);
    if (found != page.machines.end()) return found->arn;
    if (page.next_token.empty()) return fail(Code::not_found, "there is no state machine {}: deploy it first", name);
    arguments["nextToken"] = page.next_token;
  }
}

Result<std::string> StepFunctionsClient::start(const std::string& machine_arn, const std::string& name,
                                               const std::string& input, const std::stop_token& stop) {
  const auto answer = ask("StartExecution", {{"stateMachineArn", machine_arn}, {"name", name}, {"input", input}}, stop);
  if (!answer) return std::unexpected(explained(answer.error()));
  const auto arn = string_field(*answer, "executionArn");
  if (!arn) return fail(Code::corrupt, "the answer of Step Functions to StartExecution: {}", arn.error().message());
  return arn;
}

Result<RemoteExecution> StepFunctionsClient::describe(const std::string& execution_arn, const std::stop_token& stop) {
  const auto answer = ask("DescribeExecution", {{"executionArn", execution_arn}}, stop);
  if (!answer) return std::unexpected(explained(answer.error()));
  return parse_execution(*answer);
}

Result<std::vector<RemoteExecution>> StepFunctionsClient::list(const std::string& machine_arn,
                                                               std::optional<RemoteStatus> status,
                                                               std::size_t count_max, const std::stop_token& stop) {
  std::vector<RemoteExecution> all;
  Json arguments = {{"stateMachineArn", machine_arn}};
  if (status) arguments["statusFilter"] = name_of(*status);
  while (all.size() < count_max) {
    arguments["maxResults"] = std::min(kPage, count_max - all.size());
    const auto answer = ask("ListExecutions", arguments, stop);
    if (!answer) return std::unexpected(explained(answer.error()));
    RemoteExecutionPage page = TRY(parse_execution_page(*answer));
    for (RemoteExecution& execution : page.executions) {
      if (all.size() < count_max) all.push_back(std::move(execution));
    }
    if (page.next_token.empty()) break;
    arguments["nextToken"] = page.next_token;
  }
  return all;
}

Result<RemoteEventPage> StepFunctionsClient::history(const std::string& execution_arn, const std::string& token,
                                                     const std::stop_token& stop) {
  Json arguments = {{"executionArn", execution_arn}, {"maxResults", kPage}};
  if (!token.empty()) arguments["nextToken"] = token;
  const auto answer = ask("GetExecutionHistory", arguments, stop);
  if (!answer) return std::unexpected(explained(answer.error()));
  return parse_event_page(*answer);
}

Result<std::vector<RemoteEvent>> StepFunctionsClient::last_events(const std::string& execution_arn,
                                                                  std::size_t count_max, const std::stop_token& stop) {
  if (count_max == 0) return {};
  const auto answer =
      ask("GetExecutionHistory",
          {{"executionArn", execution_arn}, {"maxResults", std::min(count_max, kPage)}, {"reverseOrder", true}}, stop);
  if (!answer) return std::unexpected(explained(answer.error()));
  RemoteEventPage page = TRY(parse_event_page(*answer));
  if (page.events.size() > count_max) page.events.resize(count_max);
  return std::move(page.events);
}

Result<void> StepFunctionsClient::abort(const std::string& execution_arn, const std::string& error,
                                        const std::string& cause, const std::stop_token& stop) {
  Json arguments = {{"executionArn", execution_arn}};
  if (!error.empty()) arguments["error"] = error;
  if (!cause.empty()) arguments["cause"] = cause;
  const auto answer = ask("StopExecution", arguments, stop);
  if (!answer) return std::unexpected(explained(answer.error()));
  return {};
}

Result<void> StepFunctionsClient::redrive(const std::string& execution_arn, const std::stop_token& stop) {
  // The token makes a repeated attempt harmless.
  const auto answer =
      ask("RedriveExecution", {{"executionArn", execution_arn}, {"clientToken", uuid4(random_.bytes())}}, stop);
  if (!answer) return std::unexpected(explained(answer.error()));
  return {};
}

}  // namespace tillite
