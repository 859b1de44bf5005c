#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vectors/rotation.h"

namespace tillite {

/// The number of a code, and of the graph's node that it stands for.
using Node = std::uint32_t;

/// Vectors in short, to build a graph on: int8 numbers with a scale each, a quarter of the memory, and their signs, one
/// bit a number, for the many comparisons that only lead the way. Both are taken after centring and a random rotation.
class Codes {
 public:
  /// `centre`: about the mean of the vectors that will come; any gives right distances, a good one better signs.
  Codes(std::vector<float> centre, std::uint64_t seed);

  [[nodiscard]] std::size_t dimensions() const { return centre_.size(); }
  [[nodiscard]] std::size_t size() const { return scales_.size(); }
  void reserve(std::size_t count);
  /// Makes room for codes up to `count`; what is new is to be encoded before it is compared.
  void resize(std::size_t count);
  /// Threads: any, each with codes of its own.
  void encode(Node code, std::span<const float> vector);

  /// The squared distance of two vectors, as near as int8 numbers tell it.
  [[nodiscard]] float distance(Node a, Node b) const;
  /// How many signs differ: it grows with the angle.
  [[nodiscard]] std::uint32_t signs_apart(Node a, Node b) const;

  void prefetch(Node code) const;
  void prefetch_signs(Node code) const;

 private:
  [[nodiscard]] const std::int8_t* numbers(Node code) const { return numbers_.data() + code * number_count_; }
  [[nodiscard]] const std::uint64_t* signs(Node code) const { return signs_.data() + code * words_; }

  std::vector<float> centre_;
  Rotation rotation_;
  std::size_t number_count_;  ///< of a code: the dimensions, filled up with zeros
  std::size_t words_;
  std::vector<std::int8_t> numbers_;
  std::vector<std::uint64_t> signs_;
  std::vector<float> scales_;
  std::vector<float> squares_;  ///< the squared lengths of the coded vectors
};

}  // namespace tillite
