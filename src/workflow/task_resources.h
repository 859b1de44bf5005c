#pragma once

#include <string_view>

namespace tillite {

/// What a Task state's Resource stands for.
struct TaskResource {
  enum class Kind {
    none,         ///< no resource that AWS or this engine knows
    function,     ///< "arn:aws:lambda:REGION:ACCOUNT:function:NAME[:ALIAS]"
    activity,     ///< "arn:aws:states:REGION:ACCOUNT:activity:NAME"
    integration,  ///< "arn:aws:states:::SERVICE:API", with a pattern behind it or not
    own,          ///< "command:...", "http://...", "https://...": this engine's
  };
  enum class Pattern { request, sync, wait_for_task_token };
  Kind kind = Kind::none;
  Pattern pattern = Pattern::request;
};

/// The resource of a Task. Integrations are those that Step Functions lists as optimized, each with the patterns that
/// it has, and "aws-sdk:SERVICE:ACTION" of any service.
[[nodiscard]] TaskResource task_resource(std::string_view resource);

}  // namespace tillite
