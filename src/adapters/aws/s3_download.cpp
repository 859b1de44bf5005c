#include "adapters/aws/s3_download.h"

#include <algorithm>

namespace tillite {

S3Download::S3Download(std::shared_ptr<S3Bucket> bucket, ObjectKey key, std::string etag, std::uint64_t begin,
                       std::uint64_t end)
    : bucket_(std::move(bucket)), key_(std::move(key)), etag_(std::move(etag)), position_(begin), end_(end) {}

Result<std::unique_ptr<S3Download>> S3Download::open(std::shared_ptr<S3Bucket> bucket, const ObjectKey& key) {
  std::unique_ptr<S3Download> download(new S3Download(std::move(bucket), key));
  TRY(download->connect());
  return download;
}

Result<std::size_t> S3Download::read(std::span<std::byte> buffer) {
  while (!end_ || position_ < *end_) {
    if (!stream_) TRY(connect());
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), *end_ - position_));
    const auto got = stream_->read(buffer.first(wanted));
    if (got && *got > 0) {
      if (is_whole_) crc32_.update(buffer.first(*got));
      position_ += *got;
      failures_ = 0;
      if (position_ == *end_) TRY(check_whole());
      return got;
    }
    TRY(prepare_retry(got ? Error(Code::unavailable, fmt::format("{}: it ended after {} of {} bytes",
                                                                 bucket_->name_of(key_), position_, *end_))
                          : got.error()));
  }
  return 0;
}

Result<void> S3Download::connect() {
  // The whole is asked for without a range: only so does S3 tell its checksum, and has an empty object an answer.
  const bool asks_for_whole = is_whole_ && position_ == 0;
  auto stream =
      bucket_->get(key_, asks_for_whole ? S3Bucket::Span() : S3Bucket::Span{.begin = position_, .end = end_}, etag_);
  if (!stream) {
    const AwsError& error = stream.error();
    if (error.status == 412) {
      return fail(Code::unavailable, "{}: it was replaced while it was read", bucket_->name_of(key_));
    }
    if (error.error.code() == Code::not_found) {
      return fail(Code::not_found, "there is no object {}", bucket_->name_of(key_));
    }
    return std::unexpected(error.error);
  }
  const S3ObjectFacts facts = TRY(parse_object_headers((*stream)->response(), bucket_->name_of(key_)));
  const bool is_other_part = facts.begin != position_ || (end_ && facts.size_bytes < *end_);
  if (is_other_part || (!etag_.empty() && facts.etag != etag_)) {
    return fail(Code::corrupt, "{}: another part or version came than was asked for", bucket_->name_of(key_));
  }
  if (!end_) end_ = facts.size_bytes;
  if (etag_.empty() || facts_.etag.empty()) facts_ = facts;
  etag_ = facts.etag;
  stream_ = *std::move(stream);
  return {};
}

Result<void> S3Download::prepare_retry(const Error& error) {
  stream_.reset();
  if (error.code() != Code::unavailable && error.code() != Code::timed_out) return std::unexpected(error);
  if (++failures_ >= bucket_->attempts_max()) return std::unexpected(error);
  return bucket_->pause_before(failures_ + 1);
}

Result<void> S3Download::check_whole() const {
  if (!is_whole_ || !facts_.crc32 || *facts_.crc32 == crc32_.value()) return {};
  return fail(Code::corrupt, "{}: its bytes have the CRC-32 {:08x}, and were written with {:08x}",
              bucket_->name_of(key_), crc32_.value(), *facts_.crc32);
}

}  // namespace tillite
