#pragma once

#include <zlib.h>

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "adapters/aws/s3_answers.h"
#include "base/percent_coding.h"
#include "support/http_server.h"

namespace tillite::testing {

/// As much of S3 as a store of objects needs, in memory and as strict as S3: conditions, checksums, ranges, parts. A
/// test tells it which calls fail, and how. Buckets are in the path, every bucket is there but "missing-bucket".
class ScriptedS3 {
 public:
  using Answer = HttpServer::Answer;

  /// The next call of this name ("PUT", "GET", "HEAD", "DELETE", "LIST", "BEGIN", "PART", "COMPLETE", "ABORT") is
  /// answered so, instead of being carried out; with `is_done` it is carried out, and answered so nevertheless.
  void answer_next(const std::string& call, Answer answer, bool is_done = false) {
    const std::scoped_lock lock(mutex_);
    scripts_[call].push_back({std::move(answer), is_done});
  }
  /// Called before the next call of this name is carried out, without the lock.
  void before_next(const std::string& call, std::function<void()> action) {
    const std::scoped_lock lock(mutex_);
    actions_[call].push_back(std::move(action));
  }
  [[nodiscard]] std::string url() const { return server_.url(""); }
  [[nodiscard]] int port() const { return server_.port(); }
  [[nodiscard]] std::size_t count(const std::string& call) {
    const std::scoped_lock lock(mutex_);
    return counts_[call];
  }
  [[nodiscard]] std::size_t open_uploads() {
    const std::scoped_lock lock(mutex_);
    return uploads_.size();
  }
  [[nodiscard]] std::vector<HttpServer::Request> requests() { return server_.requests(); }
  /// The content under a key; "(none)" if there is none.
  [[nodiscard]] std::string content(const std::string& key) {
    const std::scoped_lock lock(mutex_);
    const auto found = objects_.find(key);
    return found == objects_.end() ? "(none)" : found->second.content;
  }
  /// Writes an object as somebody else would.
  void write(const std::string& key, const std::string& content) {
    const std::scoped_lock lock(mutex_);
    objects_[key] = Object{.content = content, .etag = next_etag(), .checksum = {}, .write_id = "somebody"};
  }
  /// Changes the bytes, but not what is said of them.
  void damage(const std::string& key) {
    const std::scoped_lock lock(mutex_);
    objects_.at(key).content.back() ^= 1;
  }

  static Answer refusal(int status, const std::string& code) {
    return {.status = status,
            .headers = {"Content-Type: application/xml"},
            .body = fmt::format("<?xml version=\"1.0\"?><Error><Code>{}</Code><Message>as the test says</Message>"
                                "<RequestId>4442587FB7D0A2F9</RequestId></Error>",
                                code)};
  }

 private:
  struct Object {
    std::string content;
    std::string etag;
    std::string checksum;
    std::string write_id;
  };
  struct Upload {
    std::string write_id;
    std::map<int, Object> parts;
  };
  struct Script {
    Answer answer;
    bool is_done = false;
  };
  using Query = std::map<std::string, std::string>;

