// A form as it is uploaded. The first byte is the size of the pieces in which it arrives: what is read must not depend
// on it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "emulator/wire/byte_range.h"
#include "emulator/wire/header_value.h"
#include "emulator/wire/multipart.h"

namespace tillite {
namespace {

class HeardForm final : public FormListener {
 public:
  Result<void> begin_part(FormPart part) override {
    check(!inside_, "a part ends before the next begins");
    inside_ = true;
    text += part.name + "\n" + part.file_name + "\n";
    return {};
  }
  Result<void> take_content(std::span<const std::byte> piece) override {
    check(inside_ && !piece.empty(), "content belongs to a part");
    text += as_text(piece);
    return {};
  }
  Result<void> end_part() override {
    check(inside_, "a part that ends has begun");
    inside_ = false;
    text += "\n";
    return {};
  }
  std::string text;

 private:
  bool inside_ = false;
};

struct Heard {
  bool is_whole = false;
  std::string text;
};

Heard read(std::string_view form, std::size_t piece_bytes) {
  HeardForm listener;
  MultipartReader reader("x", listener);
  while (!form.empty()) {
    const std::string_view piece = form.substr(0, piece_bytes);
    if (!reader.take(as_bytes(piece))) return {};
    form.remove_prefix(piece.size());
  }
  if (!reader.finish()) return {};
  return {.is_whole = true, .text = listener.text};
}

void use(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::size_t piece_bytes = 1 + static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  const Heard whole = read(bytes, bytes.size() + 1);
  const Heard in_pieces = read(bytes, piece_bytes);
  check(whole.is_whole == in_pieces.is_whole && whole.text == in_pieces.text, "pieces of any size mean the same form");

  static_cast<void>(parse_header_value(bytes));
  static_cast<void>(MultipartReader::boundary_of(bytes));
  constexpr std::uint64_t kSize = 100;
  if (const auto range = parse_range(bytes, kSize); range && *range) {
    check((*range)->bytes > 0 && (*range)->offset + (*range)->bytes <= kSize, "a range lies within its file");
  }
}

}  // namespace
}  // namespace tillite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillite::use(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
