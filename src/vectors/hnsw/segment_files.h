#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "base/file.h"
#include "vectors/files/row_layout.h"

namespace tillite {

// The files of an HNSW segment, little endian (docs/formats/snapshot.md).
inline constexpr const char* kHeaderFile = "header.bin";
inline constexpr const char* kLevel0File = "data_level0.bin";
inline constexpr const char* kLengthFile = "length.bin";
inline constexpr const char* kLinkListsFile = "link_lists.bin";
inline constexpr const char* kPickleFile = "index_metadata.pickle";

inline constexpr std::size_t kLinks0 = 32;
inline constexpr std::size_t kUpperLinks = 16;
inline constexpr std::size_t kVectorOffset = 4 + 4 * kLinks0;
inline constexpr std::uint8_t kDeletedFlag = 1;
inline constexpr std::size_t kUpperLevelBytes = 4 + 4 * kUpperLinks;

struct SegmentHeader {
  std::uint64_t elements = 0;
  std::uint64_t elements_max = 0;
  std::size_t dimensions = 0;
  std::int32_t max_level = -1;
  std::uint32_t entry = 0xffffffff;
  std::uint64_t ef_construction = 100;

  [[nodiscard]] std::size_t row_bytes() const {
    return kVectorOffset + dimensions * sizeof(float) + sizeof(std::uint64_t);
  }
  [[nodiscard]] std::size_t label_offset() const { return kVectorOffset + dimensions * sizeof(float); }
};

/// How new vectors lie: without a base where they belong in data_level0.bin, else one behind the other.
[[nodiscard]] inline RowLayout new_rows_layout(bool has_base, std::size_t dimensions) {
  if (has_base) return {.row_bytes = dimensions * sizeof(float)};
  return {.row_bytes = SegmentHeader{.dimensions = dimensions}.row_bytes(), .vector_offset = kVectorOffset};
}

[[nodiscard]] std::string header_text(const SegmentHeader& header);
/// `corrupt` for a header that is not one of M 16, or does not fit the sizes of the other files in `folder`.
[[nodiscard]] Result<SegmentHeader> read_header(const Path& folder);

/// A row of data_level0.bin in memory.
class RowView {
 public:
  RowView(const std::byte* row, const SegmentHeader& header) : row_(row), header_(header) {}
  [[nodiscard]] std::size_t links() const { return read<std::uint16_t>(0); }
  [[nodiscard]] bool is_deleted() const { return (std::to_integer<std::uint8_t>(row_[2]) & kDeletedFlag) != 0; }
  [[nodiscard]] std::uint32_t link(std::size_t i) const { return read<std::uint32_t>(4 + 4 * i); }
  [[nodiscard]] const float* vector() const { return reinterpret_cast<const float*>(row_ + kVectorOffset); }
  [[nodiscard]] std::uint64_t label() const { return read<std::uint64_t>(header_.label_offset()); }

 private:
  template <typename T>
  [[nodiscard]] T read(std::size_t offset) const {
    T value;
    std::memcpy(&value, row_ + offset, sizeof value);
    return value;
  }
  const std::byte* row_;
  const SegmentHeader& header_;
};

}  // namespace tillite
