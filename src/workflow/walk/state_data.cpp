#include "base/time.h"
#include "workflow/walk/walk.h"

namespace tillite {
namespace {

/// How long a value's text is, counted no further than `most`.
std::size_t text_bytes(const Value& value, std::size_t most) {
  std::size_t bytes = 2;
  if (value.is_string()) return value.string().size() + 2;
  if (value.is_array()) {
    for (const Value& item : value.array()) {
      if (bytes > most) break;
      bytes += text_bytes(item, most) + 1;
    }
    return bytes;
  }
  if (value.is_object()) {
    for (const auto& [name, field] : value.object()) {
      if (bytes > most) break;
      bytes += name.size() + text_bytes(field, most) + 4;
    }
    return bytes;
  }
  return value.is_integer() ? 1 : 4;
}

std::expected<Value, Failure> along(const std::optional<PathExpression>& path, const Value& value, const View& view) {
  if (!path) return value;
  auto found = path->evaluate({value, view.context, view.variables, view.random});
  if (!found) return std::unexpected(Failure::of(invalid_path(*path, found.error())));
  return *std::move(found);
}

std::string bare_text(const Value& value) { return value.is_string() ? value.string() : to_text(value); }

}  // namespace

Outcome Interpreter::Walk::effective_input(const Visit& visit) {
  Outcome input = visit.input;
  if (visit.state.discards_input) {
    input = Value(Value::Object());
  } else if (visit.state.input_path) {
    input = with_view(visit, visit.input,
                      [&](const View& view) { return along(visit.state.input_path, visit.input, view); });
  }
  if (input) show("afterInputPath", *input);
  return input;
}

/// Parameters or Arguments of a state, else its input.
Outcome Interpreter::Walk::payload(const Visit& visit, const Value& input) {
  const bool jsonata = visit.state.language == QueryLanguage::jsonata;
  const auto& content = jsonata ? visit.state.arguments : visit.state.parameters;
  Outcome payload = input;
  if (content) payload = with_view(visit, input, [&](const View& view) { return content->fill(view); });
  if (payload) show(jsonata ? "afterArguments" : "afterParameters", *payload);
  return payload;
}

/// `result_is_input`: of a state that has no result of its own: JSONata then sees no $states.result.
Ended Interpreter::Walk::finish(const Visit& visit, const Value& result, bool result_is_input) {
  const State& state = visit.state;
  Transition transition{.output = result, .next = state.next};
  if (!result_is_input) show("result", result);
  if (state.language == QueryLanguage::jsonata) {
    const auto fill = [&](const std::optional<Template>& content) -> std::expected<std::optional<Value>, Failure> {
      if (!content) return std::nullopt;
      auto filled = with_view(
          visit, visit.input, [&](const View& view) { return content->fill(view); },
          result_is_input ? nullptr : &result);
      if (!filled) return std::unexpected(std::move(filled).error());
      return *std::move(filled);
    };
    auto output = fill(state.output);
    if (!output) return std::unexpected(std::move(output).error());
    if (*output) transition.output = **std::move(output);
    auto assigned = fill(state.assign);
    if (!assigned) return std::unexpected(std::move(assigned).error());
    transition.assigned = *std::move(assigned);
  } else {
    Value selected = result;
    if (state.result_selector) {
      auto filled = with_view(visit, result, [&](const View& view) { return state.result_selector->fill(view); });
      if (!filled) return std::unexpected(std::move(filled).error());
      selected = *std::move(filled);
    }
    show("afterResultSelector", selected);
    Value placed = selected;
    if (state.result_path.discards) placed = visit.input;
    if (state.result_path.path) {
      auto put = state.result_path.path->put(visit.input, selected);
      if (!put) return std::unexpected(Failure{put.error().name(), put.error().message()});
      placed = *std::move(put);
    }
    show("afterResultPath", placed);
    if (state.discards_output) placed = Value::Object();
    auto shown = with_view(visit, placed, [&](const View& view) { return along(state.output_path, placed, view); });
    if (!shown) return std::unexpected(std::move(shown).error());
    transition.output = *std::move(shown);
    if (state.assign) {
      auto assigned = with_view(visit, selected, [&](const View& view) { return state.assign->fill(view); });
      if (!assigned) return std::unexpected(std::move(assigned).error());
      transition.assigned = *std::move(assigned);
    }
  }
  auto limited = within_limit(visit, std::move(transition.output));
  if (!limited) return std::unexpected(std::move(limited).error());
  transition.output = *std::move(limited);
  return transition;
}

Outcome Interpreter::Walk::within_limit(const Visit& visit, Value value) const {
  if (text_bytes(value, limits_.payload_bytes_max) <= limits_.payload_bytes_max) return value;
  return std::unexpected(
      Failure{.error = errors::kDataLimitExceeded,
              .cause = fmt::format("The state/task '{}' returned a result with a size exceeding the maximum number of "
                                   "bytes service limit.",
                                   visit.state.name),
              .terminal = true});
}

Value Interpreter::Walk::context(const Visit& visit, const MapItem* item) const {
  const bool is_given = trial_ != nullptr && trial_->context;
  Value::Object context = is_given
                              ? trial_->context->object()
                              : Value::Object{{"Execution", execution_context_}, {"StateMachine", machine_context_}};
  for (const Line* line = &visit.line; item == nullptr && line != nullptr; line = line->outer) item = line->item;
  if (item != nullptr)
    context.set("Map", Value::Object{{"Item", Value::Object{{"Index", item->index}, {"Value", item->value}}}});
  if (is_given) return Value(std::move(context));
  Value::Object state{{"Name", visit.state.name}, {"EnteredTime", iso_time(visit.entered_ms)}};
  const std::string_view type = visit.state.type();
  if (type == "Task" || type == "Map" || type == "Parallel") state.set("RetryCount", visit.retries);
  context.set("State", std::move(state));
  if (!visit.token.empty()) context.set("Task", Value::Object{{"Token", visit.token}});
  return context;
}

std::expected<std::optional<std::int64_t>, Failure> Interpreter::Walk::whole_number(const Visit& visit,
                                                                                    const Value& input,
                                                                                    const std::optional<Field>& field) {
  if (!field) return std::nullopt;
  auto value = with_view(visit, input, [&](const View& view) { return field->evaluate(view); });
  if (!value) return std::unexpected(std::move(value).error());
  if (value->is_integer()) return value->integer();
  if (value->is_number() && value->number() == static_cast<double>(static_cast<std::int64_t>(value->number())))
    return static_cast<std::int64_t>(value->number());
  if (visit.state.language == QueryLanguage::jsonata)
    return std::unexpected(unexpected_type(field->text(), field->name(), "number", *value));
  return std::unexpected(
      Failure{.error = errors::kRuntime,
              .cause = fmt::format("The {} field refers to value \"{}\" which is not a valid integer: {}",
                                   field->name(), bare_text(*value), field->text()),
              .terminal = true,
              .evaluation = true});
}

Failure Interpreter::Walk::explained(Visit& visit, Failure failure) {
  if (!failure.evaluation) return failure;
  failure.evaluation = false;
  if (trial_ != nullptr) return failure;  // its history has no events to name
  failure.cause = fmt::format("An error occurred while executing the state '{}' (entered at the event id #{}). {}",
                              visit.state.name, visit.entered, failure.cause.value_or(""));
  if (failure.error != errors::kQueryEvaluationError) return failure;
  // What fails while a state is being entered comes beside the entering, not after it.
  const bool entering = visit.line.previous == visit.entered && !std::holds_alternative<WaitState>(visit.state.kind);
  visit.line.previous = record("EvaluationFailed", entering ? visit.before : visit.line.previous, [&] {
    Value::Object details{{"error", failure.error}, {"cause", *failure.cause}};
    if (failure.location && !failure.location->empty()) details.set("location", *failure.location);
    details.set("state", visit.state.name);
    return details;
  });
  return failure;
}

}  // namespace tillite
