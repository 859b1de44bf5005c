#pragma once

#include <map>
#include <span>

#include "steps/batches/batch.h"
#include "steps/step.h"

namespace tillite {

// Which batch sends a text: rows TEXT#{key} / CLAIM (docs/formats/table.md). While a batch is on its way no other sends
// what it sends. A claim is worth no more than its batch: one whose batch has ended, or delivered, may be taken over.

/// Claims texts for a batch whose row is written. For each text whether it is this batch's now: not if another batch
/// has it on its way, nor if its vector has come meanwhile. Repeating it gives the same. Keys must be distinct.
[[nodiscard]] Result<std::vector<bool>> claim_texts(const BatchId& batch, std::span<const TextKey> keys,
                                                    const Ports& ports);

/// Gives up the claims that a batch has on these texts; others' stay.
[[nodiscard]] Result<void> release_texts(const BatchId& batch, std::span<const TextKey> keys, Table& table);

/// Whether any batch of the entity may still bring vectors: else no text is on its way, and none need be looked up.
[[nodiscard]] Result<bool> any_on_their_way(Entity entity, Table& table);

/// Which texts are on their way, asked over and over: each batch is looked up once. One thread.
class TextsOnTheirWay {
 public:
  explicit TextsOnTheirWay(Table& table) : table_(table) {}
  [[nodiscard]] Result<bool> contains(const TextKey& key);
  /// Whether this batch may still bring a vector.
  [[nodiscard]] Result<bool> is_open(const BatchId& batch);

 private:
  Table& table_;
  std::map<BatchId, bool> open_;
};

}  // namespace tillite
