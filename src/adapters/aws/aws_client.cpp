#include "adapters/aws/aws_client.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>

#include "adapters/remote/refusal.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/number_text.h"
#include "base/percent_coding.h"
#include "base/sigv4.h"

namespace tillite {
namespace {

constexpr std::size_t kErrorBytesMax = std::size_t{4} << 20;
constexpr std::int64_t kSkewMsMin = 60'000;  // below it a service would not refuse a signature
constexpr std::int64_t kPresignedSecondsMax = 7 * 24 * 3600;

/// "DynamoDB_20120810.GetItem", or "GET s3 /bucket/key": what messages name a call.
std::string name_of(AwsApi api, const AwsClient::Call& call) {
  for (const auto& [name, value] : call.headers) {
    if (name == "x-amz-target") return value;
  }
  return fmt::format("{} {} {}{}", call.method, signing_name(api), call.host_prefix, call.path.substr(0, 256));
}

std::string query_of(const AwsClient::Call& call) {
  std::string text;
  for (const auto& [name, value] : call.query) {
    text += fmt::format("{}{}={}", text.empty() ? "?" : "&", percent_encode(name), percent_encode(value));
  }
  return text;
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return text;
}

/// An address in its parts: "https://", "host:port", "/base".
struct Address {
  std::string scheme;
  std::string host;
  std::string base_path;
};

Address address_of(const std::string& endpoint, const std::string& host_prefix) {
  const std::size_t host = endpoint.find("://") + 3;
  const std::size_t path = std::min(endpoint.find('/', host), endpoint.size());
  return {endpoint.substr(0, host), host_prefix + endpoint.substr(host, path - host), endpoint.substr(path)};
}

/// DynamoDB says which CRC-32 its answer has, before anybody on the way could change it.
bool is_whole(const HttpResponse& response) {
  const auto said = response.header("x-amz-crc32");
  if (!said) return true;
  const auto number = parse_whole_number(*said);
  const std::string& body = response.body;
  return number == static_cast<std::int64_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(body.data()), body.size()));
}

/// An error of HttpClient's own is never the service's word on a call: that it is too large, or not understood.
Error without_verdict(const Error& error) {
  if (error.code() == Code::limit_exceeded) return {Code::corrupt, error.message()};
  return error;
}

}  // namespace

AwsClient::AwsClient(AwsApi api, const AwsSettings& settings, std::shared_ptr<Credentials> credentials, Clock& clock,
                     Random& random, Logger log)
    : api_(api),
      region_(settings.region),
      endpoint_(settings.endpoint_of(api)),
      has_own_endpoint_(settings.has_own_endpoint(api)),
      credentials_(std::move(credentials)),
      timeouts_(settings.timeouts),
      retries_(settings.retries),
      clock_(clock),
      random_(random),
      log_(std::move(log)),
      http_({.certificates_file = settings.certificates_file}) {}

AwsResult<HttpResponse> AwsClient::call(const Call& call, const std::stop_token& stop) {
  auto answer = repeat(call, /*streams=*/false, stop);
  if (!answer) return std::unexpected(std::move(answer.error()));
  return std::move(answer->response);
}

AwsResult<std::unique_ptr<HttpStream>> AwsClient::open(const Call& call, const std::stop_token& stop) {
  check(!call.make_body && call.body.empty(), "a streamed answer belongs to a call without a body");
  auto answer = repeat(call, /*streams=*/true, stop);
  if (!answer) return std::unexpected(std::move(answer.error()));
  return std::move(answer->stream);
}

AwsResult<Json> AwsClient::call_json(std::string_view target, const Json& arguments, const std::stop_token& stop,
                                     std::int64_t timeout_ms) {
  Call json{.headers = {{"content-type", "application/x-amz-json-1.0"}, {"x-amz-target", std::string(target)}},
            .body = to_text(arguments),
            .timeout_ms = timeout_ms,
            .idle_timeout_ms = timeout_ms};
  const auto answer = call(json, stop);
  if (!answer) return std::unexpected(answer.error());
  if (answer->body.empty()) return Json::object();  // SQS has such
  auto object = parse_json(answer->body, target);
  if (object && object->is_object()) return *std::move(object);
  return std::unexpected(
      AwsError{.error = Error(Code::corrupt, fmt::format("{}: the answer is no JSON object", target)),
               .status = answer->status});
}

