#include "expressions/jsonata/evaluator.h"

#include <algorithm>
#include <cmath>

#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/numbers.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

constexpr std::size_t kStackBytesMax = 5'000'000;

std::string_view sign_of(Operation operation) {
  switch (operation) {
    case Operation::add:
      return "\"+\"";
    case Operation::subtract:
      return "\"-\"";
    case Operation::multiply:
      return "\"*\"";
    case Operation::divide:
      return "\"/\"";
    case Operation::remainder:
      return "\"%\"";
    case Operation::less:
      return "\"<\"";
    case Operation::less_or_equal:
      return "\"<=\"";
    case Operation::greater:
      return "\">\"";
    case Operation::greater_or_equal:
      return "\">=\"";
    default:
      return "";
  }
}

bool is_integer(const Datum& datum) { return datum.is_number() && is_whole(datum.number()); }

}  // namespace

Frame::Frame(Evaluator& evaluator, std::shared_ptr<Frame> around)
    : outer(std::move(around)), evaluator_(evaluator), next_(evaluator.frames_) {
  if (outer) depth = outer->depth + 1;
  if (next_ != nullptr) next_->previous_ = this;
  evaluator.frames_ = this;
}

Frame::~Frame() {
  (previous_ != nullptr ? previous_->next_ : evaluator_.frames_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

void Frame::bind(Symbol name, Datum value) {
  const auto* const lambda = value.is_function() ? std::get_if<Lambda>(&value.function()->body) : nullptr;
  const bool is_circle = lambda != nullptr && lambda->frame.get() == this;
  if (!is_circle) depth = std::max(depth, value.depth() + 1);
  const auto old = std::ranges::find(bindings, name, &std::pair<Symbol, Datum>::first);
  if (old == bindings.end()) {
    bindings.emplace_back(name, std::move(value));
  } else {
    old->second = std::move(value);
  }
}

Evaluator::~Evaluator() {
  // Functions and the frames that they are bound in may hold each other: all is taken apart first.
  std::vector<std::pair<Symbol, Datum>> bindings;
  for (const Frame* frame = frames_; frame != nullptr; frame = frame->next_) {
    auto& own = const_cast<Frame*>(frame)->bindings;  // NOLINT: the list is ours
    std::ranges::move(own, std::back_inserter(bindings));
    own.clear();
  }
}

Result<Datum> Evaluator::run(const std::optional<Value>& input) {
  stack_start_ = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  if (input) input_ = *input;
  Datum context = input_;
  if (context.is_array()) {
    auto wrapper = std::make_shared<List>(std::vector<Datum>{context}, true);
    wrapper->wraps_input = true;
    context = std::shared_ptr<const List>(std::move(wrapper));
  }
  const FramePtr frame = new_frame(nullptr);
  return evaluate(*program_.root, context, frame);
}

Result<void> Evaluator::charge(std::size_t steps) {
  steps_ += steps;
  if (steps_ > surroundings_.steps_max) return fault("D1012", {.value = fmt::format("{}", surroundings_.steps_max)});
  return {};
}

Result<void> Evaluator::check_depth() const {
  // Not all builds have frames of one size: the stack is measured, too.
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const std::uintptr_t used = here < stack_start_ ? stack_start_ - here : here - stack_start_;
  if (depth_ > surroundings_.depth_max || used > kStackBytesMax) return fault("D1011");
  return {};
}

Result<void> Evaluator::charge_text(std::size_t bytes) {
  if (bytes > surroundings_.text_bytes_max)
    return fault("D2015", {.value = fmt::format("{}", surroundings_.text_bytes_max)});
  return charge(bytes / kBytesOfStep);
}

Result<Datum> Evaluator::text(std::string text) {
  TRY(charge(1));
  TRY(charge_text(text.size()));
  return Datum(Value(std::move(text)));
}

Result<void> Evaluator::check_items(std::size_t count) const {
  if (count > surroundings_.items_max) return fault("D2015", {.value = fmt::format("{}", surroundings_.items_max)});
  return {};
}

/// Copying an item is quicker than evaluating something: eight are a step.
Result<std::shared_ptr<List>> Evaluator::counted_list(std::vector<Datum> items) {
  TRY(check_items(items.size()));
  TRY(charge(1 + items.size() / 8));
  if (items_alive_ + items.size() > surroundings_.items_alive_max)
    return fault("D2015", {.value = fmt::format("{}", surroundings_.items_alive_max)});
  auto list = std::make_shared<List>(std::move(items));
  list->counted = CountedItems(items_alive_, list->items.size());
  return list;
}

Result<Datum> Evaluator::array(std::vector<Datum> items) {
  return Datum(std::shared_ptr<const List>(TRY(counted_list(std::move(items)))));
}

Result<Datum> Evaluator::sequence(std::vector<Datum> items) {
  auto list = TRY(counted_list(std::move(items)));
  list->sequence = true;
  return Datum(std::shared_ptr<const List>(std::move(list)));
}

Result<Datum> Evaluator::joined(const std::vector<Datum>& parts) {
  std::vector<Datum> items;
  const Datum* only = nullptr;
  std::size_t count = 0;
  for (const Datum& part : parts) {
    if (part.is_undefined()) continue;
    ++count;
    only = &part;
    if (part.is_array()) {
      TRY(check_items(items.size() + part.size()));
      for (std::size_t i = 0; i < part.size(); ++i) items.push_back(part.at(i));
    } else {
      items.push_back(part);
    }
  }
  if (count == 0) return Datum();
  return count == 1 ? *only : array(std::move(items));
}

Result<bool> Evaluator::is_numeric(const Datum& datum) {
  if (!datum.is_number() || std::isnan(datum.number())) return false;
  if (std::isinf(datum.number())) return fault("D1001", {.value = "null"});
  return true;
}

Result<bool> Evaluator::truthy(const Datum& datum) {
  if (datum.is_boolean()) return datum.boolean();
  if (datum.is_string()) return !datum.string().empty();
  if (datum.is_number()) return TRY(is_numeric(datum)) && datum.number() != 0;
  if (datum.is_object()) return datum.field_count() > 0;
  if (!datum.is_array()) return false;
  TRY(charge(datum.size()));
  bool any = false;
  for (std::size_t i = 0; i < datum.size(); ++i) any = TRY(truthy(datum.at(i))) || any;
  return any;
}

/// Work that counts down from the steps that are left.
template <typename Work>
auto Evaluator::counted_down(const Work& work) -> Result<decltype(work(std::declval<std::size_t&>()))> {
  const std::size_t steps = surroundings_.steps_max - std::min(surroundings_.steps_max, steps_) + 1;
  std::size_t steps_left = steps;
  const auto answer = work(steps_left);
  TRY(charge(steps_left == 0 ? steps : steps - steps_left));
  return answer;
}

Result<bool> Evaluator::equal(const Datum& left, const Datum& right) {
  return counted_down([&](std::size_t& steps_left) { return deep_equal(left, right, steps_left); });
}

Result<std::size_t> Evaluator::hash_of(const Datum& datum) {
  return counted_down([&](std::size_t& steps_left) { return content_hash(datum, steps_left); });
}

Result<std::string> Evaluator::string_of(const Datum& datum, bool indented) {
  if (datum.is_undefined() || datum.is_function()) return "";
  if (datum.is_string()) return datum.string();
  if (datum.is_number() && !std::isfinite(datum.number())) return fault("D3001");
  const Datum content = datum.list() != nullptr && datum.list()->wraps_input ? datum.at(0) : datum;
  std::string text = stringified(content, {.indented = indented, .bytes_max = surroundings_.text_bytes_max});
  TRY(charge_text(text.size()));
  return text;
}

const Datum* Evaluator::bound(Symbol symbol, const FramePtr& frame) {
  for (const Frame* at = frame.get(); at != nullptr; at = at->outer.get())
    for (const auto& [name, value] : at->bindings)
      if (name == symbol) return &value;
  return nullptr;
}

Datum Evaluator::variable(const Node& node, const FramePtr& frame) const {
  if (const Datum* const value = bound(node.symbol, frame)) return *value;
  if (node.text == "$") return input_;
  if (const auto value = variables_.find(std::string_view(node.text)); value != variables_.end()) return value->second;
  return node.builtin == nullptr ? Datum() : Datum(node.builtin->function);
}

Result<Datum> Evaluator::evaluate(const Node& node, const Datum& input, const FramePtr& frame) {
  TRY(charge(1));
  const Level level(depth_);
  TRY(check_depth());
  Datum result = TRY(evaluate_kind(node, input, frame));
  for (const NodePtr& predicate : node.predicates) {
    if (const TupleStream* const stream = result.tuples()) {
      result = std::make_shared<const TupleStream>(TRY(filter(*predicate, stream->tuples, frame)));
    } else {
      result = TRY(filter(*predicate, result, frame));
    }
  }
  if (node.keep_array && !node.predicates.empty() && !result.is_undefined() && !result.is_array())
    result = make_sequence({result});
  if (node.grouping && node.kind != Kind::path) result = TRY(group(node.grouping->pairs, result, frame));
  if (result.depth() > kNestingMax) return fault("D1011");
  if (!result.is_sequence()) return result;
  const List& list = *result.list();
  if (list.items.empty()) return Datum();
  if (node.keep_array && !list.keep_singleton) {
    auto kept = std::make_shared<List>(list);
    kept->keep_singleton = true;
    return Datum(std::shared_ptr<const List>(std::move(kept)));
  }
  if (list.items.size() == 1 && !list.keep_singleton) return Datum(list.items.front());
  return result;
}

Result<Datum> Evaluator::evaluate_kind(const Node& node, const Datum& input, const FramePtr& frame) {
  switch (node.kind) {
    case Kind::literal:
      return Datum(node.value);
    case Kind::name:
      return lookup(input, node.text);
    case Kind::variable:
      if (node.text.empty()) return input.list() != nullptr && input.list()->wraps_input ? input.at(0) : input;
      return variable(node, frame);
    case Kind::path:
      return path(node, input, frame);
    case Kind::binary:
      return binary(node, input, frame);
    case Kind::call:
      return call_of(node, input, frame, nullptr);
    case Kind::condition:
    case Kind::elvis:
    case Kind::coalesce:
      return condition(node, input, frame);
    case Kind::block:
      return block(node, input, frame);
    case Kind::array:
      return array_of(node, input, frame);
    case Kind::object:
      return group(node.pairs, input, frame);
    case Kind::bind: {
      Datum value = TRY(evaluate(*node.right, input, frame));
      frame->bind(node.symbol, value);
      return value;
    }
    case Kind::lambda:
    case Kind::thunk:
      return lambda(node, input, frame);
    case Kind::apply:
      return application(node, input, frame);
    case Kind::partial:
      return partial(node, input, frame);
    case Kind::negation:
      return negation(node, input, frame);
    case Kind::wildcard:
      return wildcard(input);
    case Kind::descendants:
      return descendants(input);
    case Kind::parent: {
      const Datum* const value = bound(node.slot->label, frame);
      return value == nullptr ? Datum() : *value;
    }
    case Kind::regex:
      return Datum(std::make_shared<const Function>(Function{Matcher{node.pattern}}));
    case Kind::transform:
      return Datum(std::make_shared<const Function>(Function{Transformer{&node, frame}, frame->depth + 1}));
    default:
      return Datum();
  }
}

Result<Datum> Evaluator::binary(const Node& node, const Datum& input, const FramePtr& frame) {
  const Datum left = TRY(evaluate(*node.left, input, frame));
  if (node.operation == Operation::both || node.operation == Operation::either) {
    const bool first = TRY(truthy(left));
    if (first == (node.operation == Operation::either)) return Datum(Value(first));
    return Datum(Value(TRY(truthy(TRY(evaluate(*node.right, input, frame))))));
  }
  const Datum right = TRY(evaluate(*node.right, input, frame));
  switch (node.operation) {
    case Operation::equal:
    case Operation::not_equal:
      if (left.is_undefined() || right.is_undefined()) return Datum(Value(false));
      return Datum(Value(TRY(equal(left, right)) == (node.operation == Operation::equal)));
    case Operation::less:
    case Operation::less_or_equal:
    case Operation::greater:
    case Operation::greater_or_equal:
      return comparison(node, left, right);
    case Operation::concatenate:
      return text(TRY(string_of(left)) + TRY(string_of(right)));
    case Operation::contained:
      return contained(left, right);
    case Operation::range:
      return range(left, right);
    default:
      return arithmetic(node, left, right);
  }
}

Result<Datum> Evaluator::arithmetic(const Node& node, const Datum& left, const Datum& right) {
  const auto details = [&] { return FaultDetails{.token = std::string(sign_of(node.operation))}; };
  if (!left.is_undefined() && !TRY(is_numeric(left))) return fault("T2001", details());
  if (!right.is_undefined() && !TRY(is_numeric(right))) return fault("T2002", details());
  if (left.is_undefined() || right.is_undefined()) return Datum();
  const double one = left.number();
  const double other = right.number();
  switch (node.operation) {
    case Operation::add:
      return Datum(Value(one + other));
    case Operation::subtract:
      return Datum(Value(one - other));
    case Operation::multiply:
      return Datum(Value(one * other));
    case Operation::divide:
      return Datum(Value(one / other));
    default:
      return Datum(Value(std::fmod(one, other)));
  }
}

Result<Datum> Evaluator::comparison(const Node& node, const Datum& left, const Datum& right) {
  const auto details = [&] {
    return FaultDetails{
        .value = json_text(left), .value2 = json_text(right), .token = std::string(sign_of(node.operation))};
  };
  for (const Datum* const operand : {&left, &right})
    if (!operand->is_undefined() && !operand->is_string() && !operand->is_number()) return fault("T2010", details());
  if (left.is_undefined() || right.is_undefined()) return Datum();
  if (left.is_string() != right.is_string()) return fault("T2009", details());
  const auto answer = [&](const auto& one, const auto& other) {
    switch (node.operation) {
      case Operation::less:
        return one < other;
      case Operation::less_or_equal:
        return one <= other;
      case Operation::greater:
        return one > other;
      default:
        return one >= other;
    }
  };
  if (left.is_number()) return Datum(Value(answer(left.number(), right.number())));
  return Datum(Value(answer(compare_texts(left.string(), right.string()), 0)));
}

Result<Datum> Evaluator::range(const Datum& left, const Datum& right) {
  if (!left.is_undefined() && !is_integer(left)) return fault("T2003");
  if (!right.is_undefined() && !is_integer(right)) return fault("T2004");
  if (left.is_undefined() || right.is_undefined() || left.number() > right.number()) return Datum();
  const double size = right.number() - left.number() + 1;
  if (size > 1e7) return fault("D2014", {.value = number_text(size)});
  TRY(check_items(static_cast<std::size_t>(size)));
  std::vector<Datum> items;
  items.reserve(static_cast<std::size_t>(size));
  for (double item = left.number(); items.size() < static_cast<std::size_t>(size); item += 1)
    items.emplace_back(whole_or_real(item));
  return sequence(std::move(items));
}

Result<Datum> Evaluator::contained(const Datum& left, const Datum& right) {
  if (left.is_undefined() || right.is_undefined()) return Datum(Value(false));
  if (!right.is_array()) return Datum(Value(identical(right, left)));
  TRY(charge(right.size()));
  for (std::size_t i = 0; i < right.size(); ++i)
    if (identical(right.at(i), left)) return Datum(Value(true));
  return Datum(Value(false));
}

Result<Datum> Evaluator::negation(const Node& node, const Datum& input, const FramePtr& frame) {
  const Datum operand = TRY(evaluate(*node.left, input, frame));
  if (operand.is_undefined()) return operand;
  if (!TRY(is_numeric(operand))) return fault("D1002", {.value = json_text(operand)});
  return Datum(Value(-operand.number()));
}

Result<Datum> Evaluator::array_of(const Node& node, const Datum& input, const FramePtr& frame) {
  std::vector<Datum> items;
  for (const NodePtr& child : node.children) {
    Datum value = TRY(evaluate(*child, input, frame));
    if (value.is_undefined()) continue;
    if (child->kind == Kind::array || !value.is_array()) {
      items.push_back(std::move(value));
    } else {
      TRY(check_items(items.size() + value.size()));
      for (std::size_t i = 0; i < value.size(); ++i) items.push_back(value.at(i));
    }
  }
  auto list = TRY(counted_list(std::move(items)));
  list->constructed = node.constructed;
  return Datum(std::shared_ptr<const List>(std::move(list)));
}

Result<Datum> Evaluator::block(const Node& node, const Datum& input, const FramePtr& frame) {
  const FramePtr own = new_frame(frame);
  Datum result;
  for (const NodePtr& child : node.children) result = TRY(evaluate(*child, input, own));
  return result;
}

Result<Datum> Evaluator::condition(const Node& node, const Datum& input, const FramePtr& frame) {
  Datum left = TRY(evaluate(*node.left, input, frame));
  const bool holds = node.kind == Kind::coalesce ? !left.is_undefined() : TRY(truthy(left));
  if (node.kind == Kind::condition) {
    if (holds) return evaluate(*node.right, input, frame);
    if (node.otherwise) return evaluate(*node.otherwise, input, frame);
    return Datum();
  }
  if (holds) return left;
  return evaluate(*node.right, input, frame);
}

Result<Datum> Evaluator::wildcard(const Datum& input) {
  const bool is_wrapper = input.list() != nullptr && input.list()->wraps_input;
  const Datum content = is_wrapper ? input.at(0) : input;
  std::vector<Datum> items;
  bool is_sequence = true;
  const auto take = [&](const Datum& value) -> Result<void> {
    TRY(charge(1));
    if (!value.is_array()) {
      items.push_back(value);
      return {};
    }
    is_sequence = false;
    return flatten(value, items);
  };
  if (content.is_array()) {
    for (std::size_t i = 0; i < content.size(); ++i) TRY(take(content.at(i)));
  } else if (content.is_object()) {
    for (std::size_t i = 0; i < content.field_count(); ++i) TRY(take(content.field_at(i).second));
  }
  return is_sequence ? sequence(std::move(items)) : array(std::move(items));
}

Result<void> Evaluator::flatten(const Datum& datum, std::vector<Datum>& items) {
  TRY(charge(1));
  if (!datum.is_array()) {
    items.push_back(datum);
    return {};
  }
  for (std::size_t i = 0; i < datum.size(); ++i) TRY(flatten(datum.at(i), items));
  return {};
}

Result<Datum> Evaluator::descendants(const Datum& input) {
  if (input.is_undefined()) return Datum();
  std::vector<Datum> items;
  TRY(gather_descendants(input, items));
  if (items.size() == 1) return std::move(items.front());
  return sequence(std::move(items));
}

Result<void> Evaluator::gather_descendants(const Datum& datum, std::vector<Datum>& items) {
  TRY(charge(1));
  if (datum.is_array()) {
    for (std::size_t i = 0; i < datum.size(); ++i) TRY(gather_descendants(datum.at(i), items));
    return {};
  }
  items.push_back(datum);
  if (datum.is_object())
    for (std::size_t i = 0; i < datum.field_count(); ++i) TRY(gather_descendants(datum.field_at(i).second, items));
  return {};
}

Result<Datum> Evaluator::lookup(const Datum& input, std::string_view name) {
  if (input.is_object()) return input.field(name);
  if (!input.is_array()) return Datum();
  std::vector<Datum> found;
  TRY(gather_fields(input, name, found));
  return sequence(std::move(found));
}

Result<void> Evaluator::gather_fields(const Datum& input, std::string_view name, std::vector<Datum>& found) {
  TRY(charge(input.size()));
  for (std::size_t i = 0; i < input.size(); ++i) {
    const Datum item = input.at(i);
    if (item.is_array()) {
      TRY(gather_fields(item, name, found));
    } else if (item.is_object()) {
      Datum value = item.field(name);
      if (value.is_array()) {
        for (std::size_t k = 0; k < value.size(); ++k) found.push_back(value.at(k));
      } else if (!value.is_undefined()) {
        found.push_back(std::move(value));
      }
    }
  }
  return {};
}

Result<Datum> Evaluator::clone(const Datum& datum) {
  TRY(charge(1));
  if (datum.is_array()) {
    std::vector<Datum> items;
    items.reserve(datum.size());
    for (std::size_t i = 0; i < datum.size(); ++i) items.push_back(TRY(clone(datum.at(i))));
    return make_array(std::move(items));
  }
  if (datum.is_object()) {
    const auto record = std::make_shared<Record>();
    for (std::size_t i = 0; i < datum.field_count(); ++i) {
      const auto [name, value] = datum.field_at(i);
      record->set(name, TRY(clone(value)));
    }
    return Datum(record);
  }
  if (datum.is_function()) return Datum(Value(""));
  if (!datum.is_number() || datum.value()->is_integer()) return datum;
  if (!std::isfinite(datum.number())) return Datum(Value());
  return Datum(Value(is_whole(datum.number()) ? datum.number() : with_15_digits(datum.number())));
}

}  // namespace tillite::jsonata
