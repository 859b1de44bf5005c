#include "vectors/files/btree_writer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace tillite {
namespace {

constexpr std::size_t kPageBytes = PageFile::kPageBytes;
constexpr std::size_t kBufferBytes = 64 * kPageBytes;
constexpr std::size_t kFileHeaderBytes = 100;
constexpr std::size_t kPageSizeOffset = 16;
constexpr std::size_t kWriteVersionOffset = 18;
constexpr std::size_t kReadVersionOffset = 19;
constexpr std::size_t kReservedOffset = 20;
constexpr std::size_t kChangesOffset = 24;
constexpr std::size_t kPagesOffset = 28;
constexpr std::size_t kSchemaFormatOffset = 44;
constexpr std::size_t kLargestRootOffset = 52;
constexpr std::size_t kPagesValidForOffset = 92;
// SQLite takes its locks in this page and stores nothing there.
constexpr std::uint32_t kLockPage = (std::uint32_t{1} << 30) / kPageBytes + 1;

constexpr std::size_t kLeafHeaderBytes = 8;
constexpr std::size_t kInnerHeaderBytes = 12;
constexpr std::size_t kCellsOffset = 3;
constexpr std::size_t kContentOffset = 5;
constexpr std::size_t kRightChildOffset = 8;
constexpr std::size_t kChildBytes = 4;
constexpr std::size_t kPointerBytes = 2;
constexpr std::size_t kOverflowBytes = kPageBytes - kChildBytes;  // of a record in a page of its own

// How much of a record lies in its cell.
constexpr std::size_t kTableLocalMax = kPageBytes - 35;
constexpr std::size_t kIndexLocalMax = (kPageBytes - 12) * 64 / 255 - 23;
constexpr std::size_t kLocalLeast = (kPageBytes - 12) * 32 / 255 - 23;

void store(std::byte* at, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) at[i] = static_cast<std::byte>(number >> (8 * (bytes - 1 - i)));
}

std::uint64_t load(const std::byte* at, std::size_t bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes; ++i) number = number << 8 | static_cast<std::uint64_t>(at[i]);
  return number;
}

std::size_t local_bytes(std::size_t record, std::size_t local_max) {
  if (record <= local_max) return record;
  const std::size_t bytes = kLocalLeast + (record - kLocalLeast) % kOverflowBytes;
  return bytes <= local_max ? bytes : kLocalLeast;
}

/// Whether a file with this header may grow by pages that nobody else is told of.
bool is_plain(const std::array<std::byte, kFileHeaderBytes>& header) {
  const auto number = [&](std::size_t offset) { return load(header.data() + offset, 4); };
  const bool is_logged = header[kWriteVersionOffset] != std::byte{1} || header[kReadVersionOffset] != std::byte{1};
  const bool has_pointer_map = number(kLargestRootOffset) != 0;
  const bool knows_its_pages = number(kChangesOffset) == number(kPagesValidForOffset);
  return !is_logged && !has_pointer_map && knows_its_pages && number(kSchemaFormatOffset) == 4;
}

}  // namespace

std::size_t store_long_varint(std::byte* at, std::uint64_t number) {
  std::array<std::byte, kVarintBytesMax> reversed{};
  std::size_t size = 0;
  if (number >> 56 != 0) {  // the ninth byte has all of its bits
    reversed[size++] = static_cast<std::byte>(number);
    number >>= 8;
    while (size < reversed.size()) {
      reversed[size++] = static_cast<std::byte>(0x80 | (number & 0x7f));
      number >>= 7;
    }
  } else {
    for (std::uint64_t mark = 0; number != 0; number >>= 7, mark = 0x80) {
      reversed[size++] = static_cast<std::byte>(mark | (number & 0x7f));
    }
  }
  std::reverse_copy(reversed.begin(), reversed.begin() + static_cast<std::ptrdiff_t>(size), at);
  return size;
}

