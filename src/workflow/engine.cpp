#include "workflow/engine.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <unordered_map>

#include "base/process_identity.h"
#include "base/uuid.h"
#include "workflow/durable/active_execution.h"
#include "workflow/durable/task_calls.h"
#include "workflow/durable/task_pool.h"
#include "workflow/resource.h"

namespace tillite {
namespace {

constexpr std::size_t kInputBytesMax = 262'144;
constexpr std::size_t kAdoptedAtOnce = 16;
constexpr std::int64_t kLookMs = 500;  ///< how often others' executions and stop requests are looked for
constexpr std::size_t kBlocksAtOnce = 16;
constexpr std::array<std::string_view, 5> kStatusNames = {"RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"};

Result<ExecutionStatus> parse_status(std::string_view name) {
  const auto found = std::ranges::find(kStatusNames, name);
  if (found == kStatusNames.end())
    return fail(Code::corrupt, "an execution has the unknown status '{}'", name.substr(0, 64));
  return static_cast<ExecutionStatus>(found - kStatusNames.begin());
}

Result<Execution> execution_of(const ExecutionRow& row) {
  Execution execution{.id = ExecutionId(row.id),
                      .state_machine = row.machine,
                      .name = row.name,
                      .type = row.type == "EXPRESS" ? MachineType::express : MachineType::standard,
                      .status = TRY(parse_status(row.status)),
                      .started_ms = row.started_ms,
                      .stopped_ms = row.stopped_ms,
                      .error = row.error.value_or(""),
                      .cause = row.cause,
                      .redrives = row.redrives,
                      .redriven_ms = row.redriven_ms,
                      .map_run = row.map_run,
                      .definition = row.definition};
  if (!row.input.empty()) execution.input = TRY(parse_value(row.input, "the input of the execution " + row.id));
  if (row.output) execution.output = TRY(parse_value(*row.output, "the output of the execution " + row.id));
  return execution;
}

/// What another thread has for an execution.
struct Input {
  std::string execution;
  Told told;
};

}  // namespace

std::string_view execution_status_name(ExecutionStatus status) {
  return kStatusNames.at(static_cast<std::size_t>(status));
}

/// Whoever drives (one thread at a time) takes what came in, tells the executions, writes what follows from it, and
/// only then hands out what they asked for.
class Engine::Parts final : public ActiveExecution::Owner {
 public:
  Parts(ExecutionStore& store, Clock& clock, Random& random, TaskRunner& tasks, Logger log, Settings settings)
      : store_(store),
        clock_(clock),
        random_(random),
        tasks_(tasks),
        log_(std::move(log)),
        settings_(std::move(settings)),
        owner_(fmt::format("{}/{}", process_identity(), uuid4(random.bytes()))),
        pool_(std::make_unique<TaskPool>(settings_.threads_max, settings_.function_limits)) {}

  ~Parts() override {
    for (auto& [id, execution] : active_) {
      for (auto& [request, asked] : execution->asked) asked.stop.request_stop();
    }
    pool_.reset();  // its threads use what is here
  }

  Result<ExecutionRow> record(const StateMachine& machine, const Value& input, const std::string& name,
                              const std::string& owner) {
    std::string text = to_text(input);
    if (text.size() > kInputBytesMax) {
      return fail(Code::invalid_input, "the input has {} bytes, at most {} are allowed", text.size(), kInputBytesMax);
    }
    ExecutionRow row{.machine = machine.name(),
                     .name = name.empty() ? uuid4(random_.bytes()) : name,
                     .type = machine.type() == MachineType::express ? "EXPRESS" : "STANDARD",
                     .started_ms = clock_.now_ms(),
                     .definition = machine.definition(),
                     .input = std::move(text),
                     .owner = owner,
                     .lease_until_ms = owner.empty() ? 0 : clock_.now_ms() + settings_.lease_ms};
    row.id = fmt::format("{}:{}", row.machine, row.name);
    TRY(store_.create(row));
    return row;
  }

  Result<ExecutionRow> row_of(const std::string& id) {
    auto row = TRY(store_.execution(id));
    if (!row) return fail(Code::not_found, "there is no execution {}", id);
    return *std::move(row);
  }

  /// Becomes the owner of a running execution, if nobody else is at work.
  Result<void> take_lease(const ExecutionRow& row) {
    if (row.owner == owner_) return {};
    if (!row.owner.empty() && clock_.now_ms() < row.lease_until_ms && !is_gone(row.owner)) {
      return fail(Code::lock_held, "the execution {} is being walked by {}", row.id, row.owner);
    }
    const auto taken = store_.take(row.id, row.owner, owner_, clock_.now_ms() + settings_.lease_ms);
    if (!taken && taken.error().code() == Code::conflict)
      return fail(Code::lock_held, "the execution {} was taken by another process just now", row.id);
    return taken;
  }

