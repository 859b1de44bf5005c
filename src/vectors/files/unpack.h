#pragma once

#include "base/bytes.h"
#include "base/file.h"

namespace tillite {

/// How much an archive from outside may hold.
struct UnpackLimits {
  std::size_t members_max = 1'000;                   ///< files and folders
  std::uint64_t bytes_max = std::uint64_t{8} << 30;  ///< of all files, unpacked
};

/// Unpacks the files of a .tar.gz that anybody may have written into `folder`, which must be empty and nobody else's.
/// Nothing is ever written outside of it: `corrupt` for a name that is absolute, has ".." or a control character in it,
/// or comes twice, for links and devices, and for an archive that is not whole. `limit_exceeded` above the limits.
/// Files are not synced. After an error the folder may hold a part. Memory does not grow with the archive.
[[nodiscard]] Result<void> unpack_tar_gz(ByteSource& archive, const Path& folder, const UnpackLimits& limits = {});

}  // namespace tillite
