#pragma once

#include <memory>

#include "adapters/aws/s3_bucket.h"

namespace tillite {

/// Writes an object into `file`, which must not exist yet: a large one in parts that come over several connections at
/// once, all of one version. Length and CRC-32 are checked. Nothing is left of the file if it fails.
/// Memory: 256 KiB for each connection, and what libcurl has.
///
/// Errors: S3Download's, and those of writing the file.
[[nodiscard]] Result<void> fetch_object(const std::shared_ptr<S3Bucket>& bucket, const ObjectKey& key,
                                        const Path& file);

}  // namespace tillite