  /// Walks `id`, whose lease is ours, to its end. If another thread drives, it does so.
  Result<void> walk_to_end(const std::string& id, const std::stop_token& stop) {
    {
      const std::scoped_lock lock(mutex_);
      lost_.erase(id);
      to_adopt_.push_back(id);
      waited_for_.insert(id);
    }
    wake();
    const auto ended = [&] {
      const std::scoped_lock lock(mutex_);
      return done_.contains(id) || lost_.contains(id);
    };
    auto driven = drive(ended, stop);
    const std::scoped_lock lock(mutex_);
    waited_for_.erase(id);
    done_.erase(id);
    if (lost_.erase(id) != 0) return fail(Code::lost_lease, "the execution {} was taken over by another process", id);
    return driven;
  }

  Result<void> serve(const std::stop_token& stop) {
    serving_ = true;
    auto driven = drive([] { return false; }, stop);
    serving_ = false;
    if (!driven && driven.error().code() == Code::cancelled) return {};
    return driven;
  }

  Result<void> stop_execution(const std::string& id, const std::string& error, const std::string& cause) {
    const ExecutionRow row = TRY(row_of(id));
    if (row.status != "RUNNING") return {};
    TRY(store_.request_stop(id, to_text(Value::Object{{"error", error}, {"cause", cause}})));
    look_now_ = true;
    wake();
    if (row.owner.empty() || is_gone(row.owner) || clock_.now_ms() >= row.lease_until_ms) {
      if (take_lease(row)) return walk_to_end(id, {});
    }
    // Its walker looks soon.
    for (std::int64_t waited_ms = 0; waited_ms < 4 * kLookMs; waited_ms += 20) {
      if (TRY(row_of(id)).status != "RUNNING") break;
      TRY(clock_.sleep(20, {}));
    }
    return {};
  }

  Result<void> redrive(const std::string& id) {
    ExecutionRow row = TRY(row_of(id));
    if (row.status == "RUNNING" || row.status == "SUCCEEDED" || row.type == "EXPRESS")
      return fail(Code::conflict, "the execution {} is {}: only one that failed, timed out or was aborted is redriven",
                  id, row.type == "EXPRESS" ? "EXPRESS" : row.status);
    row.status = "RUNNING";
    row.stopped_ms = 0;
    row.error.reset();
    row.cause.reset();
    row.redriven_ms = clock_.now_ms();
    ++row.redrives;
    const auto batch = TRY(store_.begin(""));
    // Who walks it next sees that the row counts a redrive more than the journal, and tells it so.
    TRY(batch->update(row));
    TRY(batch->commit());
    offer();
    return {};
  }

  // Tokens

  std::optional<ActivityTask> activity_task(const std::string& activity, const std::string& worker) {
    const std::scoped_lock lock(mutex_);
    auto& waiting = activities_[activity];
    while (!waiting.empty()) {
      const WaitingToken task = std::move(waiting.front());
      waiting.pop_front();
      const auto found = tokens_.find(task.token);
      if (found == tokens_.end()) continue;
      inputs_.push_back({found->second.execution,
                         {.kind = Told::Kind::answer,
                          .request = found->second.request,
                          .news = {.kind = News::Kind::started, .worker = worker}}});
      wake_locked();
      return ActivityTask{task.token, task.input};
    }
    return std::nullopt;
  }

  Result<void> task_news(const std::string& token, News news) {
    const std::scoped_lock lock(mutex_);
    const auto found = tokens_.find(token);
    if (found == tokens_.end()) return fail(Code::not_found, "no task waits for this token");
    inputs_.push_back({found->second.execution,
                       {.kind = Told::Kind::answer, .request = found->second.request, .news = std::move(news)}});
    if (inputs_.back().told.news.kind != News::Kind::heartbeat) tokens_.erase(found);
    wake_locked();
    return {};
  }

  void wake() {
    const std::scoped_lock lock(mutex_);
    wake_locked();
  }
  /// There is an execution that nobody walks.
  void offer() {
    look_for_new_ = true;
    wake();
  }

  // ActiveExecution::Owner, called while driving

  void history_is_full(ActiveExecution& execution) override {
    const auto written = write(execution);
    if (!written && written.error().code() != Code::lost_lease && !broken_) broken_ = written.error();
  }

  void child_is_unwanted(const std::string& child) override { unwanted_.push_back(child); }

