#include "adapters/aws/credentials.h"

#include <condition_variable>
#include <mutex>

namespace tillite {
namespace {

constexpr std::int64_t kEarlyMs = 5 * 60'000;  ///< before its end, from when on another one is fetched
constexpr std::int64_t kSafeMs = 30'000;       ///< before its end it is still used if there is no other
constexpr std::int64_t kRetryMs = 30'000;      ///< between attempts to fetch another while one is still good

}  // namespace

struct Credentials::State {
  std::unique_ptr<CredentialSource> source;
  Clock& clock;
  Logger log;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::shared_ptr<const AwsCredential> current;
  std::optional<std::int64_t> expires_ms;
  std::int64_t next_try_ms = 0;  ///< by the steady clock
  bool is_fetching = false;

  [[nodiscard]] bool lasts(std::int64_t duration_ms) {
    return current && (!expires_ms || *expires_ms - clock.now_ms() > duration_ms);
  }
  [[nodiscard]] bool is_good_enough() {
    return lasts(kEarlyMs) || (lasts(kSafeMs) && (is_fetching || clock.steady_ms() < next_try_ms));
  }
};

Credentials::Credentials(std::unique_ptr<CredentialSource> source, Clock& clock, Logger log)
    : state_(new State{.source = std::move(source),
                       .clock = clock,
                       .log = std::move(log),
                       .mutex = {},
                       .changed = {},
                       .current = {},
                       .expires_ms = {}}) {}
Credentials::~Credentials() = default;

Result<std::shared_ptr<const AwsCredential>> Credentials::get(const std::stop_token& stop) {
  State& state = *state_;
  {
    std::unique_lock lock(state.mutex);
    const bool can_go_on = state.changed.wait(lock, stop, [&] { return state.is_good_enough() || !state.is_fetching; });
    if (!can_go_on) return fail(Code::cancelled, "stopped while waiting for a credential");
    if (state.is_good_enough()) return state.current;
    state.is_fetching = true;
  }
  auto fetched = state.source->fetch(stop);
  const std::scoped_lock lock(state.mutex);
  state.is_fetching = false;
  state.changed.notify_all();
  if (fetched && *fetched) {
    state.expires_ms = (*fetched)->expires_ms;
    state.current = std::make_shared<const AwsCredential>(std::move((*fetched)->credential));
    state.next_try_ms =
        state.clock.steady_ms() + kRetryMs;  // for a source whose credentials live shorter than kEarlyMs
    return state.current;
  }
  if (state.lasts(kSafeMs)) {
    state.next_try_ms = state.clock.steady_ms() + kRetryMs;
    state.log.warning("another credential could not be fetched",
                      {{"error", fetched ? "there is none any more" : fetched.error().message()}});
    return state.current;
  }
  if (!fetched) return std::unexpected(fetched.error());
  return fail(Code::permission,
              "there is no credential for AWS: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run "
              "where a role is given");
}

void Credentials::drop(const AwsCredential& ended) {
  const std::scoped_lock lock(state_->mutex);
  if (state_->current.get() == &ended) state_->current.reset();
}

}  // namespace tillite
