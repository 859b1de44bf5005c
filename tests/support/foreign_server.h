#pragma once

#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/http_client.h"
#include "support/child_process.h"
#include "support/loopback.h"

namespace tillite::testing {

/// Where scripts/setup test puts what comes from npm.
[[nodiscard]] inline Path tools_folder() {
  const char* named = std::getenv("TILLITE_TOOLS");
  return std::filesystem::absolute(named != nullptr ? Path(named) : Path(TILLITE_SOURCE_DIR) / "build/tools");
}

/// The program of that name in PATH; empty if there is none.
[[nodiscard]] inline Path program_in_path(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::string_view folders = path != nullptr ? path : "";
  while (!folders.empty()) {
    const std::string_view folder = folders.substr(0, folders.find(':'));
    folders.remove_prefix(std::min(folder.size() + 1, folders.size()));
    Path program = Path(folder) / name;
    if (::access(program.c_str(), X_OK) == 0) return program;
  }
  return {};
}

/// Somebody else's HTTP server, as a program on a free port of 127.0.0.1. Ends with this object.
class ForeignServer {
 public:
  struct Command {
    std::function<std::vector<std::string>(const std::string& port)> words;
    std::map<std::string, std::string> environment = {};
    std::string ready_target = "/";  ///< any answer to a GET of it says that the server is ready
  };
  [[nodiscard]] static Result<ForeignServer> start(const Command& command) {
    // Somebody else may take the port between its choice and its use.
    for (int tries = 1;; ++tries) {
      auto server = try_start(command);
      if (server || tries == 3) return server;
    }
  }

  /// "http://127.0.0.1:5000"
  [[nodiscard]] const std::string& origin() const { return origin_; }
  [[nodiscard]] int port() const { return port_; }
  /// Where its output goes.
  [[nodiscard]] Path log() const { return folder_.path() / "log"; }

  /// Ends it by a signal, or by force if it takes too long. Repeating it does nothing.
  void stop(int signal) { process_.stop(signal, std::chrono::seconds(20)); }

 private:
  ForeignServer(int port, ScratchFolder folder, ChildProcess process)
      : port_(port), folder_(std::move(folder)), process_(std::move(process)) {}

  [[nodiscard]] static Result<ForeignServer> try_start(const Command& command) {
    const int port = TRY(free_port());
    auto folder = TRY(ScratchFolder::create(std::filesystem::temp_directory_path() / "tillite-tests"));
    const Path log = folder.path() / "log";
    auto process = TRY(ChildProcess::start({.words = command.words(std::to_string(port)),
                                            .environment = command.environment,
                                            .log = log,
                                            .log_output = true}));
    ForeignServer server(port, std::move(folder), std::move(process));
    HttpClient http;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(90);
    while (std::chrono::steady_clock::now() < deadline) {
      const bool is_answered =
          http.send({.url = server.origin_ + command.ready_target, .timeout_ms = 5'000}).has_value();
      if (server.process_.wait(std::chrono::milliseconds(0))) break;  // it ended: whoever answers is another
      if (is_answered) return server;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return fail(Code::unavailable, "a server did not start: {}", read_file(log).value_or("it wrote no log"));
  }

  int port_;
  std::string origin_ = "http://127.0.0.1:" + std::to_string(port_);
  ScratchFolder folder_;
  ChildProcess process_;
};

}  // namespace tillite::testing