  void map_run_began(ActiveExecution& execution, const std::string& run, std::int64_t concurrency_max) override {
    map_runs_[run] = {
        .id = run, .execution = execution.id(), .started_ms = clock_.now_ms(), .concurrency_max = concurrency_max};
    changed_runs_.insert(run);
  }

  void map_run_ended(const std::string& run, bool succeeded) override {
    if (!load_run(run)) return;
    MapRunRow& row = map_runs_.at(run);
    row.status = succeeded ? "SUCCEEDED" : "FAILED";
    row.stopped_ms = clock_.now_ms();
    changed_runs_.insert(run);
  }

  ExecutionStore& store() { return store_; }
  const std::string& owner() const { return owner_; }
  Clock& clock() { return clock_; }
  const Logger& log() const { return log_; }

 private:
  struct WaitingToken {
    std::string token;
    Value input;
  };
  struct TokenPlace {
    std::string execution;
    std::int64_t request = 0;
  };

  void wake_locked() {
    poked_ = true;
    sleep_.request_stop();
    woken_.notify_all();
  }

  /// Drives until `done`. Whoever comes while another thread drives waits for it.
  Result<void> drive(const std::function<bool()>& done, const std::stop_token& stop) {
    const std::stop_callback wakes(stop, [this] { wake(); });
    while (true) {
      {
        std::unique_lock lock(mutex_);
        woken_.wait(lock, [&] { return !driving_ || stop.stop_requested() || is_done(lock, done); });
        if (is_done(lock, done)) return {};
        if (stop.stop_requested()) return fail(Code::cancelled, "stopped while executions are walked");
        driving_ = true;
      }
      auto driven = drive_alone(done, stop);
      {
        const std::scoped_lock lock(mutex_);
        driving_ = false;
      }
      woken_.notify_all();
      return driven;
    }
  }

  static bool is_done(std::unique_lock<std::mutex>& lock, const std::function<bool()>& done) {
    lock.unlock();
    const bool answer = done();
    lock.lock();
    return answer;
  }

  Result<void> drive_alone(const std::function<bool()>& done, const std::stop_token& stop) {
    Result<void> turned;
    while (turned && !done()) {
      if (stop.stop_requested()) {
        turned = fail(Code::cancelled, "stopped while executions are walked");
        break;
      }
      turned = turn();
      if (turned && !done()) wait(stop);
    }
    if (!turned) let_go();
    return turned;
  }

  /// Forgets what is in memory: the executions stay as they are written, for whoever walks them next.
  void let_go() {
    for (auto& [id, execution] : active_) {
      for (auto& [request, asked] : execution->asked) asked.stop.request_stop();
    }
    {
      const std::scoped_lock lock(mutex_);
      tokens_.clear();
      activities_.clear();
      inputs_.clear();
    }
    wakes_.clear();
    dirty_.clear();
    hand_out_.clear();
    unwanted_.clear();
    changed_runs_.clear();
    map_runs_.clear();
    batch_.reset();
    active_.clear();
    broken_.reset();
    if (const auto released = store_.release(owner_); !released)
      log_.warning("leases of executions were not given back and have to run out");
  }

  Result<void> turn() {
    std::deque<Input> inputs;
    std::vector<std::string> to_adopt;
    {
      const std::scoped_lock lock(mutex_);
      poked_ = false;
      inputs.swap(inputs_);
      to_adopt.swap(to_adopt_);
    }
    const std::int64_t now_ms = clock_.now_ms();
    if (now_ms - renewed_ms_ >= settings_.lease_ms / 3 && !active_.empty()) {
      TRY(store_.renew(owner_, now_ms + settings_.lease_ms));
      renewed_ms_ = now_ms;
    }
    for (const std::string& id : to_adopt) TRY(adopt(id));
    if (serving_ && (now_ms - looked_ms_ >= kLookMs || look_for_new_.exchange(false))) {
      for (const std::string& id : TRY(store_.unowned(now_ms, kAdoptedAtOnce))) {
        if (active_.contains(id)) continue;
        if (take_lease(TRY(row_of(id)))) TRY(adopt(id));
      }
    }
    if (!active_.empty() && (now_ms - looked_ms_ >= kLookMs || look_now_.exchange(false))) TRY(heed_stop_requests());
    if (now_ms - looked_ms_ >= kLookMs) looked_ms_ = now_ms;

    for (Input& input : inputs) {
      const auto found = active_.find(input.execution);
      if (found == active_.end()) continue;
      input.told.now_ms = now_ms;
      found->second->tell(std::move(input.told));
      settle(*found->second);
    }
    while (!wakes_.empty() && wakes_.begin()->first <= now_ms) {
      ActiveExecution& execution = *wakes_.begin()->second;
      execution.tell({.kind = Told::Kind::advance, .now_ms = now_ms});
      settle(execution);
    }
    TRY(write_all());
    hand_out();
    return {};
  }

