#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace tillite {

/// Which text a vector is of: a hash over model, dimensions, input format and the text that is sent (text_key()).
using TextKey = Id<struct TextKeyMeaning>;

struct CachedVector {
  TextKey key;
  std::vector<float> vector;  ///< as the provider gave it, not normalised
};

struct CacheFacts {
  std::uint64_t vectors = 0;
  std::uint64_t bytes = 0;      ///< of vectors and keys
  std::uint64_t bytes_max = 0;  ///< beyond it those used longest ago go
  std::uint64_t damaged = 0;    ///< found by verify(), and removed
};

/// The vectors that were paid for, by their text, so that none is paid for again. An economy, not a promise: whatever
/// is missing here is asked of the provider. Bounded: when it is full, those used longest ago go.
///
/// Threads: any. Durability: as good as the medium; a vector that is kept survives a crash of the process.
/// Errors: `unavailable`, `no_space`, `corrupt` (the cache as a whole; a single damaged vector is removed and missing).
class VectorCache {
 public:
  virtual ~VectorCache() = default;

  /// Whether there is a vector for each of these texts, in their order. Cheap: no vector is read.
  [[nodiscard]] virtual Result<std::vector<bool>> contains(std::span<const TextKey> keys) = 0;
  /// The vectors, in the order of the keys; nothing where there is none.
  [[nodiscard]] virtual Result<std::vector<std::optional<std::vector<float>>>> read(std::span<const TextKey> keys) = 0;
  /// Keeps vectors; for a text that has one already the first stays.
  [[nodiscard]] virtual Result<void> keep(std::span<const CachedVector> vectors) = 0;

  [[nodiscard]] virtual Result<CacheFacts> facts() = 0;
  /// Reads everything, and removes what is damaged.
  [[nodiscard]] virtual Result<CacheFacts> verify() = 0;
  [[nodiscard]] virtual Result<void> clear() = 0;
};

}  // namespace tillite
