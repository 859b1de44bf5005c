#include "app/tasks/task_router.h"

#include "app/tasks/task_result.h"

namespace tillite {

TaskSettings read_task_settings(const Environment& environment) {
  TaskSettings settings{.lambda_endpoint = environment("AWS_ENDPOINT_URL_LAMBDA").value_or(""),
                        .certificates_file = environment("SSL_CERT_FILE").value_or("")};
  if (environment("TILLITE_COMMANDS_GET_KEYS") == "true") settings.withheld.clear();
  return settings;
}

TaskRouter::TaskRouter(TaskRunner& steps, const AwsTask& services, const TaskSettings& settings, const Logger& log)
    : steps_(steps),
      services_(services),
      commands_allowed_(settings.commands_allowed),
      client_({.certificates_file = settings.certificates_file}),
      commands_({}, log.named("command"), settings.withheld),
      endpoints_(client_) {
  if (!settings.lambda_endpoint.empty()) functions_.emplace(client_, settings.lambda_endpoint);
}

Result<Json> TaskRouter::run(const Call& call) {
  if (CommandTask::handles(call.resource)) {
    if (!commands_allowed_) {
      return std::unexpected(task_error("Command.NotAllowed", "commands are not allowed here"));
    }
    return commands_.run(
        {.resource = call.resource, .payload = call.payload, .execution_id = call.execution_id, .stop = call.stop});
  }
  if (HttpTask::handles(call.resource)) {
    return endpoints_.run(
        {.resource = call.resource, .payload = call.payload, .execution_id = call.execution_id, .stop = call.stop});
  }
  if (services_.handles(call.resource)) {
    return services_.run({.resource = call.resource, .payload = call.payload, .stop = call.stop});
  }
  if (call.function_name.empty() && call.resource.find(":lambda:") == std::string::npos) {
    return fail(Code::unsupported, "the resource '{}' is not available here (docs/tasks.md lists those that are)",
                call.resource.substr(0, 256));
  }
  if (functions_ && !call.function_name.empty()) {
    return functions_->run({.function_name = call.function_name, .payload = call.payload, .stop = call.stop});
  }
  return steps_.run(call);
}

}  // namespace tillite