  void wait(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (poked_ || stop.stop_requested()) return;
    const std::int64_t now_ms = clock_.now_ms();
    std::int64_t until_ms = now_ms + settings_.lease_ms / 3;
    if (serving_ || !active_.empty()) until_ms = std::min(until_ms, now_ms + kLookMs);
    const bool tasks_run = pool_->unfinished() > 0;
    if (!wakes_.empty()) until_ms = std::min(until_ms, wakes_.begin()->first);
    if (tasks_run || serving_ || wakes_.empty()) {
      woken_.wait_for(lock, std::chrono::milliseconds(std::clamp<std::int64_t>(until_ms - now_ms, 1, kLookMs)),
                      [&] { return poked_ || stop.stop_requested(); });
      return;
    }
    // Nothing runs: only time is waited for, and time is the clock's.
    sleep_ = std::stop_source();
    const std::stop_token interrupted = sleep_.get_token();
    lock.unlock();
    const auto slept = clock_.sleep(until_ms - now_ms, interrupted);
    static_cast<void>(slept);  // woken early or not: the next turn looks
  }

  /// Takes an execution whose lease is ours into memory, as its journal has it.
  Result<void> adopt(const std::string& id) {
    if (active_.contains(id)) return {};
    ExecutionRow row = TRY(row_of(id));
    if (row.status != "RUNNING") {
      announce(id);
      return {};
    }
    auto machine = StateMachine::parse(row.machine, row.definition,
                                       row.type == "EXPRESS" ? MachineType::express : MachineType::standard);
    if (!machine) return pass_on(machine, fmt::format("the execution {}", id));
    const States& states = machine->states();
    auto execution = make_active(std::move(row), *machine, states);
    ActiveExecution& kept = *active_.emplace(id, std::move(execution)).first->second;
    const auto journal = TRY(store_.journal(id));
    if (journal.empty()) {
      kept.tell({.kind = Told::Kind::start, .now_ms = clock_.now_ms()});
    } else if (const auto replayed = kept.replay(journal); !replayed) {
      return give_up(kept, replayed.error());
    }
    if (kept.row.redrives > kept.redrives_told())
      kept.tell({.kind = Told::Kind::redrive, .now_ms = kept.row.redriven_ms});
    resumed_.insert(id);
    settle(kept);
    return {};
  }

  /// An execution that cannot be walked any more fails; the others go on.
  Result<void> give_up(ActiveExecution& execution, const Error& error) {
    log_.error(error.message(), {{"execution", execution.id()}});
    ExecutionRow row = execution.row;
    row.status = "FAILED";
    row.error = errors::kRuntime;
    row.cause = error.message();
    row.stopped_ms = clock_.now_ms();
    active_.erase(row.id);
    const auto batch = TRY(store_.begin(owner_));
    TRY(batch->update(row));
    TRY(batch->commit());
    announce(row.id);
    return {};
  }

  std::unique_ptr<ActiveExecution> make_active(ExecutionRow row, const StateMachine& machine, const States& states) {
    const bool express = row.type == "EXPRESS" && row.map_run.empty();
    Interpreter::Limits limits = settings_.limits;
    if (row.type == "EXPRESS") limits.events_max = 0;
    Interpreter::Identity identity{
        .execution_arn = fmt::format("arn:aws:states:{}:{}:{}:{}:{}", settings_.region, settings_.account,
                                     express ? "express" : "execution", row.machine, row.name),
        .execution_name = row.name,
        .machine_arn =
            fmt::format("arn:aws:states:{}:{}:stateMachine:{}", settings_.region, settings_.account, row.machine),
        .machine_name = row.machine,
        .role_arn = fmt::format("arn:aws:iam::{}:role/tillite", settings_.account),
        .region = settings_.region,
        .account = settings_.account};
    row.owner = owner_;
    row.lease_until_ms = clock_.now_ms() + settings_.lease_ms;
    const Interpreter::Options options{limits, settings_.keeps_history, row.redrives > 0};
    return std::make_unique<ActiveExecution>(std::move(row), machine, states, std::move(identity), options, *this);
  }

  Result<void> heed_stop_requests() {
    for (const auto& [id, request] : TRY(store_.stop_requests(owner_))) {
      const auto found = active_.find(id);
      if (found == active_.end()) continue;
      const Value reason = TRY(parse_value(request, "a stop request"));
      const auto text = [&](const char* field) {
        const Value* value = reason.find(field);
        return value == nullptr || !value->is_string() ? std::string() : value->string();
      };
      found->second->tell(
          {.kind = Told::Kind::stop, .now_ms = clock_.now_ms(), .error = text("error"), .cause = text("cause")});
      settle(*found->second);
    }
    return {};
  }

