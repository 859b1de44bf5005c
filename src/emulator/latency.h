#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// How long things take.
struct Latency {
  std::int64_t validating_ms = 100;
  std::int64_t in_progress_ms = 500;
  std::int64_t finalizing_ms = 100;
  std::int64_t cancelling_ms = 100;
  std::int64_t request_ms = 0;                  ///< before every answer
  std::int64_t window_ms = 24LL * 3600 * 1000;  ///< after which a batch that is not done expires

  /// Of "validating=1s,in-progress=2m,finalizing=1s,cancelling=1s,request=20ms,window=24h"; what is not named stays as
  /// it is above. A single duration is that of each of a batch's stages. `invalid_input` names the part that is wrong.
  [[nodiscard]] static Result<Latency> parse(std::string_view text);
};

}  // namespace tillite
