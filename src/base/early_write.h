#pragma once

#include "base/file.h"

namespace tillite {

/// Has the machine begin to put what was written to a part of a file on the disk, so that a later File::sync() waits
/// for less. A hint: nothing is promised, nothing waits.
void begin_sync(const File& file, std::uint64_t offset, std::uint64_t bytes);

}  // namespace tillite