Result<void> AwsClient::pause_before(int attempt, const std::stop_token& stop) {
  if (!budget_.take()) {
    return fail(Code::unavailable, "{} fails so often that no retry is left", signing_name(api_));
  }
  return clock_.sleep(jittered_pause_ms(retries_, attempt, random_), stop);
}

AwsResult<AwsClient::Answer> AwsClient::repeat(const Call& call, bool streams, const std::stop_token& stop) {
  const std::int64_t begin_ms = clock_.steady_ms();
  bool has_new_credential = false;
  bool has_new_clock = false;
  bool has_lost_answer = false;
  for (int number = 1;; ++number) {
    std::shared_ptr<const AwsCredential> credential;
    if (credentials_) {
      auto got = credentials_->get(stop);
      if (!got) return std::unexpected(aws_error_of(got.error().in(name_of(api_, call))));
      credential = *std::move(got);
    }
    auto answer = attempt(call, streams, credential.get(), stop);
    if (answer) {
      budget_.note_success();
      return *std::move(answer);
    }
    Failure& failure = answer.error();
    failure.error.follows_lost_answer = has_lost_answer;
    has_lost_answer |= may_pass(failure.error) && !is_throttling(failure.error);
    if (credential && is_expired_credential(failure.error) && !std::exchange(has_new_credential, true)) {
      credentials_->drop(*credential);
      log_.info("the credential has ended", {{"call", name_of(api_, call)}});
      continue;
    }
    if (!has_new_clock && corrects_clock(failure)) {
      has_new_clock = true;
      continue;
    }
    const auto pause_ms = next_pause_ms(call, failure, number, begin_ms);
    if (!pause_ms) return std::unexpected(std::move(failure.error));
    log_.info("a call of AWS is repeated", {{"call", name_of(api_, call)},
                                            {"attempt", number},
                                            {"pause_ms", *pause_ms},
                                            {"error", failure.error.error.message()}});
    if (const auto slept = clock_.sleep(*pause_ms, stop); !slept) return std::unexpected(aws_error_of(slept.error()));
  }
}

std::expected<AwsClient::Answer, AwsClient::Failure> AwsClient::attempt(const Call& call, bool streams,
                                                                        const AwsCredential* credential,
                                                                        const std::stop_token& stop) {
  const auto lost = [&](const Error& error) {
    return std::unexpected(Failure{.error = aws_error_of(without_verdict(error).in(name_of(api_, call))),
                                   .asked_pause_ms = {},
                                   .service_time_ms = {}});
  };
  HttpRequest request = signed_request(call, credential);
  std::unique_ptr<ByteSource> body;
  if (call.make_body) {
    auto made = call.make_body();
    if (!made) return lost(made.error());
    body = *std::move(made);
    request.body_bytes = call.body_bytes;
  } else if (!call.body.empty()) {
    // From a source a body goes out once: libcurl would send another kind again, unasked and untold, over another
    // connection if a kept one breaks.
    body = source_of(call.body);
    request.body_bytes = call.body.size();
  }
  request.body_source = body.get();
  Answer answer;
  if (!streams) {
    auto response = http_.send(request, stop);
    if (!response) return lost(response.error());
    answer.response = *std::move(response);
  } else {
    request.timeout_ms = call.timeout_ms;  // it includes the reader's time
    auto stream = http_.open(std::move(request), stop);
    if (!stream) return lost(stream.error());
    answer.stream = *std::move(stream);
    answer.response = answer.stream->response();
    if (!answer.response.is_success()) {
      auto whole = read_refusal(*answer.stream, kErrorBytesMax);
      if (!whole) return lost(whole.error());
      answer.response = *std::move(whole);
    }
  }
  if (answer.response.is_success() && !streams && !is_whole(answer.response)) {
    return lost(Error(Code::unavailable, "the answer's CRC-32 is not that of its body"));
  }
  if (answer.response.is_success()) return answer;
  const auto date = answer.response.header("date");
  return std::unexpected(Failure{.error = judge_aws_refusal(answer.response, name_of(api_, call)),
                                 .asked_pause_ms = asked_pause_ms(answer.response, clock_.now_ms()),
                                 .service_time_ms = date ? parse_http_date_ms(*date) : std::nullopt});
}

