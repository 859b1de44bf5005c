#include "embedding/batch_plan.h"

namespace tillite {
namespace {

/// What an item adds to the NDJSON at most: its text with every byte escaped, its id, and the words around them.
std::size_t request_bytes_max(const BatchItem& item) { return item.input.size() * 6 + item.id.str().size() + 256; }

}  // namespace

std::vector<std::vector<BatchItem>> BatchPlanner::add(std::vector<BatchItem> receipt_items) {
  std::vector<std::vector<BatchItem>> full;
  const auto close = [&] {
    if (open_.empty()) return;
    full.push_back(std::move(open_));
    open_.clear();
    open_bytes_ = 0;
  };
  std::size_t bytes = 0;
  for (const BatchItem& item : receipt_items) bytes += request_bytes_max(item);
  const bool fits =
      open_.size() + receipt_items.size() <= limits_.items_max && open_bytes_ + bytes <= limits_.bytes_max;
  if (!fits) close();
  for (BatchItem& item : receipt_items) {
    const std::size_t item_bytes = request_bytes_max(item);
    if (open_.size() == limits_.items_max || open_bytes_ + item_bytes > limits_.bytes_max) close();
    open_bytes_ += item_bytes;
    open_.push_back(std::move(item));
  }
  if (open_.size() == limits_.items_max) close();
  return full;
}

std::vector<std::vector<BatchItem>> BatchPlanner::finish() {
  std::vector<std::vector<BatchItem>> last;
  if (!open_.empty()) last.push_back(std::move(open_));
  open_.clear();
  open_bytes_ = 0;
  return last;
}

}  // namespace tillite
