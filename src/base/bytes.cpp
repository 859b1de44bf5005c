#include "base/bytes.h"

#include <algorithm>
#include <cstring>

namespace tillite {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;

class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t size = std::min(buffer.size(), bytes_.size() - position_);
    std::memcpy(buffer.data(), bytes_.data() + position_, size);
    position_ += size;
    return size;
  }

 private:
  std::string bytes_;
  std::size_t position_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> source_of(std::string bytes) { return std::make_unique<StringSource>(std::move(bytes)); }

Result<std::string> read_all(ByteSource& source, std::size_t bytes_max) {
  std::string all;
  while (true) {
    const std::size_t old_size = all.size();
    all.resize(old_size + kPieceBytes);
    const auto size = TRY(source.read(std::as_writable_bytes(std::span(all)).subspan(old_size)));
    all.resize(old_size + size);
    if (size == 0) return all;
    if (all.size() > bytes_max) return fail(Code::limit_exceeded, "more than the {} bytes allowed", bytes_max);
  }
}

Result<void> read_exactly(ByteSource& source, std::span<std::byte> buffer, std::string_view name) {
  while (!buffer.empty()) {
    const auto size = TRY(source.read(buffer));
    if (size == 0) return fail(Code::corrupt, "{} ends {} bytes too early", name, buffer.size());
    buffer = buffer.subspan(size);
  }
  return {};
}

Result<LineReader::Line> LineReader::next() {
  bool too_long = false;
  std::size_t searched = begin_;
  while (true) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos || (ended_ && (begin_ < buffer_.size() || too_long))) {
      const std::size_t stop = end == std::string::npos ? buffer_.size() : end;
      std::string_view text = std::string_view(buffer_).substr(begin_, stop - begin_);
      begin_ = end == std::string::npos ? stop : stop + 1;
      ++number_;
      if (too_long || text.size() > line_bytes_max_) return Line{Status::too_long, number_, {}};
      if (text.ends_with('\r')) text.remove_suffix(1);
      return Line{Status::line, number_, text};
    }
    if (ended_) return Line{Status::end, number_, {}};
    buffer_.erase(0, begin_);
    begin_ = 0;
    if (buffer_.size() > line_bytes_max_) {
      too_long = true;
      buffer_.clear();
    }
    searched = buffer_.size();
    buffer_.resize(searched + kPieceBytes);
    const auto size = source_.read(std::as_writable_bytes(std::span(buffer_)).subspan(searched));
    buffer_.resize(searched + size.value_or(0));
    if (!size) return std::unexpected(size.error());
    ended_ = *size == 0;
  }
}

}  // namespace tillite
