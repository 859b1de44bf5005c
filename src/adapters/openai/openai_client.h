#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "adapters/openai/openai_error.h"
#include "adapters/openai/openai_settings.h"
#include "adapters/openai/rate_limits.h"
#include "adapters/remote/call_limit.h"
#include "base/log.h"

namespace tillite {

/// Calls of OpenAI's API, with everything that is the same for all of them: address and key, time-outs, retries and
/// their budget, rate limits, the number of calls at once, the circuit breaker, and what an error says. One for a
/// process: limits are shared by all that call.
///
/// Threads: any.
class OpenAiClient {
 public:
  /// Clock and random numbers must outlive this object. `stop` ends every call, with `cancelled`.
  OpenAiClient(OpenAiSettings settings, Clock& clock, Random& random, Logger log, std::stop_token stop);

  enum class Repeat {
    always,     ///< asking twice does no harm
    if_undone,  ///< only where the provider says that it did nothing: its answer may have been lost
  };
  struct Call {
    std::string method = "GET";
    std::string path;  ///< below the base URL: "/batches"
    HttpHeaders headers = {};
    std::string body = {};  ///< JSON
    /// In place of `body`: makes it anew for each attempt, `body_bytes` of it.
    std::function<Result<std::unique_ptr<ByteSource>>()> make_body = {};
    std::uint64_t body_bytes = 0;
    Repeat repeat = Repeat::always;
    bool streams = false;              ///< the answer's body is read from Answer::stream
    std::int64_t timeout_ms = 0;       ///< of an attempt; 0: as the settings say for a small call
    std::int64_t idle_timeout_ms = 0;  ///< the same
    std::uint64_t response_bytes_max = std::uint64_t{8} << 20;
  };
  struct Answer {
    HttpResponse response;               ///< status 200 to 299
    std::unique_ptr<HttpStream> stream;  ///< if asked for
    CallLimit::Slot slot;                ///< held while the stream is open
  };
  /// Errors: as judge_refusal() has them, and HttpClient's: `unavailable` and `timed_out` (worth another try later; may
  /// hide a success), `permission`, `corrupt` (a larger answer), `cancelled`.
  [[nodiscard]] Result<Answer> call(const Call& call);

  /// A stream that broke off is a fault of the provider's, too.
  void note_broken_stream(const Error& error) { breaker_.note_fault(error.message()); }
  /// Sleeps before a stream is opened again, for the `attempt`th time (from 2). `unavailable` if no retry is left.
  [[nodiscard]] Result<void> pause_before(int attempt);

  [[nodiscard]] const OpenAiSettings& settings() const { return settings_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] const Logger& log() const { return log_; }

 private:
  /// How one attempt went, if not well.
  struct Failure {
    Error error;
    bool repeats = false;
    std::optional<std::int64_t> asked_pause_ms;
  };
  [[nodiscard]] std::expected<Answer, Failure> attempt(const Call& call, const std::string& group,
                                                       CallLimit::Slot slot);
  /// Waits until the group may call and few enough others do.
  [[nodiscard]] Result<CallLimit::Slot> take_slot(const std::string& group);
  [[nodiscard]] Result<Answer> exchange(const Call& call);
  [[nodiscard]] Failure judge(const Call& call, const HttpResponse& response, CircuitBreaker::Permit& permit);
  [[nodiscard]] Failure judge(const Call& call, const Error& error, CircuitBreaker::Permit& permit);
  /// The pause before the next attempt; nothing if there is none.
  [[nodiscard]] std::optional<std::int64_t> next_pause_ms(const Call& call, const Failure& failure, int attempt,
                                                          std::int64_t begin_ms);

  OpenAiSettings settings_;
  Clock& clock_;
  Random& random_;
  Logger log_;
  std::stop_token stop_;
  HttpClient http_;
  CallLimit limit_;
  CircuitBreaker breaker_;
  RateLimits rate_limits_;
  RetryBudget budget_;
};

}  // namespace tillite
