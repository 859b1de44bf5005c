#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/hash.h"

namespace tillite::bench {

inline constexpr std::size_t kDimensions = 1536;

using Vectors = std::vector<std::vector<float>>;

/// Vectors of unit length to build on, as rows of a file, and others of their kind to ask for.
struct VectorSet {
  std::string name;
  Path rows;
  std::uint64_t count = 0;
  std::vector<Sum128> hashes;  ///< of the rows
  Vectors queries;
};

/// Around 100 centres: easy, as texts of few kinds are.
[[nodiscard]] VectorSet clustered_vectors(const Path& folder, std::uint64_t count, std::size_t queries);
/// Independent normal numbers: all about equally far from each other, the hardest there is.
[[nodiscard]] VectorSet gaussian_vectors(const Path& folder, std::uint64_t count, std::size_t queries);
/// The lines or words of a file of receipts with all their repeats, by the local embedder; the queries are some of
/// them. `count` 0: all of them.
[[nodiscard]] VectorSet line_vectors(const Path& folder, const Path& receipts, std::uint64_t count,
                                     std::size_t queries);
[[nodiscard]] VectorSet word_vectors(const Path& folder, const Path& receipts, std::uint64_t count,
                                     std::size_t queries);

/// The distance (1 - dot) of the k-th nearest row to each query, by comparing all that `keeps` (may be empty) keeps.
[[nodiscard]] std::vector<float> kth_distances(const VectorSet& set, std::size_t k,
                                               const std::function<bool(std::uint64_t row)>& keeps = {});

/// The value, or the end of the benchmark with the error's text.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().message());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace tillite::bench
