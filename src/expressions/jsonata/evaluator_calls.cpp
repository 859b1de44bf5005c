#include <algorithm>
#include <cmath>

#include "expressions/jsonata/evaluator.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

/// The name that a call's errors show: of `$sum(...)`, "sum".
std::string_view name_of(const Node& procedure) {
  return procedure.kind == Kind::path ? procedure.children.front()->text : procedure.text;
}

bool is_thunk(const Datum& datum) { return datum.is_function() && datum.function()->is_thunk(); }

}  // namespace

std::size_t Function::arity() const {
  struct Counter {
    std::size_t operator()(const Builtin* builtin) const { return builtin->arity; }
    std::size_t operator()(const Lambda& lambda) const { return lambda.node->parameters.size(); }
    std::size_t operator()(const PartialCall& partial) const {
      return static_cast<std::size_t>(
          std::ranges::count_if(partial.arguments, [](const auto& argument) { return !argument.has_value(); }));
    }
    std::size_t operator()(const Matcher& /*matcher*/) const { return 2; }
    std::size_t operator()(const NextMatch& /*next*/) const { return 0; }
    std::size_t operator()(const Transformer& /*transformer*/) const { return 1; }
    std::size_t operator()(const Chain& /*chain*/) const { return 1; }
  };
  return std::visit(Counter(), body);
}

bool Function::is_thunk() const {
  const Lambda* const lambda = std::get_if<Lambda>(&body);
  return lambda != nullptr && lambda->node->kind == Kind::thunk;
}

Datum Evaluator::lambda(const Node& node, const Datum& input, const FramePtr& frame) {
  return std::make_shared<const Function>(Function{Lambda{&node, input, frame}, frame->depth + 1});
}

Result<Datum> Evaluator::procedure_of(const Node& node, const Datum& input, const FramePtr& frame,
                                      std::string_view code) {
  const Node& procedure = *node.left;
  Datum function = TRY(evaluate(procedure, input, frame));
  if (!function.is_undefined() || procedure.kind != Kind::path) return function;
  // Perhaps the '$' was forgotten.
  const std::string_view name = name_of(procedure);
  const bool is_known = find_builtin(name) != nullptr || variables_.contains(name) || [&] {
    const auto symbol = std::ranges::find(program_.names, name);
    return symbol != program_.names.end() && !name.empty() &&
           bound(static_cast<Symbol>(symbol - program_.names.begin()), frame) != nullptr;
  }();
  if (is_known) return fault(code, {.token = std::string(name)});
  return function;
}

Result<Datum> Evaluator::call_of(const Node& node, const Datum& input, const FramePtr& frame, const Datum* applied_to) {
  const Datum function = TRY(procedure_of(node, input, frame, "T1005"));
  std::vector<Datum> arguments;
  arguments.reserve(node.children.size() + 1);
  if (applied_to != nullptr) arguments.push_back(*applied_to);
  for (const NodePtr& argument : node.children) arguments.push_back(TRY(evaluate(*argument, input, frame)));
  Result<Datum> result = apply(function, std::move(arguments), input);
  if (!result && !name_of(*node.left).empty())
    return std::unexpected(name_token(result.error(), quoted_text(name_of(*node.left))));
  return result;
}

Result<Datum> Evaluator::partial(const Node& node, const Datum& input, const FramePtr& frame) {
  std::vector<std::optional<Datum>> arguments;
  std::size_t depth = 0;
  for (const NodePtr& argument : node.children) {
    if (argument->kind == Kind::placeholder) {
      arguments.emplace_back();
    } else {
      arguments.emplace_back(TRY(evaluate(*argument, input, frame)));
      depth = std::max(depth, arguments.back()->depth());
    }
  }
  const Datum function = TRY(procedure_of(node, input, frame, "T1007"));
  if (!function.is_function()) return fault("T1008");
  // A function gets no more arguments than it has parameters.
  if (arguments.size() > function.function()->arity() && function.function()->arity() > 0)
    arguments.resize(function.function()->arity());
  depth = std::max(depth, function.depth());
  return Datum(std::make_shared<const Function>(Function{PartialCall{function, std::move(arguments)}, depth + 1}));
}

