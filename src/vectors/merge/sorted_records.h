#pragma once

#include <memory>
#include <optional>

#include "vectors/merge/gathered_record.h"

namespace tillite {

/// Records in the order of a run, one after the other.
class SortedRecords {
 public:
  virtual ~SortedRecords() = default;
  /// Nothing at the end.
  [[nodiscard]] virtual Result<std::optional<GatheredRecord>> next() = 0;
};

/// Several such sequences as one.
class SortedMerge {
 public:
  [[nodiscard]] static Result<SortedMerge> open(std::vector<std::unique_ptr<SortedRecords>> sources);
  /// What next() will give, where it lies until then; null at the end.
  [[nodiscard]] const GatheredRecord* peek() const { return least_ == heads_.size() ? nullptr : &*heads_[least_]; }
  [[nodiscard]] Result<std::optional<GatheredRecord>> next();

 private:
  void find_least();

  std::vector<std::unique_ptr<SortedRecords>> sources_;
  std::vector<std::optional<GatheredRecord>> heads_;  ///< the next record of each
  std::size_t least_ = 0;                             ///< which of them is next; their number at the end
};

}  // namespace tillite
