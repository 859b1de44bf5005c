#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/aws/aws_error.h"
#include "adapters/aws/aws_settings.h"
#include "adapters/aws/credentials.h"
#include "adapters/remote/retries.h"
#include "base/http_client.h"
#include "base/json.h"
#include "base/log.h"
#include "base/sigv4.h"

namespace tillite {

/// Calls of one service of AWS, with everything that is the same for all of them: address, credential, signature,
/// time-outs, retries with jitter and their budget, clocks that differ, a credential that ends meanwhile, and what an
/// error says. Nothing is sent before the first call. Connections are kept, one for each call under way.
///
/// Threads: any.
class AwsClient {
 public:
  /// One call of a service, before it is signed.
  struct Call {
    std::string method = "POST";
    std::string path = "/";                                       ///< not encoded: "/a key"
    std::vector<std::pair<std::string, std::string>> query = {};  ///< not encoded, in any order
    HttpHeaders headers = {};      ///< all are signed; host, x-amz-date, x-amz-content-sha256 (S3) and
                                   ///< x-amz-security-token are added
    std::string host_prefix = {};  ///< "bucket." before the host's name
    std::string body = {};
    /// In place of `body`: makes it anew for each attempt, `body_bytes` of it, with this SHA-256 in hexadecimal digits.
    /// Without one the body is not signed, which only S3 allows.
    std::function<Result<std::unique_ptr<ByteSource>>()> make_body = {};
    std::uint64_t body_bytes = 0;
    std::string body_sha256 = {};

    bool repeats = true;            ///< false: only after an answer which says that nothing was done (throttling)
    bool repeats_conflict = false;  ///< 409 is worth another attempt: S3's ConditionalRequestConflict, OperationAborted
    std::int64_t timeout_ms = 0;    ///< of an attempt; 0: as the settings say. A streamed answer's has none then
    std::int64_t idle_timeout_ms = 0;  ///< the same; above 20 s for a long poll
    std::uint64_t response_bytes_max = std::uint64_t{64} << 20;
  };

  /// Without credentials (nullptr) nothing is signed. Clock and random numbers must outlive this object.
  AwsClient(AwsApi api, const AwsSettings& settings, std::shared_ptr<Credentials> credentials, Clock& clock,
            Random& random, Logger log);

  /// The answer, with a status from 200 to 299. Errors: judge_aws_refusal()'s, HttpClient's (`unavailable` and
  /// `timed_out` may hide a success), Credentials', and `cancelled`.
  [[nodiscard]] AwsResult<HttpResponse> call(const Call& call, const std::stop_token& stop = {});
  /// The same up to the first byte of the body: the rest is read from the stream. Without a `make_body`.
  [[nodiscard]] AwsResult<std::unique_ptr<HttpStream>> open(const Call& call, const std::stop_token& stop = {});
  /// A call of a service that speaks JSON 1.0: `target` is "DynamoDB_20120810.GetItem". The answer's object.
  [[nodiscard]] AwsResult<Json> call_json(std::string_view target, const Json& arguments,
                                          const std::stop_token& stop = {}, std::int64_t timeout_ms = 0);

  /// An address that does what the request says for whoever has it, for so many seconds (at most seven days; not
  /// longer than a temporary credential lives). Whoever uses it must send the call's headers. Sends nothing, unless the
  /// credential must be fetched. Errors: `invalid_input` for another time, and those of Credentials.
  [[nodiscard]] Result<std::string> presign(const Call& call, std::int64_t expires_s, const std::stop_token& stop = {});

  [[nodiscard]] AwsApi api() const { return api_; }
  /// Whether the address is not AWS's own: then a bucket goes into the path.
  [[nodiscard]] bool has_own_endpoint() const { return has_own_endpoint_; }

  /// Sleeps before another attempt of the caller's own (what a service left undone: UnprocessedItems), the `attempt`th
  /// (from 2). `unavailable` if no retry is left, `cancelled`.
  [[nodiscard]] Result<void> pause_before(int attempt, const std::stop_token& stop);
  [[nodiscard]] const RetryPolicy& retries() const { return retries_; }

 private:
  struct Answer {
    HttpResponse response;
    std::unique_ptr<HttpStream> stream;
  };
  struct Failure {
    AwsError error;
    std::optional<std::int64_t> asked_pause_ms;
    std::optional<std::int64_t> service_time_ms;  ///< when it answered, by its clock
  };
  [[nodiscard]] AwsResult<Answer> repeat(const Call& call, bool streams, const std::stop_token& stop);
  [[nodiscard]] std::expected<Answer, Failure> attempt(const Call& call, bool streams, const AwsCredential* credential,
                                                       const std::stop_token& stop);
  [[nodiscard]] SigV4Request unsigned_request(const Call& call) const;
  [[nodiscard]] std::string timestamp() const;
  [[nodiscard]] SigV4Scope scope_of(const std::string& timestamp) const;
  [[nodiscard]] HttpRequest signed_request(const Call& call, const AwsCredential* credential) const;
  /// Learns how far the service's clock is from ours; false if that is not the reason of the failure.
  [[nodiscard]] bool corrects_clock(const Failure& failure);
  /// The pause before the next attempt; nothing if there is none.
  [[nodiscard]] std::optional<std::int64_t> next_pause_ms(const Call& call, const Failure& failure, int attempt,
                                                          std::int64_t begin_ms);

  AwsApi api_;
  std::string region_;
  std::string endpoint_;  ///< without a '/' at its end
  bool has_own_endpoint_;
  std::shared_ptr<Credentials> credentials_;
  AwsTimeouts timeouts_;
  RetryPolicy retries_;
  Clock& clock_;
  Random& random_;
  Logger log_;
  HttpClient http_;
  RetryBudget budget_;
  std::atomic<std::int64_t> clock_offset_ms_ = 0;  ///< the service's clock less ours
};

}  // namespace tillite
