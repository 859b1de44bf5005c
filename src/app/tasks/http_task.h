#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "base/http_client.h"
#include "base/json.h"

namespace tillite {

/// Tasks that are HTTP endpoints: a Resource "http://..." or "https://..." (docs/tasks.md). The task's input is posted
/// as JSON, the body of the answer is the result.
///
/// Threads: any, several calls at once.
class HttpTask {
 public:
  explicit HttpTask(HttpClient& client) : client_(client) {}

  struct Call {
    std::string resource;
    Json payload;
    std::string execution_id;     ///< sent as X-Tillite-Execution-Id
    std::int64_t timeout_ms = 0;  ///< 0: none
    std::stop_token stop;         ///< requested: the error is `cancelled`
  };
  /// The result of an answer of 200 to 299. Errors, by their names: what the body of any other answer says in
  /// {"errorType", "errorMessage"}, else Http.Status.NNN with the body; Http.InvalidBody, Http.ConnectionFailed,
  /// States.Timeout, States.DataLimitExceeded.
  [[nodiscard]] Result<Json> run(const Call& call) const;

  /// Whether a Resource is one of these.
  [[nodiscard]] static bool handles(std::string_view resource);

 private:
  HttpClient& client_;
};

}  // namespace tillite
