#include "embedding/batch_plan.h"

#include <algorithm>
#include <iterator>

namespace tillite {
namespace {

constexpr std::int64_t kHalvingsMax = 20;  // beyond the largest batch

/// What an item adds to the NDJSON at most: its text with every byte escaped, its id, and the words around them.
std::size_t request_bytes_max(const BatchItem& item) { return item.input.size() * 6 + item.id.str().size() + 256; }

std::size_t request_bytes_max(const std::vector<BatchItem>& items) {
  std::size_t bytes = 0;
  for (const BatchItem& item : items) bytes += request_bytes_max(item);
  return bytes;
}

}  // namespace

std::size_t BatchPlanner::items_max_for(const std::vector<BatchItem>& items) const {
  std::int64_t halvings = 0;
  for (const BatchItem& item : items) halvings = std::max(halvings, std::min(item.deferrals, kHalvingsMax));
  return std::max<std::size_t>(limits_.items_max >> halvings, 1);
}

std::vector<std::vector<BatchItem>> BatchPlanner::add(std::vector<BatchItem> receipt_items) {
  Batches full;
  const std::size_t bytes = request_bytes_max(receipt_items);
  const std::size_t items_max = items_max_for(receipt_items);
  if (receipt_items.size() > items_max || bytes > limits_.bytes_max) return split(std::move(receipt_items), items_max);

  const bool fits = open_.size() + receipt_items.size() <= std::min(open_items_max_, items_max) &&
                    open_bytes_ + bytes <= limits_.bytes_max;
  if (!fits && receipt_items.size() > open_.size()) {
    full.push_back(std::move(receipt_items));
    return full;
  }
  if (!fits) close_into(full);
  std::ranges::move(receipt_items, std::back_inserter(open_));
  open_bytes_ += bytes;
  open_items_max_ = std::min(open_items_max_, items_max);
  if (open_.size() == open_items_max_) close_into(full);
  return full;
}

/// Parts as equal as may be, so that none is left with a handful of items.
BatchPlanner::Batches BatchPlanner::split(std::vector<BatchItem> items, std::size_t items_max) const {
  const std::size_t parts = (items.size() + items_max - 1) / items_max;
  Batches full(1);
  std::size_t bytes = 0;
  for (std::size_t i = 0, part = 1; i < items.size(); ++i) {
    const std::size_t item_bytes = request_bytes_max(items[i]);
    const bool part_ends = i == part * items.size() / parts;
    if (part_ends) ++part;
    if (part_ends || (!full.back().empty() && bytes + item_bytes > limits_.bytes_max)) {
      full.emplace_back();
      bytes = 0;
    }
    bytes += item_bytes;
    full.back().push_back(std::move(items[i]));
  }
  return full;
}

void BatchPlanner::close_into(Batches& full) {
  full.push_back(std::move(open_));
  open_.clear();
  open_bytes_ = 0;
  open_items_max_ = limits_.items_max;
}

std::vector<std::vector<BatchItem>> BatchPlanner::finish() {
  Batches last;
  if (!open_.empty()) close_into(last);
  return last;
}

}  // namespace tillite
