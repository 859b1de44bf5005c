#include <algorithm>
#include <cmath>

#include "expressions/jsonata/evaluator.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/merge_sort.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {

/// What a path has arrived at. One item needs no list around it.
struct Evaluator::Current {
  enum class Count : std::uint8_t { none, one, many };

  Datum datum;  ///< the item, or the array of the items
  Count count = Count::none;

  void take(Datum one) {
    count = one.is_undefined() ? Count::none : Count::one;
    datum = std::move(one);
  }
  void take_all(Datum many) {
    count = many.size() == 0 ? Count::none : Count::many;
    datum = std::move(many);
  }
  [[nodiscard]] std::vector<Datum> items() const {
    if (count == Count::none) return {};
    if (count == Count::one) return {datum};
    return datum.items();
  }
};

namespace {

bool is_constructed(const Datum& datum) { return datum.list() != nullptr && datum.list()->constructed; }

/// A sequence without a mark on it.
bool is_plain_sequence(const Datum& datum) {
  const List* const list = datum.list();
  return list != nullptr && list->sequence && !list->keep_singleton && !list->wraps_input;
}

Datum kept(const std::vector<Datum>& items) {
  auto list = std::make_shared<List>(items, true);
  list->keep_singleton = true;
  return std::shared_ptr<const List>(std::move(list));
}

std::vector<Datum> items_of(const TupleStream& stream) {
  std::vector<Datum> items;
  items.reserve(stream.tuples.size());
  for (const Tuple& tuple : stream.tuples) items.push_back(tuple.item);
  return items;
}

Datum stream_of(std::vector<Tuple> tuples) {
  return std::make_shared<const TupleStream>(TupleStream{std::move(tuples)});
}

/// Items that are grouped under one name.
struct Group {
  std::string name;
  std::size_t pair;  ///< which of the name/value pairs has named it
  std::vector<Datum> items;
  std::vector<Tuple> tuples;
};

/// Groups in the order of their names' first use.
class Groups {
 public:
  /// The group of that name; a new one of `pair` if there is none.
  Group& of(const std::string& name, std::size_t pair) {
    std::size_t place = groups_.size();
    if (groups_.size() <= kIndexedFrom) {
      place = static_cast<std::size_t>(std::ranges::find(groups_, name, &Group::name) - groups_.begin());
    } else if (const auto known = places_.find(name); known != places_.end()) {
      place = known->second;
    }
    if (place == groups_.size()) {
      groups_.push_back({name, pair, {}, {}});
      for (std::size_t i = places_.size(); groups_.size() > kIndexedFrom && i < groups_.size(); ++i)
        places_[groups_[i].name] = i;
    }
    return groups_[place];
  }
  [[nodiscard]] std::vector<Group>& all() { return groups_; }

 private:
  static constexpr std::size_t kIndexedFrom = 16;  // fewer are found sooner by looking at each

  std::vector<Group> groups_;
  std::unordered_map<std::string, std::size_t> places_;
};

/// The place that a filter's number means, from the end if it is negative; `size` or more if there is none.
std::size_t place_of(double number, std::size_t size) {
  double index = std::floor(number);
  if (index < 0) index += static_cast<double>(size);
  return index >= 0 && index < static_cast<double>(size) ? static_cast<std::size_t>(index) : size;
}

}  // namespace

FramePtr Evaluator::frame_of(const Tuple& tuple, const FramePtr& around) {
  FramePtr frame = new_frame(around);
  for (const auto& [name, value] : tuple.bindings) frame->bind(name, value);
  return frame;
}

/// What a path of names leads to through objects from outside, without a copy on the way: perhaps undefined. Nothing if
/// this is another path.
std::optional<Datum> Evaluator::plain_path(const Node& node, const Datum& input, const FramePtr& frame) const {
  if (node.grouping || node.keep_singleton_array || node.keep_array) return std::nullopt;
  const Value* at = input.value();
  for (const NodePtr& step : node.children) {
    if (step->tuple || step->keep_array || step->grouping || !step->stages.empty()) return std::nullopt;
    if (step == node.children.front() && step->kind == Kind::variable && step->predicates.empty()) {
      at = plain_variable(*step, input, frame);
      if (at == nullptr) return std::nullopt;
      continue;
    }
    if (step->kind != Kind::name || at == nullptr || at->is_array()) return std::nullopt;
    at = at->find(step->text);
    if (at == nullptr) return Datum();
  }
  return *at;
}

