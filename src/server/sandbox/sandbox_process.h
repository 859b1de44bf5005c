#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/process_group.h"

namespace tillite {

struct SandboxProgram {
  std::vector<std::string> words;                  ///< the program (a path, or looked up in PATH) and its arguments
  std::map<std::string, std::string> environment;  ///< all of it: nothing of this process's own is added
  Path folder;                                     ///< where it works
  std::uint64_t memory_bytes_max = 0;              ///< it is killed beyond that; 0: no limit
  std::uint64_t storage_bytes_max = 0;             ///< the same of the files in `folder`
};

/// How a process ended.
struct SandboxEnd {
  int exit_status = 0;
  int signal = 0;  ///< that killed it, or 0
  bool was_too_large = false;
  bool has_filled_storage = false;
};

/// A running program whose output, standard and error alike, is heard line by line, and whose memory and files are
/// watched. It leads a process group of its own, which ends with this object. Memory is what it does not share with
/// files (RssAnon and RssShmem of proc(5)), looked at every few milliseconds; its files are those that have names in
/// its folder, looked at every tenth of a second. Threads: any.
class SandboxProcess {
 public:
  /// Called from any thread, one call at a time; must not call the process.
  using LineListener = std::function<void(std::string_view line)>;
  /// Called once, when all lines have been heard, from a thread of the process's own.
  using EndListener = std::function<void(const SandboxEnd& end)>;

  /// Errors: `not_found` and `permission` if the program cannot be started; `unavailable`.
  [[nodiscard]] static Result<std::unique_ptr<SandboxProcess>> start(const SandboxProgram& program,
                                                                     LineListener on_line, EndListener on_end);
  SandboxProcess(const SandboxProcess&) = delete;
  SandboxProcess& operator=(const SandboxProcess&) = delete;
  /// Kills what still runs.
  ~SandboxProcess();

  /// Sends a signal to the whole group, if it still runs.
  void signal(int number);
  /// When this returns, all lines that were written before have been heard.
  void hear();
  /// The most memory that it had so far.
  [[nodiscard]] std::uint64_t memory_bytes_peak() const { return memory_bytes_peak_; }

 private:
  SandboxProcess(ProcessGroup group, Descriptor output, const SandboxProgram& program, LineListener on_line,
                 EndListener on_end);
  void watch();
  void look_at_memory();
  void look_at_storage();

  ProcessGroup group_;
  Descriptor output_;
  Path folder_;
  std::uint64_t memory_bytes_max_;
  std::uint64_t storage_bytes_max_;
  LineListener on_line_;
  EndListener on_end_;
  std::mutex output_mutex_;
  std::string line_;
  std::atomic<bool> is_output_open_ = true;
  std::mutex end_mutex_;  ///< of the group
  std::atomic<std::uint64_t> memory_bytes_peak_ = 0;
  // Of the thread:
  bool was_too_large_ = false;
  bool has_filled_storage_ = false;
  std::chrono::steady_clock::time_point next_look_at_storage_;
  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace tillite
