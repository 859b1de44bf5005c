#include "workflow/walk/walk.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "base/time.h"

namespace tillite {
namespace {

/// Randomness that is the same each time an execution is walked: jitter, States.UUID, $random.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(const std::string& seed) : seed_(seed) {}
  std::array<std::byte, 16> bytes() override {
    Sha256 hash;
    hash.update(fmt::format("{}#{}", seed_, ++drawn_));
    const auto digest = hash.digest();
    std::array<std::byte, 16> bytes{};
    std::copy_n(digest.begin(), bytes.size(), bytes.begin());
    return bytes;
  }

 private:
  std::string seed_;
  std::uint64_t drawn_ = 0;
};

bool matches(const std::vector<std::string>& errors, const std::string& error) {
  const bool timeout = error == errors::kTimeout || error == errors::kHeartbeatTimeout;
  return std::ranges::any_of(errors, [&](const std::string& name) {
    return name == error || name == errors::kAll || (name == errors::kTaskFailed && !timeout) ||
           (name == errors::kTimeout && error == errors::kHeartbeatTimeout);
  });
}

Value::Object error_details(const Failure& failure) {
  Value::Object details;
  if (!failure.error.empty()) details.set("error", failure.error);
  if (failure.cause) details.set("cause", *failure.cause);
  return details;
}

}  // namespace

Interpreter::Walk::Walk(const States& states, Identity identity, Options options, Listener& listener)
    : states_(states),
      identity_(std::move(identity)),
      limits_(options.limits),
      keeps_history_(options.keeps_history),
      remembers_(options.may_be_redriven),
      shows_redrive_count_(options.shows_redrive_count),
      map_exit_follows_run_start_(options.map_exit_follows_run_start),
      listener_(listener),
      random_(std::make_unique<SeededRandom>(identity_.execution_arn)) {}

void Interpreter::Walk::begin(Value input, std::int64_t now_ms) {
  now_ms_ = started_ms_ = now_ms;
  input_ = std::move(input);
  Value::Object context{{"Id", identity_.execution_arn},
                        {"Input", input_},
                        {"StartTime", iso_time(now_ms)},
                        {"Name", identity_.execution_name},
                        {"RoleArn", identity_.role_arn}};
  if (shows_redrive_count_) context.set("RedriveCount", 0);
  execution_context_ = std::move(context);
  machine_context_ = Value::Object{{"Id", identity_.machine_arn}, {"Name", identity_.machine_name}};
  record("ExecutionStarted", 0, [&] { return Value::Object{{"input", input_}, {"roleArn", identity_.role_arn}}; });
}

void Interpreter::Walk::start(Value input, std::int64_t now_ms, std::optional<std::int64_t> timeout_s) {
  begin(std::move(input), now_ms);
  timeout_s_ = timeout_s;
  flow_ = whole();
  flow_->start();
  ready_.run();
}

void Interpreter::Walk::try_state(std::size_t state, Trial& trial, Value input, std::int64_t now_ms) {
  trial_ = &trial;
  begin(std::move(input), now_ms);
  flow_ = lone_visit(states_.states[state]);
  flow_->start();
  ready_.run();
}

void Interpreter::Walk::tell(std::int64_t request, News news, std::int64_t now_ms) {
  now_ms_ = now_ms;
  const auto asked = asked_.find(request);
  if (end_ || asked == asked_.end()) return;
  asked->second->push({Notice::Kind::answer, request, std::move(news)});
  ready_.run();
}

void Interpreter::Walk::advance(std::int64_t now_ms) {
  now_ms_ = now_ms;
  // What is due at the same time happens at the same time: none of it is cut off by what follows from another.
  while (!end_ && !timers_.empty() && timers_.begin()->first.first <= now_ms) {
    while (!timers_.empty() && timers_.begin()->first.first <= now_ms) {
      const auto due = timers_.extract(timers_.begin());
      due.mapped()->push({Notice::Kind::timer, due.key().second, {}});
    }
    ready_.run();
  }
}

void Interpreter::Walk::stop(const std::string& error, const std::string& cause, std::int64_t now_ms) {
  if (end_) return;
  now_ms_ = now_ms;
  Failure failure{.error = error};
  if (!cause.empty()) failure.cause = cause;
  flow_.reset();
  conclude({ExecutionEnd::Kind::aborted, {}, std::move(failure)});
}

void Interpreter::Walk::limit_map_run(const std::string& run, const MapRunLimits& limits, std::int64_t now_ms) {
  const auto live = live_map_runs_.find(run);
  if (end_ || live == live_map_runs_.end()) return;
  now_ms_ = now_ms;
  live->second->set(limits);
  ready_.run();
}

