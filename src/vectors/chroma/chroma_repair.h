#pragma once

#include "vectors/chroma/chroma_check.h"

namespace tillite {

struct ChromaRepair {
  std::vector<Finding> found;     ///< what check_chroma_directory() found before
  std::vector<Finding> repaired;  ///< what was done, by file; empty: nothing was wrong, and nothing was written
};

/// Writes a copy of a Chroma directory in which what can be mended without loss is mended: rows of the full text,
/// sequence numbers that would lose changes, live elements that no search reaches, length.bin, and the pickle of the
/// labels where Chroma's tables say which label each id has (in what we wrote and no server has changed since).
/// `target` must be absent or empty (`conflict`); it appears whole or not at all. `corrupt` says what cannot be mended;
/// nothing is written then. The directory itself is never changed. Of an export of several shards all are copied,
/// should one need it.
[[nodiscard]] Result<ChromaRepair> repair_chroma_directory(const Path& folder, const Path& target,
                                                           const std::stop_token& stop);

}  // namespace tillite
