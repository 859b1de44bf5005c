#pragma once

#include "base/file.h"

namespace tillite {

/// Makes a folder into which this user alone can put something; one that is there already must be such a one, and no
/// link. For places that everybody can write to, as the folder for temporary files. `permission` for another one.
[[nodiscard]] Result<void> make_private_folder(const Path& path);

}  // namespace tillite
