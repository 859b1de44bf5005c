#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expressions/jsonata.h"
#include "expressions/jsonata/function.h"
#include "expressions/jsonata/syntax.h"

namespace tillite::jsonata {

class Evaluator;

/// The variables of a block or call. Functions hold the frame around them and may be bound in it: the evaluator breaks
/// such circles when it ends.
struct Frame {
  Frame(Evaluator& evaluator, std::shared_ptr<Frame> around);
  ~Frame();
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  void bind(Symbol name, Datum value);

  std::shared_ptr<Frame> outer;
  std::vector<std::pair<Symbol, Datum>> bindings;
  std::size_t depth = 1;  ///< as Datum::depth()

 private:
  friend class Evaluator;
  Evaluator& evaluator_;
  Frame* previous_ = nullptr;
  Frame* next_ = nullptr;
};
using FramePtr = std::shared_ptr<Frame>;

/// One evaluation of a program.
class Evaluator {
 public:
  Evaluator(const Program& program, const Jsonata::Variables& variables, const Jsonata::Surroundings& surroundings)
      : program_(program), variables_(variables), surroundings_(surroundings) {}
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  [[nodiscard]] Result<Datum> run(const std::optional<Value>& input);

  // For functions.

  [[nodiscard]] const Jsonata::Surroundings& surroundings() const { return surroundings_; }
  /// Calls a function from within another.
  [[nodiscard]] Result<Datum> call(const Datum& function, std::vector<Datum> arguments);
  /// Calls it with as many of (item, index, whole) as it can use.
  [[nodiscard]] Result<Datum> call_with(const Datum& function, const Datum& item, const Datum& index,
                                        const Datum& whole);
  /// Counts work; D1012 when there has been too much.
  [[nodiscard]] Result<void> charge(std::size_t steps);
  /// Counts the text's bytes; D2015 if there are too many.
  [[nodiscard]] Result<Datum> text(std::string text);
  [[nodiscard]] Result<void> charge_text(std::size_t bytes);
  /// D2015 if a list must not have so many items.
  [[nodiscard]] Result<void> check_items(std::size_t count) const;
  /// Counts the items, at work and among those alive; D2015 if there are too many.
  [[nodiscard]] Result<Datum> array(std::vector<Datum> items);
  [[nodiscard]] Result<Datum> sequence(std::vector<Datum> items);
  /// What is defined of the parts, the items of arrays one by one; a single part as it is.
  [[nodiscard]] Result<Datum> joined(const std::vector<Datum>& parts);
  /// JSONata's $boolean: whether there is anything in it; false for undefined.
  [[nodiscard]] Result<bool> truthy(const Datum& datum);
  [[nodiscard]] Result<bool> equal(const Datum& left, const Datum& right);
  /// The same for what is equal.
  [[nodiscard]] Result<std::size_t> hash_of(const Datum& datum);
  /// $string's text; empty for undefined.
  [[nodiscard]] Result<std::string> string_of(const Datum& datum, bool indented = false);
  /// The field of an object, or those of all objects in an array as a sequence.
  [[nodiscard]] Result<Datum> lookup(const Datum& input, std::string_view name);
  /// A copy of its own, of lists and records throughout, without functions and with numbers of 15 digits.
  [[nodiscard]] Result<Datum> clone(const Datum& datum);
  /// Whether it is a number; D1001 if it is infinite.
  [[nodiscard]] static Result<bool> is_numeric(const Datum& datum);
  [[nodiscard]] Result<Datum> match(const std::shared_ptr<const Pattern>& pattern, const Value& text, std::size_t from);

 private:
  friend struct Frame;
  struct Current;

  /// Counts evaluations and calls within each other.
  class Level {
   public:
    explicit Level(std::size_t& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    std::size_t& depth_;
  };
  [[nodiscard]] Result<void> check_depth() const;
  template <typename Work>
  [[nodiscard]] auto counted_down(const Work& work) -> Result<decltype(work(std::declval<std::size_t&>()))>;
  [[nodiscard]] Result<std::shared_ptr<List>> counted_list(std::vector<Datum> items);

  [[nodiscard]] FramePtr new_frame(FramePtr around) { return std::make_shared<Frame>(*this, std::move(around)); }
  [[nodiscard]] FramePtr frame_of(const Tuple& tuple, const FramePtr& around);
  [[nodiscard]] Datum variable(const Node& node, const FramePtr& frame) const;
  [[nodiscard]] static const Datum* bound(Symbol symbol, const FramePtr& frame);

