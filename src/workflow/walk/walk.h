#pragma once

#include <map>
#include <vector>

#include "workflow/interpreter.h"
#include "workflow/trial.h"
#include "workflow/walk/flow.h"

namespace tillite {

/// An item of a Map, as the context object shows it.
struct MapItem {
  std::int64_t index = 0;
  Value value;
};

/// States that are walked one after another: the execution's own, a branch of a Parallel, an iteration of a Map.
struct Line {
  const Line* outer = nullptr;
  std::int64_t previous = 0;      ///< the event that the next one follows
  Variables variables;            ///< its own and, as they were when it began, those outside
  const MapItem* item = nullptr;  ///< of an iteration
  const State* at = nullptr;      ///< what it visits
  std::string place;              ///< of an execution that may be redriven: "", "/2[0]": which branch of which visit
  std::int64_t visits = 0;        ///< the same: how many states were visited
};

/// One visit of a state.
struct Visit {
  const State& state;
  Line& line;
  Value input;
  std::int64_t before = 0;   ///< the event before the state was entered
  std::int64_t entered = 0;  ///< the event of its entering
  std::int64_t entered_ms = 0;
  std::int64_t retries = 0;
  std::string token;  ///< of a Task
  std::string place;  ///< of an execution that may be redriven
};

/// Where the walk goes on after a state.
struct Transition {
  Value output;
  std::optional<std::size_t> next;  ///< none: the end
  std::optional<Value> assigned;    ///< an object: the variables that were set
};
using Ended = std::expected<Transition, Failure>;

/// What a waiting flow is told.
struct Notice {
  enum class Kind { answer, timer, branch_ended, limits_changed };
  Kind kind = Kind::answer;
  std::int64_t source = 0;  ///< the request, the timer, the branch
  News news;                ///< of an answer
};
using NoticeBox = Inbox<Notice>;

/// What of an execution succeeded, by place: a redrive passes over it.
struct Footprint {
  struct Entering {
    std::int64_t event = 0;
    std::int64_t at_ms = 0;
  };
  struct Run {
    std::string name;
    std::map<std::size_t, Value> results;  ///< of children, by index
  };
  std::map<std::string, Transition> left;  ///< visits that came to their end
  std::map<std::string, Entering> entered;
  std::map<std::string, Value> branches;
  std::map<std::string, Run> map_runs;
};

/// An Interpreter's inside. A visit of a state reads from top to bottom; what it waits for is awaited.
class Interpreter::Walk {
 public:
  Walk(const States& states, Identity identity, Options options, Listener& listener);

  void start(Value input, std::int64_t now_ms, std::optional<std::int64_t> timeout_s);
  void try_state(std::size_t state, Trial& trial, Value input, std::int64_t now_ms);
  void tell(std::int64_t request, News news, std::int64_t now_ms);
  void advance(std::int64_t now_ms);
  void stop(const std::string& error, const std::string& cause, std::int64_t now_ms);
  void limit_map_run(const std::string& run, const MapRunLimits& limits, std::int64_t now_ms);
  void redrive(std::int64_t now_ms);
  [[nodiscard]] std::optional<std::int64_t> next_wake_ms() const;
  [[nodiscard]] const std::optional<ExecutionEnd>& end() const { return end_; }
  [[nodiscard]] std::int64_t events() const { return events_; }

 private:
  struct Done {};
  /// A flow's claim to an answer or a moment; given up with it.
  class Claim;
  /// A map run under way, for who changes its limits.
  class LiveMapRun;
  struct Branch;
  struct Items;

