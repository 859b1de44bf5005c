#include "app/commands/plan_output.h"

#include <fmt/ranges.h>

#include <map>

namespace tillite {
namespace {

std::string amount_text(const std::optional<Dollars>& amount) {
  return amount ? dollars_text(*amount) + " USD" : "an unknown price";
}

Json to_json(const EntityPlan& plan) {
  return {{"entity", names_of(plan.entity).name},
          {"collection", names_of(plan.entity).collection},
          {"building", plan.building == 0 ? Json(nullptr) : Json(plan.building)},
          {"model", plan.model.name},
          {"price_per_million_usd", amount_json(plan.model.price_per_million)},
          {"batch_price_per_million_usd", amount_json(plan.model.batch_price_per_million())},
          {"enqueued_tokens_max", plan.model.enqueued_tokens_max ? Json(*plan.model.enqueued_tokens_max) : Json()},
          {"items", plan.items},
          {"texts", plan.texts},
          {"texts_cached", plan.texts_cached},
          {"texts_on_their_way", plan.texts_on_their_way},
          {"texts_cut", plan.texts_cut},
          {"texts_refused", plan.texts_refused},
          {"batches", plan.batches},
          {"tokens", plan.tokens},
          {"tokens_of_items", plan.tokens_of_items},
          {"items_prepared", plan.items_prepared},
          {"batches_prepared", plan.batches_prepared},
          {"tokens_prepared", plan.tokens_prepared},
          {"tokens_called", plan.tokens_called},
          {"passed_over", plan.passed_over},
          {"is_upper_bound", plan.is_upper_bound}};
}

void print(const EntityPlan& plan, const Output& output) {
  output.line("{}{}", names_of(plan.entity).collection,
              plan.building == 0 ? "" : fmt::format(", generation {} that is being built", plan.building));
  output.line("  items      {} wait, with {}{} different texts, {} of them paid for already", plan.items,
              plan.is_upper_bound ? "at most " : "", plan.texts, plan.texts_cached);
  if (plan.texts_on_their_way > 0)
    output.line("  on the way {} texts, in batches of another run", plan.texts_on_their_way);
  if (plan.texts_cut > 0) output.line("  too long   {} texts: their fronts are sent", plan.texts_cut);
  if (plan.texts_refused > 0) output.line("  too long   {} texts: their items will fail", plan.texts_refused);
  output.line("  batches    {} with {} tokens", plan.batches, plan.tokens);
  if (plan.batches_prepared > 0) {
    output.line("  prepared   {} batches with {} items and {} tokens wait for their submit", plan.batches_prepared,
                plan.items_prepared, plan.tokens_prepared);
  }
  if (plan.passed_over > 0) output.line("  damaged    {} receipts or batches: the log names them", plan.passed_over);
}

/// How many tokens may be enqueued at once: of each model, where there are several.
std::string limits_text(const RunPlan& plan) {
  const auto models = plan.models();
  std::map<std::string, std::uint64_t> limits;
  for (const EntityPlan& of_entity : plan.entities) {
    const EmbeddingModel& model = of_entity.model;
    if (model.enqueued_tokens_max && models.contains(model.name)) limits[model.name] = *model.enqueued_tokens_max;
  }
  std::string text;
  for (const auto& [model, tokens] : limits) {
    text += fmt::format(", {} tokens{} enqueued at once", tokens, models.size() == 1 ? "" : " of " + model);
  }
  return text;
}

}  // namespace

Json amount_json(const std::optional<Dollars>& amount) {
  if (!amount) return nullptr;
  return static_cast<double>(amount->millionths) / 1e6;
}

Json to_json(const RunPlan& plan) {
  Json json = {{"models", plan.models()},
               {"items_to_embed", plan.items_to_embed()},
               {"batches", plan.batches_to_submit()},
               {"tokens", plan.tokens_to_send()},
               {"tokens_saved", plan.tokens_saved()},
               {"cost_usd", amount_json(plan.cost())},
               {"cost_if_called_usd", amount_json(plan.cost_if_called())},
               {"cost_saved_usd", amount_json(plan.cost_saved())},
               {"rounds", plan.rounds},
               {"hours_max", plan.hours_max()},
               {"entities", Json::array()}};
  for (const EntityPlan& of_entity : plan.entities) json["entities"].push_back(to_json(of_entity));
  return json;
}

void print(const RunPlan& plan, const Output& output) {
  for (const EntityPlan& of_entity : plan.entities) print(of_entity, output);
  output.line("to send      {} tokens in {} batches to {}", plan.tokens_to_send(), plan.batches_to_submit(),
              fmt::join(plan.models(), " and "));
  if (plan.cost_if_called()) {
    output.line("cost         {}; by the synchronous call {}", amount_text(plan.cost()),
                amount_text(plan.cost_if_called()));
  } else {
    output.line("cost         not known: EMBEDDING_PRICE_PER_MILLION says a model's price");
  }
  output.line("saved        {} tokens, {}: equal texts are sent once, and none that was paid for", plan.tokens_saved(),
              amount_text(plan.cost_saved()));
  output.line("time         at most {} hours: {} round{} of batches{}", plan.hours_max(), plan.rounds,
              plan.rounds == 1 ? "" : "s", limits_text(plan));
}

}  // namespace tillite
