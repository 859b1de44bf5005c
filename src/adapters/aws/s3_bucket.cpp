#include "adapters/aws/s3_bucket.h"

#include <algorithm>

#include "base/grace_time.h"

namespace tillite {
namespace {

constexpr std::uint64_t kAnswerBytesMax = std::uint64_t{16} << 20;  // a page of 1,000 keys has at most 4 MiB
constexpr std::int64_t kSlowestBytesPerMs = 64;                     // what is slower is given up
constexpr std::int64_t kTimeoutMsMin = 60'000;
constexpr std::uint64_t kObjectBytesMax = std::uint64_t{50} << 40;
constexpr std::chrono::milliseconds kGrace(2'000);  // behind a stop, to remove parts

/// Amazon S3 User Guide, "General purpose bucket naming rules".
bool is_bucket_name(std::string_view name) {
  const auto is_alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= 3 && name.size() <= 63 && is_alphanumeric(name.front()) && is_alphanumeric(name.back()) &&
         name.find("..") == std::string_view::npos &&
         std::ranges::all_of(name, [&](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
}

void add_condition(const S3Condition& condition, HttpHeaders& headers) {
  if (condition.kind == S3Condition::Kind::is_free) headers.emplace_back("If-None-Match", "*");
  if (condition.kind == S3Condition::Kind::has_etag) headers.emplace_back("If-Match", condition.etag);
}

bool came_damaged(const AwsError& error) {
  return error.is("BadDigest") || error.is("XAmzContentChecksumMismatch") || error.is("XAmzContentSHA256Mismatch");
}

/// The content's bytes as a body that is sent from where they are, with a checksum that S3 compares.
Result<std::uint32_t> add_body(const UploadContent& content, std::uint64_t offset, std::uint64_t count,
                               AwsClient::Call& request) {
  const std::uint32_t crc32 = TRY(content.crc32_of_part(offset, count));
  request.headers.emplace_back("x-amz-sdk-checksum-algorithm", "CRC32");
  request.headers.emplace_back("x-amz-checksum-crc32", crc32_text(crc32));
  request.make_body = [content, offset, count]() -> Result<std::unique_ptr<ByteSource>> {
    return content.part(offset, count);
  };
  request.body_bytes = count;
  request.timeout_ms = kTimeoutMsMin + static_cast<std::int64_t>(count) / kSlowestBytesPerMs;
  return crc32;
}

}  // namespace

S3Bucket::S3Bucket(std::shared_ptr<AwsClient> client, S3Settings settings, std::stop_token stop)
    : client_(std::move(client)),
      settings_(std::move(settings)),
      stop_(std::move(stop)),
      in_host_(!client_->has_own_endpoint() && settings_.bucket.find('.') == std::string::npos) {}

Result<std::shared_ptr<S3Bucket>> S3Bucket::open(std::shared_ptr<AwsClient> client, S3Settings settings,
                                                 std::stop_token stop) {
  if (!is_bucket_name(settings.bucket)) {
    return fail(Code::invalid_input,
                "'{}' cannot be the name of a bucket: 3 to 63 lower-case letters, digits, '-' and '.'",
                settings.bucket.substr(0, 100));
  }
  if (settings.connections == 0 || settings.part_bytes == 0) {
    return fail(Code::invalid_input, "the bucket {} needs at least one connection and parts that are not empty",
                settings.bucket);
  }
  return std::shared_ptr<S3Bucket>(new S3Bucket(std::move(client), std::move(settings), std::move(stop)));
}

std::string S3Bucket::name_of(const ObjectKey& key) const {
  return fmt::format("s3://{}/{}", settings_.bucket, key.str());
}

AwsClient::Call S3Bucket::request(std::string method, std::string_view key) const {
  AwsClient::Call request;
  request.method = std::move(method);
  request.path = in_host_ ? fmt::format("/{}", key) : fmt::format("/{}/{}", settings_.bucket, key);
  if (!in_host_ && key.empty()) request.path.pop_back();
  if (in_host_) request.host_prefix = settings_.bucket + ".";
  request.response_bytes_max = kAnswerBytesMax;
  return request;
}

AwsError S3Bucket::explained(AwsError error) const {
  if (error.is("NoSuchBucket")) {
    error.error =
        Error(Code::invalid_input, fmt::format("there is no bucket {}: create it, or name another", settings_.bucket));
  }
  return error;
}

AwsResult<HttpResponse> S3Bucket::call(const AwsClient::Call& request, const std::stop_token& stop) {
  auto answer = client_->call(request, stop);
  if (!answer) return std::unexpected(explained(std::move(answer.error())));
  was_there_ = true;
  return answer;
}

AwsResult<HttpResponse> S3Bucket::send(const AwsClient::Call& request) {
  bool has_lost_answer = false;
  for (int attempt = 1;; ++attempt) {
    auto answer = call(request);
    if (answer) return answer;
    AwsError& error = answer.error();
    has_lost_answer |= error.follows_lost_answer;
    error.follows_lost_answer = has_lost_answer;
    if (!came_damaged(error)) return answer;
    error.error = Error(Code::corrupt, error.error.message());
    if (attempt >= attempts_max()) return answer;
    if (const auto paused = pause_before(attempt + 1); !paused) return std::unexpected(aws_error_of(paused.error()));
  }
}

AwsResult<void> S3Bucket::check_bucket() {
  if (was_there_) return {};
  auto answer = call(request("HEAD", ""));
  if (answer) return {};
  if (answer.error().status == 404) answer.error().type = "NoSuchBucket";
  return std::unexpected(explained(std::move(answer.error())));
}

AwsResult<S3ObjectFacts> S3Bucket::head(const ObjectKey& key) {
  AwsClient::Call asked = request("HEAD", key.str());
  asked.headers = {{"x-amz-checksum-mode", "ENABLED"}};
  asked.response_bytes_max = kObjectBytesMax;  // its Content-Length is the object's
  const auto answer = call(asked);
  if (!answer) {
    if (answer.error().status != 404) return std::unexpected(answer.error());
    const auto there = check_bucket();
    return std::unexpected(there ? answer.error() : there.error());
  }
  auto facts = parse_object_headers(*answer, name_of(key));
  if (!facts) return std::unexpected(aws_error_of(std::move(facts.error())));
  return *std::move(facts);
}

AwsResult<void> S3Bucket::put(const ObjectKey& key, const UploadContent& content, const S3Condition& condition,
                              const std::string& write_id) {
  AwsClient::Call asked = request("PUT", key.str());
  asked.headers = {{"Content-Type", "application/octet-stream"}, {std::string(kWriteIdHeader), write_id}};
  add_condition(condition, asked.headers);
  auto crc32 = add_body(content, 0, content.size_bytes(), asked);
  if (!crc32) return std::unexpected(aws_error_of(std::move(crc32.error())));
  const auto answer = send(asked);
  if (!answer) return std::unexpected(answer.error());
  return {};
}

AwsResult<std::unique_ptr<HttpStream>> S3Bucket::get(const ObjectKey& key, const Span& span, const std::string& etag) {
  AwsClient::Call asked = request("GET", key.str());
  asked.headers = {{"x-amz-checksum-mode", "ENABLED"}};
  if (span.begin > 0 || span.end) {
    asked.headers.emplace_back("Range", span.end ? fmt::format("bytes={}-{}", span.begin, *span.end - 1)
                                                 : fmt::format("bytes={}-", span.begin));
  }
  if (!etag.empty()) asked.headers.emplace_back("If-Match", etag);
  asked.response_bytes_max = kObjectBytesMax;
  auto stream = client_->open(asked, stop_);
  if (!stream) return std::unexpected(explained(std::move(stream.error())));
  was_there_ = true;
  return stream;
}

AwsResult<S3ListPage> S3Bucket::list(const std::string& prefix, const std::string& after,
                                     const std::string& continuation) {
  AwsClient::Call asked = request("GET", "");
  asked.query = {{"list-type", "2"}, {"encoding-type", "url"}};
  if (!prefix.empty()) asked.query.emplace_back("prefix", prefix);
  if (!continuation.empty()) {
    asked.query.emplace_back("continuation-token", continuation);
  } else if (!after.empty()) {
    asked.query.emplace_back("start-after", after);
  }
  const auto answer = call(asked);
  if (!answer) return std::unexpected(answer.error());
  auto page = parse_list_page(answer->body);
  if (!page)
    return std::unexpected(aws_error_of(page.error().in(fmt::format("listing the bucket {}", settings_.bucket))));
  return *std::move(page);
}

AwsResult<void> S3Bucket::remove(const ObjectKey& key) {
  const auto answer = call(request("DELETE", key.str()));
  if (!answer && answer.error().error.code() != Code::not_found) return std::unexpected(answer.error());
  return {};
}

AwsResult<std::string> S3Bucket::begin_upload(const ObjectKey& key, const std::string& write_id) {
  AwsClient::Call asked = request("POST", key.str());
  asked.query = {{"uploads", ""}};
  asked.headers = {{"Content-Type", "application/octet-stream"},
                   {std::string(kWriteIdHeader), write_id},
                   {"x-amz-checksum-algorithm", "CRC32"},
                   {"x-amz-checksum-type", "FULL_OBJECT"}};
  const auto answer = call(asked);
  if (!answer) return std::unexpected(answer.error());
  auto id = parse_upload_id(answer->body);
  if (!id) return std::unexpected(aws_error_of(id.error().in(name_of(key))));
  return *std::move(id);
}

AwsResult<S3Part> S3Bucket::put_part(const ObjectKey& key, const std::string& upload, int number,
                                     const UploadContent& content, const Span& span) {
  AwsClient::Call asked = request("PUT", key.str());
  asked.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload}};
  auto crc32 = add_body(content, span.begin, span.end.value_or(content.size_bytes()) - span.begin, asked);
  if (!crc32) return std::unexpected(aws_error_of(std::move(crc32.error())));
  const auto answer = send(asked);
  if (!answer) return std::unexpected(answer.error());
  auto etag = answer->header("etag");
  if (!etag)
    return std::unexpected(
        aws_error_of({Code::corrupt, fmt::format("{}: the answer to part {} has no ETag", name_of(key), number)}));
  return S3Part{.number = number, .etag = *std::move(etag), .crc32 = *crc32};
}

AwsResult<void> S3Bucket::complete_upload(const ObjectKey& key, const std::string& upload,
                                          const std::vector<S3Part>& parts, std::uint32_t crc32,
                                          std::uint64_t size_bytes, const S3Condition& condition) {
  AwsClient::Call asked = request("POST", key.str());
  asked.query = {{"uploadId", upload}};
  asked.headers = {{"Content-Type", "application/xml"},
                   {"x-amz-checksum-crc32", crc32_text(crc32)},
                   {"x-amz-checksum-type", "FULL_OBJECT"},
                   {"x-amz-mp-object-size", std::to_string(size_bytes)}};
  add_condition(condition, asked.headers);
  asked.body = completion_body(parts);
  asked.timeout_ms = kTimeoutMsMin + static_cast<std::int64_t>(size_bytes) / kSlowestBytesPerMs;
  asked.idle_timeout_ms = asked.timeout_ms;
  bool has_lost_answer = false;
  for (int attempt = 1;; ++attempt) {
    const auto answer = call(asked);
    auto completed = answer ? check_completion(answer->body) : AwsResult<void>(std::unexpected(answer.error()));
    if (completed) return {};
    AwsError& error = completed.error();
    if (answer) {
      error = explained(std::move(error));
      error.error = error.error.in(name_of(key));
    }
    // An attempt that may have put the object there is not forgotten, whatever the next ones are told.
    has_lost_answer |= error.follows_lost_answer;
    error.follows_lost_answer = has_lost_answer;
    // A call without an answer was repeated already; behind a status 200 nobody has looked yet.
    if (!answer || !may_pass(error) || attempt >= attempts_max()) return completed;
    has_lost_answer |= !is_throttling(error);
    if (const auto paused = pause_before(attempt + 1); !paused) return completed;
  }
}

AwsResult<void> S3Bucket::abort_upload(const ObjectKey& key, const std::string& upload) {
  AwsClient::Call asked = request("DELETE", key.str());
  asked.query = {{"uploadId", upload}};
  auto answer = call(asked);
  if (!answer && stop_.stop_requested()) {
    const GraceTime grace(kGrace);
    answer = call(asked, grace.token());
  }
  if (!answer && answer.error().error.code() != Code::not_found) return std::unexpected(answer.error());
  return {};
}

}  // namespace tillite