  // walk.cpp: the walk from state to state
  void begin(Value input, std::int64_t now_ms);
  Flow<Done> whole();
  Flow<Done> lone_visit(const State& state);
  Flow<Outcome> line_of(const States& states, Value input, Line& line);
  Visit enter(const State& state, Line& line, Value input, const std::string& place);
  static void set_variables(Line& line, const Transition& transition);
  void leave(Visit& visit, Transition& transition);
  /// Pass, Choice, Succeed and Fail, which never wait; nullopt for the others.
  std::optional<Ended> at_once(Visit& visit);
  Flow<Ended> in_time(Visit& visit);
  /// Task, Parallel and Map under Retry and Catch.
  Flow<Ended> with_handlers(Visit& visit);
  Flow<Outcome> attempt(Visit& visit, Value input);
  Ended caught(Visit& visit, const Catcher& catcher, const Failure& failure);
  std::optional<std::int64_t> retry_delay_ms(const Visit& visit, const Failure& failure,
                                             std::vector<std::int64_t>& attempts);
  void conclude(ExecutionEnd end);

  // state_data.cpp: what flows into a state and out of it
  Outcome effective_input(const Visit& visit);
  Outcome payload(const Visit& visit, const Value& input);
  Ended finish(const Visit& visit, const Value& result, bool result_is_input);
  Value context(const Visit& visit, const MapItem* item = nullptr) const;
  template <typename Use>
  auto with_view(const Visit& visit, const Value& input, Use use, const Value* result = nullptr,
                 const Value* error_output = nullptr, const MapItem* item = nullptr) {
    const std::function<Value()> context = [&] { return this->context(visit, item); };
    return use(View{input, context, visit.line.variables, *random_, now_ms_, result, error_output});
  }
  std::expected<std::optional<std::int64_t>, Failure> whole_number(const Visit& visit, const Value& input,
                                                                   const std::optional<Field>& field);
  /// Gives a failure of an expression the words in front that AWS puts there, and the history its event.
  Failure explained(Visit& visit, Failure failure);
  [[nodiscard]] Outcome within_limit(const Visit& visit, Value value) const;
  /// Lets a trial see something on its way; without one nothing is made of it.
  template <typename Shown>
  void show(std::string_view name, const Shown& shown) {
    if (trial_ != nullptr) trial_->seen.set(name, Value(shown));
  }

  // The states that do not end at once, one file each.
  Ended choice(Visit& visit, const ChoiceState& choice);
  Ended fail(Visit& visit, const FailState& fail);
  Flow<Ended> wait(Visit& visit, const WaitState& wait);
  Flow<Outcome> task(Visit& visit, const TaskState& task, Value input);
  Flow<Outcome> parallel(Visit& visit, const ParallelState& parallel, Value input);
  Flow<Outcome> map(Visit& visit, const MapState& map, Value input);
  Flow<Outcome> map_inline(Visit& visit, const MapState& map, Value input, Value items, std::size_t concurrency);
  Flow<Outcome> map_run(Visit& visit, const MapState& map, Value input, std::optional<Value> items,
                        std::size_t concurrency);
  Outcome item_input(Visit& visit, const MapState& map, const Value& input, const MapItem& item);
  Outcome map_items(Visit& visit, const MapState& map, const Value& input);
  /// What a trial has in place of the iterations, whose inputs are made as ever.
  Outcome tried_iterations(Visit& visit, const MapState& map, const Value& input, const Value& items);
  std::expected<std::vector<Value>, Failure> batches(Visit& visit, const MapState& map, const Value& input,
                                                     const Value& items);

  // branches.cpp: lines side by side
  [[nodiscard]] std::string branch_place(const Visit& visit, std::int64_t index) const;
  /// What a branch yielded before a redrive.
  [[nodiscard]] std::optional<Value> known_branch(const std::string& place) const;
  /// A state begins again: what its branches yielded is void.
  void forget_branches(const Visit& visit);
  Flow<Done> walk_branch(Branch& branch, const States& states, Value input, NoticeBox& parent);
  void abort(Branch& branch, std::int64_t previous);

  // what is asked and waited for
  std::string task_token();
  std::int64_t ask(NoticeBox& box, decltype(Request::what) what);
  Flow<Done> pause(std::int64_t duration_ms);

