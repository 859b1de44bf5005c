#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/file.h"

namespace tillite {

/// Bytes that are sent, as often as that takes and from any place: in memory, or in a file. Threads: any.
class UploadContent {
 public:
  /// The bytes must outlive the content and all its sources.
  [[nodiscard]] static UploadContent of(std::span<const std::byte> bytes);
  /// A file that does not change meanwhile.
  [[nodiscard]] static Result<UploadContent> of_file(const Path& path);

  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  /// The bytes from `offset` on, `count` of them; both within the content.
  [[nodiscard]] std::unique_ptr<ByteSource> part(std::uint64_t offset, std::uint64_t count) const;
  /// Their CRC-32 (of zlib and of S3), read in pieces.
  [[nodiscard]] Result<std::uint32_t> crc32_of_part(std::uint64_t offset, std::uint64_t count) const;

 private:
  using ReadAt = std::function<Result<void>(std::uint64_t offset, std::span<std::byte> buffer)>;
  UploadContent(std::uint64_t size_bytes, ReadAt read_at) : size_bytes_(size_bytes), read_at_(std::move(read_at)) {}

  std::uint64_t size_bytes_;
  ReadAt read_at_;
};

}  // namespace tillite
