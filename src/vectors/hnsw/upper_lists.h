#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/file.h"

namespace tillite {

/// The links of a segment's elements on the levels above 0 (link_lists.bin). Few elements have any, and nothing tells
/// where theirs are: the first to ask passes over the file, so that opening a segment does not. Threads: any.
class UpperLists {
 public:
  UpperLists(MappedFile file, std::uint64_t elements);

  /// The links of an element on a level from 1 up that lead somewhere; none of an element that does not reach it. Of a
  /// file that is not one of lists, there are none at all.
  [[nodiscard]] std::vector<std::uint32_t> links(std::uint32_t element, int level) const;
  [[nodiscard]] std::uint64_t size_bytes() const { return file_.bytes().size(); }

 private:
  /// Where an element's lists begin.
  struct Place {
    std::uint32_t element = 0;
    std::uint32_t size_bytes = 0;
    std::uint64_t offset = 0;
  };
  /// Of all elements that have any, ascending.
  [[nodiscard]] const std::vector<Place>& places() const;

  MappedFile file_;
  std::uint64_t elements_;
  struct Found {
    std::once_flag once;
    std::vector<Place> places;
  };
  std::unique_ptr<Found> found_;
};

}  // namespace tillite