  /// Makes an event, if any are kept. `details` is called only then.
  template <typename Details>
  std::int64_t record(std::string_view type, std::int64_t previous, Details details) {
    ++events_;
    if (keeps_history_)
      listener_.recorded({events_, previous, std::string(type), now_ms_, Value(Value::Object(details()))});
    return events_;
  }
  std::int64_t record(std::string_view type, std::int64_t previous) {
    return record(type, previous, [] { return Value::Object(); });
  }

  const States& states_;
  Identity identity_;
  Limits limits_;
  bool keeps_history_;
  bool remembers_;
  bool shows_redrive_count_;
  bool map_exit_follows_run_start_;
  Footprint before_;     ///< of the walks up to the last redrive
  Footprint footprint_;  ///< of all walks
  std::int64_t redrives_ = 0;
  Listener& listener_;
  Trial* trial_ = nullptr;
  std::unique_ptr<Random> random_;

  std::int64_t now_ms_ = 0;
  std::int64_t started_ms_ = 0;
  std::optional<std::int64_t> timeout_s_;
  Value input_;
  Value execution_context_;
  Value machine_context_;
  std::int64_t events_ = 0;
  std::int64_t requests_ = 0;
  std::int64_t timers_made_ = 0;
  std::optional<ExecutionEnd> end_;

  ReadyFlows ready_;
  std::map<std::int64_t, NoticeBox*> asked_;                            ///< request -> who waits
  std::map<std::pair<std::int64_t, std::int64_t>, NoticeBox*> timers_;  ///< (moment, number) -> who waits
  std::map<std::string, LiveMapRun*> live_map_runs_;
  std::int64_t last_ = 0;           ///< the event that the execution's end follows
  std::optional<Flow<Done>> flow_;  ///< last: it is the first to go
};

/// The states that lie side by side in a Parallel or Map.
struct Interpreter::Walk::Branch {
  std::int64_t index = 0;
  Line line;
  std::optional<MapItem> item;
  std::optional<Outcome> outcome;  ///< once it ended
  bool known = false;              ///< it succeeded before a redrive
  std::optional<Flow<Done>> flow;
};

class Interpreter::Walk::Claim {
 public:
  /// On the answer to a request.
  Claim(Walk& walk, std::int64_t request) : walk_(walk), number_(request) {}
  /// On a moment.
  Claim(Walk& walk, NoticeBox& box, std::int64_t at_ms)
      : walk_(walk), number_(++walk.timers_made_), moment_(std::pair(at_ms, number_)) {
    walk.timers_.emplace(*moment_, &box);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    if (moment_) {
      walk_.timers_.erase(*moment_);
    } else if (walk_.asked_.erase(number_) != 0) {
      walk_.listener_.withdrawn(number_);
    }
  }
  [[nodiscard]] std::int64_t number() const { return number_; }
  /// The answer came: there is nothing to withdraw any more.
  void settle() { walk_.asked_.erase(number_); }

 private:
  Walk& walk_;
  std::int64_t number_;
  std::optional<std::pair<std::int64_t, std::int64_t>> moment_;
};

class Interpreter::Walk::LiveMapRun {
 public:
  LiveMapRun(Walk& walk, std::string run, NoticeBox& box, const MapRunLimits& limits)
      : walk_(walk), run_(std::move(run)), box_(box), limits_(limits) {
    walk_.live_map_runs_[run_] = this;
  }
  LiveMapRun(const LiveMapRun&) = delete;
  LiveMapRun& operator=(const LiveMapRun&) = delete;
  ~LiveMapRun() { walk_.live_map_runs_.erase(run_); }

  [[nodiscard]] const MapRunLimits& limits() const { return limits_; }
  void set(const MapRunLimits& limits) {
    limits_ = limits;
    box_.push({Notice::Kind::limits_changed, 0, {}});
  }
  /// Whether more children have failed than may.
  [[nodiscard]] bool exceeded(std::int64_t failed, std::size_t total) const;

 private:
  Walk& walk_;
  std::string run_;
  NoticeBox& box_;
  MapRunLimits limits_;
};

}  // namespace tillite