SigV4Request AwsClient::unsigned_request(const Call& call) const {
  const Address address = address_of(endpoint_, call.host_prefix);
  SigV4Request request{.method = call.method,
                       .target = address.base_path + percent_encode(call.path, /*keep_slash=*/true) + query_of(call),
                       .headers = {{"host", address.host}},
                       .payload_hash = call.make_body ? call.body_sha256 : sha256_hex(call.body),
                       .is_for_s3 = api_ == AwsApi::s3};
  if (request.payload_hash.empty()) request.payload_hash = kUnsignedPayload;
  for (const auto& [name, value] : call.headers) request.headers.emplace_back(lower_case(name), value);
  return request;
}

std::string AwsClient::timestamp() const { return sigv4_timestamp(clock_.now_ms() + clock_offset_ms_); }

SigV4Scope AwsClient::scope_of(const std::string& timestamp) const {
  return {.date = timestamp.substr(0, 8), .region = region_, .service = std::string(signing_name(api_))};
}

HttpRequest AwsClient::signed_request(const Call& call, const AwsCredential* credential) const {
  SigV4Request request = unsigned_request(call);
  if (credential != nullptr) {
    check(request.is_for_s3 || request.payload_hash != kUnsignedPayload, "only S3 takes a body that is not signed");
    const std::string now = timestamp();
    request.headers.emplace_back("x-amz-date", now);
    if (request.is_for_s3) request.headers.emplace_back("x-amz-content-sha256", request.payload_hash);
    if (!credential->session_token.empty()) {
      request.headers.emplace_back("x-amz-security-token", std::string(credential->session_token.reveal()));
    }
    request.headers.emplace_back("authorization", sigv4_authorization(request, *credential, scope_of(now), now));
  }
  const Address address = address_of(endpoint_, call.host_prefix);
  return {.method = call.method,
          .url = address.scheme + address.host + request.target,
          .headers = std::move(request.headers),
          .connect_timeout_ms = timeouts_.connect_ms,
          .idle_timeout_ms = call.idle_timeout_ms > 0 ? call.idle_timeout_ms : timeouts_.idle_ms,
          .timeout_ms = call.timeout_ms > 0 ? call.timeout_ms : timeouts_.call_ms,
          .response_bytes_max = call.response_bytes_max};
}

Result<std::string> AwsClient::presign(const Call& call, std::int64_t expires_s, const std::stop_token& stop) {
  if (expires_s < 1 || expires_s > kPresignedSecondsMax) {
    return fail(Code::invalid_input, "a presigned address is good for 1 to {} seconds, not {}", kPresignedSecondsMax,
                expires_s);
  }
  check(credentials_ != nullptr, "what is presigned is signed");
  const auto credential = TRY(credentials_->get(stop));
  SigV4Request request = unsigned_request(call);
  if (request.is_for_s3) request.payload_hash = kUnsignedPayload;
  const std::string now = timestamp();
  const Address address = address_of(endpoint_, call.host_prefix);
  return address.scheme + address.host + sigv4_presigned_target(request, *credential, scope_of(now), now, expires_s);
}

bool AwsClient::corrects_clock(const Failure& failure) {
  if (!may_be_clock_skew(failure.error) || !failure.service_time_ms) return false;
  const std::int64_t offset_ms = *failure.service_time_ms - clock_.now_ms();
  if (std::abs(offset_ms - clock_offset_ms_) < kSkewMsMin) return false;
  log_.warning("this machine's clock is not AWS's", {{"offset_ms", offset_ms}});
  clock_offset_ms_ = offset_ms;
  return true;
}

std::optional<std::int64_t> AwsClient::next_pause_ms(const Call& call, const Failure& failure, int attempt,
                                                     std::int64_t begin_ms) {
  const AwsError& error = failure.error;
  const bool repeats =
      is_throttling(error) || (call.repeats && may_pass(error)) || (call.repeats_conflict && error.status == 409);
  if (!repeats || attempt >= retries_.attempts_max) return std::nullopt;
  const std::int64_t pause_ms =
      std::max(failure.asked_pause_ms.value_or(0), jittered_pause_ms(retries_, attempt + 1, random_));
  if (pause_ms > retries_.asked_pause_ms_max) return std::nullopt;
  if (clock_.steady_ms() + pause_ms - begin_ms > retries_.total_ms_max + call.timeout_ms) return std::nullopt;
  if (!budget_.take()) return std::nullopt;
  return pause_ms;
}

}  // namespace tillite
