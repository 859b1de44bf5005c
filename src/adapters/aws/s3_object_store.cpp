#include "adapters/aws/s3_object_store.h"

#include "adapters/aws/s3_download.h"
#include "adapters/aws/s3_fetch.h"
#include "adapters/aws/s3_upload.h"
#include "base/uuid.h"

namespace tillite {
namespace {

std::unexpected<Error> conflict(const S3Condition& condition, const std::string& name) {
  if (condition.kind == S3Condition::Kind::is_free) return fail(Code::conflict, "there is an object {} already", name);
  return fail(Code::conflict, "the object {} has changed", name);
}

/// A write that was refused, perhaps by what an earlier attempt of its own had done: and that cannot be looked up.
std::unexpected<Error> unseen(const Error& why, const std::string& name) {
  const Code code = why.code() == Code::cancelled ? Code::cancelled : Code::unavailable;
  return fail(code, "whether {} was written by this write or another cannot be seen: {}", name, why.message());
}

}  // namespace

Result<std::unique_ptr<S3ObjectStore>> S3ObjectStore::open(std::shared_ptr<AwsClient> client, S3Settings settings,
                                                           Random& random, std::stop_token stop) {
  auto bucket = TRY(S3Bucket::open(std::move(client), std::move(settings), std::move(stop)));
  return std::unique_ptr<S3ObjectStore>(new S3ObjectStore(std::move(bucket), random));
}

Result<void> S3ObjectStore::create(const ObjectKey& key, std::span<const std::byte> content) {
  return write(key, UploadContent::of(content), {.kind = S3Condition::Kind::is_free});
}

Result<void> S3ObjectStore::create_from_file(const ObjectKey& key, const Path& file) {
  return write(key, TRY(UploadContent::of_file(file)), {.kind = S3Condition::Kind::is_free});
}

Result<void> S3ObjectStore::put(const ObjectKey& key, std::span<const std::byte> content) {
  return write(key, UploadContent::of(content), {});
}

Result<void> S3ObjectStore::replace(const ObjectKey& key, std::span<const std::byte> content, const std::string& etag) {
  return write(key, UploadContent::of(content), {.kind = S3Condition::Kind::has_etag, .etag = etag});
}

Result<void> S3ObjectStore::write(const ObjectKey& key, const UploadContent& content, const S3Condition& condition) {
  TRY(check_key(key));
  const bool goes_in_parts = content.size_bytes() > bucket_->settings().single_bytes_max;
  if (goes_in_parts && condition.kind == S3Condition::Kind::is_free) {
    // S3 would say so only when all parts are there.
    const auto there = bucket_->head(key);
    if (there) return conflict(condition, bucket_->name_of(key));
    if (there.error().error.code() != Code::not_found) return std::unexpected(there.error().error);
  }
  // One for all attempts: what an earlier one did after all is known by it.
  const std::string write_id = uuid4(random_.bytes());
  for (int attempt = 1;; ++attempt) {
    const auto written = goes_in_parts ? upload_in_parts(*bucket_, key, content, condition, write_id)
                                       : bucket_->put(key, content, condition, write_id);
    if (written) return {};
    const AwsError& error = written.error();
    switch (TRY(judge(key, error, condition, {.write_id = write_id, .is_first = attempt == 1}))) {
      case Outcome::written:
        return {};
      case Outcome::conflict:
        return conflict(condition, bucket_->name_of(key));
      case Outcome::unknown:
        return std::unexpected(error.error);
      case Outcome::repeat:
        break;
    }
    if (attempt >= bucket_->attempts_max()) {
      return fail(Code::unavailable, "{}: others write it all the time", bucket_->name_of(key));
    }
    TRY(bucket_->pause_before(attempt + 1));
  }
}

Result<S3ObjectStore::Outcome> S3ObjectStore::judge(const ObjectKey& key, const AwsError& error,
                                                    const S3Condition& condition, const Attempt& attempt) {
  const Code code = error.error.code();
  const bool is_refused = error.status == 412;
  const bool is_lost = code == Code::unavailable || code == Code::timed_out;
  // 409: another write is under way. 404: the version that is asked for is gone, or the upload that was to be completed
  // is, by an earlier attempt or by a lifecycle rule.
  const bool is_other = error.status == 409 || (error.status == 404 && !error.is("NoSuchBucket"));
  if (!is_refused && !is_other && !is_lost) return Outcome::unknown;
  if (is_refused && attempt.is_first && !error.follows_lost_answer) return Outcome::conflict;

  const auto there = bucket_->head(key);
  if (there && there->write_id == attempt.write_id) return Outcome::written;
  if (is_lost) return Outcome::unknown;
  const bool is_gone = !there && there.error().error.code() == Code::not_found;
  if (!there && !is_gone) return unseen(there.error().error, bucket_->name_of(key));
  // Somebody has removed what the condition met: perhaps this write's own object, whose answer was lost.
  if (is_refused && is_gone) return unseen(there.error().error, bucket_->name_of(key));
  if (is_refused) return Outcome::conflict;
  switch (condition.kind) {
    case S3Condition::Kind::none:
      return Outcome::repeat;
    case S3Condition::Kind::is_free:
      return there ? Outcome::conflict : Outcome::repeat;
    case S3Condition::Kind::has_etag:
      return there && there->etag == condition.etag ? Outcome::repeat : Outcome::conflict;
  }
  return Outcome::unknown;
}

Result<ObjectInfo> S3ObjectStore::info(const ObjectKey& key) {
  TRY(check_key(key));
  const auto facts = bucket_->head(key);
  if (facts) {
    return ObjectInfo{
        .key = key, .size_bytes = facts->size_bytes, .etag = facts->etag, .modified_ms = facts->modified_ms};
  }
  if (facts.error().error.code() != Code::not_found) return std::unexpected(facts.error().error);
  return fail(Code::not_found, "there is no object {}", bucket_->name_of(key));
}

Result<std::unique_ptr<ByteSource>> S3ObjectStore::open(const ObjectKey& key) {
  TRY(check_key(key));
  return TRY(S3Download::open(bucket_, key));
}

Result<Path> S3ObjectStore::fetch(const ObjectKey& key, const Path& scratch) {
  TRY(check_key(key));
  TRY(make_folders(scratch));
  Path file = scratch / fmt::format("object-{}", uuid4(random_.bytes()));
  TRY(fetch_object(bucket_, key, file));
  return file;
}

Result<std::vector<ObjectInfo>> S3ObjectStore::list(const std::string& prefix, const std::string& after,
                                                    std::size_t limit) {
  std::vector<ObjectInfo> found;
  std::string continuation;
  while (found.size() < limit) {
    auto page = bucket_->list(prefix, after, continuation);
    if (!page) return std::unexpected(page.error().error);
    for (ObjectInfo& info : page->objects) {
      if (found.size() < limit) found.push_back(std::move(info));
    }
    if (page->continuation.empty()) break;
    if (page->continuation == continuation) {
      return fail(Code::corrupt, "the list of the bucket {} goes round in a circle", bucket_->settings().bucket);
    }
    continuation = std::move(page->continuation);
  }
  return found;
}

Result<void> S3ObjectStore::remove(const ObjectKey& key) {
  TRY(check_key(key));
  const auto removed = bucket_->remove(key);
  if (!removed) return std::unexpected(removed.error().error);
  return {};
}

}  // namespace tillite
