#pragma once

#include <string>
#include <vector>

#include "app/commands/commands.h"

namespace tillite {

/// What was asked for: a command and what surrounds it; or a text to print (--help, --version); or a mistake.
struct ParsedCommandLine {
  std::string home;
  bool json = false;
  bool verbose = false;
  std::string log_level;         ///< of --log-level; empty: none given
  std::string memory;            ///< of --memory; empty: none given
  std::string shards;            ///< of --shards; empty: none given
  std::string direct_items_max;  ///< of --direct; empty: none given
  Command command;
  std::string text;
  std::optional<Error> mistake;
};

/// Parses the arguments after the program's name. A mistake is of code `usage` and says where to find help.
[[nodiscard]] ParsedCommandLine parse_command_line(std::vector<std::string> arguments, const Environment& environment);

}  // namespace tillite
