#pragma once

#include <memory>

#include "adapters/aws/s3_bucket.h"
#include "ports/clock.h"
#include "ports/object_store.h"

namespace tillite {

/// Objects of a bucket on S3, or on a server that speaks its protocol and knows conditional writes (docs/aws.md).
///
/// A conditional write carries an id of its own in the object's metadata. So a refusal that is the echo of an earlier
/// attempt, whose answer was lost, is told from somebody else's write. Large files go and come in parts, over several
/// connections at once. An object's etag is S3's: equal contents may have equal ones.
class S3ObjectStore final : public ObjectStore {
 public:
  /// Sends nothing. The client is of the service s3; the random numbers must outlive the store. `stop` ends every call,
  /// with `cancelled`, and what is read of the sources. `invalid_input` for what cannot be a bucket's name.
  [[nodiscard]] static Result<std::unique_ptr<S3ObjectStore>> open(std::shared_ptr<AwsClient> client,
                                                                   S3Settings settings, Random& random,
                                                                   std::stop_token stop = {});

  [[nodiscard]] Result<void> create(const ObjectKey& key, std::span<const std::byte> content) override;
  /// The file stays where it is.
  [[nodiscard]] Result<void> create_from_file(const ObjectKey& key, const Path& file) override;
  [[nodiscard]] Result<void> put(const ObjectKey& key, std::span<const std::byte> content) override;
  [[nodiscard]] Result<void> replace(const ObjectKey& key, std::span<const std::byte> content,
                                     const std::string& etag) override;
  [[nodiscard]] Result<ObjectInfo> info(const ObjectKey& key) override;
  /// The source may outlive the store.
  [[nodiscard]] Result<std::unique_ptr<ByteSource>> open(const ObjectKey& key) override;
  [[nodiscard]] Result<Path> fetch(const ObjectKey& key, const Path& scratch) override;
  [[nodiscard]] Result<std::vector<ObjectInfo>> list(const std::string& prefix, const std::string& after,
                                                     std::size_t limit) override;
  [[nodiscard]] Result<void> remove(const ObjectKey& key) override;
  [[nodiscard]] std::string place_of(const std::string& prefix) const override {
    return bucket_->name_of(ObjectKey(prefix));
  }

 private:
  S3ObjectStore(std::shared_ptr<S3Bucket> bucket, Random& random) : bucket_(std::move(bucket)), random_(random) {}
  [[nodiscard]] Result<void> write(const ObjectKey& key, const UploadContent& content, const S3Condition& condition);
  /// What a conditional write that failed has come to. `unavailable` (or `cancelled`) where that cannot be seen.
  enum class Outcome { written, conflict, repeat, unknown };
  struct Attempt {
    const std::string& write_id;
    bool is_first = true;
  };
  [[nodiscard]] Result<Outcome> judge(const ObjectKey& key, const AwsError& error, const S3Condition& condition,
                                      const Attempt& attempt);

  std::shared_ptr<S3Bucket> bucket_;
  Random& random_;
};

}  // namespace tillite
