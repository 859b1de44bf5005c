#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace tillite {

struct SubprocessCall {
  std::vector<std::string> words;                  ///< the program (a path, or looked up in PATH) and its arguments
  std::string input;                               ///< what it reads from standard input
  std::map<std::string, std::string> environment;  ///< in addition to this process's own
  std::set<std::string> withheld;                  ///< variables of this process that it does not get
  Path folder;                                     ///< where it works; empty: where this process does
  std::int64_t timeout_ms = 0;                     ///< 0: none
  std::int64_t grace_ms = 2'000;                   ///< between being told to end and being killed
  std::size_t output_bytes_max = std::size_t{1} << 20;
  std::size_t error_tail_bytes = std::size_t{32} << 10;
  /// Hears each line of standard error, cut after 8 KiB, from the calling thread.
  std::function<void(std::string_view line)> on_error_line = [](std::string_view) {};
};

struct SubprocessOutcome {
  int exit_status = 0;  ///< 128 and the signal's number if a signal ended it
  std::string output;
  std::string error_tail;  ///< the last bytes of standard error
};

/// Runs a program, without a shell, in a process group of its own, and waits for its end. What it started itself and
/// left in the group ends with it.
///
/// Errors: `invalid_input` for no program and for zero bytes; `not_found` and `permission` if the program cannot be
/// started; `limit_exceeded` for more output than allowed; `timed_out`; `cancelled` when `stop` is requested;
/// `unavailable`. Whenever it ends early the whole group is told to end, and killed when its grace is over.
///
/// Threads: any.
[[nodiscard]] Result<SubprocessOutcome> run_subprocess(const SubprocessCall& call, const std::stop_token& stop);

}  // namespace tillite
