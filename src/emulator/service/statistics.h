#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/json.h"

namespace tillite {

/// Counts requests and those that are under way at the same time. Threads: any.
class Statistics {
 public:
  /// A request is under way from now on until what is returned is let go. The statistics must outlive it.
  [[nodiscard]] std::shared_ptr<const void> enter(const std::string& operation);
  void count_status(const std::string& operation, unsigned status);
  void count_fault(std::string_view name);
  /// Forgets the counts; what is under way stays so.
  void reset();

  /// {"total", "in_flight_max", "by_operation": {"POST /v1/batches": {"count", "in_flight_max", "by_status": {...}}},
  /// "faults": {...}}
  [[nodiscard]] Json json();

 private:
  struct Counts {
    std::uint64_t count = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t in_flight_max = 0;
    std::map<std::string, std::uint64_t> by_status;
    void enter();
  };

  std::mutex mutex_;
  Counts all_;
  std::map<std::string, Counts> by_operation_;
  std::map<std::string, std::uint64_t> faults_;
};

}  // namespace tillite
