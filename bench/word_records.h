#pragma once

#include <span>
#include <vector>

#include "base/file.h"
#include "vectors/records/record.h"

namespace tillite::bench {

inline constexpr std::size_t kQueries = 300;
inline constexpr std::size_t kNearest = 10;
/// Distances that differ by less are taken for equal: each side sums in another order.
inline constexpr float kTie = 1e-5F;

/// Shares of the records, in thousandths, whose "turn" is below that number; 1,000 is all of them.
inline constexpr std::int64_t kShares[] = {1'000, 500, 50, 1};

/// A number from 0 to 999 that has nothing to do with the vector.
[[nodiscard]] inline std::int64_t turn_of(std::uint64_t row) { return static_cast<std::int64_t>(row * 7'919 % 1'000); }

/// A record with the document and metadata that a word has (docs/formats/metadata.md), and its "turn". No vector.
[[nodiscard]] Record word_record(std::uint64_t row);

/// What a benchmark's folder holds besides deltas: rows.f32, queries.f32, and for each of kShares the distance of the
/// k-th nearest row to each query.
struct DirectoryData {
  MappedFile rows;
  std::uint64_t count = 0;
  MappedFile query_rows;
  std::vector<std::vector<float>> limits;  ///< by share, by query
  std::vector<std::size_t> wanted;         ///< by share: how many each query can find, kNearest at most

  [[nodiscard]] static DirectoryData open(const Path& folder);
  [[nodiscard]] std::span<const float> row(std::uint64_t number) const;
  [[nodiscard]] std::span<const float> query(std::size_t number) const;
};

/// How many of all that were to be found were: distances that are not above the limit.
class Recall {
 public:
  Recall(const DirectoryData& data, std::size_t share);
  void count(std::size_t query, std::span<const float> distances);
  [[nodiscard]] double share() const { return static_cast<double>(found_) / static_cast<double>(wanted_); }

 private:
  const std::vector<float>& limits_;
  std::size_t wanted_each_;
  std::size_t found_ = 0;
  std::size_t wanted_ = 0;
};

}  // namespace tillite::bench
