#pragma once

#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "server/function_backend.h"
#include "server/sandbox/sandbox.h"

namespace tillite {

/// Functions that run in sandboxes, as Lambda's do: an invocation goes to a sandbox of its function that is idle (a
/// warm start), else to a new one (a cold start), and one that is idle for long is ended. Threads: any, several calls
/// at once.
class SandboxedFunctions final : public FunctionBackend {
 public:
  struct Limits {
    std::size_t at_once_max = 10;    ///< invocations of all functions that run at once, and sandboxes
    std::int64_t idle_ms = 300'000;  ///< after which a sandbox without work is ended
  };

  /// Invocations end soon after `stop` was requested. `surroundings` must outlive this object.
  SandboxedFunctions(std::vector<SandboxedFunction> functions, const SandboxSurroundings& surroundings, Limits limits,
                     std::stop_token stop);
  SandboxedFunctions(const SandboxedFunctions&) = delete;
  SandboxedFunctions& operator=(const SandboxedFunctions&) = delete;
  ~SandboxedFunctions() override = default;

  [[nodiscard]] const std::vector<FunctionInfo>& functions() const override { return infos_; }
  /// `is_throttled` if as many run as may; a call that `may_wait` has its turn then.
  [[nodiscard]] EndedFunction invoke(FunctionCall call) override;

  struct Count {
    std::size_t idle = 0;
    std::size_t running = 0;
    std::size_t started = 0;  ///< so far
  };
  [[nodiscard]] Count count() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Idle {
    std::string function_name;
    std::unique_ptr<Sandbox> sandbox;
    Time since;
  };
  [[nodiscard]] bool take_turn(bool may_wait);
  [[nodiscard]] std::unique_ptr<Sandbox> take_idle(const std::string& function_name);
  [[nodiscard]] Result<std::unique_ptr<Sandbox>> start(const std::string& function_name);
  void give_back(const std::string& function_name, std::unique_ptr<Sandbox> sandbox);
  void end_idle(const std::stop_token& stop);

  std::vector<SandboxedFunction> functions_;
  std::vector<FunctionInfo> infos_;
  const SandboxSurroundings& surroundings_;
  Limits limits_;
  std::stop_token stop_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::size_t running_ = 0;
  std::size_t started_ = 0;
  std::list<Idle> idle_;  ///< the one that has been idle for longest first
  std::jthread ending_;   // the last member: it uses the others
};

}  // namespace tillite
