#include <algorithm>

#include "workflow/walk/walk.h"

namespace tillite {

/// What a Map in any mode begins with: its items (nothing if they lie in objects), how many at once.
Flow<Outcome> Interpreter::Walk::map(Visit& visit, const MapState& map, Value input) {
  const bool reads_objects = map.distributed && map.reader;
  std::optional<Value> items;
  const Outcome found = reads_objects ? Outcome(Value()) : map_items(visit, map, input);
  if (!found) co_return found;
  if (!reads_objects) {
    items = *found;
    show("afterItemsPath", *items);
  }
  const auto concurrency = whole_number(visit, input, map.concurrency_max);
  if (!concurrency) co_return std::unexpected(concurrency.error());
  if (concurrency->value_or(0) < 0) {
    co_return std::unexpected(
        Failure{.error = errors::kRuntime,
                .cause = fmt::format("{} must not be negative: {}", map.concurrency_max->name(), **concurrency),
                .terminal = true,
                .evaluation = true});
  }
  show("maxConcurrency", concurrency->value_or(0));
  const auto at_once = static_cast<std::size_t>(concurrency->value_or(0));
  visit.line.previous = record("MapStateStarted", visit.line.previous,
                               [&] { return Value::Object{{"length", items ? items->array().size() : 0}}; });
  if (map.distributed) {
    Outcome outcome = co_await map_run(visit, map, std::move(input), std::move(items), at_once);
    co_return std::move(outcome);
  }
  if (trial_ != nullptr) co_return tried_iterations(visit, map, input, *items);
  Outcome outcome = co_await map_inline(visit, map, std::move(input), *std::move(items), at_once);
  co_return std::move(outcome);
}

Outcome Interpreter::Walk::map_items(Visit& visit, const MapState& map, const Value& input) {
  if (visit.state.language == QueryLanguage::jsonata) {
    if (!map.items) {
      if (input.is_array()) return input;
      return std::unexpected(
          Failure{.error = errors::kQueryEvaluationError,
                  .cause = fmt::format("Map state input must be an array but was: {}", to_text(input)),
                  .evaluation = true});
    }
    auto items = with_view(visit, input, [&](const View& view) { return map.items->evaluate(view); });
    if (items && !items->is_array())
      return std::unexpected(unexpected_type(map.items->text(), map.items->name(), "array", *items));
    return items;
  }
  const auto not_an_array = [](std::string_view path) {
    if (path.starts_with("$$")) path.remove_prefix(1);  // as it is seen inside the context object
    return std::unexpected(Failure{.error = errors::kRuntime,
                                   .cause = fmt::format("Reference path \"{}\" must point to array.", path),
                                   .terminal = true,
                                   .evaluation = true});
  };
  if (!map.items_path) {
    if (!input.is_array()) return not_an_array("$");
    return input;
  }
  auto items = with_view(visit, input, [&](const View& view) -> Outcome {
    auto found = map.items_path->evaluate({input, view.context, view.variables, view.random});
    if (!found) return std::unexpected(Failure::of(invalid_path(*map.items_path, found.error())));
    return *std::move(found);
  });
  if (items && !items->is_array()) return not_an_array(map.items_path->text());
  return items;
}

/// What an iteration begins with: the item, or what ItemSelector makes of it.
Outcome Interpreter::Walk::item_input(Visit& visit, const MapState& map, const Value& input, const MapItem& item) {
  if (!map.item_selector) return item.value;
  return with_view(
      visit, input, [&](const View& view) { return map.item_selector->fill(view); }, nullptr, nullptr, &item);
}

Outcome Interpreter::Walk::tried_iterations(Visit& visit, const MapState& map, const Value& input, const Value& items) {
  if (!map.item_selector) return trial_->branches;
  Value::Array inputs;
  for (const Value& item : items.array()) {
    Outcome selected = item_input(visit, map, input, {static_cast<std::int64_t>(inputs.size()), item});
    if (!selected) return selected;
    inputs.push_back(*std::move(selected));
  }
  show("afterItemSelector", inputs);
  return trial_->branches;
}

Flow<Outcome> Interpreter::Walk::map_inline(Visit& visit, const MapState& map, Value input, Value items,
                                            std::size_t concurrency) {
  const Value::Array& all = items.array();
  const std::size_t count = all.size();
  const std::size_t window =
      std::min(concurrency == 0 ? limits_.concurrency_max : concurrency, limits_.concurrency_max);
  NoticeBox box(ready_);
  std::map<std::int64_t, Branch> running;
  std::size_t begun = 0;
  std::optional<Failure> selector_failed;
  const auto details = [&](std::int64_t index) {
    return [&visit, index] { return Value::Object{{"name", visit.state.name}, {"index", index}}; };
  };
  const auto begin_next = [&](std::int64_t previous) -> Branch* {
    const auto index = static_cast<std::int64_t>(begun++);
    Branch& branch = running[index];
    branch.index = index;
    branch.item = MapItem{index, all[static_cast<std::size_t>(index)]};
    branch.line.place = branch_place(visit, index);
    if (auto known = known_branch(branch.line.place)) {
      branch.known = true;
      branch.line.previous = previous;
      branch.outcome = *std::move(known);
      box.push({Notice::Kind::branch_ended, index, {}});
      return nullptr;
    }
    Outcome first = item_input(visit, map, input, *branch.item);
    if (!first) {
      selector_failed = std::move(first).error();
      running.erase(index);
      return nullptr;
    }
    branch.line = {.outer = &visit.line,
                   .previous = record("MapIterationStarted", previous, details(index)),
                   .variables = visit.line.variables,
                   .item = &*branch.item,
                   .place = branch.line.place};
    branch.flow = walk_branch(branch, map.processor, *std::move(first), box);
    return &branch;
  };

  std::vector<Branch*> first;
  while (begun < std::min(window, count) && !selector_failed) {
    if (Branch* branch = begin_next(visit.line.previous)) first.push_back(branch);
  }
  for (Branch* branch : first) branch->flow->start();
  if (selector_failed) co_return std::unexpected(*selector_failed);

  Value::Array results(count);
  for (std::size_t ended = 0; ended < count; ++ended) {
    const Notice notice = co_await box.next();
    const auto found = running.find(notice.source);
    const std::int64_t previous = found->second.line.previous;
    Outcome outcome = *std::move(found->second.outcome);
    const bool known = found->second.known;
    if (!outcome) {
      visit.line.previous = previous;
      record("MapIterationFailed", previous, details(notice.source));
      abort(found->second, previous);
      running.erase(found);
      for (auto& [index, branch] : running) {
        const bool succeeded = branch.outcome && *branch.outcome;
        record(succeeded ? "MapIterationSucceeded" : "MapIterationAborted", succeeded ? branch.line.previous : previous,
               details(index));
        if (!succeeded) abort(branch, previous);
      }
      co_return std::unexpected(std::move(outcome).error());
    }
    running.erase(found);
    results[static_cast<std::size_t>(notice.source)] = *std::move(outcome);
    if (!known) visit.line.previous = record("MapIterationSucceeded", previous, details(notice.source));
    if (begun == count) continue;
    if (Branch* branch = begin_next(previous)) branch->flow->start();
    if (selector_failed) co_return std::unexpected(*selector_failed);
  }
  record("MapStateSucceeded", visit.line.previous);
  co_return Value(std::move(results));
}

}  // namespace tillite
