#pragma once

#include <vector>

#include "steps/step.h"
#include "vectors/deltas/delta.h"

namespace tillite {

/// Writes records that need no provider as deltas of a generation, some thousands each. A delta's id follows from its
/// records: a repetition finds what it wrote. What was consumed already, merged or quarantined, gets another id.
class ChangeWriter {
 public:
  ChangeWriter(CollectionBinding binding, const Ports& ports, const StepContext& context)
      : binding_(std::move(binding)), ports_(ports), context_(context) {}

  [[nodiscard]] Result<void> add(Record record);
  /// Writes what is left.
  [[nodiscard]] Result<void> finish();
  [[nodiscard]] std::size_t deltas() const { return deltas_; }

 private:
  CollectionBinding binding_;
  const Ports& ports_;
  const StepContext& context_;
  std::vector<Record> records_;
  std::size_t bytes_ = 0;
  std::size_t deltas_ = 0;
};

}  // namespace tillite
