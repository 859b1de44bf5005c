#include "emulator/batches/input_lines.h"

#include <algorithm>

namespace tillite {
namespace {

constexpr std::size_t kPieceBytes = 256 * 1024;

/// Finds lines in pieces of a file.
class LineFinder {
 public:
  LineFinder(std::vector<LinePlace>& places, std::size_t lines_max) : places_(places), lines_max_(lines_max) {}

  /// False once there are more lines than are wanted.
  bool take(std::string_view piece) {
    while (!piece.empty()) {
      const std::size_t end = piece.find('\n');
      const std::string_view part = piece.substr(0, std::min(end, piece.size()));
      bytes_ += part.size();
      is_blank_ = is_blank_ && part.find_first_not_of(" \t\r") == std::string_view::npos;
      if (end == std::string_view::npos) return true;
      if (!end_line()) return false;
      begin_ += bytes_ + 1;
      bytes_ = 0;
      piece.remove_prefix(end + 1);
    }
    return true;
  }

  bool end_line() {
    ++number_;
    if (!is_blank_) {
      if (places_.size() == lines_max_) return false;
      places_.push_back(
          {.offset = begin_,
           .bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes_, InputLines::kLineBytesMax + 1)),
           .number = number_});
    }
    is_blank_ = true;
    return true;
  }

 private:
  std::vector<LinePlace>& places_;
  std::size_t lines_max_;
  std::uint64_t begin_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint32_t number_ = 0;
  bool is_blank_ = true;
};

}  // namespace

Result<InputLines> InputLines::of(File file, std::size_t lines_max) {
  InputLines lines(std::move(file));
  LineFinder finder(lines.places_, lines_max);
  std::vector<std::byte> piece(kPieceBytes);
  while (lines.is_complete_) {
    const std::size_t size = TRY(lines.file_.read(piece));
    if (size == 0) {
      lines.is_complete_ = finder.end_line();
      break;
    }
    lines.is_complete_ = finder.take(as_text(std::span(piece).first(size)));
  }
  return lines;
}

Result<std::string_view> InputLines::read(const LinePlace& place) {
  buffer_.resize(place.bytes);
  TRY(file_.read_at(place.offset, std::as_writable_bytes(std::span(buffer_))));
  std::string_view text = buffer_;
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

}  // namespace tillite