  /// Follows up what an execution was told: children that begin or end, what it asked for, when it wants to be woken.
  void settle(ActiveExecution& first) {
    std::deque<std::string> touched = {first.id()};
    while (!touched.empty()) {
      const auto found = active_.find(touched.front());
      touched.pop_front();
      if (found == active_.end()) continue;
      ActiveExecution& execution = *found->second;
      if (!std::exchange(execution.is_dirty, true)) dirty_.push_back(execution.id());
      for (const std::int64_t request : execution.take_fresh()) {
        const auto asked = execution.asked.find(request);
        if (asked == execution.asked.end()) continue;
        if (const auto* child = std::get_if<ChildExecution>(&asked->second.request.what)) {
          if (auto begun = begin_child(execution, request, *child)) touched.push_back(*begun);
        } else {
          hand_out_.emplace_back(execution.id(), request);
        }
      }
      for (const std::string& child : std::exchange(unwanted_, {})) {
        const auto unwanted = active_.find(child);
        if (unwanted == active_.end()) continue;
        unwanted->second->parent = nullptr;
        unwanted->second->tell({.kind = Told::Kind::stop, .now_ms = clock_.now_ms()});
        touched.push_back(child);
      }
      if (execution.wake_ms) wakes_.erase({*execution.wake_ms, &execution});
      execution.wake_ms = execution.interpreter().next_wake_ms();
      if (execution.wake_ms) wakes_.emplace(*execution.wake_ms, &execution);
      if (execution.interpreter().end() && execution.parent != nullptr) {
        touched.push_back(execution.parent->id());
        tell_parent(execution);
      }
    }
  }

  /// The answer: the child's id, if it is to be looked at.
  std::optional<std::string> begin_child(ActiveExecution& parent, std::int64_t request, const ChildExecution& child) {
    const std::size_t colon = child.map_run.rfind(':');
    ExecutionRow row{.machine = child.map_run.substr(0, colon),
                     .name = uuid5(fmt::format("{}#{}#{}", child.map_run, child.index, child.redrive)),
                     .type = child.map->express ? "EXPRESS" : "STANDARD",
                     .started_ms = clock_.now_ms(),
                     .definition = parent.row.definition,
                     .input = to_text(child.input),
                     .map_run = child.map_run};
    row.id = fmt::format("{}:{}", row.machine, row.name);
    const std::string id = row.id;
    parent.asked.at(request).child = id;
    if (load_run(child.map_run)) {
      map_runs_.at(child.map_run).total = child.total;
      changed_runs_.insert(child.map_run);
    }
    std::optional<ExecutionRow> before;
    if (resumed_.contains(parent.id())) {
      auto found = store_.execution(id);
      if (!found) {
        broken_ = found.error();
        return std::nullopt;
      }
      before = *std::move(found);
    }
    if (before && before->status != "RUNNING") {
      News news{.kind = before->status == "SUCCEEDED" ? News::Kind::succeeded : News::Kind::failed};
      if (before->output && child.wants_output) news.output = parse_value(*before->output, id).value_or(Value());
      news.failure = {.error = before->error.value_or(""), .cause = before->cause};
      parent.tell({.kind = Told::Kind::answer, .now_ms = clock_.now_ms(), .request = request, .news = std::move(news)});
      return parent.id();
    }
    auto made = make_active(before ? *std::move(before) : std::move(row), parent.machine(), child.map->processor);
    ActiveExecution& kept = *active_.emplace(id, std::move(made)).first->second;
    kept.parent = &parent;
    kept.parent_request = request;
    kept.parent_wants_output = child.wants_output;
    kept.is_new = kept.row.events == 0;
    if (!kept.is_new) {
      resumed_.insert(id);
      const auto taken = batch();
      const auto owned = taken ? (*taken)->take_over(id, kept.row.lease_until_ms)
                               : Result<void>(std::unexpected(taken.error()));
      if (!owned && !broken_) broken_ = owned.error();
      const auto journal = store_.journal(id);
      const auto replayed = journal ? kept.replay(*journal) : Result<void>(std::unexpected(journal.error()));
      if (!replayed && !broken_) broken_ = replayed.error();
      return id;
    }
    kept.tell({.kind = Told::Kind::start, .now_ms = clock_.now_ms()});
    return id;
  }

