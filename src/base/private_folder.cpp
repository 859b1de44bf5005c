#include "base/private_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace tillite {

Result<void> make_private_folder(const Path& path) {
  if (::mkdir(path.c_str(), S_IRWXU) == 0) return {};
  if (errno != EEXIST) return std::unexpected(system_error(errno, "making", path));
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) return std::unexpected(system_error(errno, "looking at", path));
  constexpr mode_t kWritableForOthers = S_IWGRP | S_IWOTH;
  if (S_ISDIR(facts.st_mode) && facts.st_uid == ::geteuid() && (facts.st_mode & kWritableForOthers) == 0) return {};
  return fail(Code::permission, "{} is no folder of this user's alone: remove it, or name another place by TMPDIR",
              path.string());
}

}  // namespace tillite
