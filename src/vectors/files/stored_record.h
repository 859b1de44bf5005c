#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tillite {

/// A row or an index entry as SQLite stores it (https://www.sqlite.org/fileformat2.html#record_format): the types of
/// all columns, then their bytes. Used again and again: clear() keeps its memory.
class StoredRecord {
 public:
  StoredRecord() { clear(); }
  void clear();

  // Columns, in their order; at most 14 of them.
  void add_null() { add_type(0); }
  void add(std::string_view text);
  void add(std::span<const std::byte> blob);
  void add(std::int64_t number);
  /// A column of REAL holds whole numbers as such, if they are not too large.
  void add(double number);

  /// The whole record, until the next call.
  [[nodiscard]] std::span<const std::byte> bytes();

 private:
  static constexpr std::size_t kTypesMax = 126;  // so that one byte tells how many there are, itself included

  void add_type(std::uint64_t type);
  void add_big_endian(std::uint64_t number, std::size_t bytes);

  std::array<std::byte, kTypesMax> types_{};
  std::size_t types_bytes_ = 0;
  std::string content_;  ///< behind room for the types
};

}  // namespace tillite
