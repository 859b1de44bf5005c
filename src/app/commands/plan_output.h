#pragma once

#include "app/output.h"
#include "steps/reports/run_plan.h"

namespace tillite {

/// An amount as a number of US dollars; null where a price is not known.
[[nodiscard]] Json amount_json(const std::optional<Dollars>& amount);

/// A plan as a JSON value (docs/plan.md).
[[nodiscard]] Json to_json(const RunPlan& plan);

/// A plan for people.
void print(const RunPlan& plan, const Output& output);

}  // namespace tillite
