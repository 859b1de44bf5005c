#pragma once

#include <functional>
#include <map>
#include <string>

#include "expressions/value.h"
#include "ports/clock.h"

namespace tillite {

/// The variables of a state machine, by their names without "$".
using Variables = std::map<std::string, Value, std::less<>>;

/// What an expression may refer to. The references live at least as long as the evaluation.
struct Scope {
  const Value& input;                     ///< "$"
  const std::function<Value()>& context;  ///< makes the context object, "$$"; called only when it is referred to
  const Variables& variables;             ///< "$name"
  Random& random;                         ///< for States.UUID, and States.MathRandom without a seed
};

}  // namespace tillite