const Value* Evaluator::plain_variable(const Node& node, const Datum& input, const FramePtr& frame) const {
  if (node.text.empty()) return input.value();
  if (const Datum* const value = bound(node.symbol, frame)) return value->value();
  if (node.text == "$") return input_.value();
  const auto value = variables_.find(std::string_view(node.text));
  return value == variables_.end() ? nullptr : &value->second;
}

Result<Datum> Evaluator::path(const Node& node, const Datum& input, const FramePtr& frame) {
  TRY(charge(node.children.size()));
  if (auto end = plain_path(node, input, frame)) return *std::move(end);
  Current current;
  if (input.is_array() && node.children.front()->kind != Kind::variable) {
    current = {input, Current::Count::many};
  } else {
    current = {input, Current::Count::one};
  }
  bool binds = false;
  std::optional<std::vector<Tuple>> tuples;
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const Node& next = *node.children[i];
    binds = binds || next.tuple;
    if (i == 0 && next.constructed) {
      const bool is_list = current.count == Current::Count::many;
      Datum made = TRY(evaluate(next, is_list ? current.datum : make_sequence({current.datum}), frame));
      if (made.is_array()) {
        current.take_all(std::move(made));
      } else {
        current.take(std::move(made));
      }
    } else if (binds) {
      const Datum items = current.count == Current::Count::many ? current.datum : make_sequence(current.items());
      tuples = TRY(tuple_step(next, items, std::move(tuples), frame));
    } else {
      TRY(step(next, i + 1 == node.children.size(), current, frame));
    }
    if (!binds && current.count == Current::Count::none) break;
  }

  if (binds && node.grouping)
    return group(node.grouping->pairs, stream_of(tuples ? std::move(*tuples) : std::vector<Tuple>()), frame);
  if (binds && node.tuple) return stream_of(tuples ? std::move(*tuples) : std::vector<Tuple>());
  if (binds) {
    current.take_all(TRY(sequence(items_of({tuples ? std::move(*tuples) : std::vector<Tuple>()}))));
  }
  Datum result = current.count == Current::Count::none ? Datum() : current.datum;
  if (node.keep_singleton_array || node.keep_array) {
    const bool is_item = current.count == Current::Count::one || (is_constructed(result) && !result.is_sequence());
    if (is_item && !result.is_undefined()) {
      result = kept({result});
    } else if (result.is_sequence()) {
      result = kept(result.list()->items);
    }
  }
  if (node.grouping) return group(node.grouping->pairs, result, frame);
  return result;
}

Result<void> Evaluator::step(const Node& step, bool is_last, Current& current, const FramePtr& frame) {
  if (step.kind == Kind::sort) {
    Datum result = current.datum;
    if (current.count == Current::Count::many && result.size() > 1) {
      result = TRY(sorted(step, result, frame));
    } else if (current.count == Current::Count::many && !is_constructed(result)) {
      result = result.at(0);
    }
    for (const Stage& stage : step.stages) result = TRY(filter(*stage.filter, result, frame));
    if (result.is_array() && !is_constructed(result)) {
      current.take_all(std::move(result));
    } else {
      current.take(std::move(result));
    }
    return {};
  }
  if (current.count == Current::Count::one) {
    Datum result = TRY(step_of(step, current.datum, frame));
    if (!result.is_array() || is_constructed(result)) {
      current.take(std::move(result));
    } else if (is_last && !result.is_sequence()) {
      // An array is the result as it is, also if there is nothing in it.
      current = {std::move(result), Current::Count::many};
    } else if (result.is_sequence() && !is_plain_sequence(result)) {
      current.take_all(make_sequence(result.items()));
    } else {
      current.take_all(std::move(result));
    }
    return {};
  }
  std::vector<Datum> results;
  for (std::size_t i = 0; i < current.datum.size(); ++i) {
    Datum result = TRY(step_of(step, current.datum.at(i), frame));
    if (!result.is_undefined()) results.push_back(std::move(result));
  }
  if (is_last && results.size() == 1 && results.front().is_array() && !results.front().is_sequence()) {
    // One array is the result as it is; one that was constructed is an item.
    current = {std::move(results.front()), Current::Count::many};
    return {};
  }
  std::vector<Datum> flat;
  flat.reserve(results.size());
  for (Datum& result : results) {
    if (!result.is_array() || is_constructed(result)) {
      flat.push_back(std::move(result));
    } else {
      for (std::size_t i = 0; i < result.size(); ++i) flat.push_back(result.at(i));
    }
  }
  current.take_all(TRY(sequence(std::move(flat))));
  return {};
}

