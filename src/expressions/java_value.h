#pragma once

#include <string>

#include "expressions/value.h"

namespace tillite {

// Step Functions is a Java program, and some intrinsic functions show it: States.Format prints objects as Java's
// collections print themselves, States.ArrayUnique returns items in the order of a HashSet.

/// What String.valueOf() makes of a value: texts as they are, "null", "[1, 2]", "{a=1, b=[]}", numbers as
/// Double.toString writes them ("1.0E10").
[[nodiscard]] std::string java_text(const Value& value);

/// The different items in the order in which a java.util.HashSet of them is walked. Numbers of another type (1 and 1.0)
/// are different there.
[[nodiscard]] Value::Array java_hash_set(const Value::Array& items);

}  // namespace tillite
