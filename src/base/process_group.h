#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/file.h"

namespace tillite {

/// A program as it is started, without a shell.
struct ProgramStart {
  std::vector<std::string> words;      ///< the program (a path, or looked up in PATH) and its arguments
  std::vector<std::string> variables;  ///< "NAME=value": all of its environment
  Path folder;                         ///< where it works; empty: where this process does
  int input = -1;                      ///< what its standard input is; -1: empty
  int output = -1;
  int errors = -1;
};

/// How a program ended: with a status, or by a signal.
struct ProgramEnd {
  int exit_status = 0;
  int signal = 0;  ///< that ended it, or 0
};

/// A running program: the leader of a process group of its own, which is killed with this object. It has the signals
/// as a program expects to find them, and nothing of what is open here but its three streams. One thread at a time.
class ProcessGroup {
 public:
  /// Errors: `not_found` and `permission` if the program cannot be started; `unavailable`.
  [[nodiscard]] static Result<ProcessGroup> start(const ProgramStart& program);
  ProcessGroup(ProcessGroup&& other) noexcept
      : leader_(std::exchange(other.leader_, -1)), exit_(std::move(other.exit_)) {}
  ProcessGroup& operator=(ProcessGroup&&) = delete;
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;
  ~ProcessGroup();

  /// The program's number. Until reap() it cannot be another's.
  [[nodiscard]] pid_t leader() const { return leader_; }
  /// Readable once the program has ended.
  [[nodiscard]] int exit_descriptor() const { return exit_.get(); }
  /// To the whole group; after reap() to nobody.
  void signal(int number) const;
  /// Kills what is left of the group, and waits for the program's end. Once.
  ProgramEnd reap();

 private:
  explicit ProcessGroup(pid_t leader) : leader_(leader) {}
  pid_t leader_;  ///< -1: reaped
  Descriptor exit_;
};

}  // namespace tillite
