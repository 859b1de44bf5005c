#pragma once

#include "ports/clock.h"
#include "ports/table.h"
#include "ports/vector_cache.h"

namespace tillite {

/// The vectors as rows of a table (docs/formats/vector-cache.md): for machines that come and go. Its bound is time: a
/// vector goes so long after it was kept, by the table's time_to_live, and its size has none (bytes_max is 0). Of two
/// callers who keep different vectors of one text at the same moment either may be the first.
///
/// facts(), verify() and clear() read all of it: dear where reading is billed.
class TableVectorCache final : public VectorCache {
 public:
  static constexpr std::int64_t kLifeMs = 90LL * 24 * 3'600'000;

  /// Table and clock must outlive this object.
  TableVectorCache(Table& table, Clock& clock, std::int64_t life_ms = kLifeMs)
      : table_(table), clock_(clock), life_ms_(life_ms) {}

  [[nodiscard]] Result<std::vector<bool>> contains(std::span<const TextKey> keys) override;
  [[nodiscard]] Result<std::vector<std::optional<std::vector<float>>>> read(std::span<const TextKey> keys) override;
  [[nodiscard]] Result<void> keep(std::span<const CachedVector> vectors) override;
  [[nodiscard]] Result<CacheFacts> facts() override;
  [[nodiscard]] Result<CacheFacts> verify() override;
  [[nodiscard]] Result<void> clear() override;

 private:
  /// The rows of these texts; none for those whose time is over, which the table removes when it gets to it.
  [[nodiscard]] Result<std::vector<std::optional<Item>>> rows_of(std::span<const TextKey> keys);
  [[nodiscard]] bool is_over(const Item& row) const;

  Table& table_;
  Clock& clock_;
  std::int64_t life_ms_;
};

}  // namespace tillite
