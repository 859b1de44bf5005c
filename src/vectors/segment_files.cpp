#include "vectors/segment_files.h"

#include <cmath>

namespace tillite {
namespace {

constexpr std::size_t kHeaderBytes = 100;
constexpr std::size_t kDimensionsMax = 8192;
constexpr std::uint64_t kM = 16;

template <typename T>
void put(std::string& text, T value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
T take(std::string_view& text) {
  T value;
  text.copy(reinterpret_cast<char*>(&value), sizeof value);
  text.remove_prefix(sizeof value);
  return value;
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
  const std::string content = TRY(read_file(folder / kHeaderFile, kHeaderBytes));
  const auto broken = [&](std::string_view what) {
    return fail(Code::corrupt, "the HNSW segment {} is torn: {}", folder.string(), what);
  };
  if (content.size() != kHeaderBytes) return broken("header.bin does not have 100 bytes");
  std::string_view text = content;
  SegmentHeader header;
  if (take<std::int32_t>(text) != 1 || take<std::uint64_t>(text) != 0)
    return broken("header.bin is of another version");
  header.elements_max = take<std::uint64_t>(text);
  header.elements = take<std::uint64_t>(text);
  const auto row_bytes = take<std::uint64_t>(text);
  const auto label_offset = take<std::uint64_t>(text);
  const auto vector_offset = take<std::uint64_t>(text);
  header.max_level = take<std::int32_t>(text);
  header.entry = take<std::uint32_t>(text);
  const auto upper_links = take<std::uint64_t>(text);
  const auto links0 = take<std::uint64_t>(text);
  take<std::uint64_t>(text);
  take<double>(text);
  header.ef_construction = take<std::uint64_t>(text);
  if (upper_links != kUpperLinks || links0 != kLinks0 || vector_offset != kVectorOffset ||
      label_offset < kVectorOffset || (label_offset - kVectorOffset) % sizeof(float) != 0) {
    return broken("header.bin describes another layout");
  }
  header.dimensions = (label_offset - kVectorOffset) / sizeof(float);
  if (header.dimensions > kDimensionsMax || row_bytes != header.row_bytes())
    return broken("header.bin has impossible sizes");
  if (header.elements > UINT32_MAX || (header.elements > 0 && header.entry >= header.elements)) {
    return broken("header.bin has impossible counts");
  }
  if (TRY(size_of(folder / kLevel0File)) != header.elements * row_bytes)
    return broken("data_level0.bin has another size");
  if (TRY(size_of(folder / kLengthFile)) < header.elements * sizeof(float)) return broken("length.bin is too short");
  return header;
}

}  // namespace tillite
