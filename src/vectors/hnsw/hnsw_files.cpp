#include "vectors/hnsw/hnsw_files.h"

#include <algorithm>

#include "vectors/hnsw/segment_files.h"

namespace tillite {
namespace {

constexpr std::size_t kHeaderBytes = 100;
constexpr std::uint64_t kDimensionsMax = 65'536;
constexpr std::uint64_t kLinksMax = 4'096;
constexpr std::uint64_t kElementsAtOnce = 4'096;

template <typename T>
T take(std::string_view& text) {
  T value;
  text.copy(reinterpret_cast<char*>(&value), sizeof value);
  text.remove_prefix(sizeof value);
  return value;
}

}  // namespace

Result<HnswLayout> read_hnsw_layout(const Path& folder) {
  const Path file = folder / kHeaderFile;
  const auto broken = [&](std::string_view what) { return fail(Code::corrupt, "{}: it {}", file.string(), what); };
  const std::string content = TRY(read_file(file, 2 * kHeaderBytes));
  if (content.size() != kHeaderBytes) return broken("does not have 100 bytes");
  std::string_view text = content;
  if (take<std::int32_t>(text) != 1 || take<std::uint64_t>(text) != 0) return broken("is of another version");
  HnswLayout layout;
  layout.elements_max = take<std::uint64_t>(text);
  layout.elements = take<std::uint64_t>(text);
  const auto row_bytes = take<std::uint64_t>(text);
  const auto label_offset = take<std::uint64_t>(text);
  const auto vector_offset = take<std::uint64_t>(text);
  layout.max_level = take<std::int32_t>(text);
  layout.entry = take<std::uint32_t>(text);
  const auto upper_links = take<std::uint64_t>(text);
  const auto links0 = take<std::uint64_t>(text);
  if (upper_links > kLinksMax || links0 > kLinksMax) return broken("announces more links than there can be");
  layout.upper_links = upper_links;
  layout.links0 = links0;
  if (vector_offset != layout.vector_offset() || label_offset < vector_offset ||
      (label_offset - vector_offset) % sizeof(float) != 0 ||
      (label_offset - vector_offset) / sizeof(float) > kDimensionsMax) {
    return broken("describes rows that cannot be");
  }
  layout.dimensions = (label_offset - vector_offset) / sizeof(float);
  if (row_bytes != layout.row_bytes()) return broken("describes rows that cannot be");
  if (layout.elements > layout.elements_max || layout.elements_max > UINT32_MAX ||
      (layout.elements > 0 && layout.entry >= layout.elements)) {
    return broken("has counts that cannot be");
  }
  return layout;
}

Result<HnswElements> HnswElements::open(const Path& folder) {
  const HnswLayout layout = TRY(read_hnsw_layout(folder));
  auto level0 = TRY(MappedFile::open(folder / kLevel0File));
  if (level0.bytes().size() / layout.row_bytes() < layout.elements) {
    return fail(Code::corrupt, "{} has {} bytes, too few for the {} elements of its header: it is torn",
                (folder / kLevel0File).string(), level0.bytes().size(), layout.elements);
  }
  return HnswElements(layout, std::move(level0));
}

bool HnswElements::is_deleted(std::uint64_t element) const {
  return (read<std::uint8_t>(element, sizeof(std::uint16_t)) & kDeletedFlag) != 0;
}

std::uint64_t HnswElements::label(std::uint64_t element) const {
  return read<std::uint64_t>(element, layout_.label_offset());
}

std::vector<float> HnswElements::vector(std::uint64_t element) const {
  std::vector<float> vector(layout_.dimensions);
  const std::byte* const from = level0_.bytes().data() + element * layout_.row_bytes() + layout_.vector_offset();
  if (!vector.empty()) std::memcpy(vector.data(), from, vector.size() * sizeof(float));
  return vector;
}

std::size_t HnswElements::link_count(std::uint64_t element) const { return read<std::uint16_t>(element, 0); }

std::vector<std::uint32_t> HnswElements::links(std::uint64_t element) const {
  std::vector<std::uint32_t> links;
  const std::size_t count = std::min(link_count(element), layout_.links0);
  for (std::size_t i = 0; i < count; ++i) {
    const auto link = read<std::uint32_t>(element, sizeof(std::uint32_t) * (1 + i));
    if (link < layout_.elements) links.push_back(link);
  }
  return links;
}

std::vector<bool> reachable_elements(const HnswElements& elements) {
  std::vector<bool> reached(elements.size(), false);
  if (reached.empty()) return reached;
  std::vector<std::uint32_t> open = {elements.layout().entry};
  reached[open.front()] = true;
  for (std::uint64_t visited = 0; !open.empty(); ++visited) {
    const std::uint32_t element = open.back();
    open.pop_back();
    for (const std::uint32_t link : elements.links(element)) {
      if (reached[link]) continue;
      reached[link] = true;
      open.push_back(link);
    }
    if (visited % kElementsAtOnce == 0) elements.release();
  }
  return reached;
}

Result<void> check_link_lists(const Path& folder, const HnswLayout& layout) {
  const Path file = folder / kLinkListsFile;
  const auto lists = TRY(MappedFile::open(file));
  std::size_t at = 0;
  for (std::uint64_t element = 0; element < layout.elements; ++element) {
    std::uint32_t size = 0;
    if (lists.bytes().size() - at < sizeof size) {
      return fail(Code::corrupt, "{} ends at element {} of {}: it is torn", file.string(), element, layout.elements);
    }
    std::memcpy(&size, lists.bytes().data() + at, sizeof size);
    at += sizeof size;
    if (size % layout.upper_level_bytes() != 0 || lists.bytes().size() - at < size) {
      return fail(Code::corrupt, "{} has a list of {} bytes for element {}: it is torn", file.string(), size, element);
    }
    at += size;
  }
  if (at == lists.bytes().size()) return {};
  return fail(Code::corrupt, "{} goes on behind its last element", file.string());
}

}  // namespace tillite