  void tell_parent(ActiveExecution& child) {
    const ExecutionEnd& end = *child.interpreter().end();
    const bool succeeded = end.kind == ExecutionEnd::Kind::succeeded;
    if (load_run(child.row.map_run)) {
      MapRunRow& run = map_runs_.at(child.row.map_run);
      ++(succeeded ? run.succeeded : run.failed);
      changed_runs_.insert(run.id);
    }
    News news{.kind = succeeded ? News::Kind::succeeded : News::Kind::failed, .failure = end.failure};
    if (child.parent_wants_output) news.output = end.output;
    std::exchange(child.parent, nullptr)
        ->tell({.kind = Told::Kind::answer,
                .now_ms = clock_.now_ms(),
                .request = child.parent_request,
                .news = std::move(news)});
  }

  /// Whether the row of a map run is in memory now.
  bool load_run(const std::string& run) {
    if (map_runs_.contains(run)) return true;
    auto row = store_.map_run(run);
    if (!row || !*row) return false;
    map_runs_.emplace(run, **std::move(row));
    return true;
  }

  Result<ExecutionStore::Batch*> batch() {
    if (!batch_) batch_ = TRY(store_.begin(owner_));
    return batch_.get();
  }

  /// Writes what an execution has to be written, into the open batch.
  Result<void> write(ActiveExecution& execution) {
    ExecutionStore::Batch& batch = *TRY(this->batch());
    if (std::exchange(execution.is_new, false)) {
      TRY(batch.create(execution.row));
    } else {
      TRY(batch.check_owner(execution.id()));
    }
    if (const auto journal = execution.take_journal(); !journal.lines.empty())
      TRY(batch.add_journal(execution.id(), journal));
    if (const auto events = execution.take_events(); !events.lines.empty())
      TRY(batch.add_events(execution.id(), events));
    ExecutionRow& row = execution.row;
    row.events = execution.interpreter().events();
    if (const auto& end = execution.interpreter().end()) {
      constexpr std::array<std::string_view, 4> kEnds = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"};
      row.status = kEnds.at(static_cast<std::size_t>(end->kind));
      row.stopped_ms = clock_.now_ms();
      if (end->kind == ExecutionEnd::Kind::succeeded) {
        row.output = to_text(end->output);
      } else {
        if (!end->failure.error.empty()) row.error = end->failure.error;
        row.cause = end->failure.cause;
      }
    }
    return batch.update(row);
  }

  Result<void> write_all() {
    std::vector<std::string> ended;
    std::vector<std::string> lost;
    for (const std::string& id : dirty_) {
      const auto found = active_.find(id);
      if (found == active_.end()) continue;
      found->second->is_dirty = false;
      const auto written = write(*found->second);
      if (!written && written.error().code() == Code::lost_lease) {
        lost.push_back(id);
      } else if (!written) {
        return written;
      } else if (found->second->interpreter().end()) {
        ended.push_back(id);
      }
    }
    if (broken_) return std::unexpected(*std::exchange(broken_, std::nullopt));
    for (const std::string& run : changed_runs_) TRY((*TRY(batch())).put_map_run(map_runs_.at(run)));
    dirty_.clear();
    changed_runs_.clear();
    if (batch_) TRY(std::exchange(batch_, nullptr)->commit());
    for (const std::string& id : lost) {
      drop(id);
      const std::scoped_lock lock(mutex_);
      lost_.insert(id);
    }
    for (const std::string& id : ended) {
      const bool child = !active_.at(id)->row.map_run.empty();
      drop(id);
      if (!child) announce(id);
    }
    return {};
  }

  void drop(const std::string& id) {
    const auto found = active_.find(id);
    ActiveExecution& execution = *found->second;
    for (auto& [request, asked] : execution.asked) asked.stop.request_stop();
    if (execution.wake_ms) wakes_.erase({*execution.wake_ms, &execution});
    std::erase_if(map_runs_, [&](const auto& run) { return run.second.execution == id; });
    resumed_.erase(id);
    active_.erase(found);
  }

  void announce(const std::string& id) {
    {
      const std::scoped_lock lock(mutex_);
      if (waited_for_.contains(id)) done_.insert(id);
    }
    woken_.notify_all();
  }

  /// Gives what was asked for to those who do it. All of it is written by now.
  void hand_out() {
    for (const auto& [id, request] : std::exchange(hand_out_, {})) {
      const auto execution = active_.find(id);
      if (execution == active_.end()) continue;
      const auto asked = execution->second->asked.find(request);
      if (asked == execution->second->asked.end()) continue;
      hand_out(*execution->second, asked->second);
    }
  }

