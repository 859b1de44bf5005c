#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tillite::jsonata {

/// Sorts stably; `after(a, b)` says whether a belongs behind b, or fails. Any answers end the sort.
template <typename T, typename After>
[[nodiscard]] Result<void> merge_sort(std::vector<T>& items, const After& after) {
  std::vector<T> merged;
  merged.reserve(items.size());
  for (std::size_t width = 1; width < items.size(); width *= 2) {
    merged.clear();
    for (std::size_t begin = 0; begin < items.size(); begin += 2 * width) {
      std::size_t left = begin;
      const std::size_t middle = std::min(begin + width, items.size());
      std::size_t right = middle;
      const std::size_t end = std::min(begin + 2 * width, items.size());
      while (left < middle && right < end) {
        std::size_t& next = TRY(after(items[left], items[right])) ? right : left;
        merged.push_back(std::move(items[next++]));
      }
      while (left < middle) merged.push_back(std::move(items[left++]));
      while (right < end) merged.push_back(std::move(items[right++]));
    }
    std::swap(items, merged);
  }
  return {};
}

}  // namespace tillite::jsonata