Result<Datum> Evaluator::application(const Node& node, const Datum& input, const FramePtr& frame) {
  const Datum left = TRY(evaluate(*node.left, input, frame));
  if (node.right->kind == Kind::call) {
    return call_of(*node.right, input, frame, &left);
  }
  const Datum right = TRY(evaluate(*node.right, input, frame));
  if (!right.is_function()) return fault("T2006");
  if (!left.is_function()) {
    Result<Datum> result = apply(right, {left}, Value());
    if (!result && !name_of(*node.right).empty())
      return std::unexpected(name_token(result.error(), quoted_text(name_of(*node.right))));
    return result;
  }
  const std::size_t depth = std::max(left.depth(), right.depth()) + 1;
  return Datum(std::make_shared<const Function>(Function{Chain{left, right}, depth}));
}

Result<Datum> Evaluator::call(const Datum& function, std::vector<Datum> arguments) {
  return apply(function, std::move(arguments), Value());
}

Result<Datum> Evaluator::call_with(const Datum& function, const Datum& item, const Datum& index, const Datum& whole) {
  const std::size_t arity = function.is_function() ? function.function()->arity() : 1;
  std::vector<Datum> arguments = {item};
  if (arity >= 2) arguments.push_back(index);
  if (arity >= 3) arguments.push_back(whole);
  return call(function, std::move(arguments));
}

/// Calls a function, then the calls that it ended with, one after the other on the same stack.
Result<Datum> Evaluator::apply(const Datum& function, std::vector<Datum> arguments, const Datum& context) {
  Datum result = TRY(apply_once(function, std::move(arguments), context));
  while (is_thunk(result)) {
    const Datum thunk = std::move(result);
    const Lambda& pending = std::get<Lambda>(thunk.function()->body);
    const Node& node = *pending.node->left;
    const Datum next = TRY(procedure_of(node, pending.input, pending.frame, "T1005"));
    std::vector<Datum> next_arguments;
    next_arguments.reserve(node.children.size());
    for (const NodePtr& argument : node.children)
      next_arguments.push_back(TRY(evaluate(*argument, pending.input, pending.frame)));
    Result<Datum> called = apply_once(next, std::move(next_arguments), context);
    if (!called && !name_of(*node.left).empty())
      return std::unexpected(name_token(called.error(), quoted_text(name_of(*node.left))));
    result = TRY(std::move(called));
  }
  return result;
}

Result<Datum> Evaluator::apply_once(const Datum& function, std::vector<Datum> arguments, const Datum& context) {
  TRY(charge(1));
  const Level level(depth_);
  TRY(check_depth());
  if (!function.is_function()) return fault("T1006");
  const auto& body = function.function()->body;
  const auto argument = [&](std::size_t index) { return index < arguments.size() ? arguments[index] : Datum(); };
  if (const auto* const builtin = std::get_if<const Builtin*>(&body)) {
    const std::vector<Datum> fitted = TRY((*builtin)->signature.apply(std::move(arguments), context));
    return (*builtin)->call(*this, fitted);
  }
  if (const auto* const lambda = std::get_if<Lambda>(&body))
    return apply_lambda(*lambda, std::move(arguments), context);
  if (const auto* const partial = std::get_if<PartialCall>(&body)) {
    std::vector<Datum> all;
    all.reserve(partial->arguments.size());
    std::size_t next = 0;
    for (const auto& known : partial->arguments) all.push_back(known ? *known : argument(next++));
    return apply_once(partial->function, std::move(all), context);
  }
  if (const auto* const matcher = std::get_if<Matcher>(&body)) {
    if (!argument(0).is_string()) return Datum();
    const std::string& text = argument(0).string();
    std::size_t from = 0;
    const double units = argument(1).is_number() ? argument(1).number() : 0;
    while (from < text.size() && static_cast<double>(unit_count(std::string_view(text).substr(0, from))) < units)
      from += code_point_size(text, from);
    return match(matcher->pattern, *argument(0).value(), from);
  }
  if (const auto* const next = std::get_if<NextMatch>(&body)) {
    if (next->from >= next->text.string().size()) return Datum();
    Datum found = TRY(match(next->pattern, next->text, next->from));
    // A match of nothing would be found again and again.
    if (found.is_object() && found.field("match").string().empty()) return fault("D1004");
    return found;
  }
  if (const auto* const transformer = std::get_if<Transformer>(&body)) return transform(*transformer, argument(0));
  const auto& chain = std::get<Chain>(body);
  return apply(chain.second, {TRY(apply(chain.first, {argument(0)}, Value()))}, Value());
}

