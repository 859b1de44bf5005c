#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "steps/step.h"

namespace tillite {

/// What HANDLER_TYPE may say to a program of Lambda functions.
struct HandlerTypes {
  const std::vector<NamedStep>& steps;
  std::string_view elsewhere = {};  ///< for who names another step: where that is

  /// The step that the function is ("find_unembedded"). `invalid_input` lists what there is, if the variable is missing
  /// or says something else.
  [[nodiscard]] Result<NamedStep> step(const std::optional<std::string>& handler_type) const;
};

/// Those that are no simple_steps(), for the program that has only these.
constexpr std::string_view kStepsOfTheImage = "line_polling, word_polling and compaction are in the image";

}  // namespace tillite