void Interpreter::Walk::redrive(std::int64_t now_ms) {
  check(end_ && end_->kind != ExecutionEnd::Kind::succeeded && remembers_, "only an execution that failed is redriven");
  now_ms_ = now_ms;
  end_.reset();
  flow_.reset();
  before_ = footprint_;
  Value::Object context = execution_context_.object();
  context.set("RedriveCount", ++redrives_);
  context.set("RedriveTime", iso_time(now_ms));
  execution_context_ = std::move(context);
  last_ = record("ExecutionRedriven", last_, [&] { return Value::Object{{"redriveCount", redrives_}}; });
  flow_ = whole();
  flow_->start();
  ready_.run();
}

std::optional<std::int64_t> Interpreter::Walk::next_wake_ms() const {
  if (end_ || timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

void Interpreter::Walk::conclude(ExecutionEnd end) {
  using Kind = ExecutionEnd::Kind;
  switch (end.kind) {
    case Kind::succeeded:
      record("ExecutionSucceeded", last_, [&] { return Value::Object{{"output", end.output}}; });
      break;
    case Kind::failed:
      record("ExecutionFailed", last_, [&] { return error_details(end.failure); });
      break;
    case Kind::timed_out:
      record("ExecutionTimedOut", 0, [&] { return error_details(end.failure); });
      break;
    case Kind::aborted:
      record("ExecutionAborted", 0, [&] { return error_details(end.failure); });
      break;
  }
  end_ = std::move(end);
}

Flow<Interpreter::Walk::Done> Interpreter::Walk::whole() {
  NoticeBox box(ready_);
  Branch all;
  all.line.previous = redrives_ > 0 ? last_ : 0;
  std::optional<Claim> time_out;
  if (timeout_s_) time_out.emplace(*this, box, now_ms_ + *timeout_s_ * 1000);
  all.flow = walk_branch(all, states_, input_, box);
  all.flow->start();
  const Notice notice = co_await box.next();
  last_ = all.line.previous;
  if (notice.kind == Notice::Kind::timer && !all.outcome) {
    all.flow.reset();
    conclude({ExecutionEnd::Kind::timed_out, {}, {.error = errors::kTimeout}});
  } else if (*all.outcome) {
    conclude({ExecutionEnd::Kind::succeeded, **all.outcome, {}});
  } else {
    conclude({ExecutionEnd::Kind::failed, {}, all.outcome->error()});
  }
  co_return Done{};
}

Flow<Interpreter::Walk::Done> Interpreter::Walk::lone_visit(const State& state) {
  Line line{.variables = trial_->variables};
  Visit visit = enter(state, line, input_, "");
  visit.retries = trial_->retries;
  std::optional<Ended> ended = at_once(visit);
  if (!ended) {
    Ended later = co_await in_time(visit);
    ended = std::move(later);
  }
  if (!*ended) {
    conclude({ExecutionEnd::Kind::failed, {}, explained(visit, std::move(*ended).error())});
    co_return Done{};
  }
  leave(visit, **ended);
  if ((*ended)->next) show("nextState", states_.states[*(*ended)->next].name);
  trial_->variables = line.variables;
  conclude({ExecutionEnd::Kind::succeeded, (*ended)->output, {}});
  co_return Done{};
}

Flow<Outcome> Interpreter::Walk::line_of(const States& states, Value input, Line& line) {
  const State* state = &states.states[states.start];
  while (true) {
    if (limits_.events_max > 0 && events_ >= limits_.events_max - 1) {
      co_return std::unexpected(Failure{
          .error = errors::kRuntime,
          .cause = fmt::format("The execution reached the maximum number of history events ({}).", limits_.events_max),
          .terminal = true});
    }
    const std::string place = remembers_ ? fmt::format("{}/{}", line.place, line.visits++) : std::string();
    if (const auto left = before_.left.find(place); left != before_.left.end()) {
      set_variables(line, left->second);
      input = left->second.output;
      if (!left->second.next) co_return std::move(input);
      state = &states.states[*left->second.next];
      continue;
    }
    Visit visit = enter(*state, line, std::move(input), place);
    std::optional<Ended> ended = at_once(visit);
    if (!ended) {
      Ended later = co_await in_time(visit);
      ended = std::move(later);
    }
    if (!*ended) co_return std::unexpected(explained(visit, std::move(*ended).error()));
    leave(visit, **ended);
    input = std::move((*ended)->output);
    if (!(*ended)->next) co_return std::move(input);
    state = &states.states[*(*ended)->next];
  }
}

Visit Interpreter::Walk::enter(const State& state, Line& line, Value input, const std::string& place) {
  Visit visit{.state = state,
              .line = line,
              .input = std::move(input),
              .before = line.previous,
              .entered_ms = now_ms_,
              .place = place};
  line.at = &state;
  if (const auto before = before_.entered.find(place); before != before_.entered.end()) {
    visit.entered = before->second.event;
    visit.entered_ms = before->second.at_ms;
    return visit;
  }
  visit.entered = record(fmt::format("{}StateEntered", state.type()), visit.before,
                         [&] { return Value::Object{{"name", state.name}, {"input", visit.input}}; });
  line.previous = visit.entered;
  if (remembers_) footprint_.entered[place] = {visit.entered, visit.entered_ms};
  return visit;
}

void Interpreter::Walk::set_variables(Line& line, const Transition& transition) {
  if (!transition.assigned) return;
  for (const auto& [name, value] : transition.assigned->object()) line.variables.insert_or_assign(name, value);
}

void Interpreter::Walk::leave(Visit& visit, Transition& transition) {
  visit.line.previous = record(fmt::format("{}StateExited", visit.state.type()), visit.line.previous, [&] {
    Value::Object details{{"name", visit.state.name}, {"output", transition.output}};
    if (transition.assigned) details.set("assignedVariables", *transition.assigned);
    return details;
  });
  set_variables(visit.line, transition);
  if (remembers_) footprint_.left[visit.place] = transition;
}

std::optional<Ended> Interpreter::Walk::at_once(Visit& visit) {
  if (const auto* choice = std::get_if<ChoiceState>(&visit.state.kind)) return this->choice(visit, *choice);
  if (const auto* fail = std::get_if<FailState>(&visit.state.kind)) return this->fail(visit, *fail);
  const auto* pass = std::get_if<PassState>(&visit.state.kind);
  if (pass == nullptr && !std::holds_alternative<SucceedState>(visit.state.kind)) return std::nullopt;
  auto input = effective_input(visit);
  if (!input) return std::unexpected(std::move(input).error());
  if (pass != nullptr && pass->result) return finish(visit, *pass->result, false);
  auto result = payload(visit, *input);
  if (!result) return std::unexpected(std::move(result).error());
  return finish(visit, *result, true);
}

Flow<Ended> Interpreter::Walk::in_time(Visit& visit) {
  if (const auto* wait = std::get_if<WaitState>(&visit.state.kind)) {
    Ended ended = co_await this->wait(visit, *wait);
    co_return std::move(ended);
  }
  Ended ended = co_await with_handlers(visit);
  co_return std::move(ended);
}

Flow<Ended> Interpreter::Walk::with_handlers(Visit& visit) {
  std::vector<std::int64_t> attempts(visit.state.retriers.size(), visit.retries);
  while (true) {
    Outcome result = effective_input(visit);
    if (result) {
      Outcome attempted = co_await attempt(visit, *std::move(result));
      result = std::move(attempted);
    }
    Ended ended = result ? finish(visit, *result, false) : Ended(std::unexpected(std::move(result).error()));
    if (ended) co_return std::move(ended);
    const Failure failure = explained(visit, std::move(ended).error());
    if (failure.terminal) co_return std::unexpected(failure);
    show("error", failure.error);
    if (failure.cause) show("cause", *failure.cause);
    if (const auto delay_ms = retry_delay_ms(visit, failure, attempts)) {
      show("retryBackoffIntervalSeconds", *delay_ms / 1000);
      co_await pause(*delay_ms);
      ++visit.retries;
      forget_branches(visit);
      continue;
    }
    if (!std::holds_alternative<TaskState>(visit.state.kind))
      visit.line.previous = record(fmt::format("{}StateFailed", visit.state.type()), visit.line.previous);
    const auto catcher = std::ranges::find_if(
        visit.state.catchers, [&](const Catcher& candidate) { return matches(candidate.errors, failure.error); });
    if (catcher == visit.state.catchers.end()) co_return std::unexpected(failure);
    show("catchIndex", catcher - visit.state.catchers.begin());
    co_return caught(visit, *catcher, failure);
  }
}

Flow<Outcome> Interpreter::Walk::attempt(Visit& visit, Value input) {
  if (const auto* task = std::get_if<TaskState>(&visit.state.kind)) {
    Outcome outcome = co_await this->task(visit, *task, std::move(input));
    co_return std::move(outcome);
  }
  if (const auto* parallel = std::get_if<ParallelState>(&visit.state.kind)) {
    Outcome outcome = co_await this->parallel(visit, *parallel, std::move(input));
    co_return std::move(outcome);
  }
  Outcome outcome = co_await map(visit, std::get<MapState>(visit.state.kind), std::move(input));
  co_return std::move(outcome);
}

std::optional<std::int64_t> Interpreter::Walk::retry_delay_ms(const Visit& visit, const Failure& failure,
                                                              std::vector<std::int64_t>& attempts) {
  for (std::size_t i = 0; i < visit.state.retriers.size(); ++i) {
    const Retrier& retrier = visit.state.retriers[i];
    if (!matches(retrier.errors, failure.error)) continue;
    show("retryIndex", i);
    if (attempts[i] >= retrier.attempts_max) return std::nullopt;
    double delay_s = retrier.interval_s * std::pow(retrier.backoff_rate, static_cast<double>(attempts[i]++));
    if (retrier.delay_s_max) delay_s = std::min(delay_s, *retrier.delay_s_max);
    delay_s = std::min(delay_s, 1e9);
    if (retrier.full_jitter) delay_s *= unit_interval(*random_);
    return static_cast<std::int64_t>(delay_s * 1000);
  }
  return std::nullopt;
}

Ended Interpreter::Walk::caught(Visit& visit, const Catcher& catcher, const Failure& failure) {
  Value::Object error{{"Error", failure.error}};
  if (failure.cause) error.set("Cause", *failure.cause);
  const Value error_output(std::move(error));
  Transition transition{.output = error_output, .next = catcher.next};
  if (catcher.result_path.discards) transition.output = visit.input;
  if (catcher.result_path.path) {
    auto placed = catcher.result_path.path->put(visit.input, error_output);
    if (!placed) return std::unexpected(Failure{placed.error().name(), placed.error().message()});
    transition.output = *std::move(placed);
  }
  // In JSONPath "$" is the error here; in JSONata it is $states.errorOutput, and the input stays the state's.
  const Value& input = visit.state.language == QueryLanguage::jsonpath ? error_output : visit.input;
  const auto fill = [&](const std::optional<Template>& content) -> std::expected<std::optional<Value>, Failure> {
    if (!content) return std::nullopt;
    auto filled =
        with_view(visit, input, [&](const View& view) { return content->fill(view); }, nullptr, &error_output);
    if (!filled) return std::unexpected(std::move(filled).error());
    return *std::move(filled);
  };
  auto output = fill(catcher.output);
  if (!output) return std::unexpected(std::move(output).error());
  if (*output) transition.output = **std::move(output);
  auto assigned = fill(catcher.assign);
  if (!assigned) return std::unexpected(std::move(assigned).error());
  transition.assigned = *std::move(assigned);
  return transition;
}

std::int64_t Interpreter::Walk::ask(NoticeBox& box, decltype(Request::what) what) {
  const std::int64_t id = ++requests_;
  asked_.emplace(id, &box);
  listener_.requested({id, std::move(what)});
  return id;
}

Flow<Interpreter::Walk::Done> Interpreter::Walk::pause(std::int64_t duration_ms) {
  NoticeBox box(ready_);
  const Claim moment(*this, box, now_ms_ + duration_ms);
  co_await box.next();
  co_return Done{};
}

Interpreter::Interpreter(const States& states, Identity identity, Options options, Listener& listener)
    : walk_(std::make_unique<Walk>(states, std::move(identity), options, listener)) {}
Interpreter::~Interpreter() = default;

std::string Interpreter::Identity::map_run_arn(const std::string& run) const {
  return fmt::format("arn:aws:states:{}:{}:mapRun:{}", region, account, run);
}
Interpreter::Interpreter(Interpreter&&) noexcept = default;

void Interpreter::start(Value input, std::int64_t now_ms, std::optional<std::int64_t> timeout_s) {
  walk_->start(std::move(input), now_ms, timeout_s);
}
void Interpreter::try_state(std::size_t state, Trial& trial, Value input, std::int64_t now_ms) {
  walk_->try_state(state, trial, std::move(input), now_ms);
}
void Interpreter::tell(std::int64_t request, News news, std::int64_t now_ms) {
  walk_->tell(request, std::move(news), now_ms);
}
void Interpreter::advance(std::int64_t now_ms) { walk_->advance(now_ms); }
void Interpreter::stop(const std::string& error, const std::string& cause, std::int64_t now_ms) {
  walk_->stop(error, cause, now_ms);
}
void Interpreter::limit_map_run(const std::string& run, const MapRunLimits& limits, std::int64_t now_ms) {
  walk_->limit_map_run(run, limits, now_ms);
}
void Interpreter::redrive(std::int64_t now_ms) { walk_->redrive(now_ms); }
std::optional<std::int64_t> Interpreter::next_wake_ms() const { return walk_->next_wake_ms(); }
const std::optional<ExecutionEnd>& Interpreter::end() const { return walk_->end(); }
std::int64_t Interpreter::events() const { return walk_->events(); }

}  // namespace tillite
