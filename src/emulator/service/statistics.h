#pragma once

#include <memory>
#include <string>

#include "base/json.h"

namespace tillite {

/// Counts requests and those that are under way at the same time. Threads: any.
class Statistics {
 public:
  Statistics();

  /// A request is under way from now on until what is returned is let go, which may be after the end of the statistics.
  [[nodiscard]] std::shared_ptr<const void> enter(const std::string& operation);
  void count_status(const std::string& operation, unsigned status);
  void count_fault(std::string_view name);
  /// Inputs that the embeddings call was paid for, with their tokens.
  void count_embedded(std::uint64_t items, std::uint64_t tokens);
  /// Forgets the counts; what is under way stays so.
  void reset();

  /// {"total", "in_flight_max", "by_operation": {"POST /v1/batches": {"count", "in_flight_max", "by_status": {...}}},
  /// "faults": {...}, "embedded": {"items", "tokens"}}
  [[nodiscard]] Json json();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tillite
