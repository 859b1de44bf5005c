#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "embedding/dollars.h"
#include "steps/run_plan.h"

namespace tillite {

/// What a run may spend at most: an amount of money, or a number of tokens.
struct Budget {
  std::optional<Dollars> amount = {};
  std::optional<std::uint64_t> tokens = {};
};

/// "0.50USD" or "2000000" (tokens). `usage` says what there is.
[[nodiscard]] Result<Budget> parse_budget(std::string_view text);

/// Why a plan is beyond a budget; nothing if it is not. `invalid_input` if the budget is an amount and the price of the
/// model is not known.
[[nodiscard]] Result<std::optional<std::string>> beyond(const Budget& budget, const RunPlan& plan);

}  // namespace tillite
