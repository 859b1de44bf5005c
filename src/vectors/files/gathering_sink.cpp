#include "vectors/files/gathering_sink.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tillite {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{512} << 10;
constexpr std::size_t kCopiedBytes = std::size_t{128} << 10;  // of a block
constexpr std::size_t kStayingMax = 256;                      // of a block: the system takes 1,024 parts at once

iovec part_of(std::span<const std::byte> bytes) {
  return {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};  // NOLINT: it is only read
}

Result<void> write_parts(const File& file, std::span<iovec> parts) {
  while (!parts.empty()) {
    const ssize_t size = ::writev(file.descriptor(), parts.data(), static_cast<int>(parts.size()));
    if (size < 0) {
      if (errno == EINTR) continue;
      return std::unexpected(system_error(errno, "writing", file.path()));
    }
    auto written = static_cast<std::size_t>(size);
    while (!parts.empty() && written >= parts.front().iov_len) {
      written -= parts.front().iov_len;
      parts = parts.subspan(1);
    }
    if (parts.empty()) break;
    parts.front().iov_base = static_cast<std::byte*>(parts.front().iov_base) + written;
    parts.front().iov_len -= written;
  }
  return {};
}

}  // namespace

Result<void> GatheringSink::write(std::span<const std::byte> bytes) {
  block_.copied.insert(block_.copied.end(), bytes.begin(), bytes.end());
  block_.size_bytes += bytes.size();
  return hand_over_full();
}

Result<void> GatheringSink::write_staying(std::span<const std::byte> bytes) {
  block_.staying.push_back({.behind = block_.copied.size(), .bytes = bytes});
  block_.size_bytes += bytes.size();
  return hand_over_full();
}

Result<void> GatheringSink::flush() {
  TRY(hand_over());
  return beside_ == nullptr ? Result<void>() : beside_->wait();
}

Result<void> GatheringSink::hand_over_full() {
  const bool is_full =
      block_.size_bytes >= kBlockBytes || block_.copied.size() >= kCopiedBytes || block_.staying.size() == kStayingMax;
  return is_full ? hand_over() : Result<void>();
}

Result<void> GatheringSink::hand_over() {
  if (beside_ == nullptr) {
    TRY(write_block(block_));
    give_back(std::move(block_));
    block_ = take_back();
    return {};
  }
  return beside_->add([this, block = std::exchange(block_, take_back())]() mutable -> Result<void> {
    TRY(write_block(block));
    give_back(std::move(block));
    return {};
  });
}

Result<void> GatheringSink::write_block(const Block& block) {
  std::vector<iovec> parts;
  parts.reserve(2 * block.staying.size() + 1);
  const std::span copied(block.copied);
  std::size_t begin = 0;
  for (const auto& [behind, bytes] : block.staying) {
    parts.push_back(part_of(copied.subspan(begin, behind - begin)));
    parts.push_back(part_of(bytes));
    begin = behind;
  }
  parts.push_back(part_of(copied.subspan(begin)));
  return write_parts(file_, parts);
}

void GatheringSink::give_back(Block block) {
  if (block.copied.capacity() > 2 * kCopiedBytes) block = {};  // a rare one, whose memory is not worth keeping
  block.copied.clear();
  block.staying.clear();
  block.size_bytes = 0;
  const std::scoped_lock lock(mutex_);
  written_.push_back(std::move(block));
}

GatheringSink::Block GatheringSink::take_back() {
  const std::scoped_lock lock(mutex_);
  if (written_.empty()) return {};
  Block block = std::move(written_.back());
  written_.pop_back();
  return block;
}

}  // namespace tillite
