#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vectors/rotation.h"

namespace tillite {

/// The number of a code, and of the graph's node that it stands for.
using Node = std::uint32_t;

/// Vectors in short, to build a graph on: a few bits for each number, after centring and a random rotation that makes
/// the numbers about normal. The bits lie in planes, all highest ones together: those are the signs, all that is
/// looked at of a vector in the many comparisons that only lead the way.
/// Levels are uniform, their step the best for normal numbers (J. Max, "Quantizing for minimum distortion", 1960).
class Codes {
 public:
  /// `centre`: about the mean of the vectors that will come; any gives right distances, a good one better signs.
  /// `planes`: bits for each number; 1, 2 or 4.
  Codes(std::vector<float> centre, std::size_t planes, std::uint64_t seed);

  [[nodiscard]] std::size_t dimensions() const { return centre_.size(); }
  [[nodiscard]] std::size_t size() const { return facts_.size(); }
  void reserve(std::size_t count);
  /// Makes room for codes up to `count`; what is new is to be encoded before it is compared.
  void resize(std::size_t count);
  /// Threads: any, each with codes of its own.
  void encode(Node code, std::span<const float> vector);

  /// The squared distance of two vectors, as near as their codes tell it.
  [[nodiscard]] float distance(Node a, Node b) const;
  /// The squared distance of two vectors, as near as the code of `a` and the signs and length of `b` tell it.
  [[nodiscard]] float rough_distance(Node a, Node b) const;

  void prefetch(Node code) const;
  void prefetch_signs(Node code) const;

 private:
  struct Facts {
    float step = 0;       ///< between two levels
    float square = 0;     ///< the squared length of the coded vector
    float sum = 0;        ///< of the levels' numbers
    float positives = 0;  ///< how many signs are +
    float sign = 0;       ///< what a sign stands for, so that the vector's product with itself comes out right
  };
  [[nodiscard]] const std::uint64_t* planes_of(Node code) const { return bits_.data() + code * planes_ * words_; }
  [[nodiscard]] float product(Node a, Node b) const;
  [[nodiscard]] float product_with_signs(Node a, Node b) const;

  std::vector<float> centre_;
  Rotation rotation_;
  std::size_t planes_;
  std::size_t words_;  ///< of a plane
  std::vector<std::uint64_t> bits_;
  std::vector<Facts> facts_;
};

}  // namespace tillite
