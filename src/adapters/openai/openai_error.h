#pragma once

#include <string_view>

#include "base/http_client.h"
#include "base/secret.h"

namespace tillite {

/// An answer that is no success, judged.
struct OpenAiRefusal {
  Error error;
  bool is_fault = false;   ///< the provider's own (5xx, a time-out): what a circuit breaker counts
  bool is_undone = false;  ///< it says that nothing was done: even a request that must not be repeated may be
  bool may_pass = false;   ///< the same request may succeed later
};

/// What an answer outside 200 to 299 means. Errors: `permission` (401, 402, 403, 407, no quota, no credit), `not_found`
/// (404 with a reason in it; any other 404 is a wrong address), `invalid_input` (400 and 422 with a reason in them, and
/// 416: any other is no word on the request), `limit_exceeded` (413, texts or files that are too large), `conflict`
/// (409), `timed_out` (408), `unsupported` (405, 501), else `unavailable`. The message names the call, the status, the
/// provider's words (at most 500 bytes, without control characters and without the key or parts of it) and the
/// provider's id of the request.
[[nodiscard]] OpenAiRefusal judge_refusal(const HttpResponse& response, std::string_view call, const Secret& key);

/// A text of the provider's as it may be shown and logged.
[[nodiscard]] std::string presentable(std::string_view text, const Secret& key);

}  // namespace tillite
