#pragma once

#include "adapters/aws/s3_bucket.h"

namespace tillite {

/// Writes an object in parts that go over several connections at once; it appears as a whole at the end, if the
/// condition holds then. Given up parts are removed. Memory: what libcurl has for each connection; the parts are read
/// where they are, twice.
///
/// Errors: S3Bucket's. A status of 409 asks for the whole upload to be repeated.
[[nodiscard]] AwsResult<void> upload_in_parts(S3Bucket& bucket, const ObjectKey& key, const UploadContent& content,
                                              const S3Condition& condition, const std::string& write_id);

}  // namespace tillite