  void hand_out(ActiveExecution& execution, const ActiveExecution::Asked& asked) {
    const auto* call = std::get_if<TaskCall>(&asked.request.what);
    const std::int64_t request = asked.request.id;
    if (call != nullptr && !call->token.empty()) {
      const Resource resource(call->resource);
      const std::scoped_lock lock(mutex_);
      tokens_[call->token] = {execution.id(), request};
      if (resource.kind() == Resource::Kind::activity && !asked.handed_out)
        activities_[resource.name()].push_back({call->token, call->payload});
    }
    if (call != nullptr && (asked.submitted || Resource(call->resource).kind() == Resource::Kind::activity)) return;
    const std::string turn = execution.row.map_run.empty() ? execution.id() : execution.row.map_run;
    pool_->add({turn, call == nullptr ? "" : function_of(*call),
                [this, id = execution.id(), arn_run = execution.row.map_run, what = asked.request.what, request,
                 stop = asked.stop.get_token()] { perform(id, request, what, stop); }});
  }

  /// In a thread of the pool.
  void perform(const std::string& id, std::int64_t request, const decltype(Request::what)& what,
               const std::stop_token& stop) {
    if (stop.stop_requested()) return;
    if (const auto* call = std::get_if<TaskCall>(&what)) {
      tell(id, request, {.kind = News::Kind::started});
      auto news = call_task(tasks_, *call, id, stop);
      if (!news) return;
      if (!call->token.empty() && news->kind == News::Kind::succeeded) news->kind = News::Kind::submitted;
      tell(id, request, *std::move(news));
    } else if (const auto* items = std::get_if<ItemsToRead>(&what)) {
      tell(id, request, read_items(*items, settings_.buckets));
    } else {
      const auto& results = std::get<ResultsToWrite>(what);
      tell(id, request,
           write_results(results,
                         Interpreter::Identity{.region = settings_.region, .account = settings_.account}.map_run_arn(
                             results.map_run),
                         store_, settings_.buckets));
    }
  }

  void tell(const std::string& id, std::int64_t request, News news) {
    const std::scoped_lock lock(mutex_);
    inputs_.push_back({id, {.kind = Told::Kind::answer, .request = request, .news = std::move(news)}});
    wake_locked();
  }

  ExecutionStore& store_;
  Clock& clock_;
  Random& random_;
  TaskRunner& tasks_;
  Logger log_;
  Settings settings_;
  const std::string owner_;

  // Shared with other threads, under the mutex.
  std::mutex mutex_;
  std::condition_variable woken_;
  std::stop_source sleep_;
  bool poked_ = false;
  bool driving_ = false;
  std::deque<Input> inputs_;
  std::vector<std::string> to_adopt_;
  std::set<std::string> done_;  ///< ended since somebody walks them
  std::set<std::string> waited_for_;
  std::set<std::string> lost_;
  std::map<std::string, TokenPlace> tokens_;
  std::map<std::string, std::deque<WaitingToken>> activities_;
  std::atomic<bool> serving_ = false;
  std::atomic<bool> look_now_ = false;
  std::atomic<bool> look_for_new_ = true;

  // Of the thread that drives.
  std::unordered_map<std::string, std::unique_ptr<ActiveExecution>> active_;
  std::set<std::pair<std::int64_t, ActiveExecution*>> wakes_;
  std::vector<std::string> dirty_;  ///< have something to be written; in the order in which it came
  std::set<std::string> resumed_;  ///< walked before: their children may be there
  std::vector<std::pair<std::string, std::int64_t>> hand_out_;
  std::vector<std::string> unwanted_;
  std::map<std::string, MapRunRow> map_runs_;
  std::set<std::string> changed_runs_;
  std::unique_ptr<ExecutionStore::Batch> batch_;
  std::optional<Error> broken_;
  std::int64_t renewed_ms_ = 0;
  std::int64_t looked_ms_ = 0;

