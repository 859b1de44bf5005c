#pragma once

#include <string_view>

#include "base/log.h"

namespace tillite {

/// Writes a text and its line end with one call of the system, so that lines of several threads stay whole and none is
/// lost when the process ends. What cannot be written is dropped.
void write_line(int descriptor, std::string_view line);

/// The log of a function: one JSON object a line, to standard error, at once.
[[nodiscard]] Logger function_logger(LogLevel least);

}  // namespace tillite
