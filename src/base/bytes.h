#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tillite {

/// Bytes that are read once, from the front.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills the front of `buffer`; the number of bytes read, 0 only at the end.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<std::byte> buffer) = 0;
};

/// Bytes that are written once, to the end.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  [[nodiscard]] virtual Result<void> write(std::span<const std::byte> bytes) = 0;
};

[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}
[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A source over bytes that it owns.
[[nodiscard]] std::unique_ptr<ByteSource> source_of(std::string bytes);

/// Everything up to the end, or `limit_exceeded` beyond `bytes_max`.
[[nodiscard]] Result<std::string> read_all(ByteSource& source, std::size_t bytes_max);

/// Fills the whole buffer; `corrupt` if the source ends before that. `name` is what is being read.
[[nodiscard]] Result<void> read_exactly(ByteSource& source, std::span<std::byte> buffer, std::string_view name);

/// Lines of a source, without their line ends ("\n" or "\r\n"), in bounded memory.
class LineReader {
 public:
  enum class Status { line, too_long, end };
  struct Line {
    Status status = Status::end;
    std::size_t number = 0;  ///< from 1
    std::string_view text;   ///< valid until the next call; empty if too long (the rest of it is skipped)
  };

  LineReader(ByteSource& source, std::size_t line_bytes_max) : source_(source), line_bytes_max_(line_bytes_max) {}
  [[nodiscard]] Result<Line> next();

 private:
  ByteSource& source_;
  std::size_t line_bytes_max_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t number_ = 0;
  bool ended_ = false;
};

}  // namespace tillite
