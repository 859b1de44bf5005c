#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "emulator/faults/fault_spec.h"

namespace tillite {

/// How a batch is to end, decided when it is created: by a script (the control endpoint), by the dice, or well.
struct Outcome {
  enum class End { completed, failed, expired, cancelled };
  enum class Output { whole, none, truncated };

  End end = End::completed;
  double done = 1;                ///< the part of its requests that are answered before an end that is not good
  std::string code;               ///< of a batch that fails
  std::string message;            ///< of a batch that fails
  Output output = Output::whole;  ///< none: every request fails, output_file_id is null
  Json lines = Json::object();    ///< faults of lines with their probabilities; empty: the emulator's own

  /// The form of the control endpoint and of the row: {"end": "expired", "done": 0.5, ...}; all fields may be absent.
  [[nodiscard]] static Result<Outcome> parse(const Json& json);
  [[nodiscard]] Json json() const;
  /// The one that a fault stands for; `unit` in [0, 1) decides how much is done.
  [[nodiscard]] static Outcome of(BatchFault fault, double unit);
};

}  // namespace tillite
