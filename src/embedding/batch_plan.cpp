#include "embedding/batch_plan.h"

#include <algorithm>
#include <utility>

namespace tillite {
namespace {

/// What an item adds to the NDJSON at most: its text with every byte escaped, its id, and the words around them.
std::size_t request_bytes_max(const BatchItem& item) { return item.input.size() * 6 + item.id.str().size() + 256; }

constexpr std::int64_t kHalvingsMax = 20;  // beyond the largest batch

}  // namespace

std::size_t BatchPlanner::items_max_for(const BatchItem& item) const {
  return std::max<std::size_t>(limits_.items_max >> std::min(item.deferrals, kHalvingsMax), 1);
}

std::vector<std::vector<BatchItem>> BatchPlanner::add(std::vector<BatchItem> receipt_items) {
  std::vector<std::vector<BatchItem>> full;
  const auto close = [&] {
    if (!open_.empty()) full.push_back(std::exchange(open_, {}));
    open_bytes_ = 0;
    open_items_max_ = limits_.items_max;
  };
  if (open_.empty()) close();
  std::size_t bytes = 0;
  std::size_t items_max = open_items_max_;
  for (const BatchItem& item : receipt_items) {
    bytes += request_bytes_max(item);
    items_max = std::min(items_max, items_max_for(item));
  }
  const bool fits = open_.size() + receipt_items.size() <= items_max && open_bytes_ + bytes <= limits_.bytes_max;
  if (!fits) close();
  for (BatchItem& item : receipt_items) {
    const std::size_t item_bytes = request_bytes_max(item);
    const std::size_t item_max = items_max_for(item);
    if (open_.size() >= std::min(open_items_max_, item_max) || open_bytes_ + item_bytes > limits_.bytes_max) close();
    open_bytes_ += item_bytes;
    open_items_max_ = std::min(open_items_max_, item_max);
    open_.push_back(std::move(item));
  }
  if (open_.size() >= open_items_max_) close();
  return full;
}

std::vector<std::vector<BatchItem>> BatchPlanner::finish() {
  std::vector<std::vector<BatchItem>> last;
  if (!open_.empty()) last.push_back(std::exchange(open_, {}));
  return last;
}

}  // namespace tillite
