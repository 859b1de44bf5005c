#include "vectors/hnsw/segment_files.h"

#include <cmath>

#include "vectors/hnsw/hnsw_files.h"

namespace tillite {
namespace {

constexpr std::size_t kDimensionsMax = 8192;
constexpr std::uint64_t kM = 16;

template <typename T>
void put(std::string& text, T value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

Result<std::uint64_t> size_of(const Path& path) { return TRY(File::open_read(path)).size(); }

}  // namespace

std::string header_text(const SegmentHeader& header) {
  std::string text;
  put<std::int32_t>(text, 1);
  put<std::uint64_t>(text, 0);
  put<std::uint64_t>(text, header.elements_max);
  put<std::uint64_t>(text, header.elements);
  put<std::uint64_t>(text, header.row_bytes());
  put<std::uint64_t>(text, header.label_offset());
  put<std::uint64_t>(text, kVectorOffset);
  put<std::int32_t>(text, header.max_level);
  put<std::uint32_t>(text, header.entry);
  put<std::uint64_t>(text, kUpperLinks);
  put<std::uint64_t>(text, kLinks0);
  put<std::uint64_t>(text, kM);
  put<double>(text, 1 / std::log(static_cast<double>(kM)));
  put<std::uint64_t>(text, header.ef_construction);
  return text;
}

Result<SegmentHeader> read_header(const Path& folder) {
  const auto broken = [&](std::string_view what) {
    return fail(Code::corrupt, "the HNSW segment {} is torn: {}", folder.string(), what);
  };
  const HnswLayout layout = TRY(read_hnsw_layout(folder));
  if (layout.upper_links != kUpperLinks || layout.links0 != kLinks0 || layout.dimensions > kDimensionsMax) {
    return broken("header.bin describes another layout");
  }
  const SegmentHeader header{.elements = layout.elements,
                             .elements_max = layout.elements_max,
                             .dimensions = layout.dimensions,
                             .max_level = layout.max_level,
                             .entry = layout.entry};
  if (TRY(size_of(folder / kLevel0File)) != header.elements * header.row_bytes())
    return broken("data_level0.bin has another size");
  if (TRY(size_of(folder / kLengthFile)) < header.elements * sizeof(float)) return broken("length.bin is too short");
  return header;
}

}  // namespace tillite