  static std::string crc32_of(const std::string& bytes) {
    return crc32_text(
        static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size())));
  }
  static std::string header(const HttpServer::Request& request, const std::string& name) {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? "" : found->second;
  }
  std::string next_etag() { return fmt::format("\"etag-{}\"", ++etags_); }

  static std::string name_of(const HttpServer::Request& request, const Query& query, const std::string& key) {
    if (query.contains("uploads")) return "BEGIN";
    if (query.contains("partNumber")) return "PART";
    if (query.contains("uploadId")) return request.method == "POST" ? "COMPLETE" : "ABORT";
    return request.method == "GET" && key.empty() ? "LIST" : request.method;
  }

  Answer handle(const HttpServer::Request& request) {
    const std::size_t mark = std::min(request.target.find('?'), request.target.size());
    const std::string path = percent_decode(request.target.substr(0, mark)).value_or("");
    Query query;
    for (const auto& [name, value] :
         split_query(std::string_view(request.target).substr(std::min(mark + 1, request.target.size())))) {
      query[percent_decode(name).value_or("")] = percent_decode(value).value_or("");
    }
    const std::size_t slash = std::min(path.find('/', 1), path.size());
    const std::string bucket = path.substr(1, slash - 1);
    const std::string key = slash < path.size() ? path.substr(slash + 1) : "";
    const std::string name = name_of(request, query, key);

    std::function<void()> action;
    {
      const std::scoped_lock lock(mutex_);
      ++counts_[name];
      if (auto& actions = actions_[name]; !actions.empty()) {
        action = std::move(actions.front());
        actions.pop_front();
      }
    }
    if (action) action();
    const std::scoped_lock lock(mutex_);
    auto& scripts = scripts_[name];
    if (scripts.empty()) return carry_out(name, bucket, key, query, request);
    const Script script = std::move(scripts.front());
    scripts.pop_front();
    if (script.is_done) static_cast<void>(carry_out(name, bucket, key, query, request));
    return script.answer;
  }

  Answer carry_out(const std::string& name, const std::string& bucket, const std::string& key, const Query& query,
                   const HttpServer::Request& request) {
    if (bucket == "missing-bucket") return refusal(404, "NoSuchBucket");
    if (name == "LIST") return list(query);
    if (name == "HEAD" && key.empty()) return {};
    if (name == "HEAD" || name == "GET") return get(key, request);
    if (name == "PUT") return put(key, request);
    if (name == "DELETE") return objects_.erase(key), Answer{.status = 204};
    if (name == "BEGIN") return begin(request);
    const auto upload = uploads_.find(query.at("uploadId"));
    if (upload == uploads_.end()) return refusal(404, "NoSuchUpload");
    if (name == "ABORT") return uploads_.erase(upload), Answer{.status = 204};
    if (name == "PART") return put_part(upload->second, std::stoi(query.at("partNumber")), request);
    return complete(upload, key, request);
  }

  /// The answer to a condition that does not hold.
  std::optional<Answer> refused(const std::string& key, const HttpServer::Request& request) {
    const auto found = objects_.find(key);
    if (header(request, "if-none-match") == "*" && found != objects_.end()) return refusal(412, "PreconditionFailed");
    const std::string etag = header(request, "if-match");
    if (etag.empty()) return std::nullopt;
    if (found == objects_.end()) return refusal(404, "NoSuchKey");
    if (found->second.etag != etag) return refusal(412, "PreconditionFailed");
    return std::nullopt;
  }

  Answer put(const std::string& key, const HttpServer::Request& request) {
    if (auto refusal = refused(key, request)) return *refusal;
    const std::string checksum = header(request, "x-amz-checksum-crc32");
    if (!checksum.empty() && checksum != crc32_of(request.body)) return refusal(400, "BadDigest");
    Object& object = objects_[key];
    object = {.content = request.body,
              .etag = next_etag(),
              .checksum = checksum,
              .write_id = header(request, std::string(kWriteIdHeader))};
    return {.headers = {"ETag: " + object.etag}};
  }

  Answer get(const std::string& key, const HttpServer::Request& request) {
    if (auto refusal = refused(key, request)) return *refusal;
    const auto found = objects_.find(key);
    if (found == objects_.end()) return refusal(404, "NoSuchKey");
    const Object& object = found->second;
    Answer answer{.headers = {"ETag: " + object.etag, "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT",
                              fmt::format("{}: {}", kWriteIdHeader, object.write_id)},
                  .body = object.content};
    const std::string range = header(request, "range");
    if (range.empty()) {
      if (!object.checksum.empty() && header(request, "x-amz-checksum-mode") == "ENABLED") {
        answer.headers.push_back("x-amz-checksum-crc32: " + object.checksum);
        answer.headers.emplace_back("x-amz-checksum-type: FULL_OBJECT");
      }
      return answer;
    }
    const std::size_t begin = std::stoull(range.substr(6));
    if (begin >= object.content.size()) return refusal(416, "InvalidRange");
    const std::string end = range.substr(range.find('-') + 1);
    const auto last =
        std::min<std::size_t>(end.empty() ? object.content.size() - 1 : std::stoull(end), object.content.size() - 1);
    answer.status = 206;
    answer.headers.push_back(fmt::format("Content-Range: bytes {}-{}/{}", begin, last, object.content.size()));
    answer.body = object.content.substr(begin, last - begin + 1);
    return answer;
  }

  Answer list(const Query& query) {
    const auto value = [&](const std::string& name) { return query.contains(name) ? query.at(name) : ""; };
    const std::string after = std::max(value("start-after"), value("continuation-token"));
    std::string entries;
    std::string next;
    std::size_t count = 0;
    for (auto at = objects_.upper_bound(after); at != objects_.end() && next.empty(); ++at) {
      if (!at->first.starts_with(value("prefix"))) continue;
      entries += fmt::format(
          "<Contents><Key>{}</Key><LastModified>2015-10-21T07:28:00.000Z</LastModified><ETag>&quot;{}&quot;</ETag>"
          "<Size>{}</Size></Contents>",
          percent_encode(at->first), at->second.etag.substr(1, at->second.etag.size() - 2), at->second.content.size());
      if (++count == kPage && std::next(at) != objects_.end()) next = at->first;
    }
    return {.body = fmt::format("<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>{}</IsTruncated>{}{}"
                                "</ListBucketResult>",
                                !next.empty(), entries,
                                next.empty() ? "" : "<NextContinuationToken>" + next + "</NextContinuationToken>")};
  }

  Answer begin(const HttpServer::Request& request) {
    const std::string id = fmt::format("upload-{}", ++ids_);
    uploads_[id].write_id = header(request, std::string(kWriteIdHeader));
    return {.body = fmt::format(
                "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>", id)};
  }

  Answer put_part(Upload& upload, int number, const HttpServer::Request& request) {
    const std::string checksum = header(request, "x-amz-checksum-crc32");
    if (checksum != crc32_of(request.body)) return refusal(400, "BadDigest");
    Object& part = upload.parts[number];
    part = {.content = request.body, .etag = next_etag(), .checksum = checksum, .write_id = {}};
    return {.headers = {"ETag: " + part.etag}};
  }

  Answer complete(std::map<std::string, Upload>::iterator upload, const std::string& key,
                  const HttpServer::Request& request) {
    if (auto refusal = refused(key, request)) return *refusal;
    Object object{.content = {},
                  .etag = next_etag(),
                  .checksum = header(request, "x-amz-checksum-crc32"),
                  .write_id = upload->second.write_id};
    for (const auto& [number, part] : upload->second.parts) {
      if (request.body.find(part.checksum) == std::string::npos) return refusal(400, "InvalidPart");
      object.content += part.content;
    }
    if (object.checksum != crc32_of(object.content)) return refusal(400, "BadDigest");
    objects_[key] = std::move(object);
    uploads_.erase(upload);
    return {.body = "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"};
  }

  static constexpr std::size_t kPage = 5;
  std::mutex mutex_;
  std::map<std::string, Object> objects_;
  std::map<std::string, Upload> uploads_;
  std::map<std::string, std::deque<Script>> scripts_;
  std::map<std::string, std::deque<std::function<void()>>> actions_;
  std::map<std::string, std::size_t> counts_;
  int etags_ = 0;
  int ids_ = 0;
  HttpServer server_{[this](const HttpServer::Request& request) { return handle(request); }};
};

}  // namespace tillite::testing
