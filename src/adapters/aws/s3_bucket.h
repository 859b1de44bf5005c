#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "adapters/aws/aws_client.h"
#include "adapters/aws/s3_answers.h"
#include "adapters/aws/upload_content.h"

namespace tillite {

/// Which bucket, and how large objects go over the wire.
struct S3Settings {
  std::string bucket;
  std::size_t connections = 4;                               ///< of one large object; one moves about 85 MB/s
  std::uint64_t part_bytes = std::uint64_t{8} << 20;         ///< at least; S3 takes none below 5 MiB, but the last
  std::uint64_t single_bytes_max = std::uint64_t{16} << 20;  ///< what is larger goes in parts
};

/// What a write asks of what stands under its key.
struct S3Condition {
  enum class Kind { none, is_free, has_etag };
  Kind kind = Kind::none;
  std::string etag = {};
};

/// The calls of one bucket, each one request of S3's REST protocol. Where the address is AWS's own the bucket is part
/// of the host's name, else (and if its name has dots, which no certificate covers) of the path.
///
/// Threads: any. Errors: AwsClient's, with the bucket's name for one that is not there; `cancelled` once the stop is
/// requested.
class S3Bucket {
 public:
  /// `invalid_input` for a name that cannot be a bucket's. The client is of the service s3. `stop` ends every call, and
  /// the pauses between them.
  [[nodiscard]] static Result<std::shared_ptr<S3Bucket>> open(std::shared_ptr<AwsClient> client, S3Settings settings,
                                                              std::stop_token stop = {});

  /// HeadObject. `not_found` only if the bucket is there, and the object is not.
  [[nodiscard]] AwsResult<S3ObjectFacts> head(const ObjectKey& key);
  /// PutObject with the whole content, and its CRC-32 for S3 to compare.
  [[nodiscard]] AwsResult<void> put(const ObjectKey& key, const UploadContent& content, const S3Condition& condition,
                                    const std::string& write_id);

  /// GetObject up to the first byte of the body: from `begin` on, up to `end` (nothing: to the object's end); of the
  /// version with this ETag, if there is one.
  struct Span {
    std::uint64_t begin = 0;
    std::optional<std::uint64_t> end = {};
  };
  [[nodiscard]] AwsResult<std::unique_ptr<HttpStream>> get(const ObjectKey& key, const Span& span,
                                                           const std::string& etag);

  /// ListObjectsV2: one page. `continuation` is that of the page before, empty for the first.
  [[nodiscard]] AwsResult<S3ListPage> list(const std::string& prefix, const std::string& after,
                                           const std::string& continuation);
  /// DeleteObject.
  [[nodiscard]] AwsResult<void> remove(const ObjectKey& key);

  // Objects in parts: CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload.
  [[nodiscard]] AwsResult<std::string> begin_upload(const ObjectKey& key, const std::string& write_id);
  [[nodiscard]] AwsResult<S3Part> put_part(const ObjectKey& key, const std::string& upload, int number,
                                           const UploadContent& content, const Span& span);
  [[nodiscard]] AwsResult<void> complete_upload(const ObjectKey& key, const std::string& upload,
                                                const std::vector<S3Part>& parts, std::uint32_t crc32,
                                                std::uint64_t size_bytes, const S3Condition& condition);
  /// Behind a stop, too, for a moment: parts that stay cost money.
  [[nodiscard]] AwsResult<void> abort_upload(const ObjectKey& key, const std::string& upload);

  [[nodiscard]] const S3Settings& settings() const { return settings_; }
  /// Sleeps before a caller's own `attempt`th try (from 2).
  [[nodiscard]] Result<void> pause_before(int attempt) { return client_->pause_before(attempt, stop_); }
  [[nodiscard]] int attempts_max() const { return client_->retries().attempts_max; }
  /// "s3://bucket/key", for messages.
  [[nodiscard]] std::string name_of(const ObjectKey& key) const;

 private:
  S3Bucket(std::shared_ptr<AwsClient> client, S3Settings settings, std::stop_token stop);
  [[nodiscard]] AwsClient::Call request(std::string method, std::string_view key) const;
  [[nodiscard]] AwsResult<HttpResponse> call(const AwsClient::Call& request) { return call(request, stop_); }
  [[nodiscard]] AwsResult<HttpResponse> call(const AwsClient::Call& request, const std::stop_token& stop);
  /// The same with a body, which is sent again if it came to S3 damaged; `corrupt` if it always does.
  [[nodiscard]] AwsResult<HttpResponse> send(const AwsClient::Call& request);
  /// Whether the bucket is there: a HeadObject does not tell which of the two is not.
  [[nodiscard]] AwsResult<void> check_bucket();
  [[nodiscard]] AwsError explained(AwsError error) const;

  std::shared_ptr<AwsClient> client_;
  S3Settings settings_;
  std::stop_token stop_;
  bool in_host_;
  std::atomic<bool> was_there_ = false;
};

}  // namespace tillite
