#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "steps/batches/spending.h"
#include "steps/reports/run_plan.h"

namespace tillite {

/// "0.50USD" or "2000000" (tokens). `usage` says what there is.
[[nodiscard]] Result<Budget> parse_budget(std::string_view text);

/// Why a plan is beyond a budget; nothing if it is not. `invalid_input` if the budget is an amount and the price of a
/// model that something is sent to is not known.
[[nodiscard]] Result<std::optional<std::string>> beyond(const Budget& budget, const RunPlan& plan);

}  // namespace tillite
