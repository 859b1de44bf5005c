#pragma once

#include <array>
#include <optional>
#include <vector>

#include "base/file.h"

namespace tillite {

// Fills empty b-trees of a SQLite file page by page, where SQLite itself would look for the place of each row in each
// index (https://www.sqlite.org/fileformat2.html). Rows must come in the order of their b-tree. Pages of 4096 bytes.

/// A SQLite file that nobody has open, at whose end pages are added.
class PageFile {
 public:
  static constexpr std::size_t kPageBytes = 4096;
  using Page = std::array<std::byte, kPageBytes>;

  /// `unsupported` if its pages are of another kind, and with auto_vacuum or a write-ahead log.
  [[nodiscard]] static Result<PageFile> open(const Path& file);
  /// Adds a page; its number.
  [[nodiscard]] Result<std::uint32_t> add(const Page& page);
  /// Writes a page that was there already.
  [[nodiscard]] Result<void> replace(std::uint32_t number, const Page& page);
  /// Has the file say how many pages it has.
  [[nodiscard]] Result<void> finish();

 private:
  PageFile(File file, std::uint32_t pages) : file_(std::move(file)), pages_(pages), flushed_(pages) {}
  [[nodiscard]] Result<void> flush();

  File file_;
  std::uint32_t pages_;
  std::uint32_t flushed_;          ///< of these: those that the file has
  std::vector<std::byte> buffer_;  ///< the others
};

/// One empty b-tree of the file, whose root stays the page that the schema names.
class BtreeWriter {
 public:
  enum class Kind { table, index };
  /// `pages` must outlive it.
  BtreeWriter(PageFile& pages, Kind kind, std::uint32_t root) : pages_(&pages), kind_(kind), root_(root) {}

  /// A row of a table; rowids ascend.
  [[nodiscard]] Result<void> add_row(std::int64_t rowid, std::span<const std::byte> record);
  /// An entry of an index; they come in its order.
  [[nodiscard]] Result<void> add_entry(std::span<const std::byte> record);
  [[nodiscard]] Result<void> finish();

 private:
  using Bytes = std::vector<std::byte>;

  /// A page as it fills up.
  struct OpenPage {
    PageFile::Page page{};
    std::size_t header_bytes = 0;
    std::size_t cells = 0;
    std::size_t content = PageFile::kPageBytes;  ///< where the last cell begins
    std::size_t last_bytes = 0;

    [[nodiscard]] bool fits(std::size_t bytes) const;
    void add(std::span<const std::byte> cell);
    [[nodiscard]] Bytes take_last();
  };
  /// A level of the b-tree, the leaves' first. When the page is full, a cell waits: it goes up and divides the page
  /// from the next one, if there will be a next one.
  struct Level {
    OpenPage page;
    std::optional<Bytes> waiting;
  };

  Result<void> append_cell(std::span<const std::byte> record, std::size_t local_max);
  Result<void> put(std::size_t level, std::span<const std::byte> cell);
  Result<void> put_above(std::size_t level, std::uint32_t child, std::span<const std::byte> cell);
  Result<void> close(std::size_t level);
  PageFile::Page& sealed(std::size_t level, std::uint32_t right_child);
  static OpenPage open_page(std::size_t level);

  PageFile* pages_;
  Kind kind_;
  std::uint32_t root_;
  std::vector<Level> levels_;
  Bytes cell_;
  std::int64_t last_rowid_ = 0;
};

inline constexpr std::size_t kVarintBytesMax = 9;

/// What does not fit into one byte.
std::size_t store_long_varint(std::byte* at, std::uint64_t number);
/// Writes a number as SQLite writes lengths and rowids; how many bytes it takes.
inline std::size_t store_varint(std::byte* at, std::uint64_t number) {
  if (number >= 0x80) return store_long_varint(at, number);
  *at = static_cast<std::byte>(number);
  return 1;
}
void append_varint(std::vector<std::byte>& bytes, std::uint64_t number);

}  // namespace tillite
