#pragma once

#include <unordered_map>

#include "vectors/queries/unmerged.h"
#include "vectors/snapshots/pinned_version.h"

namespace tillite {

/// A shard at one moment: its snapshot, and what the deltas that are not merged yet hide and change in it.
struct ShardContents {
  std::vector<bool> hidden;  ///< by label: vectors that were replaced or removed
  std::size_t hidden_count = 0;
  std::unordered_map<std::uint64_t, const UnmergedRecord*> relabelled;  ///< by label: records with newer metadata

  [[nodiscard]] bool is_hidden(std::uint64_t label) const { return label < hidden.size() && hidden[label]; }
};

/// A collection at one moment: the shards of a version, and what the deltas that are not merged yet make of them.
struct CollectionContents {
  PinnedVersion version;  ///< without shards: no vector was ever published
  Unmerged unmerged;
  std::vector<ShardContents> shards;  ///< as many as the version has
  std::size_t unmerged_vectors = 0;

  /// Fills in what follows from the version and the unmerged records.
  void connect();
  [[nodiscard]] std::uint64_t size() const;
};

/// A vector of the collection and its distance from a query.
struct Near {
  float distance = 0;
  std::size_t shard = 0;                     ///< of the version, if `unmerged` is null
  std::uint64_t label = 0;                   ///< in the shard, the same
  const UnmergedRecord* unmerged = nullptr;  ///< the unmerged record that brought the vector
};

/// The nearest k vectors whose records match, nearest first, and behind them those that are as far as the last one.
/// Each shard's graph is searched, or compared one by one where few come into question; unmerged vectors are always
/// compared one by one. Several shards are searched at the same time; what they find is put in one order.
[[nodiscard]] Result<std::vector<Near>> nearest(const CollectionContents& contents, std::span<const float> query,
                                                std::size_t k, const Where& where);

}  // namespace tillite