  // Expressions.
  [[nodiscard]] Result<Datum> evaluate(const Node& node, const Datum& input, const FramePtr& frame);
  [[nodiscard]] Result<Datum> evaluate_kind(const Node& node, const Datum& input, const FramePtr& frame);
  [[nodiscard]] Result<Datum> binary(const Node& node, const Datum& input, const FramePtr& frame);
  [[nodiscard]] static Result<Datum> arithmetic(const Node& node, const Datum& left, const Datum& right);
  [[nodiscard]] static Result<Datum> comparison(const Node& node, const Datum& left, const Datum& right);
  [[nodiscard]] Result<Datum> range(const Datum& left, const Datum& right);
  [[nodiscard]] Result<Datum> contained(const Datum& left, const Datum& right);
  [[nodiscard]] Result<Datum> negation(const Node& node, const Datum& input, const FramePtr& frame);
  [[nodiscard]] Result<Datum> array_of(const Node& node, const Datum& input, const FramePtr& frame);
  [[nodiscard]] Result<Datum> block(const Node& node, const Datum& input, const FramePtr& frame);
  [[nodiscard]] Result<Datum> condition(const Node& node, const Datum& input, const FramePtr& frame);
  [[nodiscard]] Result<Datum> wildcard(const Datum& input);
  [[nodiscard]] Result<void> flatten(const Datum& datum, std::vector<Datum>& items);
  [[nodiscard]] Result<Datum> descendants(const Datum& input);
  [[nodiscard]] Result<void> gather_descendants(const Datum& datum, std::vector<Datum>& items);
  [[nodiscard]] Result<void> gather_fields(const Datum& input, std::string_view name, std::vector<Datum>& found);

  // Paths.
  [[nodiscard]] Result<Datum> path(const Node& node, const Datum& input, const FramePtr& frame);
  [[nodiscard]] std::optional<Datum> plain_path(const Node& node, const Datum& input, const FramePtr& frame) const;
  [[nodiscard]] const Value* plain_variable(const Node& node, const Datum& input, const FramePtr& frame) const;
  [[nodiscard]] Result<void> step(const Node& step, bool is_last, Current& current, const FramePtr& frame);
  [[nodiscard]] Result<Datum> step_of(const Node& step, const Datum& item, const FramePtr& frame);
  [[nodiscard]] Result<std::vector<Tuple>> tuple_step(const Node& step, const Datum& input,
                                                      std::optional<std::vector<Tuple>> tuples, const FramePtr& frame);
  [[nodiscard]] Result<std::vector<Tuple>> tuple_stages(const Node& step, std::vector<Tuple> tuples,
                                                        const FramePtr& frame);
  [[nodiscard]] Result<Datum> filter(const Node& predicate, const Datum& input, const FramePtr& frame);
  [[nodiscard]] Result<std::vector<Tuple>> filter(const Node& predicate, std::vector<Tuple> tuples,
                                                  const FramePtr& frame);
  [[nodiscard]] Result<std::size_t> times_kept(const Node& predicate, const Datum& context, const FramePtr& frame,
                                               std::size_t index, std::size_t size);
  using Pairs = std::vector<std::pair<NodePtr, NodePtr>>;
  [[nodiscard]] Result<Datum> group(const Pairs& pairs, const Datum& input, const FramePtr& frame);
  [[nodiscard]] Result<std::optional<std::string>> group_name(const Node& node, const Datum& item,
                                                              const FramePtr& frame);
  [[nodiscard]] Result<Tuple> reduced(const std::vector<Tuple>& tuples);
  [[nodiscard]] Result<std::vector<std::size_t>> order(const Node& sort, const std::vector<Datum>& contexts,
                                                       const std::vector<FramePtr>& frames, const FramePtr& frame);
  [[nodiscard]] Result<Datum> sorted(const Node& sort, const Datum& input, const FramePtr& frame);
  [[nodiscard]] Result<std::vector<Tuple>> sorted(const Node& sort, std::vector<Tuple> tuples, const FramePtr& frame);

  // Functions.
  [[nodiscard]] Result<Datum> call_of(const Node& node, const Datum& input, const FramePtr& frame,
                                      const Datum* applied_to);
  [[nodiscard]] Result<Datum> procedure_of(const Node& node, const Datum& input, const FramePtr& frame,
                                           std::string_view code);
  [[nodiscard]] Result<Datum> partial(const Node& node, const Datum& input, const FramePtr& frame);
  [[nodiscard]] Result<Datum> application(const Node& node, const Datum& input, const FramePtr& frame);
  [[nodiscard]] static Datum lambda(const Node& node, const Datum& input, const FramePtr& frame);
  [[nodiscard]] Result<Datum> apply(const Datum& function, std::vector<Datum> arguments, const Datum& context);
  [[nodiscard]] Result<Datum> apply_once(const Datum& function, std::vector<Datum> arguments, const Datum& context);
  [[nodiscard]] Result<Datum> apply_lambda(const Lambda& lambda, std::vector<Datum> arguments, const Datum& context);
  [[nodiscard]] Result<Datum> transform(const Transformer& transformer, const Datum& object);
  [[nodiscard]] Result<void> change(const Node& node, const Datum& match, const FramePtr& frame);

  const Program& program_;
  const Jsonata::Variables& variables_;
  const Jsonata::Surroundings& surroundings_;
  std::size_t items_alive_ = 0;
  Datum input_;
  std::size_t steps_ = 0;
  std::size_t depth_ = 0;
  std::uintptr_t stack_start_ = 0;
  Frame* frames_ = nullptr;  ///< all that are alive
};

/// How deep lists, records and functions may lie within each other: as deep as JSON that is read.
inline constexpr std::size_t kNestingMax = 500;
/// Bytes of a text that are made or gone through in one step.
inline constexpr std::size_t kBytesOfStep = 16;

}  // namespace tillite::jsonata
