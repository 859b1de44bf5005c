#include "adapters/aws/s3_upload.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "adapters/aws/crc32.h"
#include "base/parallel.h"

namespace tillite {
namespace {

constexpr std::uint64_t kPartsMax = 10'000;

/// As large as it must be for S3 to take all parts.
std::uint64_t part_bytes_for(std::uint64_t size_bytes, std::uint64_t part_bytes) {
  return std::max(part_bytes, (size_bytes + kPartsMax - 1) / kPartsMax);
}

AwsResult<std::vector<S3Part>> put_parts(S3Bucket& bucket, const ObjectKey& key, const UploadContent& content,
                                         std::uint64_t part_bytes, const std::string& upload) {
  std::vector<S3Part> parts(static_cast<std::size_t>((content.size_bytes() + part_bytes - 1) / part_bytes));
  std::atomic<bool> failed = false;
  std::mutex mutex;
  AwsResult<void> outcome;
  for_each_parallel(parts.size(), bucket.settings().connections, [&](std::size_t i) {
    if (failed) return;
    const std::uint64_t begin = i * part_bytes;
    const S3Bucket::Span span{.begin = begin, .end = std::min(begin + part_bytes, content.size_bytes())};
    auto part = bucket.put_part(key, upload, static_cast<int>(i) + 1, content, span);
    if (part) {
      parts[i] = *std::move(part);
      return;
    }
    const std::scoped_lock lock(mutex);
    if (!failed.exchange(true)) outcome = std::unexpected(std::move(part.error()));
  });
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return parts;
}

AwsResult<void> put_and_complete(S3Bucket& bucket, const ObjectKey& key, const UploadContent& content,
                                 const S3Condition& condition, const std::string& upload) {
  const std::uint64_t part_bytes = part_bytes_for(content.size_bytes(), bucket.settings().part_bytes);
  const auto parts = put_parts(bucket, key, content, part_bytes, upload);
  if (!parts) return std::unexpected(parts.error());
  Crc32 whole;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    whole.append((*parts)[i].crc32, std::min(part_bytes, content.size_bytes() - i * part_bytes));
  }
  return bucket.complete_upload(key, upload, *parts, whole.value(), content.size_bytes(), condition);
}

}  // namespace

AwsResult<void> upload_in_parts(S3Bucket& bucket, const ObjectKey& key, const UploadContent& content,
                                const S3Condition& condition, const std::string& write_id) {
  const auto upload = bucket.begin_upload(key, write_id);
  if (!upload) return std::unexpected(upload.error());
  auto written = put_and_complete(bucket, key, content, condition, *upload);
  // Parts cost money until they are removed. If they cannot be, the bucket's lifecycle rule does it.
  if (!written) static_cast<void>(bucket.abort_upload(key, *upload));
  return written;
}

}  // namespace tillite
