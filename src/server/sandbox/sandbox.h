#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/http_server.h"
#include "ports/clock.h"
#include "server/arn.h"
#include "server/function_backend.h"
#include "server/sandbox/sandbox_process.h"

namespace tillite {

/// A function that is a program which speaks Lambda's Runtime API: a `bootstrap`.
struct SandboxedFunction {
  FunctionInfo info;
  std::vector<std::string> words;  ///< the program and its arguments
};

/// What sandboxes of one host share. Everything must outlive them.
struct SandboxSurroundings {
  Clock& clock;
  Random& random;
  AwsPlace place;
  std::map<std::string, std::string> environment;  ///< beside Lambda's own variables and the function's
  Path scratch;                                    ///< where sandboxes have their folders
  std::function<void(std::string_view line)> on_line = [](std::string_view) {};  ///< all logs; called from any thread
  std::int64_t init_ms_max = 10'000;  ///< until a process asks for its first invocation, as in Lambda
  std::int64_t grace_ms = 2'000;      ///< between SIGTERM and SIGKILL when the host stops
};

/// One execution environment of a function: a process with Lambda's environment variables in a folder of its own, and
/// the Runtime API that it speaks to, on a port of its own on 127.0.0.1. It runs one invocation at a time, any number
/// of them one after the other. The process that takes longer than its function may, or more memory, is killed.
class Sandbox {
 public:
  /// Starts the process; it may still fail to become a function, which the first invocation comes to. Errors: as
  /// SandboxProcess::start and HttpServer::listen.
  [[nodiscard]] static Result<std::unique_ptr<Sandbox>> start(const SandboxedFunction& function,
                                                              const SandboxSurroundings& surroundings);
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;
  /// Ends the process: at once if it has nothing to do.
  ~Sandbox();

  /// Runs the function to its end. Errors are named as Lambda does: the function's own errorType, Sandbox.Timedout,
  /// Runtime.ExitError; `cancelled` if `stop` was requested before it ended by itself. The log: START, what the process
  /// wrote, END and REPORT.
  [[nodiscard]] EndedFunction invoke(const FunctionCall& call, const std::stop_token& stop);
  /// Whether its process was gone before it saw the last invocation, which another sandbox may be given.
  [[nodiscard]] bool has_died_idle();
  /// Whether it can run another invocation.
  [[nodiscard]] bool is_usable();

 private:
  using Time = std::chrono::steady_clock::time_point;
  /// What the process was given, until it has answered.
  struct Work {
    std::string request_id;
    std::string event;
    std::int64_t deadline_ms = 0;
    bool is_handed_out = false;
    std::optional<Result<Json>> outcome;
  };

  Sandbox(const SandboxedFunction& function, const SandboxSurroundings& surroundings)
      : function_(function), surroundings_(surroundings) {}
  [[nodiscard]] Result<void> start_process();
  [[nodiscard]] std::map<std::string, std::string> environment() const;
  void handle(const ServerRequest& request, ServerAnswer answer);
  void hand_out();
  ServerResponse take(const std::string& request_id, Result<Json> outcome);
  ServerResponse take_init_error(const std::string& body);
  void hear(std::string_view line);
  void note_end(const SandboxEnd& end);
  [[nodiscard]] Result<Json> wait_for_outcome(const std::stop_token& stop);
  [[nodiscard]] bool wait_until(std::unique_lock<std::mutex>& lock, Time time, const std::stop_token& stop);
  void end_process(std::unique_lock<std::mutex>& lock, std::int64_t grace_ms);
  [[nodiscard]] std::string report_of(const Result<Json>& result, Time handed_out_at, bool is_cold) const;

  SandboxedFunction function_;
  const SandboxSurroundings& surroundings_;
  std::string stream_id_;
  std::optional<ScratchFolder> folder_;
  std::unique_ptr<HttpServer> server_;
  Time started_at_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<ServerAnswer> asking_;  ///< the process waits for an invocation
  std::optional<Time> ready_at_;        ///< when it asked for the first one
  std::optional<Work> work_;
  std::optional<Error> init_error_;
  std::optional<SandboxEnd> end_;
  bool is_ended_by_us_ = false;
  bool has_died_idle_ = false;
  bool is_warm_ = false;
  Time handed_out_at_;  ///< the work; before that, when it was there

  std::mutex log_mutex_;
  std::string log_;  ///< since the last invocation ended

  std::stop_source server_stop_;
  std::jthread serving_;
  std::unique_ptr<SandboxProcess> process_;  // the last member: it uses the others
};

}  // namespace tillite
