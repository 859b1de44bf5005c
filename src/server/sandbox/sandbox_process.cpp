#include "server/sandbox/sandbox_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

namespace tillite {
namespace {

constexpr std::size_t kLineBytesMax = std::size_t{256} << 10;  // as much as a line of CloudWatch's logs takes
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr int kLookMs = 10;
constexpr std::chrono::milliseconds kLookAtStorage{100};
constexpr std::uint64_t kBytesPerKib = 1024;
constexpr std::uint64_t kBytesPerBlock = 512;  // of stat(2)

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Starts a program in a group of its own, with both outputs into a pipe and nothing else that is open here.
Result<pid_t> spawn(const SandboxProgram& program, int output) {
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, program.folder.c_str());
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  sigset_t none{};
  sigset_t all{};
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> words = program.words;
  std::vector<std::string> variables;
  variables.reserve(program.environment.size());
  for (const auto& [name, value] : program.environment) variables.push_back(fmt::format("{}={}", name, value));
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, words.front().c_str(), &actions, &attributes, pointers_to(words).data(),
                                   pointers_to(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOEXEC) return fail(Code::permission, "{} is no program", words.front());
  if (error != 0) return std::unexpected(system_error(error, "starting", words.front()));
  return pid;
}

/// RssAnon and RssShmem of a process; 0 if it is gone.
std::uint64_t memory_bytes_of(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  std::uint64_t kib = 0;
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("RssAnon:") && !line.starts_with("RssShmem:")) continue;
    kib += std::stoull(line.substr(line.find(':') + 1));
  }
  return kib * kBytesPerKib;
}

/// What the files below a folder take of the disk, while somebody changes them: what goes meanwhile is not counted.
std::uint64_t storage_bytes_of(const Path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  using Walk = std::filesystem::recursive_directory_iterator;
  for (Walk walk(folder, error); !error && walk != Walk(); walk.increment(error)) {
    struct stat found{};
    if (::lstat(walk->path().c_str(), &found) != 0) continue;
    bytes += static_cast<std::uint64_t>(found.st_blocks) * kBytesPerBlock;
  }
  return bytes;
}

}  // namespace

Result<std::unique_ptr<SandboxProcess>> SandboxProcess::start(const SandboxProgram& program, LineListener on_line,
                                                              EndListener on_end) {
  if (program.words.empty() || program.words.front().empty()) return fail(Code::invalid_input, "no program is named");
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(system_error(errno, "making a pipe", {}));
  const auto pid = spawn(program, ends[1]);
  ::close(ends[1]);
  if (!pid) {
    ::close(ends[0]);
    return std::unexpected(pid.error());
  }
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  const int exit = static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0));
  if (exit < 0) {
    const Error error = system_error(errno, "watching a program", {});
    ::kill(-*pid, SIGKILL);
    ::waitpid(*pid, nullptr, 0);
    ::close(ends[0]);
    return std::unexpected(error);
  }
  return std::unique_ptr<SandboxProcess>(
      new SandboxProcess(*pid, exit, ends[0], program, std::move(on_line), std::move(on_end)));
}

SandboxProcess::SandboxProcess(pid_t pid, int exit, int output, const SandboxProgram& program, LineListener on_line,
                               EndListener on_end)
    : pid_(pid),
      exit_(exit),
      output_(output),
      folder_(program.folder),
      memory_bytes_max_(program.memory_bytes_max),
      storage_bytes_max_(program.storage_bytes_max),
      on_line_(std::move(on_line)),
      on_end_(std::move(on_end)),
      thread_([this] { watch(); }) {}

SandboxProcess::~SandboxProcess() {
  signal(SIGKILL);
  thread_.join();
  ::close(exit_);
  ::close(output_);
}

void SandboxProcess::signal(int number) {
  const std::scoped_lock lock(end_mutex_);
  if (!has_ended_) ::kill(-pid_, number);
}

void SandboxProcess::watch() {
  while (true) {
    std::array<pollfd, 2> waited = {{{exit_, POLLIN, 0}, {is_output_open_ ? output_ : -1, POLLIN, 0}}};
    ::poll(waited.data(), waited.size(), kLookMs);
    look_at_memory();
    look_at_storage();
    hear();
    if ((waited[0].revents & POLLIN) != 0) break;
  }
  siginfo_t info{};
  {
    const std::scoped_lock lock(end_mutex_);
    ::kill(-pid_, SIGKILL);  // what it started and left behind, before its number can be another's
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) < 0 && errno == EINTR) {
    }
    has_ended_ = true;
  }
  hear();
  {
    const std::scoped_lock lock(output_mutex_);
    if (!line_.empty()) on_line_(std::exchange(line_, {}));
  }
  const bool has_exited = info.si_code == CLD_EXITED;
  on_end_({.exit_status = has_exited ? info.si_status : 0,
           .signal = has_exited ? 0 : info.si_status,
           .was_too_large = was_too_large_,
           .has_filled_storage = has_filled_storage_});
}

void SandboxProcess::look_at_memory() {
  const std::uint64_t bytes = memory_bytes_of(pid_);
  if (bytes > memory_bytes_peak_) memory_bytes_peak_ = bytes;
  if (memory_bytes_max_ == 0 || bytes <= memory_bytes_max_ || was_too_large_) return;
  was_too_large_ = true;
  signal(SIGKILL);
}

void SandboxProcess::look_at_storage() {
  const auto now = std::chrono::steady_clock::now();
  if (storage_bytes_max_ == 0 || has_filled_storage_ || now < next_look_at_storage_) return;
  next_look_at_storage_ = now + kLookAtStorage;
  if (storage_bytes_of(folder_) <= storage_bytes_max_) return;
  has_filled_storage_ = true;
  signal(SIGKILL);
}

void SandboxProcess::hear() {
  const std::scoped_lock lock(output_mutex_);
  std::array<char, kReadBytes> buffer{};
  while (is_output_open_) {
    const ssize_t got = ::read(output_, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      is_output_open_ = false;
      return;
    }
    for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(got))) {
      if (c != '\n' && line_.size() < kLineBytesMax) {
        line_ += c;
      } else if (c == '\n') {
        on_line_(std::exchange(line_, {}));
      }
    }
  }
}

}  // namespace tillite
