#include "vectors/hnsw/upper_lists.h"

#include <algorithm>

#include "vectors/hnsw/segment_files.h"

namespace tillite {

UpperLists::UpperLists(MappedFile file, std::uint64_t elements)
    : file_(std::move(file)), elements_(elements), found_(std::make_unique<Found>()) {}

const std::vector<UpperLists::Place>& UpperLists::places() const {
  std::call_once(found_->once, [&] {
    const auto bytes = file_.bytes();
    std::vector<Place> places;
    std::uint64_t position = 0;
    for (std::uint64_t element = 0; element < elements_; ++element) {
      std::uint32_t size = 0;
      if (bytes.size() - position < sizeof size) return;
      std::memcpy(&size, bytes.data() + position, sizeof size);
      position += sizeof size;
      if (size % kUpperLevelBytes != 0 || bytes.size() - position < size) return;
      if (size > 0) places.push_back({static_cast<std::uint32_t>(element), size, position});
      position += size;
    }
    if (position == bytes.size()) found_->places = std::move(places);
  });
  return found_->places;
}

std::vector<std::uint32_t> UpperLists::links(std::uint32_t element, int level) const {
  const auto place = std::ranges::lower_bound(places(), element, {}, &Place::element);
  if (place == places().end() || place->element != element) return {};
  const std::size_t at = static_cast<std::size_t>(level - 1) * kUpperLevelBytes;
  if (at + kUpperLevelBytes > place->size_bytes) return {};
  const std::byte* const list = file_.bytes().data() + place->offset + at;
  std::uint32_t head = 0;
  std::memcpy(&head, list, sizeof head);
  std::vector<std::uint32_t> links(std::min<std::size_t>(head & 0xffff, kUpperLinks));
  std::memcpy(links.data(), list + sizeof head, links.size() * sizeof(std::uint32_t));
  std::erase_if(links, [&](std::uint32_t link) { return link >= elements_; });
  return links;
}

}  // namespace tillite
