#include "workflow/durable/driver.h"

#include <algorithm>

#include "base/process_identity.h"
#include "base/uuid.h"
#include "workflow/durable/map_data.h"
#include "workflow/durable/nested_start.h"
#include "workflow/durable/task_calls.h"
#include "workflow/resource.h"

namespace tillite {
namespace {

constexpr std::size_t kAdoptedAtOnce = 16;
constexpr const char* kStopOfAwaited = R"({"error":"","cause":""})";
constexpr std::int64_t kLookMs = 500;  ///< how often others' executions and stop requests are looked for

std::map<std::string, std::size_t> limits_of(const std::vector<FunctionGroup>& groups) {
  std::map<std::string, std::size_t> limits;
  for (const FunctionGroup& group : groups) limits[group.name] = group.calls_max;
  return limits;
}

/// Whose limit holds for a call; empty if none's.
std::string group_of(const std::string& function, const std::vector<FunctionGroup>& groups) {
  const auto found =
      std::ranges::find_if(groups, [&](const auto& group) { return group.functions.contains(function); });
  return found == groups.end() ? "" : found->name;
}

}  // namespace

Driver::Driver(ExecutionStore& store, Clock& clock, Random& random, TaskRunner& tasks, const Logger& log,
               const EngineSettings& settings)
    : store_(store),
      clock_(clock),
      tasks_(tasks),
      log_(log),
      settings_(settings),
      owner_(fmt::format("{}/{}", process_identity(), uuid4(random.bytes()))),
      executions_(store, clock, log, settings, owner_),
      pool_(std::make_unique<TaskPool>(settings.threads_max, limits_of(settings.function_groups))) {}

Driver::~Driver() {
  executions_.clear();
  pool_.reset();
}

Result<void> Driver::take_lease(const ExecutionRow& row) {
  if (row.owner == owner_) return {};
  if (!row.owner.empty() && clock_.now_ms() < row.lease_until_ms && !is_gone(row.owner)) {
    return fail(Code::lock_held, "the execution {} is being walked by {}", row.id, row.owner);
  }
  const auto taken = store_.take(row.id, row.owner, owner_, clock_.now_ms() + settings_.lease_ms);
  if (!taken && taken.error().code() == Code::conflict)
    return fail(Code::lock_held, "the execution {} was taken by another process just now", row.id);
  return taken;
}

Result<void> Driver::walk_to_end(const std::string& id, const std::stop_token& stop) {
  {
    const std::scoped_lock lock(mutex_);
    lost_.erase(id);
    waited_for_.insert(id);
    to_adopt_.push_back(id);
    wake_locked();
  }
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

Result<void> Driver::serve(const std::stop_token& stop) {
  serving_ = true;
  auto driven = drive([] { return false; }, stop);
  serving_ = false;
  if (!driven && driven.error().code() == Code::cancelled) return {};
  return driven;
}

void Driver::offer() {
  look_for_new_ = true;
  wake();
}

void Driver::look_for_stop_requests() {
  look_for_stops_ = true;
  wake();
}

void Driver::tell(const std::string& id, std::int64_t request, News news) {
  const std::scoped_lock lock(mutex_);
  inputs_.push_back({id, {.kind = Told::Kind::answer, .request = request, .news = std::move(news)}});
  wake_locked();
}

void Driver::wake() {
  const std::scoped_lock lock(mutex_);
  wake_locked();
}

void Driver::wake_locked() {
  poked_ = true;
  sleep_.request_stop();
  woken_.notify_all();
}

Result<void> Driver::drive(const std::function<bool()>& done, const std::stop_token& stop) {
  const std::stop_callback wakes(stop, [this] { wake(); });
  while (!done()) {
    {
      std::unique_lock lock(mutex_);
      if (stop.stop_requested()) return fail(Code::cancelled, "stopped while executions are walked");
      if (driving_) {  // another thread does it
        woken_.wait_for(lock, std::chrono::milliseconds(kLookMs));
        continue;
      }
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
  return {};
}

Result<void> Driver::drive_alone(const std::function<bool()>& done, const std::stop_token& stop) {
  Result<void> turned;
  while (turned && !done()) {
    if (stop.stop_requested()) {
      turned = fail(Code::cancelled, "stopped while executions are walked");
    } else {
      turned = turn();
      if (turned && !done()) wait(stop);
    }
  }
  if (!turned) let_go();
  return turned;
}

void Driver::let_go() {
  executions_.clear();
  tokens_.clear();
  {
    const std::scoped_lock lock(mutex_);
    inputs_.clear();
  }
  if (const auto released = store_.release(owner_); !released)
    log_.warning("leases of executions were not given back and have to run out");
}

Result<void> Driver::turn() {
  std::vector<Input> inputs;
  std::vector<std::string> to_adopt;
  {
    const std::scoped_lock lock(mutex_);
    poked_ = false;
    inputs.swap(inputs_);
    to_adopt.swap(to_adopt_);
  }
  const std::int64_t now_ms = clock_.now_ms();
  if (now_ms - renewed_ms_ >= settings_.lease_ms / 3 && !executions_.empty()) {
    TRY(store_.renew(owner_, now_ms + settings_.lease_ms));
    renewed_ms_ = now_ms;
  }
  const bool looks = now_ms - looked_ms_ >= kLookMs;
  if (looks) looked_ms_ = now_ms;
  for (const std::string& id : to_adopt) TRY(adopt(id));
  if (serving_ && (look_for_new_.exchange(false) || looks)) {
    for (const std::string& id : TRY(store_.unowned(now_ms, kAdoptedAtOnce))) {
      const auto row = TRY(store_.execution(id));
      if (row && !executions_.contains(id) && take_lease(*row)) TRY(adopt(id));
    }
  }
  if (!executions_.empty() && (look_for_stops_.exchange(false) || looks)) {
    TRY(heed_stop_requests());
    TRY(executions_.heed_map_run_limits());
  }

  for (Input& input : inputs) {
    input.told.now_ms = now_ms;
    executions_.tell(input.execution, std::move(input.told));
  }
  executions_.advance(now_ms);
  auto written = TRY(executions_.write());
  announce(written);
  for (const std::string& id : executions_.take_unwanted_elsewhere()) TRY(store_.request_stop(id, kStopOfAwaited));
  for (const auto& [id, request] : executions_.take_requests()) {
    ActiveExecution* const execution = executions_.find(id);
    if (execution == nullptr) continue;
    const auto asked = execution->asked.find(request);
    if (asked != execution->asked.end()) TRY(hand_out(*execution, asked->second));
  }
  // What was started is written at once, and walked in the next turn: one that starts itself for ever holds up nobody.
  const auto started = TRY(executions_.write());
  announce(started);
  written.ended.insert(written.ended.end(), started.ended.begin(), started.ended.end());
  return look_after_awaited(written.ended, looks);
}

Result<void> Driver::look_after_awaited(const std::vector<std::string>& ended, bool all) {
  for (const std::string& id : executions_.awaited_elsewhere(ended, all)) {
    auto row = TRY(store_.execution(id));
    if (!row) row = ExecutionRow{.id = id, .status = "ABORTED", .cause = "the execution was removed"};
    if (row->status != "RUNNING") {
      executions_.awaited_ended(*row);
    } else if (take_lease(*row)) {
      TRY(adopt(id));
    } else {
      continue;  // somebody else walks it
    }
    wake();  // what follows is to be written
  }
  return {};
}

void Driver::wait(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (poked_ || stop.stop_requested()) return;
  const std::int64_t now_ms = clock_.now_ms();
  const auto wake_ms = executions_.next_wake_ms();
  const std::int64_t until_ms = std::min(now_ms + kLookMs, wake_ms.value_or(now_ms + kLookMs));
  if (serving_ || !wake_ms || pool_->unfinished() > 0) {
    woken_.wait_for(lock, std::chrono::milliseconds(std::max<std::int64_t>(until_ms - now_ms, 1)),
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

Result<void> Driver::adopt(const std::string& id) {
  auto row = TRY(store_.execution(id));
  if (row && row->status == "RUNNING") return executions_.take_in(*std::move(row));
  announce({.ended = {id}});
  return {};
}

Result<void> Driver::heed_stop_requests() {
  for (const auto& [id, request] : TRY(store_.stop_requests(owner_))) {
    const Value reason = TRY(parse_value(request, "a stop request"));
    const auto text = [&](const char* field) {
      const Value* value = reason.find(field);
      return value == nullptr || !value->is_string() ? std::string() : value->string();
    };
    executions_.tell(
        id, {.kind = Told::Kind::stop, .now_ms = clock_.now_ms(), .error = text("error"), .cause = text("cause")});
  }
  return {};
}

void Driver::announce(const ActiveExecutions::Written& written) {
  if (written.ended.empty() && written.lost.empty()) return;
  {
    const std::scoped_lock lock(mutex_);
    for (const std::string& id : written.ended) {
      if (waited_for_.contains(id)) done_.insert(id);
    }
    for (const std::string& id : written.lost) {
      if (waited_for_.contains(id)) lost_.insert(id);
    }
  }
  woken_.notify_all();
}

Result<void> Driver::hand_out(ActiveExecution& execution, const ActiveExecution::Asked& asked) {
  const std::int64_t request = asked.request.id;
  const auto* call = std::get_if<TaskCall>(&asked.request.what);
  if (call != nullptr && !call->token.empty()) {
    tokens_.add(call->token, {execution.id(), request});
    const Resource resource(call->resource);
    if (resource.kind() == Resource::Kind::activity) {
      if (!asked.handed_out) tokens_.offer(resource.name(), call->token, call->payload);
      return {};
    }
    if (asked.submitted) return {};
  }
  if (call != nullptr && starts_execution(call->resource)) {
    wake();  // what follows is to be written
    return executions_.start_nested(execution.id(), request);
  }
  const std::string& turn = execution.row.map_run.empty() ? execution.id() : execution.row.map_run;
  pool_->add({turn, call == nullptr ? "" : group_of(function_of(*call), settings_.function_groups),
              [this, id = execution.id(), request, what = asked.request.what, stop = asked.stop.get_token()] {
                perform(id, request, what, stop);
              }});
  return {};
}

void Driver::perform(const std::string& id, std::int64_t request, const decltype(Request::what)& what,
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
    const Interpreter::Identity here{.region = settings_.region, .account = settings_.account};
    tell(id, request, write_results(results, here.map_run_arn(results.map_run), store_, settings_.buckets));
  }
}

}  // namespace tillite
