#pragma once

#include <string>

#include "base/bytes.h"

namespace tillite {

/// Cuts a source into blocks of whole lines, so that several threads can have one each. Memory: of a line that is
/// longer than `line_bytes_max` only the beginning is kept.
class LineBlocks {
 public:
  LineBlocks(ByteSource& source, std::size_t line_bytes_max) : source_(source), line_bytes_max_(line_bytes_max) {}

  /// Fills `block` with the next lines, each with its '\n' (the last of the source may have none); false at the end.
  /// A line of more than `line_bytes_max` bytes is cut to one byte more than that.
  [[nodiscard]] Result<bool> next(std::string& block);

 private:
  [[nodiscard]] Result<void> read_more(std::string& block);
  [[nodiscard]] Result<void> skip_rest_of_line(std::string& block);

  ByteSource& source_;
  std::size_t line_bytes_max_;
  std::string carried_;  ///< the beginning of the line that was not whole in the last block
  bool ended_ = false;
};

}  // namespace tillite
