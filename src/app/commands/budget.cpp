#include "app/commands/budget.h"

#include <algorithm>
#include <charconv>

namespace tillite {
namespace {

/// A model without a price, of which the plan has texts.
std::string unpriced_model(const RunPlan& plan) {
  const auto found = std::ranges::find_if(plan.entities, [](const EntityPlan& of_entity) {
    return of_entity.tokens_to_send() > 0 && !of_entity.model.price_per_million;
  });
  return found == plan.entities.end() ? "" : found->model.name;
}

}  // namespace

Result<Budget> parse_budget(std::string_view text) {
  constexpr std::string_view currency = "USD";
  const auto mistake = [&] {
    return fail(Code::usage, "--budget takes an amount as in 0.50USD, or a number of tokens, but is '{}'",
                text.substr(0, 64));
  };
  if (text.ends_with(currency)) {
    const auto amount = parse_dollars(text.substr(0, text.size() - currency.size()));
    if (!amount) return mistake();
    return Budget{.amount = *amount};
  }
  std::uint64_t tokens = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), tokens);
  if (error != std::errc() || end != text.data() + text.size()) return mistake();
  return Budget{.tokens = tokens};
}

Result<std::optional<std::string>> beyond(const Budget& budget, const RunPlan& plan) {
  if (budget.tokens) {
    if (plan.tokens_to_send() <= *budget.tokens) return std::nullopt;
    return fmt::format("the run would send {} tokens, the budget is {}", plan.tokens_to_send(), *budget.tokens);
  }
  if (!budget.amount) return std::nullopt;
  const auto cost = plan.cost();
  if (!cost) {
    return fail(Code::invalid_input,
                "the price of {} is not known: set EMBEDDING_PRICE_PER_MILLION, or give the budget in tokens",
                unpriced_model(plan));
  }
  if (*cost <= *budget.amount) return std::nullopt;
  return fmt::format("the run would cost {} USD, the budget is {} USD", dollars_text(*cost),
                     dollars_text(*budget.amount));
}

}  // namespace tillite