void append_varint(std::vector<std::byte>& bytes, std::uint64_t number) {
  std::array<std::byte, kVarintBytesMax> stored{};
  bytes.insert(bytes.end(), stored.begin(),
               stored.begin() + static_cast<std::ptrdiff_t>(store_varint(stored.data(), number)));
}

Result<PageFile> PageFile::open(const Path& file) {
  auto opened = TRY(File::open_update(file));
  std::array<std::byte, kFileHeaderBytes> header{};
  TRY(opened.read_at(0, header));
  const std::uint64_t size = TRY(opened.size());
  const std::uint64_t pages = load(header.data() + kPagesOffset, 4);
  if (load(header.data() + kPageSizeOffset, 2) != kPageBytes || header[kReservedOffset] != std::byte{0} ||
      size != pages * kPageBytes) {
    return fail(Code::unsupported, "{} is no SQLite file with pages of {} bytes", file.string(), kPageBytes);
  }
  if (!is_plain(header)) {
    return fail(Code::unsupported, "{} has a write-ahead log, auto_vacuum or an old format", file.string());
  }
  return PageFile(std::move(opened), static_cast<std::uint32_t>(pages));
}

Result<std::uint32_t> PageFile::add(const Page& page) {
  if (pages_ + 1 == kLockPage) {
    buffer_.resize(buffer_.size() + kPageBytes);
    ++pages_;
  }
  buffer_.insert(buffer_.end(), page.begin(), page.end());
  ++pages_;
  if (buffer_.size() >= kBufferBytes) TRY(flush());
  return pages_;
}

Result<void> PageFile::replace(std::uint32_t number, const Page& page) {
  return file_.write_at((std::uint64_t{number} - 1) * kPageBytes, page);
}

Result<void> PageFile::finish() {
  TRY(flush());
  std::array<std::byte, 4> pages{};
  store(pages.data(), pages_, pages.size());
  return file_.write_at(kPagesOffset, pages);
}

Result<void> PageFile::flush() {
  TRY(file_.write_at(std::uint64_t{flushed_} * kPageBytes, buffer_));
  flushed_ = pages_;
  buffer_.clear();
  return {};
}

bool BtreeWriter::OpenPage::fits(std::size_t bytes) const {
  return header_bytes + kPointerBytes * (cells + 1) + bytes <= content;
}

void BtreeWriter::OpenPage::add(std::span<const std::byte> cell) {
  content -= cell.size();
  std::memcpy(page.data() + content, cell.data(), cell.size());
  store(page.data() + header_bytes + kPointerBytes * cells, content, kPointerBytes);
  ++cells;
  last_bytes = cell.size();
}

BtreeWriter::Bytes BtreeWriter::OpenPage::take_last() {
  const auto cell = std::span(page).subspan(content, last_bytes);
  Bytes bytes(cell.begin(), cell.end());
  std::ranges::fill(cell, std::byte{0});
  --cells;
  store(page.data() + header_bytes + kPointerBytes * cells, 0, kPointerBytes);
  content += last_bytes;
  return bytes;
}

BtreeWriter::OpenPage BtreeWriter::open_page(std::size_t level) {
  return {.header_bytes = level == 0 ? kLeafHeaderBytes : kInnerHeaderBytes};
}

Result<void> BtreeWriter::add_row(std::int64_t rowid, std::span<const std::byte> record) {
  cell_.clear();
  append_varint(cell_, record.size());
  append_varint(cell_, static_cast<std::uint64_t>(rowid));
  TRY(append_cell(record, kTableLocalMax));
  if (levels_.empty()) levels_.push_back({.page = open_page(0), .waiting = {}});
  if (!levels_[0].page.fits(cell_.size())) {
    // Of a table all rows are in leaves; what divides two leaves is the last rowid of the first.
    const std::uint32_t leaf = TRY(pages_->add(sealed(0, 0)));
    levels_[0].page = open_page(0);
    Bytes divider;
    append_varint(divider, static_cast<std::uint64_t>(last_rowid_));
    TRY(put_above(1, leaf, divider));
  }
  levels_[0].page.add(cell_);
  last_rowid_ = rowid;
  return {};
}

