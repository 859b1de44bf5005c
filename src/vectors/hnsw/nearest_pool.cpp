#include "vectors/hnsw/nearest_pool.h"

#include "base/wide.h"

namespace tillite {
namespace {

constexpr std::size_t kStep = 8;  // entries in a register at the most

/// Sorted entries and one more, which stands between those that are less and the others, each of these one place later.
/// No place asks a question whose answer is a jump: that would cost more than to look at them all.
TILLITE_WIDE void insert(const std::int64_t* __restrict before, const std::int64_t* __restrict at,
                         std::int64_t* __restrict to, std::size_t count, std::int64_t entry) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t lesser = at[i] < entry ? at[i] : entry;
    to[i] = before[i] > lesser ? before[i] : lesser;
  }
}

std::size_t whole_steps(std::size_t count) { return (count + kStep - 1) / kStep * kStep; }

}  // namespace

void NearestPool::start(std::size_t capacity, std::size_t beam) {
  size_ = 0;
  capacity_ = capacity;
  beam_ = beam;
  next_ = 0;
  for (auto* entries : {&entries_, &others_}) {
    entries->assign(kFirst + whole_steps(capacity + 1), std::numeric_limits<std::int64_t>::max());
    entries->front() = -1;
  }
}

void NearestPool::take(std::int64_t entry) {
  size_ = std::min(size_ + 1, capacity_);
  if (entry < entries_[kFirst + next_]) {
    const auto first = entries_.begin() + kFirst;
    next_ =
        static_cast<std::size_t>(std::lower_bound(first, first + static_cast<std::ptrdiff_t>(next_), entry) - first);
  }
  insert(entries_.data(), entries_.data() + kFirst, others_.data() + kFirst, whole_steps(size_), entry);
  std::swap(entries_, others_);
}

}  // namespace tillite
