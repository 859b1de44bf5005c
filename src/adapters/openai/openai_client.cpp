#include "adapters/openai/openai_client.h"

#include <algorithm>

#include "adapters/remote/refusal.h"

namespace tillite {
namespace {

constexpr std::size_t kErrorBytesMax = 64 * 1024;

std::string name_of(const OpenAiClient::Call& call) { return fmt::format("{} {}", call.method, call.path); }

/// "batches" of "/batches/batch_1?x=y": calls of one endpoint share its limits.
std::string group_of(std::string_view path) {
  path.remove_prefix(std::min<std::size_t>(path.size(), 1));
  return std::string(path.substr(0, path.find_first_of("/?")));
}

/// An error of HttpClient's own, which is never the provider's word on a request: neither that it is invalid nor that
/// it is too large.
Error without_verdict(const Error& error) {
  switch (error.code()) {
    case Code::invalid_input:
      return {Code::unavailable, error.message()};
    case Code::limit_exceeded:
      return {Code::corrupt, error.message()};
    default:
      return error;
  }
}

}  // namespace

OpenAiClient::OpenAiClient(OpenAiSettings settings, Clock& clock, Random& random, Logger log, std::stop_token stop)
    : settings_(std::move(settings)),
      clock_(clock),
      random_(random),
      log_(std::move(log)),
      stop_(std::move(stop)),
      http_({.certificates_file = settings_.certificates_file}),
      limit_(settings_.calls_max),
      breaker_("the provider's API", settings_.breaker, clock),
      rate_limits_(clock, settings_.retries.asked_pause_ms_max) {}

Result<OpenAiClient::Answer> OpenAiClient::call(const Call& call) {
  if (settings_.needs_key && settings_.api_key.empty()) {
    return fail(Code::permission,
                "{}: the model is OpenAI's, and there is no key: set OPENAI_API_KEY, or "
                "OPENAI_BASE_URL for a compatible server",
                name_of(call));
  }
  const std::string group = group_of(call.path);
  std::optional<std::int64_t> begin_ms;  // of the first attempt: what was waited before is no try
  for (int number = 1;; ++number) {
    auto slot = TRY(take_slot(group));
    if (!begin_ms) begin_ms = clock_.steady_ms();
    auto answer = attempt(call, group, std::move(slot));
    if (answer) {
      budget_.note_success();
      return *std::move(answer);
    }
    const auto pause_ms = next_pause_ms(call, answer.error(), number, *begin_ms);
    if (!pause_ms) return std::unexpected(std::move(answer.error().error));
    log_.warning("a call of the provider's API is repeated", {{"call", name_of(call)},
                                                              {"attempt", number},
                                                              {"pause_ms", *pause_ms},
                                                              {"error", answer.error().error.message()}});
    TRY(clock_.sleep(*pause_ms, stop_));
  }
}

Result<CallLimit::Slot> OpenAiClient::take_slot(const std::string& group) {
  while (true) {
    TRY(rate_limits_.wait(group, stop_));
    auto slot = TRY(limit_.take(stop_, settings_.timeouts.slot_ms));
    // Whoever had it may have been asked to come again later: then it is given back until that time.
    if (rate_limits_.pause_ms(group) <= 0) return slot;
  }
}

Result<void> OpenAiClient::pause_before(int attempt) {
  if (!budget_.take()) return fail(Code::unavailable, "the provider's API fails so often that no retry is left");
  return clock_.sleep(jittered_pause_ms(settings_.retries, attempt, random_), stop_);
}

std::expected<OpenAiClient::Answer, OpenAiClient::Failure> OpenAiClient::attempt(const Call& call,
                                                                                 const std::string& group,
                                                                                 CallLimit::Slot slot) {
  auto permit = breaker_.enter();
  if (!permit) return std::unexpected(Failure{.error = permit.error()});
  auto answer = exchange(call);
  if (!answer) return std::unexpected(judge(call, answer.error(), *permit));
  rate_limits_.note(group, answer->response);
  if (!answer->response.is_success()) {
    Failure failure = judge(call, answer->response, *permit);
    if (failure.asked_pause_ms && failure.repeats) rate_limits_.pause(group, *failure.asked_pause_ms);
    return std::unexpected(std::move(failure));
  }
  permit->succeeded();
  if (answer->stream) answer->slot = std::move(slot);
  return *std::move(answer);
}

Result<OpenAiClient::Answer> OpenAiClient::exchange(const Call& call) {
  const OpenAiTimeouts& timeouts = settings_.timeouts;
  std::unique_ptr<ByteSource> body;
  if (call.make_body) body = TRY(call.make_body());
  HttpRequest request{.method = call.method,
                      .url = settings_.base_url + call.path,
                      .headers = call.headers,
                      .bearer = settings_.api_key.empty() ? nullptr : &settings_.api_key,
                      .body = call.body,
                      .body_source = body.get(),
                      .body_bytes = call.body_bytes,
                      .connect_timeout_ms = timeouts.connect_ms,
                      .idle_timeout_ms = call.idle_timeout_ms > 0 ? call.idle_timeout_ms : timeouts.idle_ms,
                      .timeout_ms = call.timeout_ms > 0 ? call.timeout_ms : timeouts.call_ms,
                      .response_bytes_max = call.response_bytes_max,
                      // A kept connection may have libcurl send a request twice.
                      .fresh_connection = call.repeat != Repeat::always || body != nullptr};
  if (!call.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  if (!settings_.organization.empty()) request.headers.emplace_back("OpenAI-Organization", settings_.organization);
  if (!settings_.project.empty()) request.headers.emplace_back("OpenAI-Project", settings_.project);
  Answer answer;
  if (!call.streams) {
    answer.response = TRY(http_.send(request, stop_));
    return answer;
  }
  request.timeout_ms = call.timeout_ms;  // of a stream it includes the reader's time
  answer.stream = TRY(http_.open(std::move(request), stop_));
  answer.response = answer.stream->response();
  if (!answer.response.is_success()) answer.response = TRY(read_refusal(*answer.stream, kErrorBytesMax));
  return answer;
}

OpenAiClient::Failure OpenAiClient::judge(const Call& call, const HttpResponse& response,
                                          CircuitBreaker::Permit& permit) {
  OpenAiRefusal refusal = judge_refusal(response, name_of(call), settings_.api_key);
  if (refusal.is_fault) {
    permit.failed(refusal.error.message());
  } else {
    permit.succeeded();
  }
  return {.error = std::move(refusal.error),
          .repeats = refusal.may_pass && (call.repeat == Repeat::always || refusal.is_undone),
          .asked_pause_ms = asked_pause_ms(response, clock_.now_ms())};
}

OpenAiClient::Failure OpenAiClient::judge(const Call& call, const Error& error, CircuitBreaker::Permit& permit) {
  const bool is_fault = error.code() == Code::unavailable || error.code() == Code::timed_out;
  if (is_fault) permit.failed(error.message());
  return {.error = without_verdict(error), .repeats = is_fault && call.repeat == Repeat::always, .asked_pause_ms = {}};
}

std::optional<std::int64_t> OpenAiClient::next_pause_ms(const Call& call, const Failure& failure, int attempt,
                                                        std::int64_t begin_ms) {
  const RetryPolicy& policy = settings_.retries;
  if (!failure.repeats || attempt >= policy.attempts_max) return std::nullopt;
  const std::int64_t pause_ms =
      std::max(failure.asked_pause_ms.value_or(0), jittered_pause_ms(policy, attempt + 1, random_));
  if (pause_ms > policy.asked_pause_ms_max) return std::nullopt;
  // An upload may well have taken longer than all the attempts of a small call.
  const std::int64_t total_ms_max = policy.total_ms_max + (call.make_body ? call.timeout_ms : 0);
  if (clock_.steady_ms() + pause_ms - begin_ms > total_ms_max) return std::nullopt;
  if (!budget_.take()) return std::nullopt;
  return pause_ms;
}

}  // namespace tillite