Result<Datum> Evaluator::step_of(const Node& step, const Datum& item, const FramePtr& frame) {
  const bool is_plain_name = step.kind == Kind::name && item.is_object() && !step.keep_array && !step.grouping;
  if (is_plain_name) TRY(charge(1));
  Datum result = is_plain_name ? item.field(step.text) : TRY(evaluate(step, item, frame));
  if (const TupleStream* const stream = result.tuples()) result = make_sequence(items_of(*stream));
  for (const Stage& stage : step.stages)
    if (stage.filter) result = TRY(filter(*stage.filter, result, frame));
  return result;
}

Result<std::vector<Tuple>> Evaluator::tuple_step(const Node& step, const Datum& input,
                                                 std::optional<std::vector<Tuple>> tuples, const FramePtr& frame) {
  std::vector<Tuple> results;
  if (step.kind == Kind::sort) {
    if (tuples) {
      results = TRY(sorted(step, std::move(*tuples), frame));
    } else {
      const Datum items = TRY(sorted(step, input, frame));
      for (std::size_t i = 0; i < items.size(); ++i) {
        results.push_back({items.at(i), {}});
        if (step.index != kNoSymbol) results.back().bind(step.index, Value(i));
      }
    }
    return tuple_stages(step, std::move(results), frame);
  }
  if (!tuples) {
    tuples.emplace();
    for (Datum& item : input.items()) tuples->push_back({std::move(item), {}});
  }
  for (const Tuple& tuple : *tuples) {
    const Datum result = TRY(evaluate(step, tuple.item, frame_of(tuple, frame)));
    if (result.is_undefined()) continue;
    if (const TupleStream* const stream = result.tuples()) {
      TRY(charge(3 * stream->tuples.size()));
      for (const Tuple& inner : stream->tuples) {
        Tuple joined{inner.item, tuple.bindings};
        for (const auto& [name, value] : inner.bindings) joined.bind(name, value);
        results.push_back(std::move(joined));
      }
      continue;
    }
    const std::vector<Datum> items = result.is_array() ? result.items() : std::vector<Datum>{result};
    TRY(check_items(results.size() + items.size()));
    TRY(charge(3 * items.size()));  // each with bindings of its own
    for (std::size_t i = 0; i < items.size(); ++i) {
      Tuple next{items[i], tuple.bindings};
      if (step.focus != kNoSymbol) {
        next.bind(step.focus, items[i]);
        next.item = tuple.item;
      }
      if (step.index != kNoSymbol) next.bind(step.index, Value(i));
      if (step.ancestor) next.bind(step.ancestor->label, tuple.item);
      results.push_back(std::move(next));
    }
  }
  return tuple_stages(step, std::move(results), frame);
}

Result<std::vector<Tuple>> Evaluator::tuple_stages(const Node& step, std::vector<Tuple> tuples, const FramePtr& frame) {
  for (const Stage& stage : step.stages) {
    if (stage.filter) {
      tuples = TRY(filter(*stage.filter, std::move(tuples), frame));
    } else {
      for (std::size_t i = 0; i < tuples.size(); ++i) tuples[i].bind(stage.index, Value(i));
    }
  }
  return tuples;
}

