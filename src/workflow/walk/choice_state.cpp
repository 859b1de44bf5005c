#include "workflow/walk/walk.h"

namespace tillite {

Ended Interpreter::Walk::choice(Visit& visit, const ChoiceState& choice) {
  const auto input = effective_input(visit);
  if (!input) return std::unexpected(input.error());
  // Output and Assign of the rule that matched; the state's own where none did.
  const auto go_to = [&](std::size_t next, const std::optional<Template>& output,
                         const std::optional<Template>& assign) -> Ended {
    Transition transition{.output = *input, .next = next};
    if (output) {
      auto filled = with_view(visit, *input, [&](const View& view) { return output->fill(view); });
      if (!filled) return std::unexpected(std::move(filled).error());
      transition.output = *std::move(filled);
    }
    if (visit.state.output_path) {
      auto shown = with_view(visit, *input, [&](const View& view) -> Outcome {
        auto found = visit.state.output_path->evaluate({*input, view.context, view.variables, view.random});
        if (!found) return std::unexpected(Failure::of(invalid_path(*visit.state.output_path, found.error())));
        return *std::move(found);
      });
      if (!shown) return std::unexpected(std::move(shown).error());
      transition.output = *std::move(shown);
    }
    if (visit.state.discards_output) transition.output = Value::Object();
    if (assign) {
      auto filled = with_view(visit, *input, [&](const View& view) { return assign->fill(view); });
      if (!filled) return std::unexpected(std::move(filled).error());
      transition.assigned = *std::move(filled);
    }
    return transition;
  };

  for (const ChoiceState::Rule& rule : choice.rules) {
    const auto holds = with_view(visit, *input, [&](const View& view) -> std::expected<bool, Failure> {
      if (const auto* compared = std::get_if<ChoiceRule>(&rule.condition)) {
        const auto held = compared->holds({*input, view.context, view.variables, view.random});
        if (!held) return std::unexpected(Failure::of(held.error()));
        return *held;
      }
      const auto& condition = std::get<Field>(rule.condition);
      const auto value = condition.evaluate(view);
      if (!value) return std::unexpected(value.error());
      if (!value->is_boolean())
        return std::unexpected(unexpected_type(condition.text(), condition.name(), "boolean", *value));
      return value->boolean();
    });
    if (!holds) return std::unexpected(holds.error());
    if (*holds) return go_to(rule.next, rule.output, rule.assign);
  }
  if (choice.otherwise) return go_to(*choice.otherwise, visit.state.output, visit.state.assign);
  return std::unexpected(
      Failure{.error = errors::kNoChoiceMatched,
              .cause = "Failed to transition out of the state. The state had no matching choice rules and no default "
                       "was specified",
              .evaluation = true});
}

Ended Interpreter::Walk::fail(Visit& visit, const FailState& fail) {
  const auto input = effective_input(visit);
  if (!input) return std::unexpected(input.error());
  const auto text = [&](const std::optional<Field>& field) -> std::expected<std::optional<std::string>, Failure> {
    if (!field) return std::nullopt;
    auto value = with_view(visit, *input, [&](const View& view) { return field->evaluate(view); });
    if (!value) return std::unexpected(std::move(value).error());
    if (value->is_string()) return value->string();
    if (visit.state.language == QueryLanguage::jsonata)
      return std::unexpected(unexpected_type(field->text(), field->name(), "string", *value));
    return std::unexpected(
        Failure{.error = errors::kRuntime,
                .cause = fmt::format("The {} field does not refer to a string: {}", field->name(), field->text()),
                .terminal = true,
                .evaluation = true});
  };
  auto error = text(fail.error);
  if (!error) return std::unexpected(std::move(error).error());
  auto cause = text(fail.cause);
  if (!cause) return std::unexpected(std::move(cause).error());
  return std::unexpected(Failure{.error = error->value_or(""), .cause = *std::move(cause)});
}

}  // namespace tillite
