#include "workflow/durable/task_calls.h"

#include "workflow/resource.h"

namespace tillite {
namespace {

News failed(std::string error, std::optional<std::string> cause) {
  return {.kind = News::Kind::failed, .failure = {.error = std::move(error), .cause = std::move(cause)}};
}

std::string text_field(const Value& object, std::string_view name) {
  const Value* field = object.find(name);
  return field == nullptr || !field->is_string() ? "" : field->string();
}

/// "embedding-line-find" of a name or an ARN, with or without a version.
std::string bare_function(const std::string& name) {
  const std::size_t mark = name.find("function:");
  const std::string rest = mark == std::string::npos ? name : name.substr(mark + 9);
  return rest.substr(0, rest.find(':'));
}

}  // namespace

std::string function_of(const TaskCall& call) {
  const Resource resource(call.resource);
  if (resource.kind() == Resource::Kind::function) return resource.name();
  if (resource.type() != "lambda") return "";
  return bare_function(text_field(call.payload, "FunctionName"));
}

std::optional<News> call_task(TaskRunner& runner, const TaskCall& call, const std::string& execution_id,
                              std::stop_token stop) {
  const bool invokes = Resource(call.resource).type() == "lambda";
  const Value* payload = invokes ? call.payload.find("Payload") : &call.payload;
  const std::string function = function_of(call);
  const auto result = runner.run({.function_name = function,
                                  .payload = payload == nullptr ? Json::object() : to_json(*payload),
                                  .execution_id = execution_id,
                                  .stop = std::move(stop),
                                  .resource = call.resource,
                                  .token = call.token});
  if (!result) {
    if (result.error().code() == Code::cancelled) return std::nullopt;
    const std::string name = result.error().name();
    const std::string& message = result.error().message();
    // What a function elsewhere answered has that form already; what kept a function from answering has another.
    const bool is_answer = !name.starts_with("Lambda.") && !name.starts_with("States.") && !message.starts_with("{");
    if (function.empty() || !is_answer) return failed(name, message);
    return failed(name, to_text(Value::Object{{"errorMessage", message}, {"errorType", name}}));
  }
  Value output = to_value(*result);
  if (invokes)
    output = Value::Object{{"ExecutedVersion", "$LATEST"}, {"Payload", std::move(output)}, {"StatusCode", 200}};
  return News{.output = std::move(output)};
}

std::string message_of_cause(const std::string& cause) {
  if (!cause.starts_with("{")) return cause;
  const auto parsed = parse_value(cause, "a cause");
  const Value* message = parsed ? parsed->find("errorMessage") : nullptr;
  return message != nullptr && message->is_string() ? message->string() : cause;
}

}  // namespace tillite
