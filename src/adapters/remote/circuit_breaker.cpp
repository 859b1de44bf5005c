#include "adapters/remote/circuit_breaker.h"

#include <utility>

namespace tillite {

Result<CircuitBreaker::Permit> CircuitBreaker::enter() {
  const std::scoped_lock lock(mutex_);
  if (faults_ < settings_.faults_max) return Permit(*this, /*is_probe=*/false);
  const std::int64_t rest_ms = open_until_ms_ - clock_.steady_ms();
  if (rest_ms > 0) {
    return fail(Code::unavailable,
                "{} has failed {} times in a row and is left alone for another {} s; the last reason: {}", service_,
                faults_, (rest_ms + 999) / 1000, reason_);
  }
  if (probes_) {
    return fail(Code::unavailable, "{} has failed {} times in a row and is being tried again; the last reason: {}",
                service_, faults_, reason_);
  }
  probes_ = true;
  return Permit(*this, /*is_probe=*/true);
}

void CircuitBreaker::note_fault(const std::string& reason) { end_call(/*is_probe=*/false, &reason); }

void CircuitBreaker::end_call(bool is_probe, const std::string* fault) {
  const std::scoped_lock lock(mutex_);
  if (is_probe) probes_ = false;
  if (fault == nullptr) {
    faults_ = 0;
    return;
  }
  ++faults_;
  reason_ = *fault;
  if (faults_ >= settings_.faults_max) open_until_ms_ = clock_.steady_ms() + settings_.rest_ms;
}

CircuitBreaker::Permit::~Permit() {
  if (breaker_ == nullptr || !is_probe_) return;
  const std::scoped_lock lock(breaker_->mutex_);
  breaker_->probes_ = false;
}

void CircuitBreaker::Permit::succeeded() {
  if (breaker_ != nullptr) std::exchange(breaker_, nullptr)->end_call(is_probe_, nullptr);
}

void CircuitBreaker::Permit::failed(const std::string& reason) {
  if (breaker_ != nullptr) std::exchange(breaker_, nullptr)->end_call(is_probe_, &reason);
}

}  // namespace tillite
