#include "vectors/merge/gathered_vectors.h"

#include <algorithm>

namespace tillite {
namespace {

constexpr std::uint64_t kTailBytesMax = std::uint64_t{128} << 10;

}  // namespace

GatheredVectors::GatheredVectors(std::size_t dimensions, std::uint64_t bytes_max, File file)
    : dimensions_(dimensions),
      tail_bytes_(std::min(bytes_max / 16, kTailBytesMax)),
      in_memory_max_((bytes_max - tail_bytes_) / row_bytes()),
      file_(std::move(file)),
      tail_begin_(in_memory_max_) {
  numbers_.reserve(in_memory_max_ * dimensions_);
}

Result<void> GatheredVectors::add(std::span<const float> vector) {
  const std::uint64_t row = rows_++;
  if (row >= in_memory_max_) {
    tail_.insert(tail_.end(), vector.begin(), vector.end());
    return tail_.size() * sizeof(float) < tail_bytes_ ? Result<void>() : write_tail();
  }
  numbers_.resize(std::max<std::size_t>(numbers_.size(), rows_ * dimensions_));
  std::ranges::copy(vector, numbers_.data() + row * dimensions_);
  return {};
}

Result<std::span<const float>> GatheredVectors::read(std::uint64_t row, std::vector<float>& room) {
  if (row < in_memory_max_) return numbers_.values().subspan(row * dimensions_, dimensions_);
  if (row >= tail_begin_) return std::span(tail_).subspan((row - tail_begin_) * dimensions_, dimensions_);
  room.resize(dimensions_);
  TRY(file_.read_at(place_of(row), std::as_writable_bytes(std::span(room))));
  return std::span<const float>(room);
}

void GatheredVectors::resize(std::uint64_t rows) {
  rows_ = rows;
  tail_begin_ = std::clamp(rows, in_memory_max_, tail_begin_);
  tail_.resize((std::max(rows, tail_begin_) - tail_begin_) * dimensions_);
}

Result<void> GatheredVectors::write_tail() {
  TRY(file_.write_at(place_of(tail_begin_), std::as_bytes(std::span(tail_))));
  tail_begin_ = rows_;
  tail_.clear();
  return {};
}

}  // namespace tillite
