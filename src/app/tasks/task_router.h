#pragma once

#include <optional>
#include <set>

#include "app/tasks/aws_task.h"
#include "app/tasks/command_task.h"
#include "app/tasks/http_task.h"
#include "app/tasks/lambda_task.h"
#include "steps/settings.h"
#include "workflow/task_runner.h"

namespace tillite {

struct TaskSettings {
  bool commands_allowed = true;  ///< else a `command:` is refused: whoever may write definitions could run anything
  std::set<std::string> withheld = {"OPENAI_API_KEY"};  ///< from commands, unless TILLITE_COMMANDS_GET_KEYS is true
  std::string lambda_endpoint;    ///< AWS_ENDPOINT_URL_LAMBDA; empty: functions are the steps of this process
  std::string certificates_file;  ///< SSL_CERT_FILE; empty: the system's
};
[[nodiscard]] TaskSettings read_task_settings(const Environment& environment);

/// Hands each task to who can run it, by its Resource: programs, HTTP endpoints, operations of AWS's services that are
/// here, functions of a Lambda endpoint if there is one, and everything else that names a function to `steps`.
class TaskRouter final : public TaskRunner {
 public:
  /// `steps` and `services` must outlive this object.
  TaskRouter(TaskRunner& steps, const AwsTask& services, const TaskSettings& settings, const Logger& log);

  [[nodiscard]] Result<Json> run(const Call& call) override;

 private:
  TaskRunner& steps_;
  const AwsTask& services_;
  bool commands_allowed_;
  HttpClient client_;
  CommandTask commands_;
  HttpTask endpoints_;
  std::optional<LambdaTask> functions_;
};

}  // namespace tillite
