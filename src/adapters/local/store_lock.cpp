#include "adapters/local/store_lock.h"

#include <sys/file.h>

#include <cerrno>

namespace tillite {

Result<StoreLock> StoreLock::take(const Path& root, int operation) {
  auto file = TRY(File::create(root / "lock"));
  while (::flock(file.descriptor(), operation) != 0) {
    if (errno != EINTR) return std::unexpected(system_error(errno, "locking", file.path()));
  }
  return StoreLock(std::move(file));
}

Result<StoreLock> StoreLock::shared(const Path& root) { return take(root, LOCK_SH); }
Result<StoreLock> StoreLock::exclusive(const Path& root) { return take(root, LOCK_EX); }

}  // namespace tillite
