#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/private_pages.h"
#include "vectors/hnsw/distance.h"
#include "vectors/hnsw/rotation.h"

namespace tillite {

/// The number of a code, and of the graph's node that it stands for.
using Node = std::uint32_t;

/// What codes look like in memory and in a file that keeps them; to be raised when encoding makes other ones, but for
/// rounding.
inline constexpr std::uint64_t kCodesVersion = 2;

/// Where the parts of codes lie in a file.
struct CodePlaces {
  std::uint64_t signs = 0;
  std::uint64_t rest = 0;
  std::uint64_t rough_facts = 0;
  std::uint64_t facts = 0;
};

/// Vectors in short, to build a graph on: a few bits for each number, after centring and a random rotation that makes
/// the numbers about normal. Signs alone lead the many comparisons of a search; all bits decide between what it finds.
/// Levels are uniform, their step the best for normal numbers (J. Max, "Quantizing for minimum distortion", 1960).
class Codes {
 public:
  /// `centre`: about the mean of the vectors that will come; any gives right distances, a good one better signs.
  /// `bits`: for each number; 1, 2, 4 or 8.
  Codes(std::vector<float> centre, std::size_t bits, std::uint64_t seed);

  [[nodiscard]] std::size_t dimensions() const { return centre_.size(); }
  [[nodiscard]] std::size_t size() const { return facts_.size(); }
  void reserve(std::size_t count);
  /// Makes room for codes up to `count`; what is new is to be encoded before it is compared.
  void resize(std::size_t count);
  /// Threads: any, each with codes of its own.
  void encode(Node code, std::span<const float> vector);

  /// From here on encode() and resize() leave out signs, which only rough distances need: memory for something else
  /// meanwhile. If codes have 8 bits, of which signs are a part.
  void put_off_signs();
  /// Ends that: codes from the answer on are to get their signs.
  [[nodiscard]] Node resume_signs();
  /// Sets the signs of a code. Threads: as encode().
  void put_signs(Node code);

  /// A vector that is searched for by the signs of others.
  struct RoughTarget {
    std::vector<std::uint64_t> planes;  ///< levels of 4 bits, a plane for each bit, the signs first
    float step = 0;                     ///< what a level is worth
    float sum = 0;                      ///< of the levels
    float square = 0;                   ///< its squared length
  };
  /// A vector that is searched for. Where its code has fewer than 8 bits it has them here, so that the error of a
  /// distance is only that of the other vector's code.
  struct Target {
    Node code = 0;
    RoughTarget rough;
    std::vector<std::int8_t> bytes;  ///< levels of 8 bits, from -128
    float step = 0;
    float sum = 0;
  };
  /// encode(), and what to search with.
  [[nodiscard]] Target encode_target(Node code, std::span<const float> vector);

  /// The squared distance of two vectors, as near as their codes tell it.
  [[nodiscard]] float distance(Node a, Node b) const;
  /// The same from a target.
  [[nodiscard]] float distance(const Target& target, Node b) const;
  /// The squared distance of two vectors, as near as their signs and lengths tell it: the share of equal signs gives
  /// the angle (Goemans and Williamson, 1995; Charikar, 2002).
  [[nodiscard]] float rough_distance(Node a, Node b) const;
  /// The same from a target: its product with the signs, scaled so that the product with its own signs comes out right
  /// (after Gao and Long, "RaBitQ", 2024). Near vectors seem farther than they are, all of them alike.
  [[nodiscard]] float rough_distance(const RoughTarget& target, Node b) const;
  /// The same of many. `distances`: at least as many.
  void rough_distances(const RoughTarget& target, std::span<const Node> nodes, std::span<float> distances) const;
  /// What to search with for a vector that has a code already: no finer than that.
  [[nodiscard]] RoughTarget target_of(Node code) const;

  /// A code of 8 bits: a level l stands for (l - 127.5) * step.
  struct Whole {
    std::span<const std::uint8_t> levels;  ///< 0 beyond the dimensions
    float step = 0;
    float sum = 0;     ///< of the levels
    float square = 0;  ///< the squared length of the coded vector
  };
  /// If codes have 8 bits.
  [[nodiscard]] Whole whole(Node code) const;
  [[nodiscard]] std::size_t bits() const { return bits_; }

  /// Have the machine fetch what distance() and rough_distance() will look at.
  void prefetch(Node code) const;
  void prefetch_signs(Node code) const {
    for (std::size_t word = 0; word < words_; word += kPlaneWordsStep) __builtin_prefetch(signs_of(code) + word);
    __builtin_prefetch(&rough_facts_[code]);
  }

  [[nodiscard]] const std::vector<float>& centre() const { return centre_; }
  /// The parts of all codes as a file keeps them: signs, the rest, facts.
  [[nodiscard]] std::array<std::span<const std::byte>, 4> parts() const;
  /// The bytes of the same parts of one code.
  [[nodiscard]] static std::array<std::size_t, 4> part_bytes(std::size_t dimensions, std::size_t bits);
  /// Becomes `count` codes that a file keeps, made with the same centre, bits and seed. They are read where they are
  /// needed. `corrupt` if they cannot be codes.
  [[nodiscard]] Result<void> take_over(const File& file, const CodePlaces& places, std::size_t count);

  /// Memory of one code.
  [[nodiscard]] static std::size_t bytes_of(std::size_t dimensions, std::size_t bits);

 private:
  /// What a code stands for besides its bits. Apart from the signs: so short that the machine's cache holds them all.
  struct RoughFacts {
    float square = 0;     ///< the squared length of the coded vector
    float positives = 0;  ///< how many signs are +
    float sign = 0;       ///< what a sign stands for
  };
  struct Facts {
    float step = 0;  ///< between two levels
    float sum = 0;   ///< of the levels' numbers
  };
  [[nodiscard]] const std::uint64_t* signs_of(Node code) const { return signs_.data() + code * words_; }
  [[nodiscard]] const std::uint8_t* rest_of(Node code) const { return rest_.data() + code * rest_bytes_; }
  [[nodiscard]] Pairs pairs_of(Node code) const;
  [[nodiscard]] float product(Node a, Node b) const;
  [[nodiscard]] std::vector<float> rotated(std::span<const float> vector) const;
  struct Levels;
  [[nodiscard]] static Levels levels_of(std::span<const float> numbers, std::size_t bits, std::size_t size);
  void store(Node code, std::span<const float> numbers, const Levels& levels);

  std::vector<float> centre_;
  Rotation rotation_;
  std::size_t bits_;
  std::size_t words_;       ///< of a plane
  std::size_t rest_bytes_;  ///< what a code has besides: its levels as bytes or nibbles, or its lower plane
  bool puts_off_signs_ = false;
  std::vector<float> cosines_;  ///< by how many signs differ
  PagedArray<std::uint64_t> signs_;
  PagedArray<std::uint8_t> rest_;
  PagedArray<RoughFacts> rough_facts_;
  PagedArray<Facts> facts_;
};

}  // namespace tillite
