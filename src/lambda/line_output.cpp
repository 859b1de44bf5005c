#include "lambda/line_output.h"

#include <unistd.h>

#include <cerrno>
#include <string>

namespace tillite {

void write_line(int descriptor, std::string_view line) {
  const std::string text = std::string(line) + "\n";
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t written = ::write(descriptor, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

Logger function_logger(LogLevel least) {
  return Logger::to([](std::string_view line) { write_line(STDERR_FILENO, line); }, least, Logger::Form::json);
}

}  // namespace tillite
