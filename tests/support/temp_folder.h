#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"

namespace tillite::testing {

/// A folder of this test's own, removed at its end.
class TempFolder {
 public:
  TempFolder() : TempFolder(::testing::TempDir()) {}
  explicit TempFolder(const Path& parent) : folder_(*ScratchFolder::create(parent / "tillite-tests")) {}
  /// In memory where the machine has such a place: for tests that write a lot and ask nothing of the disk.
  static TempFolder in_memory() {
    const Path memory = "/dev/shm";
    return ::access(memory.c_str(), W_OK) == 0 ? TempFolder(memory) : TempFolder();
  }
  [[nodiscard]] const Path& path() const { return folder_.path(); }
  [[nodiscard]] Path operator/(const Path& name) const { return folder_.path() / name; }

 private:
  ScratchFolder folder_;
};

}  // namespace tillite::testing