  std::unique_ptr<TaskPool> pool_;  ///< last: its threads use the rest
};

Engine::Engine(ExecutionStore& store, Clock& clock, Random& random, TaskRunner& tasks, Logger log, Settings settings)
    : parts_(std::make_unique<Parts>(store, clock, random, tasks, std::move(log), std::move(settings))) {}
Engine::~Engine() = default;

Result<Execution> Engine::start(const StateMachine& machine, const Value& input, const std::string& name) {
  const ExecutionRow row = TRY(parts_->record(machine, input, name, ""));
  parts_->offer();
  return execution_of(row);
}

Result<Execution> Engine::run(const StateMachine& machine, const Value& input, std::stop_token stop,
                              const std::string& name) {
  const ExecutionRow row = TRY(parts_->record(machine, input, name, parts_->owner()));
  parts_->log().info("started an execution", {{"execution", row.id}});
  TRY(parts_->walk_to_end(row.id, stop));
  return describe(ExecutionId(row.id));
}

Result<Execution> Engine::walk(const ExecutionId& id, std::stop_token stop) {
  const ExecutionRow row = TRY(parts_->row_of(id.str()));
  if (row.status != "RUNNING") return execution_of(row);
  TRY(parts_->take_lease(row));
  TRY(parts_->walk_to_end(row.id, stop));
  return describe(id);
}

Result<void> Engine::serve(std::stop_token stop) { return parts_->serve(stop); }

Result<Execution> Engine::stop(const ExecutionId& id, const std::string& error, const std::string& cause) {
  TRY(parts_->stop_execution(id.str(), error, cause));
  return describe(id);
}

Result<Execution> Engine::redrive(const ExecutionId& id) {
  TRY(parts_->redrive(id.str()));
  return describe(id);
}

Result<Execution> Engine::describe(const ExecutionId& id) { return execution_of(TRY(parts_->row_of(id.str()))); }

namespace {

Result<ExecutionPage> page_of(const Result<ExecutionStore::Page>& listed) {
  if (!listed) return std::unexpected(listed.error());
  ExecutionPage page{.next = listed->next};
  for (const ExecutionRow& row : listed->rows) page.executions.push_back(TRY(execution_of(row)));
  return page;
}

std::optional<std::string> name_of(std::optional<ExecutionStatus> status) {
  return status ? std::optional(std::string(execution_status_name(*status))) : std::nullopt;
}

}  // namespace

Result<ExecutionPage> Engine::list(const std::string& state_machine, std::optional<ExecutionStatus> status,
                                   std::size_t limit, const std::string& after) {
  return page_of(
      parts_->store().list({.machine = state_machine, .status = name_of(status), .after = after, .limit = limit}));
}

Result<ExecutionPage> Engine::children(const std::string& map_run, std::optional<ExecutionStatus> status,
                                       std::size_t limit, const std::string& after) {
  return page_of(parts_->store().list({.map_run = map_run, .status = name_of(status), .after = after, .limit = limit}));
}

Result<std::vector<HistoryEvent>> Engine::history(const ExecutionId& id, std::int64_t first, bool newest_first,
                                                  std::size_t limit) {
  const ExecutionRow row = TRY(parts_->row_of(id.str()));
  if (newest_first && first <= 0) first = row.events;
  std::vector<HistoryEvent> events;
  while (events.size() < limit && first >= 1) {
    const auto blocks = TRY(parts_->store().events(id.str(), first, newest_first, kBlocksAtOnce));
    std::vector<HistoryEvent> found;
    for (const ExecutionStore::Block& block : blocks) {
      std::vector<HistoryEvent> of_block;
      for (std::string_view lines = block.lines; !lines.empty();) {
        const std::string_view line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
        of_block.push_back(TRY(parse_event(line)));
      }
      if (newest_first) std::ranges::reverse(of_block);
      std::ranges::move(of_block, std::back_inserter(found));
    }
    std::erase_if(found, [&](const HistoryEvent& event) { return newest_first ? event.id > first : event.id < first; });
    if (found.empty()) break;
    first = newest_first ? found.back().id - 1 : found.back().id + 1;
    for (HistoryEvent& event : found) {
      if (events.size() < limit) events.push_back(std::move(event));
    }
  }
  return events;
}

Result<std::optional<MapRunRow>> Engine::map_run(const std::string& id) { return parts_->store().map_run(id); }
Result<std::vector<MapRunRow>> Engine::map_runs(const ExecutionId& id) { return parts_->store().map_runs(id.str()); }

std::optional<Engine::ActivityTask> Engine::activity_task(const std::string& activity, const std::string& worker) {
  return parts_->activity_task(activity, worker);
}

Result<void> Engine::task_succeeded(const std::string& token, const Value& output) {
  return parts_->task_news(token, {.kind = News::Kind::succeeded, .output = output});
}

Result<void> Engine::task_failed(const std::string& token, const std::string& error, const std::string& cause) {
  News news{.kind = News::Kind::failed, .failure = {.error = error}};
  if (!cause.empty()) news.failure.cause = cause;
  return parts_->task_news(token, std::move(news));
}

Result<void> Engine::task_beats(const std::string& token) {
  return parts_->task_news(token, {.kind = News::Kind::heartbeat});
}

Result<std::int64_t> Engine::forget_older_than(std::int64_t age_ms) {
  const std::int64_t before_ms = parts_->clock().now_ms() - age_ms;
  std::int64_t removed = 0;
  while (true) {
    const std::int64_t now = TRY(parts_->store().remove_stopped_before(before_ms, 100));
    if (now == 0) return removed;
    removed += now;
  }
}

}  // namespace tillite
