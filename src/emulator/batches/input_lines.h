#pragma once

#include <string>
#include <vector>

#include "base/file.h"

namespace tillite {

/// Where a line lies in a file, without its line end.
struct LinePlace {
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t number = 0;  ///< from 1; blank lines count
};

/// The lines of a file that are not blank, by their places: a file of 200 MB is never in memory.
class InputLines {
 public:
  static constexpr std::size_t kLineBytesMax = std::size_t{4} << 20;

  /// Stops behind `lines_max`: is_complete() says whether it did. Of a line that is too long the place has
  /// kLineBytesMax + 1 bytes.
  [[nodiscard]] static Result<InputLines> of(File file, std::size_t lines_max);

  [[nodiscard]] const std::vector<LinePlace>& places() const { return places_; }
  [[nodiscard]] bool is_complete() const { return is_complete_; }
  /// The line's text; valid until the next call.
  [[nodiscard]] Result<std::string_view> read(const LinePlace& place);

 private:
  explicit InputLines(File file) : file_(std::move(file)) {}
  File file_;
  std::vector<LinePlace> places_;
  bool is_complete_ = true;
  std::string buffer_;
};

}  // namespace tillite
