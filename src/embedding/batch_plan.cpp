#include "embedding/batch_plan.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

namespace tillite {
namespace {

constexpr std::int64_t kHalvingsMax = 20;  // beyond the largest batch

/// What a request adds to the NDJSON at most: its text with every byte escaped, its id, and the words around them.
std::size_t request_bytes_max(const BatchItem& item) { return item.input.size() * 6 + item.id.str().size() + 256; }

/// Items of one text together, in the order in which the texts come first.
std::vector<std::vector<BatchItem>> by_text(std::vector<BatchItem> items) {
  std::vector<std::vector<BatchItem>> groups;
  std::unordered_map<std::string, std::size_t> group_of_text;
  for (BatchItem& item : items) {
    const auto [group, is_new] = group_of_text.try_emplace(item.input_hash, groups.size());
    if (is_new) groups.emplace_back();
    groups[group->second].push_back(std::move(item));
  }
  return groups;
}

}  // namespace

void BatchPlanner::Group::add(BatchItem item) {
  if (texts.insert(item.input_hash).second) {
    bytes += request_bytes_max(item);
    tokens += item.tokens;
  }
  items.push_back(std::move(item));
}

std::size_t BatchPlanner::items_max_for(const BatchItem& item) const {
  return std::max<std::size_t>(limits_.items_max >> std::min(item.deferrals, kHalvingsMax), 1);
}

BatchPlanner::Group BatchPlanner::group_of(std::vector<BatchItem> items) const {
  Group group(limits_.items_max);
  for (BatchItem& item : items) {
    group.items_max = std::min(group.items_max, items_max_for(item));
    group.add(std::move(item));
  }
  return group;
}

bool BatchPlanner::has_room(std::size_t bytes, std::uint64_t tokens) const {
  return bytes <= limits_.bytes_max && tokens <= limits_.tokens_max;
}

bool BatchPlanner::fits(const Group& group) const {
  return group.texts.size() <= group.items_max && has_room(group.bytes, group.tokens) &&
         group.items.size() - group.texts.size() <= limits_.followers_max;
}

bool BatchPlanner::fits_beside_open(const Group& receipt) const {
  const auto new_texts = static_cast<std::size_t>(
      std::ranges::count_if(receipt.texts, [&](const std::string& text) { return !open_.texts.contains(text); }));
  const std::size_t texts = open_.texts.size() + new_texts;
  return texts <= std::min(open_.items_max, receipt.items_max) &&
         (new_texts == 0 || has_room(open_.bytes + receipt.bytes, open_.tokens + receipt.tokens)) &&
         open_.items.size() + receipt.items.size() - texts <= limits_.followers_max;
}

BatchPlanner::Batches BatchPlanner::add(std::vector<BatchItem> receipt_items) {
  if (receipt_items.empty()) return {};
  Batches full;
  Group receipt = group_of(std::move(receipt_items));
  if (!fits(receipt)) return split(std::move(receipt));
  const bool joins = fits_beside_open(receipt);
  if (!joins && receipt.texts.size() > open_.texts.size()) {
    full.push_back(std::move(receipt.items));
    return full;
  }
  if (!joins) close_into(full);
  open_.items_max = std::min(open_.items_max, receipt.items_max);
  for (BatchItem& item : receipt.items) open_.add(std::move(item));
  if (open_.texts.size() == open_.items_max) close_into(full);
  return full;
}

/// Parts as equal as may be, so that none is left with a handful of items.
BatchPlanner::Batches BatchPlanner::split(Group receipt) const {
  const std::size_t items_max = receipt.items_max;
  auto texts = by_text(std::move(receipt.items));
  const std::size_t parts = (texts.size() + items_max - 1) / items_max;
  Batches full(1);
  std::size_t bytes = 0;
  std::uint64_t tokens = 0;
  for (std::size_t i = 0, part = 1; i < texts.size(); ++i) {
    const std::size_t text_bytes = request_bytes_max(texts[i].front());
    const bool part_ends = i == part * texts.size() / parts;
    if (part_ends) ++part;
    const std::uint64_t text_tokens = texts[i].front().tokens;
    if (part_ends || (!full.back().empty() && (!has_room(bytes + text_bytes, tokens + text_tokens) ||
                                               full.back().size() + texts[i].size() > limits_.followers_max))) {
      full.emplace_back();
      bytes = 0;
      tokens = 0;
    }
    bytes += text_bytes;
    tokens += text_tokens;
    std::ranges::move(texts[i], std::back_inserter(full.back()));
  }
  return full;
}

void BatchPlanner::close_into(Batches& full) {
  full.push_back(std::move(open_.items));
  open_ = Group(limits_.items_max);
}

std::vector<std::vector<BatchItem>> BatchPlanner::finish() {
  Batches last;
  if (!open_.items.empty()) close_into(last);
  return last;
}

}  // namespace tillite
