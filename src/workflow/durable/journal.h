#pragma once

#include "workflow/interpreter.h"

namespace tillite {

/// What an interpreter was told, as an execution's journal keeps it: told again, it is where it was
/// (docs/formats/home.md).
struct Told {
  enum class Kind { start, answer, advance, stop, redrive, map_run };
  Kind kind = Kind::start;
  std::int64_t now_ms = 0;
  std::int64_t request = 0;  ///< of an answer
  News news;                 ///< of an answer
  std::string error;         ///< of a stop
  std::string cause;
  std::string map_run;  ///< whose limits changed
  MapRunLimits limits;
};

/// One line, with its end.
[[nodiscard]] std::string to_line(const Told& told);
/// `corrupt` for what to_line() does not make.
[[nodiscard]] Result<Told> parse_told(std::string_view line);

/// An event as a line of a history, with its end.
void append_line(std::string& lines, const HistoryEvent& event);
/// `corrupt` as above.
[[nodiscard]] Result<HistoryEvent> parse_event(std::string_view line);

}  // namespace tillite
