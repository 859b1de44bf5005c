#pragma once

#include <string>
#include <string_view>

#include "expressions/value.h"

namespace tillite {

/// A Task's Resource: who does it, and how its events are named.
///
///     arn:aws:lambda:REGION:ACCOUNT:function:NAME     a function; events LambdaFunction...
///     arn:aws:states:REGION:ACCOUNT:activity:NAME     an activity; events Activity...
///     arn:aws:states:::SERVICE:ACTION[.PATTERN]       an integration; events Task...
///     arn:aws:states:::aws-sdk:SERVICE:ACTION[...]    the same
///     command:PROGRAM ARGUMENTS, http://..., https:// ours; events Task...
class Resource {
 public:
  enum class Kind { function, activity, integration, command, http };

  explicit Resource(const std::string& text);

  [[nodiscard]] Kind kind() const { return kind_; }
  /// Of an integration: "lambda", "aws-sdk:dynamodb"; the kind's name for ours.
  [[nodiscard]] const std::string& type() const { return type_; }
  /// Of an integration: "invoke.waitForTaskToken"; the name of a function or activity; else the text.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Whether the task ends by its token: SendTaskSuccess or SendTaskFailure.
  [[nodiscard]] bool gives_token() const;
  /// How AWS calls it in a cause.
  [[nodiscard]] const std::string& short_name() const;

  /// "TaskScheduled", "LambdaFunctionFailed", "ActivityTimedOut" ... of "Scheduled", "Failed", "TimedOut".
  [[nodiscard]] std::string event(std::string_view what) const;
  [[nodiscard]] Value::Object scheduled_details(const Value& payload, const std::string& region) const;
  /// Adds resourceType and resource, where events of this kind show them.
  void name_in(Value::Object& details) const;

 private:
  Kind kind_ = Kind::integration;
  std::string text_;
  std::string type_;
  std::string name_;
};

}  // namespace tillite
