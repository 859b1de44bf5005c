#pragma once

#include <vector>

#include "base/early_write.h"
#include "base/file.h"
#include "vectors/files/file_checksum.h"

namespace tillite {

/// A sink into a new file that knows the checksum of what went in, so that nobody has to read the file for it. Gathers
/// small writes, and lets the disk begin with what was written.
class HashedSink final : public ByteSink {
 public:
  explicit HashedSink(File file) : file_(std::move(file)) { buffer_.reserve(kBufferBytes); }

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    if (buffer_.size() + bytes.size() > kBufferBytes) TRY(flush());
    position_ += bytes.size();
    if (bytes.size() > kBufferBytes) return write_through(bytes);
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return {};
  }
  /// Bytes written so far.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  /// Ends the writing; the checksum of the file.
  [[nodiscard]] Result<std::string> finish() {
    TRY(flush());
    return checksum_.finish();
  }

 private:
  static constexpr std::size_t kBufferBytes = std::size_t{1} << 18;

  Result<void> flush() {
    TRY(write_through(buffer_));
    buffer_.clear();
    return {};
  }
  Result<void> write_through(std::span<const std::byte> bytes) {
    checksum_.update(bytes);
    TRY(file_.write(bytes));
    begin_sync(file_, written_, bytes.size());
    written_ += bytes.size();
    return {};
  }

  File file_;
  ChecksumStream checksum_;
  std::vector<std::byte> buffer_;
  std::uint64_t position_ = 0;
  std::uint64_t written_ = 0;  ///< of these
};

}  // namespace tillite
