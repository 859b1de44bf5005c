#pragma once

#include <mutex>

#include "base/file.h"
#include "base/sqlite.h"
#include "ports/clock.h"
#include "ports/vector_cache.h"

namespace tillite {

/// The vectors in one SQLite file (docs/formats/vector-cache.md), each with a checksum. A vector's use is noted by the
/// day, so that reading seldom writes. Threads: any; processes too.
class SqliteVectorCache final : public VectorCache {
 public:
  [[nodiscard]] static Result<std::unique_ptr<SqliteVectorCache>> open(const Path& file, Clock& clock,
                                                                       std::uint64_t bytes_max);

  [[nodiscard]] Result<std::vector<bool>> contains(std::span<const TextKey> keys) override;
  [[nodiscard]] Result<std::vector<std::optional<std::vector<float>>>> read(std::span<const TextKey> keys) override;
  [[nodiscard]] Result<void> keep(std::span<const CachedVector> vectors) override;
  [[nodiscard]] Result<CacheFacts> facts() override;
  [[nodiscard]] Result<CacheFacts> verify() override;
  [[nodiscard]] Result<void> clear() override;

 private:
  SqliteVectorCache(const Path& file, Clock& clock, std::uint64_t bytes_max);
  /// Removes those used longest ago until a tenth of the room is free again.
  void make_room();
  void remove(std::span<const TextKey> keys);
  [[nodiscard]] std::int64_t today() const;

  std::mutex mutex_;  ///< statements of one connection are used by one thread at a time
  SQLite::Database database_;
  Clock& clock_;
  std::uint64_t bytes_max_;
};

}  // namespace tillite
