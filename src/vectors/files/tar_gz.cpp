#include "vectors/files/tar_gz.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/check.h"

namespace tillite {
namespace {

constexpr std::size_t kBlockBytes = 512;
constexpr std::size_t kPieceBytes = 64 * 1024;
constexpr std::uint64_t kMemberBytesMax = (std::uint64_t{1} << 33) - 1;  // 11 octal digits
constexpr int kGzipWindow = 15 + 16;  // the largest window, with gzip's head and tail
constexpr int kLevel = 6;
constexpr int kExtensionsMax = 4;  // before one member
constexpr std::uint64_t kExtensionBytesMax = 64 * 1024;
// gzip's head as zlib writes it for this level on every system of the Unix family: no name, no time. It is not covered
// by gzip's check sum, so it is compared.
constexpr std::array<unsigned char, 10> kGzipHead = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};

using Block = std::array<std::byte, kBlockBytes>;

std::uint64_t padding_of(std::uint64_t size) { return (kBlockBytes - size % kBlockBytes) % kBlockBytes; }

void put(Block& block, std::size_t offset, std::string_view text) {
  std::memcpy(block.data() + offset, text.data(), text.size());
}

/// The sum of the header's bytes, its own field counted as blanks.
unsigned checksum_of(const Block& block) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i) sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned>(block[i]);
  return sum;
}

Block header_of(const std::string& name, std::uint64_t size_bytes, std::int64_t modified_s) {
  check(name.size() < 100 && size_bytes <= kMemberBytesMax, "a member fits into a ustar header");
  Block block{};
  put(block, 0, name);
  put(block, 100, "0000644");
  put(block, 108, "0000000");
  put(block, 116, "0000000");
  put(block, 124, fmt::format("{:011o}", size_bytes));
  put(block, 136,
      fmt::format("{:011o}", std::clamp<std::int64_t>(modified_s, 0, static_cast<std::int64_t>(kMemberBytesMax))));
  put(block, 156, "0");
  put(block, 257,
      std::string_view("ustar\0"
                       "00",
                       8));
  put(block, 148, fmt::format("{:06o}", checksum_of(block)));
  block[154] = std::byte{0};
  block[155] = std::byte{' '};
  return block;
}

std::string_view text_at(const Block& block, std::size_t offset, std::size_t size) {
  const std::string_view field = as_text(block).substr(offset, size);
  return field.substr(0, std::min(field.find('\0'), field.size()));
}

Result<std::uint64_t> octal_at(const Block& block, std::size_t offset, std::size_t size) {
  std::string_view text = text_at(block, offset, size);
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(Code::corrupt, "a tar header has a broken number");
  return value;
}

bool is_zero(const Block& block) {
  return std::ranges::all_of(block, [](std::byte byte) { return byte == std::byte{0}; });
}

/// A member's header, with what extended headers before it said.
struct Header {
  Block block{};
  std::string long_name;
  [[nodiscard]] char type() const { return static_cast<char>(block[156]); }
};

/// Types of members that say something of other members: POSIX's of the next one and of all, GNU's long name.
bool is_extension(char type) { return type == 'x' || type == 'g' || type == 'L'; }

std::string name_of(const Header& header, TarGzForm form) {
  if (!header.long_name.empty()) return header.long_name;
  const std::string name(text_at(header.block, 0, 100));
  const bool has_prefix =
      form == TarGzForm::any && as_text(header.block).substr(257, 6) == std::string_view("ustar\0", 6);
  const std::string_view prefix = has_prefix ? text_at(header.block, 345, 155) : std::string_view();
  return prefix.empty() ? name : fmt::format("{}/{}", prefix, name);
}

/// The `path` among the records of a POSIX extended header, each of them "{its length} {name}={value}\n". A size that
/// does not fit into the plain header is refused: nothing here is that large.
Result<std::optional<std::string>> name_in(std::string_view records) {
  std::optional<std::string> path;
  while (!records.empty()) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(records.data(), records.data() + records.size(), length);
    const auto digits = static_cast<std::size_t>(end - records.data());
    if (error != std::errc() || length > records.size() || length < digits + 2 || records[digits] != ' ' ||
        records[length - 1] != '\n') {
      return fail(Code::corrupt, "an extended header is broken");
    }
    const std::string_view record = records.substr(digits + 1, length - digits - 2);
    if (record.starts_with("path=")) path = record.substr(5);
    if (record.starts_with("size=")) return fail(Code::corrupt, "a member is too large for an archive of this kind");
    records.remove_prefix(length);
  }
  return path;
}

}  // namespace

