#include "base/byte_budget.h"

#include "base/check.h"

namespace tillite {

ByteBudget::Share::~Share() {
  const std::scoped_lock lock(budget_.mutex_);
  budget_.taken_ -= bytes_;
  budget_.changed_.notify_all();
}

void ByteBudget::Share::take(std::uint64_t bytes) {
  check(bytes_ == 0, "a share is taken once");
  std::unique_lock lock(budget_.mutex_);
  budget_.changed_.wait(lock, [&] { return budget_.taken_ == 0 || budget_.taken_ + bytes <= budget_.bytes_max_; });
  budget_.taken_ += bytes;
  bytes_ = bytes;
}

}  // namespace tillite
