#pragma once

#include <vector>

#include "adapters/local/home.h"
#include "base/sqlite.h"

namespace tillite {

/// A home as it was at one moment, kept while others go on: what a crash at that moment would have left, so everything
/// that bears a crash bears being copied so. Rows are kept by a read transaction on each database, objects by one more
/// name for each. Threads: one.
class HomeImage {
 public:
  /// Stops all writing in the home by every process, for as long as it takes to give each object its second name.
  [[nodiscard]] static Result<HomeImage> take(const Home& home);

  /// Copies everything but the marker into `folder`, which is there and empty; on the disk when this returns.
  [[nodiscard]] Result<void> copy_to(const Path& folder);

 private:
  struct Objects {
    Path name;  ///< of the store's folder in a home
    ScratchFolder links;
  };
  HomeImage() = default;

  std::vector<SQLite::Database> databases_;
  std::vector<Objects> objects_;
};

}  // namespace tillite
