#include "server/sandbox/sandbox_process.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
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

/// What the files below a folder take of the disk, while somebody changes them: what goes meanwhile, and folders that
/// nobody may read, are not counted.
std::uint64_t storage_bytes_of(const Path& folder) {
  std::uint64_t bytes = 0;
  std::vector<Path> folders = {folder};
  while (!folders.empty()) {
    const Path next = std::move(folders.back());
    folders.pop_back();
    std::error_code error;
    for (std::filesystem::directory_iterator entry(next, error), end; !error && entry != end; entry.increment(error)) {
      struct stat found{};
      if (::lstat(entry->path().c_str(), &found) != 0) continue;
      bytes += static_cast<std::uint64_t>(found.st_blocks) * kBytesPerBlock;
      if (S_ISDIR(found.st_mode)) folders.push_back(entry->path());
    }
  }
  return bytes;
}

}  // namespace

Result<std::unique_ptr<SandboxProcess>> SandboxProcess::start(const SandboxProgram& program, LineListener on_line,
                                                              EndListener on_end) {
  auto [read, write] = TRY(make_pipe());
  std::vector<std::string> variables;
  variables.reserve(program.environment.size());
  for (const auto& [name, value] : program.environment) variables.push_back(fmt::format("{}={}", name, value));
  auto group = TRY(ProcessGroup::start({.words = program.words,
                                        .variables = std::move(variables),
                                        .folder = program.folder,
                                        .output = write.get(),
                                        .errors = write.get()}));
  read.do_not_block();
  return std::unique_ptr<SandboxProcess>(
      new SandboxProcess(std::move(group), std::move(read), program, std::move(on_line), std::move(on_end)));
}

SandboxProcess::SandboxProcess(ProcessGroup group, Descriptor output, const SandboxProgram& program,
                               LineListener on_line, EndListener on_end)
    : group_(std::move(group)),
      output_(std::move(output)),
      folder_(program.folder),
      memory_bytes_max_(program.memory_bytes_max),
      storage_bytes_max_(program.storage_bytes_max),
      on_line_(std::move(on_line)),
      on_end_(std::move(on_end)),
      thread_([this] { watch(); }) {}

SandboxProcess::~SandboxProcess() {
  signal(SIGKILL);
  thread_.join();
}

void SandboxProcess::signal(int number) {
  const std::scoped_lock lock(end_mutex_);
  group_.signal(number);
}

void SandboxProcess::watch() {
  while (true) {
    std::array<pollfd, 2> waited = {
        {{group_.exit_descriptor(), POLLIN, 0}, {is_output_open_ ? output_.get() : -1, POLLIN, 0}}};
    ::poll(waited.data(), waited.size(), kLookMs);
    look_at_memory();
    look_at_storage();
    hear();
    if ((waited[0].revents & POLLIN) != 0) break;
  }
  ProgramEnd end;
  {
    const std::scoped_lock lock(end_mutex_);
    end = group_.reap();
  }
  hear();
  {
    const std::scoped_lock lock(output_mutex_);
    if (!line_.empty()) on_line_(std::exchange(line_, {}));
  }
  on_end_({.exit_status = end.exit_status,
           .signal = end.signal,
           .was_too_large = was_too_large_,
           .has_filled_storage = has_filled_storage_});
}

void SandboxProcess::look_at_memory() {
  const std::uint64_t bytes = memory_bytes_of(group_.leader());
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
  int waiting_bytes = 0;  // what comes meanwhile is for the next time, or a program that never stops would keep us here
  ::ioctl(output_.get(), FIONREAD, &waiting_bytes);
  std::array<char, kReadBytes> buffer{};
  for (ssize_t heard = 0; is_output_open_ && heard <= waiting_bytes;) {
    const ssize_t got = ::read(output_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      is_output_open_ = false;
      return;
    }
    heard += got;
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
