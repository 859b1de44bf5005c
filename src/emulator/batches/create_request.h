#pragma once

#include <optional>
#include <string>

#include "emulator/api_error.h"

namespace tillite {

/// The body of POST /v1/batches, checked.
struct CreateBatchRequest {
  std::string input_file_id;
  std::string endpoint;
  std::string completion_window;
  Json metadata;                               ///< null or an object of texts
  std::optional<std::int64_t> output_lives_s;  ///< of output_expires_after
};

[[nodiscard]] ApiResult<CreateBatchRequest> parse_create_batch(const Json& body);

/// How long a file lives, in seconds, by {"anchor": "created_at", "seconds": 3600}; `name` is the field's.
[[nodiscard]] ApiResult<std::int64_t> parse_expires_after(const Json& value, std::string_view name);

}  // namespace tillite
