#pragma once

#include <string>

#include "base/json.h"

namespace tillite {

/// A definition in Amazon States Language that was checked: every state that is named exists, every state's fields are
/// of their type, names are unique and at most 80 characters. What the interpreter does not know is an error here, not
/// later.
class StateMachine {
 public:
  /// `invalid_input` names the place ("States.PollBatches.ItemProcessor.States.PollBatch.Next") and the reason.
  [[nodiscard]] static Result<StateMachine> parse(std::string name, std::string_view definition);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Json& definition() const { return definition_; }

 private:
  StateMachine(std::string name, Json definition) : name_(std::move(name)), definition_(std::move(definition)) {}
  std::string name_;
  Json definition_;
};

}  // namespace tillite