Result<Datum> Evaluator::filter(const Node& predicate, const Datum& input, const FramePtr& frame) {
  const std::size_t size = input.is_array() ? input.size() : 1;
  const auto item_at = [&](std::size_t i) { return input.is_array() ? input.at(i) : input; };
  if (predicate.kind == Kind::literal && predicate.value.is_number()) {
    const std::size_t place = place_of(predicate.value.number(), size);
    Datum item = place < size ? item_at(place) : Datum();
    return item.is_undefined() ? make_sequence({}) : item;  // no item: not one that is undefined
  }
  std::vector<Datum> results;
  for (std::size_t i = 0; i < size; ++i) {
    const Datum item = item_at(i);
    const std::size_t times = TRY(times_kept(predicate, item, frame, i, size));
    results.insert(results.end(), times, item);
  }
  // What is kept of nothing is an item: the steps behind it see it.
  if (results.size() == 1 && !results.front().is_array() && !results.front().is_undefined())
    return std::move(results.front());
  return sequence(std::move(results));
}

Result<std::vector<Tuple>> Evaluator::filter(const Node& predicate, std::vector<Tuple> tuples, const FramePtr& frame) {
  std::vector<Tuple> results;
  if (predicate.kind == Kind::literal && predicate.value.is_number()) {
    const std::size_t place = place_of(predicate.value.number(), tuples.size());
    if (place < tuples.size()) results.push_back(tuples[place]);
    return results;
  }
  for (std::size_t i = 0; i < tuples.size(); ++i) {
    const FramePtr own = frame_of(tuples[i], frame);
    const std::size_t times = TRY(times_kept(predicate, tuples[i].item, own, i, tuples.size()));
    results.insert(results.end(), times, tuples[i]);
  }
  return results;
}

/// A filter that yields numbers keeps the items at these places, one that yields something else those that it is true
/// for.
Result<std::size_t> Evaluator::times_kept(const Node& predicate, const Datum& context, const FramePtr& frame,
                                          std::size_t index, std::size_t size) {
  const Datum answer = TRY(evaluate(predicate, context, frame));
  if (TRY(is_numeric(answer))) return place_of(answer.number(), size) == index ? 1U : 0U;
  if (!answer.is_array()) return TRY(truthy(answer)) ? 1U : 0U;
  TRY(charge(answer.size()));
  std::size_t times = 0;
  for (std::size_t i = 0; i < answer.size(); ++i) {
    if (!TRY(is_numeric(answer.at(i)))) return TRY(truthy(answer)) ? 1U : 0U;
    if (place_of(answer.at(i).number(), size) == index) ++times;
  }
  return times;
}

/// Nothing if the item belongs to no group.
Result<std::optional<std::string>> Evaluator::group_name(const Node& node, const Datum& item, const FramePtr& frame) {
  const Datum name = TRY(evaluate(node, item, frame));
  if (name.is_undefined()) return std::nullopt;
  if (!name.is_string()) return fault("T1003", {.value = json_text(name)});
  return name.string();
}

Result<Datum> Evaluator::group(const Pairs& pairs, const Datum& input, const FramePtr& frame) {
  Groups groups;
  const TupleStream* const stream = input.tuples();
  const bool is_list = input.is_array() && input.size() > 0;
  const std::size_t count = stream != nullptr ? stream->tuples.size() : is_list ? input.size() : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const Datum item = stream != nullptr  ? stream->tuples[i].item
                       : is_list          ? input.at(i)
                       : input.is_array() ? Datum()
                                          : input;
    const FramePtr own = stream != nullptr ? frame_of(stream->tuples[i], frame) : frame;
    for (std::size_t pair = 0; pair < pairs.size(); ++pair) {
      const auto name = TRY(group_name(*pairs[pair].first, item, own));
      if (!name) continue;
      Group& found = groups.of(*name, pair);
      if (found.pair != pair) return fault("D1009", {.value = quoted_text(found.name)});
      if (stream != nullptr) {
        found.tuples.push_back(stream->tuples[i]);
      } else {
        found.items.push_back(item);
      }
    }
  }
  const auto record = std::make_shared<Record>();
  for (Group& one : groups.all()) {
    Datum context;
    FramePtr own = frame;
    if (stream != nullptr) {
      const Tuple tuple = TRY(reduced(one.tuples));
      context = tuple.item;
      own = frame_of(tuple, frame);
    } else {
      context = TRY(joined(one.items));
    }
    Datum value = TRY(evaluate(*pairs[one.pair].second, context, own));
    if (!value.is_undefined()) record->set(one.name, std::move(value));
  }
  return Datum(record);
}

