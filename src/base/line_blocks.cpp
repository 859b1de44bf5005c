#include "base/line_blocks.h"

namespace tillite {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{512} << 10;  // stays in a core's own cache while it is parsed

}  // namespace

Result<bool> LineBlocks::next(std::string& block) {
  block.assign(carried_);
  carried_.clear();
  while (!ended_) {
    TRY(read_more(block));
    if (const std::size_t end = block.rfind('\n'); end != std::string::npos) {
      carried_.assign(block, end + 1);
      block.resize(end + 1);
      return true;
    }
    if (block.size() > line_bytes_max_) {
      TRY(skip_rest_of_line(block));
      return true;
    }
  }
  return !block.empty();
}

/// Reads a block's bytes, or to the end.
Result<void> LineBlocks::read_more(std::string& block) {
  const std::size_t wanted = block.size() + kBlockBytes;
  while (!ended_ && block.size() < wanted) {
    const std::size_t old_size = block.size();
    Result<std::size_t> size = 0;
    block.resize_and_overwrite(wanted, [&](char* text, std::size_t) {
      size = source_.read(std::as_writable_bytes(std::span(text + old_size, wanted - old_size)));
      return old_size + size.value_or(0);
    });
    ended_ = TRY(std::move(size)) == 0;
  }
  return {};
}

Result<void> LineBlocks::skip_rest_of_line(std::string& block) {
  block.resize(line_bytes_max_ + 1);
  std::string piece;
  while (!ended_) {
    piece.clear();
    TRY(read_more(piece));
    if (const std::size_t end = piece.find('\n'); end != std::string::npos) {
      block += '\n';
      carried_.assign(piece, end + 1);
      return {};
    }
  }
  return {};
}

}  // namespace tillite