Result<void> BtreeWriter::add_entry(std::span<const std::byte> record) {
  cell_.clear();
  append_varint(cell_, record.size());
  TRY(append_cell(record, kIndexLocalMax));
  return put(0, cell_);
}

/// Appends the part of the record that lies in the cell; the rest goes into pages of its own, the last one first, since
/// each names the next.
Result<void> BtreeWriter::append_cell(std::span<const std::byte> record, std::size_t local_max) {
  const std::size_t local = local_bytes(record.size(), local_max);
  cell_.insert(cell_.end(), record.begin(), record.begin() + static_cast<std::ptrdiff_t>(local));
  std::uint32_t next = 0;
  auto rest = record.subspan(local);
  if (rest.empty()) return {};
  while (!rest.empty()) {
    const std::size_t bytes = (rest.size() - 1) % kOverflowBytes + 1;
    PageFile::Page page{};
    store(page.data(), next, kChildBytes);
    std::memcpy(page.data() + kChildBytes, rest.data() + rest.size() - bytes, bytes);
    next = TRY(pages_->add(page));
    rest = rest.first(rest.size() - bytes);
  }
  cell_.resize(cell_.size() + kChildBytes);
  store(cell_.data() + cell_.size() - kChildBytes, next, kChildBytes);
  return {};
}

Result<void> BtreeWriter::put(std::size_t level, std::span<const std::byte> cell) {
  if (level == levels_.size()) levels_.push_back({.page = open_page(level), .waiting = {}});
  if (levels_[level].waiting) TRY(close(level));
  Level& here = levels_[level];
  if (here.page.fits(cell.size())) {
    here.page.add(cell);
  } else {
    here.waiting.emplace(cell.begin(), cell.end());
  }
  return {};
}

Result<void> BtreeWriter::put_above(std::size_t level, std::uint32_t child, std::span<const std::byte> cell) {
  Bytes bytes(kChildBytes);
  store(bytes.data(), child, kChildBytes);
  bytes.insert(bytes.end(), cell.begin(), cell.end());
  return put(level, bytes);
}

/// Ends the full page of a level; the cell that waits goes up. What its child has comes before it, so that child is the
/// page's last.
Result<void> BtreeWriter::close(std::size_t level) {
  const Bytes waiting = *std::exchange(levels_[level].waiting, std::nullopt);
  const auto divider = std::span(waiting).subspan(level == 0 ? 0 : kChildBytes);
  const std::uint32_t right_child = level == 0 ? 0 : static_cast<std::uint32_t>(load(waiting.data(), kChildBytes));
  const std::uint32_t page = TRY(pages_->add(sealed(level, right_child)));
  levels_[level].page = open_page(level);
  return put_above(level + 1, page, divider);
}

PageFile::Page& BtreeWriter::sealed(std::size_t level, std::uint32_t right_child) {
  constexpr auto kTypes =
      std::to_array<std::byte>({std::byte{0x0d}, std::byte{0x05}, std::byte{0x0a}, std::byte{0x02}});
  OpenPage& open = levels_[level].page;
  open.page[0] = kTypes[(kind_ == Kind::index ? 2U : 0U) + (level == 0 ? 0U : 1U)];
  store(open.page.data() + kCellsOffset, open.cells, 2);
  store(open.page.data() + kContentOffset, open.content, 2);
  if (level > 0) store(open.page.data() + kRightChildOffset, right_child, kChildBytes);
  return open.page;
}

Result<void> BtreeWriter::finish() {
  std::uint32_t right_child = 0;
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    if (levels_[level].waiting) {
      // There is no next cell: the one that waits makes a last page of its own, and the one before it goes up.
      Bytes last = levels_[level].page.take_last();
      last.swap(*levels_[level].waiting);
      TRY(close(level));
      levels_[level].page.add(last);
    }
    const auto& page = sealed(level, right_child);
    if (level + 1 == levels_.size()) return pages_->replace(root_, page);
    right_child = TRY(pages_->add(page));
  }
  return {};
}

}  // namespace tillite
