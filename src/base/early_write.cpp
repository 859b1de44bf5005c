#include "base/early_write.h"

#include <fcntl.h>

namespace tillite {

void begin_sync(const File& file, std::uint64_t offset, std::uint64_t bytes) {
  ::sync_file_range(file.descriptor(), static_cast<off_t>(offset), static_cast<off_t>(bytes), SYNC_FILE_RANGE_WRITE);
}

}  // namespace tillite
