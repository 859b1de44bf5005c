#pragma once

#include <fcntl.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"

namespace tillite::testing {

/// A program that a test started: it talks to its standard input and output, and does not outlive the test.
class ChildProcess {
 public:
  struct Command {
    std::vector<std::string> words;                  ///< the program (a path, or looked up in PATH) and its arguments
    std::map<std::string, std::string> environment;  ///< in addition to the test's own
    Path log;                                        ///< standard error goes here
    bool log_output = false;                         ///< standard output goes there too
  };

  [[nodiscard]] static Result<ChildProcess> start(const Command& command) {
    std::array<int, 2> input{-1, -1};
    std::array<int, 2> output{-1, -1};
    if (::pipe2(input.data(), O_CLOEXEC) != 0) return std::unexpected(system_error(errno, "making a pipe", {}));
    if (::pipe2(output.data(), O_CLOEXEC) != 0) {
      const int error = errno;
      ::close(input[0]);
      ::close(input[1]);
      return std::unexpected(system_error(error, "making a pipe", {}));
    }
    std::vector<char*> words;
    for (const std::string& word : command.words) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);

    const pid_t pid = ::fork();
    if (pid == 0) run(command, words, input[0], output[1]);
    ::close(input[0]);
    ::close(output[1]);
    ChildProcess child(pid, input[1], output[0]);
    if (pid < 0) return std::unexpected(system_error(errno, "starting", command.words.front()));
    return child;
  }

  ChildProcess(ChildProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        input_(std::exchange(other.input_, -1)),
        output_(std::exchange(other.output_, -1)),
        received_(std::move(other.received_)) {}
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() {
    if (input_ >= 0) ::close(input_);
    if (output_ >= 0) ::close(output_);
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  [[nodiscard]] pid_t pid() const { return pid_; }

  [[nodiscard]] Result<void> write_line(std::string_view line) {
    const std::string text = std::string(line) + "\n";
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t written = ::write(input_, text.data() + done, text.size() - done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return std::unexpected(system_error(errno, "writing to a child process", {}));
      done += static_cast<std::size_t>(written);
    }
    return {};
  }

  /// The next line of its standard output; `timed_out`, or `unavailable` if it ended before.
  [[nodiscard]] Result<std::string> read_line(std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    std::size_t end = 0;
    while ((end = received_.find('\n')) == std::string::npos) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd waited{.fd = output_, .events = POLLIN, .revents = 0};
      const int ready = ::poll(&waited, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
      if (ready < 0 && errno == EINTR) continue;
      if (ready == 0) return fail(Code::timed_out, "a child process said nothing for {} ms", patience.count());
      std::array<char, 1 << 16> buffer{};
      const ssize_t got = ::read(output_, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return fail(Code::unavailable, "a child process ended instead of answering");
      received_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    std::string line = received_.substr(0, end);
    received_.erase(0, end + 1);
    return line;
  }

  /// Its exit status (128 + signal if one ended it); nothing if it still runs after `patience`.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (pid_ > 0) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      if (std::chrono::steady_clock::now() > deadline) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return std::nullopt;
  }

  /// Sends `signal`, waits, kills what does not end; the exit status as wait() gives it.
  std::optional<int> stop(int signal, std::chrono::milliseconds patience) {
    if (pid_ <= 0) return std::nullopt;
    ::kill(pid_, signal);
    if (const auto status = wait(patience)) return status;
    ::kill(pid_, SIGKILL);
    return wait(std::chrono::seconds(10));
  }

 private:
  ChildProcess(pid_t pid, int input, int output) : pid_(pid), input_(input), output_(output) {}

  /// In the child: never returns.
  [[noreturn]] static void run(const Command& command, const std::vector<char*>& words, int input, int output) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const int signal : {SIGINT, SIGPIPE}) ::signal(signal, SIG_DFL);
    const int log = ::open(command.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ::dup2(input, STDIN_FILENO);
    ::dup2(command.log_output ? log : output, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    for (const auto& [name, value] : command.environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::execvp(words.front(), words.data());
    ::_exit(127);
  }

  pid_t pid_;
  int input_;
  int output_;
  std::string received_;
};

}  // namespace tillite::testing
