#include "embedding/batch_plan.h"

#include <algorithm>
#include <iterator>

namespace tillite {
namespace {

/// What an item adds to the NDJSON at most: its text with every byte escaped, its id, and the words around them.
std::size_t request_bytes_max(const BatchItem& item) { return item.input.size() * 6 + item.id.str().size() + 256; }

std::size_t request_bytes_max(const std::vector<BatchItem>& items) {
  std::size_t bytes = 0;
  for (const BatchItem& item : items) bytes += request_bytes_max(item);
  return bytes;
}

}  // namespace

std::vector<std::vector<BatchItem>> BatchPlanner::add(std::vector<BatchItem> receipt_items) {
  Batches full;
  const std::size_t bytes = request_bytes_max(receipt_items);
  if (receipt_items.size() > limits_.items_max || bytes > limits_.bytes_max) return split(std::move(receipt_items));

  const bool fits =
      open_.size() + receipt_items.size() <= limits_.items_max && open_bytes_ + bytes <= limits_.bytes_max;
  if (!fits && receipt_items.size() > open_.size()) {
    full.push_back(std::move(receipt_items));
    return full;
  }
  if (!fits) close_into(full);
  std::ranges::move(receipt_items, std::back_inserter(open_));
  open_bytes_ += bytes;
  if (open_.size() == limits_.items_max) close_into(full);
  return full;
}

/// Parts as equal as may be, so that none is left with a handful of items.
BatchPlanner::Batches BatchPlanner::split(std::vector<BatchItem> items) const {
  const std::size_t parts = (items.size() + limits_.items_max - 1) / limits_.items_max;
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
}

std::vector<std::vector<BatchItem>> BatchPlanner::finish() {
  Batches last;
  if (!open_.empty()) close_into(last);
  return last;
}

}  // namespace tillite