struct TarGzWriter::Parts {
  explicit Parts(File opened, std::int64_t modified) : sink(std::move(opened)), modified_s(modified) {
    check(deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib starts");
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() { deflateEnd(&stream); }

  Result<void> deflate_out(std::span<const std::byte> bytes, int flush) {
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    return drain([&] { return ::deflate(&stream, flush); });
  }

  Result<void> set_level(int level) {
    if (level == current_level) return {};
    current_level = level;
    stream.avail_in = 0;
    return drain([&] { return deflateParams(&stream, level, Z_DEFAULT_STRATEGY); });
  }

  /// Calls zlib until it has nothing more to give.
  template <typename Call>
  Result<void> drain(Call call) {
    std::array<std::byte, kPieceBytes> out{};
    do {
      stream.next_out = reinterpret_cast<Bytef*>(out.data());
      stream.avail_out = static_cast<uInt>(out.size());
      const int status = call();
      check(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR, "zlib can compress anything");
      TRY(sink.write(std::span(out).first(out.size() - stream.avail_out)));
    } while (stream.avail_out == 0);
    return {};
  }

  FileSink sink;
  std::int64_t modified_s;
  int current_level = kLevel;
  z_stream stream{};
};

TarGzWriter::TarGzWriter(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TarGzWriter::TarGzWriter(TarGzWriter&&) noexcept = default;
TarGzWriter& TarGzWriter::operator=(TarGzWriter&&) noexcept = default;
TarGzWriter::~TarGzWriter() = default;

Result<TarGzWriter> TarGzWriter::create(const Path& file, std::int64_t modified_s) {
  return TarGzWriter(std::make_unique<Parts>(TRY(File::create(file)), modified_s));
}

Result<void> TarGzWriter::add(const std::string& name, std::uint64_t size_bytes, ByteSource& content, bool stored) {
  TRY(parts_->deflate_out(header_of(name, size_bytes, parts_->modified_s), Z_NO_FLUSH));
  TRY(parts_->set_level(stored ? Z_NO_COMPRESSION : kLevel));
  std::vector<std::byte> piece(kPieceBytes);
  for (std::uint64_t left = size_bytes; left > 0;) {
    const auto part = std::span(piece).first(std::min<std::uint64_t>(left, piece.size()));
    TRY(read_exactly(content, part, name));
    TRY(parts_->deflate_out(part, Z_NO_FLUSH));
    left -= part.size();
  }
  TRY(parts_->set_level(kLevel));
  const Block zeros{};
  return parts_->deflate_out(std::span(zeros).first(padding_of(size_bytes)), Z_NO_FLUSH);
}

Result<void> TarGzWriter::finish() {
  const std::array<std::byte, 2 * kBlockBytes> end{};
  TRY(parts_->deflate_out(end, Z_FINISH));
  TRY(parts_->sink.flush());
  return parts_->sink.file().sync();
}

struct TarGzReader::Parts final : ByteSource {
  Parts(ByteSource& file, TarGzForm written) : source(file), form(written), input(kPieceBytes) {
    check(inflateInit2(&stream, kGzipWindow) == Z_OK, "zlib starts");
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() override { inflateEnd(&stream); }

  Result<void> check_head() {
    TRY(read_exactly(source, std::span(input).first(kGzipHead.size()), "the file"));
    if (std::memcmp(input.data(), kGzipHead.data(), kGzipHead.size()) != 0) {
      return fail(Code::corrupt, "it does not begin as a delta's .tar.gz does");
    }
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(kGzipHead.size());
    begun = true;
    return {};
  }

  /// Decompressed bytes; 0 at the end of the gzip stream.
  Result<std::size_t> inflate_some(std::span<std::byte> out) {
    if (ended || out.empty()) return 0;
    if (!begun && form == TarGzForm::ours) TRY(check_head());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    while (stream.avail_out == out.size()) {
      if (stream.avail_in == 0) {
        const auto size = TRY(source.read(input));
        if (size == 0) return fail(Code::corrupt, "the file ends in the middle");
        stream.next_in = reinterpret_cast<Bytef*>(input.data());
        stream.avail_in = static_cast<uInt>(size);
      }
      const int status = ::inflate(&stream, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        ended = true;
        break;
      }
      if (status != Z_OK && status != Z_BUF_ERROR) return fail(Code::corrupt, "it is not a whole gzip file");
    }
    return out.size() - stream.avail_out;
  }

  Result<void> inflate_exactly(std::span<std::byte> out) {
    while (!out.empty()) {
      const auto size = TRY(inflate_some(out));
      if (size == 0) return fail(Code::corrupt, "the archive ends in the middle");
      out = out.subspan(size);
    }
    return {};
  }

  Result<void> skip(std::uint64_t bytes) {
    std::array<std::byte, 4096> dump{};
    while (bytes > 0) {
      const auto part = std::span(dump).first(std::min<std::uint64_t>(bytes, dump.size()));
      TRY(inflate_exactly(part));
      bytes -= part.size();
    }
    return {};
  }

  /// ByteSource: what is left of the current member.
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto part = buffer.first(std::min<std::uint64_t>(buffer.size(), left));
    if (part.empty()) return 0;
    const auto size = TRY(inflate_some(part));
    if (size == 0) return fail(Code::corrupt, "the archive ends in the middle of a member");
    left -= size;
    return size;
  }

  /// Behind the end marks: only zeros, then the gzip stream's end, then nothing.
  Result<void> check_end() {
    std::array<std::byte, 4096> rest{};
    while (true) {
      const auto size = TRY(inflate_some(rest));
      if (size == 0) break;
      if (std::ranges::any_of(std::span(rest).first(size), [](std::byte byte) { return byte != std::byte{0}; })) {
        return fail(Code::corrupt, "there is something behind the archive's end");
      }
    }
    if (stream.avail_in > 0 || TRY(source.read(input)) > 0)
      return fail(Code::corrupt, "there is something behind the end");
    return {};
  }

  /// The header of the next member that is no extension of the one behind it; a block of zeros at the end.
  Result<Header> next_header() {
    Header header;
    for (int extensions = 0;; ++extensions) {
      TRY(skip(left + padding));
      left = padding = 0;
      TRY(inflate_exactly(header.block));
      if (is_zero(header.block)) return header;
      if (TRY(octal_at(header.block, 148, 8)) != checksum_of(header.block)) {
        return fail(Code::corrupt, "a tar header has a wrong check sum");
      }
      left = TRY(octal_at(header.block, 124, 12));
      padding = padding_of(left);
      if (form == TarGzForm::ours || !is_extension(header.type())) return header;
      if (extensions == kExtensionsMax) return fail(Code::corrupt, "a member has too many extended headers");
      TRY(read_extension(header));
    }
  }

  /// What an extended header says of the member behind it: only names matter here.
  Result<void> read_extension(Header& header) {
    if (left > kExtensionBytesMax) return fail(Code::corrupt, "an extended header has {} bytes", left);
    std::string text(left, '\0');
    TRY(read_exactly(*this, std::as_writable_bytes(std::span(text)), "an extended header"));
    if (header.type() == 'L') header.long_name = text.substr(0, text.find('\0'));
    if (header.type() == 'x') {
      if (auto name = TRY(name_in(text))) header.long_name = *std::move(name);
    }
    return {};
  }

  ByteSource& source;
  TarGzForm form;
  std::vector<std::byte> input;
  z_stream stream{};
  bool begun = false;
  bool ended = false;
  std::uint64_t left = 0;
  std::uint64_t padding = 0;
};

TarGzReader::TarGzReader(ByteSource& file, TarGzForm form) : parts_(std::make_unique<Parts>(file, form)) {}
TarGzReader::TarGzReader(TarGzReader&&) noexcept = default;
TarGzReader& TarGzReader::operator=(TarGzReader&&) noexcept = default;
TarGzReader::~TarGzReader() = default;

Result<std::optional<TarGzReader::Member>> TarGzReader::next() {
  const Header header = TRY(parts_->next_header());
  if (is_zero(header.block)) {
    Block second{};
    TRY(parts_->inflate_exactly(second));
    if (!is_zero(second)) return fail(Code::corrupt, "the archive has one end mark, not two");
    TRY(parts_->check_end());
    return std::optional<Member>{};
  }
  const char type = header.type();
  const bool is_folder = parts_->form == TarGzForm::any && type == '5';
  if (type != '0' && type != '\0' && !is_folder)
    return fail(Code::corrupt, "the archive has a member that is not a file");
  return std::optional<Member>(Member{name_of(header, parts_->form), parts_->left, is_folder});
}

ByteSource& TarGzReader::content() { return *parts_; }

}  // namespace tillite
