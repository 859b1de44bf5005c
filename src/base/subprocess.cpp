#include "base/subprocess.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include "base/process_group.h"

namespace tillite {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr std::size_t kLineBytesMax = 8 * 1024;
constexpr std::size_t kReadBytes = 64 * 1024;

std::unexpected<Error> system_failure(std::string_view what) { return std::unexpected(system_error(errno, what, {})); }

/// Has a write to a pipe that nobody reads fail instead of ending this process.
class NoBrokenPipeSignal {
 public:
  NoBrokenPipeSignal() {
    sigemptyset(&broken_pipe_);
    sigaddset(&broken_pipe_, SIGPIPE);
    sigset_t pending{};
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &broken_pipe_, &before_);
  }
  NoBrokenPipeSignal(const NoBrokenPipeSignal&) = delete;
  NoBrokenPipeSignal& operator=(const NoBrokenPipeSignal&) = delete;
  ~NoBrokenPipeSignal() {
    constexpr timespec kAtOnce{};
    if (!was_pending_) sigtimedwait(&broken_pipe_, nullptr, &kAtOnce);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t broken_pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

/// This process's environment without what is withheld, and with the additions, which win.
std::vector<std::string> environment_of(const SubprocessCall& call) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const std::string name(text.substr(0, text.find('=')));
    if (!call.withheld.contains(name) && !call.environment.contains(name)) variables.emplace_back(text);
  }
  for (const auto& [name, value] : call.environment) variables.push_back(fmt::format("{}={}", name, value));
  return variables;
}

/// A running program and the ends of its streams that are ours.
struct Child {
  ProcessGroup group;
  Descriptor input;
  Descriptor output;
  Descriptor errors;
};

Result<Child> start(const SubprocessCall& call) {
  auto input = TRY(make_pipe());
  auto output = TRY(make_pipe());
  auto errors = TRY(make_pipe());
  auto group = TRY(ProcessGroup::start({.words = call.words,
                                        .variables = environment_of(call),
                                        .folder = call.folder,
                                        .input = input.read.get(),
                                        .output = output.write.get(),
                                        .errors = errors.write.get()}));
  for (const Descriptor* end : {&input.write, &output.read, &errors.read}) end->do_not_block();
  return Child{std::move(group), std::move(input.write), std::move(output.read), std::move(errors.read)};
}

/// The lines of standard error as they come, and the end of it all.
class ErrorText {
 public:
  ErrorText(std::size_t tail_bytes, const std::function<void(std::string_view)>& on_line)
      : tail_bytes_(tail_bytes), on_line_(on_line) {}

  void add(std::string_view text) {
    tail_ += text;
    if (tail_.size() > 2 * tail_bytes_) tail_.erase(0, tail_.size() - tail_bytes_);
    for (const char c : text) {
      if (c == '\n') {
        end_line();
      } else if (line_.size() < kLineBytesMax) {
        line_ += c;
      }
    }
  }
  /// The last bytes.
  std::string finish() {
    if (!line_.empty()) end_line();
    return tail_.substr(tail_.size() - std::min(tail_.size(), tail_bytes_));
  }

 private:
  void end_line() {
    on_line_(line_);
    line_.clear();
  }
  std::size_t tail_bytes_;
  const std::function<void(std::string_view)>& on_line_;
  std::string tail_;
  std::string line_;
};

/// The conversation with a child until its end.
class Conversation {
 public:
  Conversation(Child child, const SubprocessCall& call, const Descriptor& wake_up, const std::stop_token& stop)
      : child_(std::move(child)),
        call_(call),
        wake_up_(wake_up),
        stop_(stop),
        unsent_(call.input),
        errors_(call.error_tail_bytes, call.on_error_line) {
    if (call.timeout_ms > 0) deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(call.timeout_ms);
  }

  Result<SubprocessOutcome> run() {
    const NoBrokenPipeSignal no_signal;
    for (bool ended = false; !ended;) {
      write_input();
      ended = TRY(wait());
      read_output();
      read_errors();
      check_reasons_to_end();
    }
    const ProgramEnd end = child_.group.reap();
    std::string tail = errors_.finish();
    if (failure_) return std::unexpected(*std::move(failure_));
    const int exit_status = end.signal > 0 ? 128 + end.signal : end.exit_status;
    return SubprocessOutcome{exit_status, std::move(output_), std::move(tail)};
  }

