// What Task states call, and as whom.
#include "workflow/expression_validation.h"
#include "workflow/machine_validation.h"
#include "workflow/task_resources.h"

namespace tillite {

void MachineValidator::check_resource(const State& state, const Value& value, const std::string& location) {
  if (!check_text(value, location, schema_)) return;
  const std::string& text = value.string();
  const TaskResource resource = task_resource(text);
  if (resource.kind == TaskResource::Kind::none) {
    if (!text.starts_with("arn:")) return schema_.schema("Value is not a valid resource ARN", location);
    return schema_.schema(
        fmt::format("The resource provided {} is not recognized. The value is not a valid resource ARN, "
                    "or the resource is not available in this region.",
                    text),
        location);
  }
  if (state.machine_type != MachineType::express) return;
  if (resource.kind == TaskResource::Kind::activity)
    schema_.schema("Express state machine does not support Activity ARN", location);
  if (resource.pattern == TaskResource::Pattern::sync)
    schema_.schema("Express state machine does not support '.sync' service integration", location);
  if (resource.pattern == TaskResource::Pattern::wait_for_task_token)  // AWS ends it with a blank
    schema_.schema("Express state machine does not support '.waitForTaskToken' service integration ", location);
}

void MachineValidator::check_credentials(const State& state, const Value& value, const std::string& location) {
  if (!check_object(value, location)) return;
  const Value* resource = state.value.find("Resource");
  if (resource != nullptr && resource->is_string() &&
      task_resource(resource->string()).kind == TaskResource::Kind::activity)
    schema_.schema("The field 'Credentials' is not supported for activities", location);
  if (value.find("RoleArn") == nullptr && (state.jsonata || value.find("RoleArn.$") == nullptr))
    schema_.schema("The field 'RoleArn' is required but was missing", location);
  if (state.jsonata) {
    check_jsonata(value, location, schema_);
  } else {
    check_template(value, location, schema_);
  }
}

}  // namespace tillite
