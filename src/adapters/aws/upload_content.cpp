#include "adapters/aws/upload_content.h"

#include <algorithm>
#include <cstring>

#include "adapters/aws/crc32.h"
#include "base/check.h"

namespace tillite {
namespace {

constexpr std::size_t kPieceBytes = 256 * 1024;

class PartSource final : public ByteSource {
 public:
  PartSource(std::function<Result<void>(std::uint64_t, std::span<std::byte>)> read_at, std::uint64_t begin,
             std::uint64_t end)
      : read_at_(std::move(read_at)), position_(begin), end_(end) {}

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end_ - position_));
    if (count > 0) TRY(read_at_(position_, buffer.first(count)));
    position_ += count;
    return count;
  }

 private:
  std::function<Result<void>(std::uint64_t, std::span<std::byte>)> read_at_;
  std::uint64_t position_;
  std::uint64_t end_;
};

}  // namespace

UploadContent UploadContent::of(std::span<const std::byte> bytes) {
  return {bytes.size(), [bytes](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
            std::memcpy(buffer.data(), bytes.data() + offset, buffer.size());
            return {};
          }};
}

Result<UploadContent> UploadContent::of_file(const Path& path) {
  const auto file = std::make_shared<const File>(TRY(File::open_read(path)));
  const std::uint64_t size_bytes = TRY(file->size());
  return UploadContent(
      size_bytes, [file](std::uint64_t offset, std::span<std::byte> buffer) { return file->read_at(offset, buffer); });
}

std::unique_ptr<ByteSource> UploadContent::part(std::uint64_t offset, std::uint64_t count) const {
  check(offset <= size_bytes_ && count <= size_bytes_ - offset, "a part lies within its content");
  return std::make_unique<PartSource>(read_at_, offset, offset + count);
}

Result<std::uint32_t> UploadContent::crc32_of_part(std::uint64_t offset, std::uint64_t count) const {
  const auto source = part(offset, count);
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min<std::uint64_t>(count, kPieceBytes)));
  Crc32 crc;
  while (!piece.empty()) {
    const std::size_t got = TRY(source->read(piece));
    if (got == 0) break;
    crc.update(std::span(piece).first(got));
  }
  return crc.value();
}

}  // namespace tillite