 private:
  void write_input() {
    while (!unsent_.empty()) {
      const ssize_t written = ::write(child_.input.get(), unsent_.data(), unsent_.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EAGAIN) return;
      if (written < 0) break;  // it does not want to read all of it
      unsent_.remove_prefix(static_cast<std::size_t>(written));
    }
    unsent_ = {};
    child_.input.close();
  }

  /// Until there is something to do; true once the program has ended.
  Result<bool> wait() {
    // A stop is seen once: then the descriptor that tells of it stays readable.
    std::array<pollfd, 5> waited = {{{child_.group.exit_descriptor(), POLLIN, 0},
                                     {child_.output.get(), POLLIN, 0},
                                     {child_.errors.get(), POLLIN, 0},
                                     {child_.input.get(), POLLOUT, 0},
                                     {failure_ ? -1 : wake_up_.get(), POLLIN, 0}}};
    if (::poll(waited.data(), waited.size(), poll_ms()) < 0 && errno != EINTR) return system_failure("waiting");
    return (waited[0].revents & POLLIN) != 0;
  }

  [[nodiscard]] int poll_ms() const {
    if (!deadline_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000));
  }

  /// What is there to be read; an end is closed when there will be no more.
  static std::string read_available(Descriptor& end) {
    std::string text;
    std::array<char, kReadBytes> buffer{};
    while (end.is_open()) {
      const ssize_t got = ::read(end.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) break;
      if (got <= 0) {
        end.close();
      } else {
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > kReadBytes) break;  // so that endless output does not keep us here
      }
    }
    return text;
  }

  void read_output() {
    const std::string text = read_available(child_.output);
    if (output_.size() + text.size() <= call_.output_bytes_max) {
      output_ += text;
    } else {
      end_early(Error(Code::limit_exceeded,
                      fmt::format("{} wrote more than {} bytes", call_.words.front(), call_.output_bytes_max)));
    }
  }

  void read_errors() { errors_.add(read_available(child_.errors)); }

  void check_reasons_to_end() {
    if (failure_) {
      if (std::chrono::steady_clock::now() < *deadline_) return;
      child_.group.signal(SIGKILL);
      deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(call_.grace_ms);
    } else if (stop_.stop_requested()) {
      end_early(Error(Code::cancelled, fmt::format("{}: stopped", call_.words.front())));
    } else if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) {
      end_early(Error(Code::timed_out, fmt::format("{} took more than {} ms", call_.words.front(), call_.timeout_ms)));
    }
  }

  void end_early(Error reason) {
    if (failure_) return;
    failure_ = std::move(reason);
    deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(call_.grace_ms);
    child_.group.signal(SIGTERM);
  }

  Child child_;
  const SubprocessCall& call_;
  const Descriptor& wake_up_;
  const std::stop_token& stop_;
  std::string_view unsent_;
  std::string output_;
  ErrorText errors_;
  std::optional<Time> deadline_;  ///< of the program; after a failure, of its grace
  std::optional<Error> failure_;
};

Result<void> check_call(const SubprocessCall& call) {
  if (call.words.empty() || call.words.front().empty()) return fail(Code::invalid_input, "no program is named");
  const auto has_zero = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (std::ranges::any_of(call.words, has_zero)) {
    return fail(Code::invalid_input, "a word of the command has a zero byte");
  }
  for (const auto& [name, value] : call.environment) {
    if (name.empty() || name.find('=') != std::string::npos || has_zero(name) || has_zero(value)) {
      return fail(Code::invalid_input, "'{}' is no environment variable", name);
    }
  }
  return {};
}

}  // namespace

Result<SubprocessOutcome> run_subprocess(const SubprocessCall& call, const std::stop_token& stop) {
  TRY(check_call(call));
  if (stop.stop_requested()) return fail(Code::cancelled, "{}: stopped", call.words.front());
  const Descriptor wake_up(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_up.is_open()) return system_failure("making an event descriptor");
  const std::stop_callback on_stop(stop, [&] { ::eventfd_write(wake_up.get(), 1); });
  return Conversation(TRY(start(call)), call, wake_up, stop).run();
}

}  // namespace tillite
