#pragma once

#include <memory>
#include <optional>

#include "adapters/aws/crc32.h"
#include "adapters/aws/s3_bucket.h"

namespace tillite {

/// The bytes of an object as they arrive, in bounded memory. A download that breaks off goes on where it stood, with
/// the same version of the object (its ETag). Its length is checked, and so is its CRC-32 where S3 tells one.
/// One thread at a time.
class S3Download final : public ByteSource {
 public:
  /// The whole object, as it stands now. `not_found` only if S3 says so plainly.
  [[nodiscard]] static Result<std::unique_ptr<S3Download>> open(std::shared_ptr<S3Bucket> bucket, const ObjectKey& key);
  /// A part of the version with this ETag: the bytes from `begin` to before `end`. Sends nothing before the first
  /// read().
  S3Download(std::shared_ptr<S3Bucket> bucket, ObjectKey key, std::string etag, std::uint64_t begin, std::uint64_t end);

  /// `unavailable` once it has broken off several times without a byte in between, and if the object was replaced
  /// meanwhile (a new download reads the new one); `not_found` if it was removed; `corrupt` if what came is not what
  /// was asked for or written.
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> buffer) override;

  /// What the answer tells of the object. Of a part: nothing before its first read().
  [[nodiscard]] const S3ObjectFacts& facts() const { return facts_; }

 private:
  S3Download(std::shared_ptr<S3Bucket> bucket, ObjectKey key)
      : bucket_(std::move(bucket)), key_(std::move(key)), is_whole_(true) {}
  /// Asks for what is still to come.
  [[nodiscard]] Result<void> connect();
  /// It broke off: pauses, or gives the error back if it has done so too often.
  [[nodiscard]] Result<void> prepare_retry(const Error& error);
  [[nodiscard]] Result<void> check_whole() const;

  std::shared_ptr<S3Bucket> bucket_;
  ObjectKey key_;
  std::string etag_;  ///< empty before the first answer: any version
  std::uint64_t position_ = 0;
  std::optional<std::uint64_t> end_;
  bool is_whole_ = false;
  S3ObjectFacts facts_;
  Crc32 crc32_;  ///< of what was delivered
  std::unique_ptr<HttpStream> stream_;
  int failures_ = 0;  ///< since the last byte
};

}  // namespace tillite
