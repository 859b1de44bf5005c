#pragma once

#include <gtest/gtest.h>

#include "base/file.h"

namespace tillite::testing {

/// A folder of this test's own, removed at its end.
class TempFolder {
 public:
  TempFolder() : folder_(*ScratchFolder::create(Path(::testing::TempDir()) / "tillite-tests")) {}
  [[nodiscard]] const Path& path() const { return folder_.path(); }
  [[nodiscard]] Path operator/(const Path& name) const { return folder_.path() / name; }

 private:
  ScratchFolder folder_;
};

}  // namespace tillite::testing
