#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "base/json.h"

namespace tillite {

/// What a command says on standard output: text for people, or one JSON value a line with --json.
class Output {
 public:
  explicit Output(bool json) : json_(json) {}

  [[nodiscard]] bool is_json() const { return json_; }
  /// A line for people; nothing with --json.
  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) const {
    if (!json_) write(fmt::format(format, std::forward<Args>(args)...));
  }
  /// The result for programs; nothing without --json.
  void json(const Json& value) const {
    if (json_) write(to_text(value));
  }

 private:
  static void write(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
  }
  bool json_;
};

}  // namespace tillite