Result<Datum> Evaluator::apply_lambda(const Lambda& lambda, std::vector<Datum> arguments, const Datum& context) {
  if (lambda.node->signature) arguments = TRY(lambda.node->signature->apply(std::move(arguments), context));
  const FramePtr frame = new_frame(lambda.frame);
  frame->bindings.reserve(lambda.node->parameters.size());
  for (std::size_t i = 0; i < lambda.node->parameters.size(); ++i)
    frame->bind(lambda.node->parameters[i], i < arguments.size() ? std::move(arguments[i]) : Datum());
  if (frame->depth > kNestingMax) return fault("D1011");
  return evaluate(*lambda.node->left, lambda.input, frame);
}

Result<Datum> Evaluator::match(const std::shared_ptr<const Pattern>& pattern, const Value& text, std::size_t from) {
  TRY(charge_text(text.string().size()));
  const auto found = TRY(Pattern::Search(*pattern, text.string()).next(from));
  if (!found) return Datum();
  const std::string_view whole = text.string();
  std::vector<Datum> groups;
  for (const auto& group : found->groups) groups.push_back(group ? Datum(Value(*group)) : Datum());
  const std::size_t start = unit_count(whole.substr(0, found->start));
  const std::string_view matched = whole.substr(found->start, found->end - found->start);
  const auto record = std::make_shared<Record>();
  record->set("match", Value(matched));
  record->set("start", Value(start));
  record->set("end", Value(start + unit_count(matched)));
  record->set("groups", make_array(std::move(groups)));
  record->set("next", std::make_shared<const Function>(Function{NextMatch{pattern, text, found->end}}));
  return Datum(record);
}

/// Changes a copy, object by object: the matches are part of it.
Result<Datum> Evaluator::transform(const Transformer& transformer, const Datum& object) {
  if (object.is_undefined()) return object;
  if (!object.is_array() && !object.is_object()) return fault("T0410", {.index = "1"});
  const Node& node = *transformer.node;
  Datum copy = TRY(clone(object));
  const Datum found = TRY(evaluate(*node.left, copy, transformer.frame));
  if (found.is_undefined()) return copy;
  const std::vector<Datum> matches = found.is_array() ? found.items() : std::vector<Datum>{found};
  for (const Datum& match : matches) TRY(change(node, match, transformer.frame));
  // What was put in may have made it deeper, and it is not measured while it is changed.
  Datum measured = TRY(clone(copy));
  if (measured.depth() > kNestingMax) return fault("D1011");
  return measured;
}

Result<void> Evaluator::change(const Node& node, const Datum& match, const FramePtr& frame) {
  const Datum update = TRY(evaluate(*node.right, match, frame));
  if (!update.is_undefined()) {
    if (!update.is_object()) return fault("T2011", {.value = json_text(update)});
    // A copy: what is put in must not hold what it is put into.
    const Datum own = TRY(clone(update));
    if (Record* const record = match.record())
      for (const auto& [name, value] : own.record()->fields()) record->set(name, value);
  }
  if (!node.otherwise) return {};
  const Datum deletions = TRY(evaluate(*node.otherwise, match, frame));
  if (deletions.is_undefined()) return {};
  const std::vector<Datum> names = deletions.is_array() ? deletions.items() : std::vector<Datum>{deletions};
  if (!std::ranges::all_of(names, &Datum::is_string)) return fault("T2012", {.value = json_text(deletions)});
  if (Record* const record = match.record())
    for (const Datum& name : names) record->erase(name.string());
  return {};
}

}  // namespace tillite::jsonata
