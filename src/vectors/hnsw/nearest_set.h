#pragma once

#include <span>
#include <vector>

#include "vectors/hnsw/graph_links.h"

namespace tillite {

/// The nearest few of many nodes that come in any order; which these are does not depend on it. Of equal distances the
/// larger node is nearer. Distances are not negative.
class NearestSet {
 public:
  /// `count`: how many are kept, at least one.
  explicit NearestSet(std::size_t count);

  /// Takes those that may be among the nearest: at most kMatrixRows at once, each node once.
  void offer(std::span<const float> distances, std::span<const Node> nodes);
  /// About how far the nearest `count` so far go, not less; without limit if these are fewer.
  [[nodiscard]] float reach(std::size_t count) const;
  /// The nearest so far, in their order.
  [[nodiscard]] std::vector<Neighbour> nearest();

 private:
  void drop_farther(std::size_t most);
  [[nodiscard]] std::vector<Neighbour> sorted() const;
  void keep_up_to(float limit);

  std::size_t count_;
  std::size_t size_ = 0;
  float limit_;                   ///< what is farther is not among the nearest
  std::vector<float> distances_;  ///< of all that may be, and room behind them
  std::vector<Node> nodes_;
};

}  // namespace tillite
