#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// One invocation of a function, as the Runtime API hands it out.
struct RuntimeInvocation {
  std::string request_id;
  std::int64_t deadline_ms = 0;  ///< since the epoch, of this invocation; 0: none was given
  std::string function_arn;      ///< the one that was invoked, with its version or alias
  std::string trace_header;      ///< X-Ray's: "Root=1-...;Parent=...;Sampled=1"; empty: none
  std::string event;             ///< the payload as it came
};

/// What Lambda is told of a failure.
struct RuntimeFailure {
  std::string type;  ///< what a state machine's Retry and Catch match
  std::string message;
};

/// The Lambda Runtime API (AWS Lambda Developer Guide, "Using the Lambda runtime API", version 2018-06-01), from the
/// runtime's side: plain HTTP on one connection that is kept. Nothing is prepared before it is needed: the first
/// request is on its way at once. One thread at a time.
class RuntimeApi {
 public:
  /// Of a result and of an event. AWS says 6 MB, and names this number when it refuses more.
  static constexpr std::size_t kPayloadBytesMax = 6'291'556;

  /// `address`: AWS_LAMBDA_RUNTIME_API, "host:port" ("[host]:port" for IPv6). `invalid_input` for another text.
  [[nodiscard]] static Result<RuntimeApi> at(std::string_view address);
  RuntimeApi(RuntimeApi&&) noexcept;
  RuntimeApi& operator=(RuntimeApi&&) noexcept;
  ~RuntimeApi();

  /// Waits for the next invocation, as long as it takes. Errors: `unavailable` (no connection, or an answer that is no
  /// invocation), `limit_exceeded` (an event above the limit): the process should end.
  [[nodiscard]] Result<RuntimeInvocation> next();
  /// Hands a result back. `limit_exceeded`, which names the size, if it is above the limit or the API says so (413):
  /// fail() is owed then. `unavailable` if it was not taken.
  [[nodiscard]] Result<void> respond(std::string_view request_id, std::string_view result);
  /// Hands an error back instead.
  [[nodiscard]] Result<void> fail(std::string_view request_id, const RuntimeFailure& failure);
  /// Says that this process cannot become a function; it should end with a status that is not 0.
  [[nodiscard]] Result<void> fail_init(const RuntimeFailure& failure);

 private:
  class Connection;
  explicit RuntimeApi(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace tillite