/// One tuple of many: items and bindings each in an array.
Result<Tuple> Evaluator::reduced(const std::vector<Tuple>& tuples) {
  if (tuples.size() == 1) return tuples.front();
  std::vector<Datum> items;
  std::vector<std::pair<Symbol, std::vector<Datum>>> values;
  for (const Tuple& tuple : tuples) {
    items.push_back(tuple.item);
    for (const auto& [name, value] : tuple.bindings) {
      auto known = std::ranges::find(values, name, &std::pair<Symbol, std::vector<Datum>>::first);
      if (known == values.end()) known = values.insert(values.end(), {name, {}});
      known->second.push_back(value);
    }
  }
  Tuple all{TRY(joined(items)), {}};
  for (const auto& [name, parts] : values) all.bind(name, TRY(joined(parts)));
  return all;
}

/// The order of the items by the sort's terms. Each term is evaluated for an item once, and only if it is needed.
Result<std::vector<std::size_t>> Evaluator::order(const Node& sort, const std::vector<Datum>& contexts,
                                                  const std::vector<FramePtr>& frames, const FramePtr& frame) {
  std::vector<std::vector<std::optional<Datum>>> keys(sort.terms.size());
  for (auto& of_term : keys) of_term.resize(contexts.size());
  const auto key = [&](std::size_t term, std::size_t item) -> Result<Datum> {
    std::optional<Datum>& known = keys[term][item];
    if (!known)
      known = TRY(evaluate(*sort.terms[term].expression, contexts[item], frames.empty() ? frame : frames[item]));
    return *known;
  };
  const auto after = [&](std::size_t one, std::size_t other) -> Result<bool> {
    TRY(charge(1));
    for (std::size_t term = 0; term < sort.terms.size(); ++term) {
      const Datum left = TRY(key(term, one));
      const Datum right = TRY(key(term, other));
      if (left.is_undefined() && right.is_undefined()) continue;
      // What is undefined comes last, in either direction.
      if (left.is_undefined() || right.is_undefined()) return left.is_undefined();
      for (const Datum* const value : {&left, &right})
        if (!value->is_string() && !value->is_number()) return fault("T2008");
      if (left.is_string() != right.is_string())
        return fault("T2007", {.value = json_text(left), .value2 = json_text(right)});
      const int comparison = left.is_string() ? compare_texts(left.string(), right.string())
                                              : static_cast<int>(left.number() > right.number()) -
                                                    static_cast<int>(left.number() < right.number());
      if (comparison != 0) return (comparison > 0) != sort.terms[term].descending;
    }
    return false;
  };
  std::vector<std::size_t> places(contexts.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  TRY(merge_sort(places, after));
  return places;
}

Result<Datum> Evaluator::sorted(const Node& sort, const Datum& input, const FramePtr& frame) {
  if (input.size() <= 1) return input;
  const std::vector<Datum> items = input.items();
  std::vector<Datum> results;
  results.reserve(items.size());
  for (const std::size_t place : TRY(order(sort, items, {}, frame))) results.push_back(items[place]);
  return array(std::move(results));
}

Result<std::vector<Tuple>> Evaluator::sorted(const Node& sort, std::vector<Tuple> tuples, const FramePtr& frame) {
  if (tuples.size() <= 1) return tuples;
  std::vector<Datum> contexts;
  std::vector<FramePtr> frames;
  for (const Tuple& tuple : tuples) {
    contexts.push_back(tuple.item);
    frames.push_back(frame_of(tuple, frame));
  }
  std::vector<Tuple> results;
  results.reserve(tuples.size());
  for (const std::size_t place : TRY(order(sort, contexts, frames, frame))) results.push_back(tuples[place]);
  return results;
}

}  // namespace tillite::jsonata
