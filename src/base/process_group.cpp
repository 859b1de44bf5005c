#include "base/process_group.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace tillite {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

class FileActions {
 public:
  explicit FileActions(const ProgramStart& program) {
    posix_spawn_file_actions_init(&actions_);
    if (program.input < 0) posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (program.input >= 0) posix_spawn_file_actions_adddup2(&actions_, program.input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, program.output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, program.errors, STDERR_FILENO);
    if (!program.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions_, program.folder.c_str());
    // Whatever else is open here, libraries' sockets among it, is none of the program's.
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
  }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

class SpawnAttributes {
 public:
  /// A group of its own, and the signals as a program expects to find them.
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none{};
    sigset_t all{};
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

}  // namespace

Result<ProcessGroup> ProcessGroup::start(const ProgramStart& program) {
  if (program.words.empty() || program.words.front().empty()) return fail(Code::invalid_input, "no program is named");
  std::vector<std::string> words = program.words;
  std::vector<std::string> variables = program.variables;
  const FileActions actions(program);
  const SpawnAttributes attributes;
  pid_t leader = -1;
  const int error = ::posix_spawnp(&leader, words.front().c_str(), actions.get(), attributes.get(),
                                   pointers_to(words).data(), pointers_to(variables).data());
  if (error == ENOEXEC) return fail(Code::permission, "{} is no program", words.front());
  if (error != 0) return std::unexpected(system_error(error, "starting", words.front()));
  ProcessGroup group(leader);
  group.exit_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, leader, 0)));
  if (!group.exit_.is_open()) return std::unexpected(system_error(errno, "watching a program", {}));
  return group;
}

ProcessGroup::~ProcessGroup() {
  if (leader_ > 0) reap();
}

void ProcessGroup::signal(int number) const {
  if (leader_ > 0) ::kill(-leader_, number);
}

ProgramEnd ProcessGroup::reap() {
  signal(SIGKILL);  // before the leader's number can be another's
  int status = 0;
  while (::waitpid(leader_, &status, 0) < 0 && errno == EINTR) {
  }
  leader_ = -1;
  if (WIFEXITED(status)) return {.exit_status = WEXITSTATUS(status), .signal = 0};
  return {.exit_status = 0, .signal = WTERMSIG(status)};
}

}  // namespace tillite
