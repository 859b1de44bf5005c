#include "server/sandbox/sandboxed_functions.h"

#include <algorithm>

#include "base/check.h"

namespace tillite {

SandboxedFunctions::SandboxedFunctions(std::vector<SandboxedFunction> functions,
                                       const SandboxSurroundings& surroundings, Limits limits, std::stop_token stop)
    : functions_(std::move(functions)), surroundings_(surroundings), limits_(limits), stop_(std::move(stop)) {
  check(limits.at_once_max > 0, "somebody may run");
  std::ranges::sort(functions_, {}, [](const SandboxedFunction& function) { return function.info.name; });
  infos_.reserve(functions_.size());
  for (const SandboxedFunction& function : functions_) infos_.push_back(function.info);
  ending_ = std::jthread([this](const std::stop_token& end) { end_idle(end); });
}

EndedFunction SandboxedFunctions::invoke(FunctionCall call) {
  if (!take_turn(call.may_wait)) {
    if (stop_.stop_requested()) return {.result = fail(Code::cancelled, "the host stops"), .log = {}};
    return {.result = fail(Code::limit_exceeded, "{} invocations run already", limits_.at_once_max),
            .log = {},
            .is_throttled = true};
  }
  EndedFunction ended{.result = Json(), .log = {}};
  std::unique_ptr<Sandbox> sandbox = take_idle(call.function_name);
  while (sandbox) {
    ended = sandbox->invoke(call, stop_);
    if (!sandbox->has_died_idle()) break;
    sandbox = take_idle(call.function_name);
  }
  if (!sandbox) {
    auto started = start(call.function_name);
    if (started) {
      sandbox = *std::move(started);
      ended = sandbox->invoke(call, stop_);
    } else {
      ended.result = std::unexpected(started.error().named("Runtime.InvalidEntrypoint"));
    }
  }
  give_back(call.function_name, std::move(sandbox));
  return ended;
}

bool SandboxedFunctions::take_turn(bool may_wait) {
  std::unique_lock lock(mutex_);
  const auto is_free = [this] { return running_ < limits_.at_once_max; };
  if (may_wait) changed_.wait(lock, stop_, is_free);
  if (stop_.stop_requested() || !is_free()) return false;
  ++running_;
  return true;
}

/// The one that was used last, so that the others may come to their end.
std::unique_ptr<Sandbox> SandboxedFunctions::take_idle(const std::string& function_name) {
  std::list<Idle> gone;  // ended without the lock
  const std::scoped_lock lock(mutex_);
  for (auto at = idle_.end(); at != idle_.begin();) {
    --at;
    if (at->function_name != function_name) continue;
    std::unique_ptr<Sandbox> sandbox = std::move(at->sandbox);
    at = idle_.erase(at);
    if (sandbox->is_usable()) return sandbox;
    gone.push_back({function_name, std::move(sandbox), {}});
  }
  // A new one will be started: where all places are taken one that is idle makes room.
  if (!idle_.empty() && running_ + idle_.size() > limits_.at_once_max) {
    gone.splice(gone.end(), idle_, idle_.begin());
  }
  return nullptr;
}

Result<std::unique_ptr<Sandbox>> SandboxedFunctions::start(const std::string& function_name) {
  const auto function = std::ranges::find(
      functions_, function_name, [](const SandboxedFunction& known) -> const std::string& { return known.info.name; });
  check(function != functions_.end(), "only functions that are there are called");
  auto sandbox = TRY(Sandbox::start(*function, surroundings_));
  const std::scoped_lock lock(mutex_);
  ++started_;
  return sandbox;
}

void SandboxedFunctions::give_back(const std::string& function_name, std::unique_ptr<Sandbox> sandbox) {
  if (sandbox && !sandbox->is_usable()) sandbox.reset();
  const std::scoped_lock lock(mutex_);
  --running_;
  if (sandbox && !stop_.stop_requested()) {
    idle_.push_back({function_name, std::move(sandbox), std::chrono::steady_clock::now()});
  }
  changed_.notify_all();
}

void SandboxedFunctions::end_idle(const std::stop_token& stop) {
  const auto patience = std::chrono::milliseconds(limits_.idle_ms);
  while (!stop.stop_requested()) {
    std::list<Idle> gone;  // ended without the lock
    std::unique_lock lock(mutex_);
    if (idle_.empty()) {
      changed_.wait(lock, stop, [this] { return !idle_.empty(); });
    } else {
      const Time until = idle_.front().since + patience;
      changed_.wait_until(lock, stop, until, [&] { return idle_.empty() || idle_.front().since + patience > until; });
    }
    const Time now = std::chrono::steady_clock::now();
    while (!idle_.empty() && idle_.front().since + patience <= now) gone.splice(gone.end(), idle_, idle_.begin());
  }
}

SandboxedFunctions::Count SandboxedFunctions::count() const {
  const std::scoped_lock lock(mutex_);
  return {.idle = idle_.size(), .running = running_, .started = started_};
}

}  // namespace tillite
