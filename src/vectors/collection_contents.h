#pragma once

#include <unordered_map>

#include "vectors/pinned_snapshot.h"
#include "vectors/unmerged.h"

namespace tillite {

/// A collection at one moment: a snapshot, and what the deltas that are not merged yet make of it.
struct CollectionContents {
  std::optional<PinnedSnapshot> snapshot;  ///< nothing: no vector was ever published
  Unmerged unmerged;
  std::vector<bool> hidden;  ///< by label: the snapshot's vectors that were replaced or removed
  std::size_t hidden_count = 0;
  std::unordered_map<std::uint64_t, const UnmergedRecord*> relabelled;  ///< by label: records with newer metadata
  std::size_t unmerged_vectors = 0;

  /// Fills in what follows from the snapshot and the unmerged records.
  void connect();
  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] bool is_hidden(std::uint64_t label) const { return label < hidden.size() && hidden[label]; }
};

/// A vector of the collection and its distance from a query.
struct Near {
  float distance = 0;
  std::uint64_t label = 0;                   ///< in the snapshot, if `unmerged` is null
  const UnmergedRecord* unmerged = nullptr;  ///< the unmerged record that brought the vector
};

/// The nearest k vectors whose records match, nearest first. The snapshot's graph is searched, or compared one by one
/// where few come into question; unmerged vectors are always compared one by one.
[[nodiscard]] Result<std::vector<Near>> nearest(const CollectionContents& contents, std::span<const float> query,
                                                std::size_t k, const Where& where);

}  // namespace tillite
