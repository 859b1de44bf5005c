#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "embedding/bill.h"
#include "embedding/model.h"
#include "steps/batches/batch.h"

namespace tillite {

/// What a run may spend at most: an amount of money, or a number of tokens.
struct Budget {
  std::optional<Dollars> amount = {};
  std::optional<std::uint64_t> tokens = {};
};

/// What the submits of one run spend together. Each asks before it sends anything, so the run never spends beyond its
/// budget, whatever came after it was planned: new items, or items that are sent again. Threads: any.
class Spending {
 public:
  explicit Spending(Budget budget) : budget_(budget) {}

  /// Whether a batch of so many tokens for `model` may be sent; from then on its tokens count. A repetition gets the
  /// same answer. An amount allows nothing of which the price is not known.
  [[nodiscard]] bool allows(const Batch& batch, const EmbeddingModel& model, std::uint64_t tokens);

  /// Batches that may not be sent, and their tokens.
  struct Refused {
    std::size_t batches = 0;
    std::uint64_t tokens = 0;
  };
  [[nodiscard]] Refused refused() const;

 private:
  [[nodiscard]] bool has_room(const std::optional<Dollars>& price, std::uint64_t tokens) const;

  Budget budget_;
  mutable std::mutex mutex_;
  Bill bill_;
  std::uint64_t tokens_ = 0;
  std::set<BatchId> allowed_;
  std::map<BatchId, std::uint64_t> refused_;
};

}  // namespace tillite
