#pragma once

#include <cstdint>
#include <string>

#include "expressions/value.h"

namespace tillite {

/// The answer of one of AWS's services as an optimized integration shows it: beside the fields SdkHttpMetadata (status
/// and headers of an answer of that many bytes in JSON 1.0) and SdkResponseMetadata (the request's id); all in the
/// order of their names, as AWS has them.
[[nodiscard]] Value sdk_answer(const Value::Object& fields, std::size_t body_bytes, const std::string& request_id,
                               std::int64_t now_ms);

}  // namespace tillite
