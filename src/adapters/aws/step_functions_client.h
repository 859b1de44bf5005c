#pragma once

#include <memory>
#include <stop_token>

#include "adapters/aws/aws_client.h"
#include "adapters/aws/step_functions_answers.h"

namespace tillite {

/// State machines on Step Functions: what it takes to start them and to watch how they go. Sends nothing before the
/// first call.
///
/// Threads: any. Errors: AwsClient's; `not_found` for an execution or a machine that is not there; `invalid_input` for
/// a name, an ARN or an input that AWS does not take; `cancelled` as soon as `stop` is requested.
class StepFunctionsClient {
 public:
  /// The client is of the service step_functions; the random numbers must outlive this object.
  StepFunctionsClient(std::shared_ptr<AwsClient> client, Random& random)
      : client_(std::move(client)), random_(random) {}

  /// The ARN of the machine of this name, looked for in all pages of ListStateMachines.
  [[nodiscard]] Result<std::string> find_machine(const std::string& name, const std::stop_token& stop = {});

  /// Starts an execution; the answer: its ARN. `input` is JSON. The name makes a repetition harmless: while the
  /// execution runs, the same name and input answer with it, and later, or with another input, it is `conflict`.
  [[nodiscard]] Result<std::string> start(const std::string& machine_arn, const std::string& name,
                                          const std::string& input, const std::stop_token& stop = {});

  /// All that is known of an execution.
  [[nodiscard]] Result<RemoteExecution> describe(const std::string& execution_arn, const std::stop_token& stop = {});

  /// The newest `count_max` executions of a machine, those of one status only if it is given.
  [[nodiscard]] Result<std::vector<RemoteExecution>> list(const std::string& machine_arn,
                                                          std::optional<RemoteStatus> status, std::size_t count_max,
                                                          const std::stop_token& stop = {});

  /// A page of an execution's history, oldest first. `token` is that of the page before, empty for the first.
  [[nodiscard]] Result<RemoteEventPage> history(const std::string& execution_arn, const std::string& token,
                                                const std::stop_token& stop = {});
  /// The last `count_max` events, newest first: what an execution is about now, or ended with.
  [[nodiscard]] Result<std::vector<RemoteEvent>> last_events(const std::string& execution_arn, std::size_t count_max,
                                                             const std::stop_token& stop = {});

  /// Ends an execution as aborted. Error and cause may be empty.
  [[nodiscard]] Result<void> abort(const std::string& execution_arn, const std::string& error, const std::string& cause,
                                   const std::stop_token& stop = {});

  /// Goes on with an execution that has failed, from the step that did. `conflict` if it cannot be redriven: it runs,
  /// has succeeded, or ended more than 14 days ago.
  [[nodiscard]] Result<void> redrive(const std::string& execution_arn, const std::stop_token& stop = {});

 private:
  [[nodiscard]] AwsResult<Json> ask(std::string_view operation, const Json& arguments, const std::stop_token& stop);

  std::shared_ptr<AwsClient> client_;
  Random& random_;
};

}  // namespace tillite
