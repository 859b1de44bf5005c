#pragma once

#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"

namespace tillite {

/// Tasks that are programs: a Resource "command:PROGRAM ARGUMENT ..." (docs/tasks.md).
///
/// The program reads the task's input as JSON from standard input and writes its result as JSON to standard output.
/// Threads: any, several calls at once.
class CommandTask {
 public:
  /// Programs work in `folder`; empty: where this process does. `log` hears what they write to standard error. They
  /// have this process's environment without the variables that are withheld.
  CommandTask(Path folder, Logger log, std::set<std::string> withheld = {})
      : folder_(std::move(folder)), log_(std::move(log)), withheld_(std::move(withheld)) {}

  struct Call {
    std::string resource;
    Json payload;
    std::string execution_id;     ///< the program finds it in TILLITE_EXECUTION_ID
    std::int64_t timeout_ms = 0;  ///< 0: none
    std::stop_token stop;         ///< requested: the program and all of its group end, the error is `cancelled`
  };
  /// The result. Errors, by their names: what the program's last line on standard error says in
  /// {"errorType", "errorMessage"}; else Command.Failed with the end of standard error; Command.NotStarted,
  /// Command.InvalidOutput, States.Timeout, States.DataLimitExceeded.
  [[nodiscard]] Result<Json> run(const Call& call) const;

  /// Whether a Resource is one of these.
  [[nodiscard]] static bool handles(std::string_view resource);

 private:
  Path folder_;
  Logger log_;
  std::set<std::string> withheld_;
};

/// The words of a command: parted by blanks; what stands in single or double quotes is one piece, blanks included. No
/// other character means anything. `invalid_input` for no word, and for a quote that is not closed.
[[nodiscard]] Result<std::vector<std::string>> command_words(std::string_view text);

}  // namespace tillite
