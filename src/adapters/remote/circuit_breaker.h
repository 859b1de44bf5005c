#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "ports/clock.h"

namespace tillite {

/// Spares a service that does not answer, and its callers the waiting. It opens after a number of faults in a row:
/// calls fail at once then. When it has rested, one call is let through as a probe: if it succeeds everything goes on,
/// else it rests again. What counts as a fault is the caller's to say: nothing that a request itself is to blame for.
///
/// Threads: any.
class CircuitBreaker {
 public:
  struct Settings {
    int faults_max = 10;  ///< in a row
    std::int64_t rest_ms = 30'000;
  };
  /// `service` is what messages call it. The clock must outlive this object.
  CircuitBreaker(std::string service, Settings settings, Clock& clock)
      : service_(std::move(service)), settings_(settings), clock_(clock) {}

  /// Leave to make one call. It must be told how the call went; if it goes untold (the call was given up, or never
  /// made), nothing is known. Must not outlive its breaker.
  class Permit {
   public:
    Permit(CircuitBreaker& breaker, bool is_probe) : breaker_(&breaker), is_probe_(is_probe) {}
    Permit(Permit&& other) noexcept : breaker_(std::exchange(other.breaker_, nullptr)), is_probe_(other.is_probe_) {}
    Permit& operator=(Permit&&) = delete;
    ~Permit();
    void succeeded();
    void failed(const std::string& reason);

   private:
    CircuitBreaker* breaker_;
    bool is_probe_;
  };

  /// `unavailable` while it rests, and while a probe is under way: with the last reason, and when to come again.
  [[nodiscard]] Result<Permit> enter();
  /// A fault that showed itself after its call had succeeded: an answer that broke off.
  void note_fault(const std::string& reason);

 private:
  void end_call(bool is_probe, const std::string* fault);

  std::string service_;
  Settings settings_;
  Clock& clock_;
  std::mutex mutex_;
  int faults_ = 0;                  ///< in a row
  std::int64_t open_until_ms_ = 0;  ///< by the steady clock; counts once faults_ has reached its limit
  bool probes_ = false;
  std::string reason_;
};

}  // namespace tillite
