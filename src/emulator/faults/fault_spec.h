#pragma once

#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "emulator/faults/chances.h"

namespace tillite {

/// What may befall a request, before or after it was acted upon.
enum class RequestFault {
  rate_limited,  ///< status 429 with retry-after; nothing was done
  no_quota,      ///< status 429, insufficient_quota; nothing was done
  server_error,  ///< status 500, 502, 503 or 504; nothing was done
  cut_before,    ///< the connection is cut, nothing was done
  cut_after,     ///< the connection is cut, the thing was done
  slow,          ///< the answer comes late, and its body slowly
  cut_body       ///< a file's content breaks off in the middle, with the connection
};

/// What may befall a batch.
enum class BatchFault { expires, fails, hits_token_limit, is_cancelled, has_no_output, is_truncated };

/// What may befall a line of a batch's results.
enum class LineFault {
  duplicate_id,      ///< the line is there twice
  missing_id,        ///< the line is not there
  foreign_id,        ///< the line has a custom_id that nobody sent
  wrong_dimensions,  ///< the vector is one number too long
  not_a_number,      ///< the vector has a NaN
  bad_request,       ///< response with status 400 and an error's body
  server_error,      ///< response with status 500 and an error's body
  error_only,        ///< `response` null, `error` with code and message
  nothing            ///< both null
};

/// How the emulator misbehaves. docs/openai-emulator.md describes the language.
struct FaultSpec {
  Chances<RequestFault> requests;
  Chances<BatchFault> batches;
  Chances<LineFault> lines;
  std::int64_t list_lag_ms = 0;  ///< how long a new batch or file is not in the lists
  std::int64_t retry_after_ms = 1000;
  std::int64_t slow_ms = 2000;  ///< what `slow` costs, before the answer and before each piece of a body

  /// Of "429=0.05,cut=0.02,list-lag=3s"; empty: no faults. `invalid_input` names the part that is wrong.
  [[nodiscard]] static Result<FaultSpec> parse(std::string_view text);
  /// The chances of faults of lines in {"nan": 0.5, ...}.
  [[nodiscard]] static Result<Chances<LineFault>> parse_lines(const Json& object);
};

/// The fault of requests with that name in the language.
[[nodiscard]] Result<RequestFault> request_fault_named(std::string_view name);
[[nodiscard]] std::string_view request_fault_name(RequestFault fault);

}  // namespace tillite
