#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/ids.h"

namespace tillite {

/// One item of a batch: what the provider is asked, and what the answer is checked against.
struct BatchItem {
  RecordId id;
  std::string input_hash;
  std::int64_t item_version = 0;
  std::string input;           ///< the text that is sent; not kept in the list of items
  std::string stored_hash;     ///< what its row had for input_hash when the text was read; not kept either
  std::int64_t deferrals = 0;  ///< how often its batch was turned away as too large; not kept either
  std::uint64_t tokens = 0;    ///< of what is sent; not kept either
};

struct BatchLimits {
  std::size_t items_max = 300;          ///< requests: items of equal text (input_hash) are one
  std::size_t bytes_max = 200'000'000;  ///< of the NDJSON file
  std::size_t followers_max = 3'000;    ///< items that share the requests of others
  std::uint64_t tokens_max = std::numeric_limits<std::int64_t>::max();  ///< of the requests
};

/// Groups items into batches: whole receipts, as many as fit; a receipt is split only if it alone is larger than a
/// batch, and then evenly, items of one text together. Every batch but the last has half of items_max or more (unless
/// something else fills it): a receipt that does not fit closes the larger of the two, itself or the batch that is
/// open. A receipt whose batch was turned away goes into a smaller one: at most half of items_max after the first time,
/// a quarter after the second. Fed receipt by receipt; memory: one batch and one receipt.
class BatchPlanner {
 public:
  explicit BatchPlanner(BatchLimits limits) : limits_(limits), open_(limits.items_max) {}
  /// The items of one receipt; batches that are full because of it.
  [[nodiscard]] std::vector<std::vector<BatchItem>> add(std::vector<BatchItem> receipt_items);
  /// The last batch, if it has items.
  [[nodiscard]] std::vector<std::vector<BatchItem>> finish();

 private:
  using Batches = std::vector<std::vector<BatchItem>>;
  /// Items with what they ask of the provider.
  struct Group {
    explicit Group(std::size_t items_max_of_group) : items_max(items_max_of_group) {}
    void add(BatchItem item);

    std::vector<BatchItem> items;
    std::unordered_set<std::string> texts;  ///< their input_hashes
    std::size_t bytes = 0;                  ///< of the requests, at most
    std::uint64_t tokens = 0;               ///< of the requests
    std::size_t items_max;                  ///< the least that the items allow
  };
  [[nodiscard]] std::size_t items_max_for(const BatchItem& item) const;
  [[nodiscard]] Group group_of(std::vector<BatchItem> items) const;
  [[nodiscard]] bool fits(const Group& group) const;
  [[nodiscard]] bool has_room(std::size_t bytes, std::uint64_t tokens) const;
  [[nodiscard]] bool fits_beside_open(const Group& receipt) const;
  [[nodiscard]] Batches split(Group receipt) const;
  void close_into(Batches& full);

  BatchLimits limits_;
  Group open_;
};

}  // namespace tillite
