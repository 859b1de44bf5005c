#include "embedding/embedder.h"

#include <cmath>
#include <cstdint>
#include <unordered_map>

#include "base/text.h"

namespace tillite {
namespace {

constexpr std::size_t kShortest = 2;
constexpr std::size_t kLongest = 4;

/// FNV-1a over code points, then a finaliser that spreads every bit (murmur3's): the same on every machine, for ever.
std::uint64_t hash_of(std::u32string_view gram) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char32_t c : gram) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      hash ^= (static_cast<std::uint64_t>(c) >> shift) & 0xff;
      hash *= 0x100000001b3ULL;
    }
  }
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53ULL;
  hash ^= hash >> 33;
  return hash;
}

/// The folded text, its blanks made single, with one at both ends: the beginnings and ends of words are grams of their
/// own.
std::u32string padded(std::string_view text) {
  const std::string folded = fold(text);
  std::u32string result = U" ";
  for (const std::string_view word : split_at_blanks(folded)) {
    result += code_points(word);
    result += U' ';
  }
  return result.size() == 1 ? U"  " : result;
}

}  // namespace

std::vector<float> NgramEmbedder::embed(std::string_view text, std::size_t dimensions) const {
  const std::u32string characters = padded(text);
  std::unordered_map<std::uint64_t, int> counts;
  for (std::size_t length = kShortest; length <= kLongest; ++length) {
    for (std::size_t start = 0; start + length <= characters.size(); ++start) {
      ++counts[hash_of(std::u32string_view(characters).substr(start, length))];
    }
  }
  // Integers sum up exactly, so the order of the map does not matter: weights are rounded to 1/65536.
  std::vector<std::int64_t> sums(dimensions, 0);
  for (const auto& [hash, count] : counts) {
    const auto weight = std::llround(std::sqrt(static_cast<double>(count)) * 65536);
    sums[(hash >> 1) % dimensions] += (hash & 1) != 0 ? weight : -weight;
  }
  double square = 0;
  for (const std::int64_t sum : sums) square += static_cast<double>(sum) * static_cast<double>(sum);
  std::vector<float> vector(dimensions, 0.0F);
  if (square == 0) {
    vector[0] = 1.0F;  // all grams cancelled each other out
    return vector;
  }
  const double length = std::sqrt(square);
  for (std::size_t i = 0; i < dimensions; ++i) vector[i] = static_cast<float>(static_cast<double>(sums[i]) / length);
  return vector;
}

}  // namespace tillite
