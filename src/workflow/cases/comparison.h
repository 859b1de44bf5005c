#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workflow/interpreter.h"

namespace tillite {

// What happened beside what a case expects (docs/conformance.md describes the cases). "<any>" as a value stands for
// every value, inside a text for any characters; "date" stands for an instant, too; numbers are equal by value.

/// The first place in which `actual` is not as `expected`: "output.a: 1, not 2". Nothing if there is none.
[[nodiscard]] std::optional<std::string> difference(const Value& expected, const Value& actual,
                                                    const std::string& place);

/// The same for a history. Not `in_order`: events may come in several orders, and their numbers do not count.
[[nodiscard]] std::optional<std::string> difference_of_events(const Value& expected,
                                                              const std::vector<HistoryEvent>& actual, bool in_order);

}  // namespace tillite
