#pragma once

#include "base/file.h"

namespace tillite {

/// The lock of a folder of objects, between threads and between processes, held as long as it lives. Whoever changes a
/// name holds it shared, and only for that moment; whoever must see no change holds it exclusively.
class StoreLock {
 public:
  [[nodiscard]] static Result<StoreLock> shared(const Path& root);
  [[nodiscard]] static Result<StoreLock> exclusive(const Path& root);

 private:
  explicit StoreLock(File file) : file_(std::move(file)) {}
  [[nodiscard]] static Result<StoreLock> take(const Path& root, int operation);
  File file_;
};

}  // namespace tillite
