#pragma once

#include <string>
#include <vector>

#include "app/commands.h"

namespace tillite {

/// What was asked for: a command and what surrounds it; or a text to print and an exit status (--help, --version,
/// mistakes).
struct ParsedCommandLine {
  std::string home;
  bool json = false;
  bool verbose = false;
  std::string log_level;
  Command command;
  std::string text;
  int exit_status = 0;
};

/// Parses the arguments after the program's name. Never fails: a mistake is a text and exit status 2.
[[nodiscard]] ParsedCommandLine parse_command_line(std::vector<std::string> arguments, const Environment& environment);

}  // namespace tillite
