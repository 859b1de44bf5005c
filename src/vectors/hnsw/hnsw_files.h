#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "base/file.h"

namespace tillite {

/// What header.bin says of an HNSW segment that anybody may have written: with any number of links, and room for more
/// elements than there are. (segment_files.h knows the one layout that we write.)
struct HnswLayout {
  std::uint64_t elements = 0;
  std::uint64_t elements_max = 0;
  std::size_t dimensions = 0;
  std::size_t links0 = 32;       ///< room for links on level 0
  std::size_t upper_links = 16;  ///< and on each level above
  std::int32_t max_level = -1;
  std::uint32_t entry = 0;

  [[nodiscard]] std::size_t vector_offset() const { return sizeof(std::uint32_t) * (1 + links0); }
  [[nodiscard]] std::size_t label_offset() const { return vector_offset() + dimensions * sizeof(float); }
  [[nodiscard]] std::size_t row_bytes() const { return label_offset() + sizeof(std::uint64_t); }
  [[nodiscard]] std::size_t upper_level_bytes() const { return sizeof(std::uint32_t) * (1 + upper_links); }
};

/// `corrupt` names header.bin and what is wrong with it.
[[nodiscard]] Result<HnswLayout> read_hnsw_layout(const Path& folder);

/// The elements of a segment, mapped. Threads: any.
class HnswElements {
 public:
  /// `corrupt` if data_level0.bin is shorter than its header says.
  [[nodiscard]] static Result<HnswElements> open(const Path& folder);

  [[nodiscard]] const HnswLayout& layout() const { return layout_; }
  [[nodiscard]] std::uint64_t size() const { return layout_.elements; }
  [[nodiscard]] bool is_deleted(std::uint64_t element) const;
  [[nodiscard]] std::uint64_t label(std::uint64_t element) const;
  [[nodiscard]] std::vector<float> vector(std::uint64_t element) const;
  /// The elements that it links to on level 0; those that are none are left out.
  [[nodiscard]] std::vector<std::uint32_t> links(std::uint64_t element) const;
  /// How many links it claims to have on level 0.
  [[nodiscard]] std::size_t link_count(std::uint64_t element) const;
  /// Gives back the memory of what was read so far; it is read again when it is needed.
  void release() const { level0_.release(); }

 private:
  HnswElements(HnswLayout layout, MappedFile level0) : layout_(layout), level0_(std::move(level0)) {}
  template <typename T>
  [[nodiscard]] T read(std::uint64_t element, std::size_t offset) const {
    T value;
    std::memcpy(&value, level0_.bytes().data() + element * layout_.row_bytes() + offset, sizeof value);
    return value;
  }

  HnswLayout layout_;
  MappedFile level0_;
};

/// By element: whether links of level 0 lead there from the entry point.
[[nodiscard]] std::vector<bool> reachable_elements(const HnswElements& elements);

/// Whether link_lists.bin has one list of whole levels for each element and nothing else; `corrupt` if not.
[[nodiscard]] Result<void> check_link_lists(const Path& folder, const HnswLayout& layout);

}  // namespace tillite
