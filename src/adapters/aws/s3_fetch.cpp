#include "adapters/aws/s3_fetch.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "adapters/aws/s3_download.h"
#include "base/parallel.h"

namespace tillite {
namespace {

constexpr std::size_t kPieceBytes = 256 * 1024;

/// A part of the object: where it lies, and what came.
struct Part {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint32_t crc32 = 0;
};

std::vector<Part> parts_of(std::uint64_t size_bytes, std::uint64_t part_bytes) {
  std::vector<Part> parts;
  for (std::uint64_t begin = 0; begin < size_bytes; begin += part_bytes) {
    parts.push_back({.begin = begin, .end = std::min(begin + part_bytes, size_bytes)});
  }
  return parts;
}

/// Copies a part from a source that stands at its beginning.
Result<void> copy(ByteSource& source, Part& part, File& file) {
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, part.end - part.begin)));
  Crc32 crc32;
  for (std::uint64_t position = part.begin; position < part.end;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), part.end - position));
    const std::size_t got = TRY(source.read(std::span(piece).first(wanted)));
    if (got == 0) return fail(Code::corrupt, "{}: a part ended early", file.path().string());
    crc32.update(std::span(piece).first(got));
    TRY(file.write_at(position, std::span(piece).first(got)));
    position += got;
  }
  part.crc32 = crc32.value();
  return {};
}

Result<void> fetch_into(const std::shared_ptr<S3Bucket>& bucket, const ObjectKey& key, File& file) {
  // The answer to a request for the whole tells size, version and checksum, and brings the first part.
  auto first = TRY(S3Download::open(bucket, key));
  const S3ObjectFacts facts = first->facts();
  std::vector<Part> parts = parts_of(facts.size_bytes, bucket->settings().part_bytes);

  std::atomic<bool> failed = false;
  std::mutex mutex;
  Result<void> outcome;
  for_each_parallel(parts.size(), bucket->settings().connections, [&](std::size_t i) {
    if (failed) return;
    const auto source =
        i == 0 ? std::move(first) : std::make_unique<S3Download>(bucket, key, facts.etag, parts[i].begin, parts[i].end);
    auto copied = copy(*source, parts[i], file);
    if (copied) return;
    const std::scoped_lock lock(mutex);
    if (!failed.exchange(true)) outcome = std::move(copied);
  });
  TRY(std::move(outcome));

  Crc32 whole;
  for (const Part& part : parts) whole.append(part.crc32, part.end - part.begin);
  if (facts.crc32 && *facts.crc32 != whole.value()) {
    return fail(Code::corrupt, "{}: its bytes have the CRC-32 {:08x}, and were written with {:08x}",
                bucket->name_of(key), whole.value(), *facts.crc32);
  }
  return {};
}

}  // namespace

Result<void> fetch_object(const std::shared_ptr<S3Bucket>& bucket, const ObjectKey& key, const Path& path) {
  auto file = TRY(File::create(path));
  auto fetched = fetch_into(bucket, key, file);
  if (!fetched) ::unlink(path.c_str());
  return fetched;
}

}  // namespace tillite
