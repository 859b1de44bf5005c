#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace tillite {

struct QueueMessage {
  std::string id;
  std::string receipt;  ///< names this delivery: what remove() and extend() take
  std::string body;
  int receive_count = 0;  ///< this delivery included
};

/// Messages that are delivered at least once, in no particular order: SQS, or a table in SQLite. Messages are hints:
/// nothing may rest on one being there, or being there once.
///
/// Threads: any. Durability: a message that was sent survives a crash.
/// Errors: `limit_exceeded` for a body above 256 KiB or a delay above 900 s; `unavailable`.
class Queue {
 public:
  virtual ~Queue() = default;
  [[nodiscard]] virtual Result<void> send(const std::string& body, std::int64_t delay_ms = 0) = 0;
  /// Up to `count_max` (10 at most) messages, invisible to others for `visibility_ms`. Does not wait.
  [[nodiscard]] virtual Result<std::vector<QueueMessage>> receive(std::size_t count_max,
                                                                  std::int64_t visibility_ms) = 0;
  /// Done with a message. A delivery whose visibility ran out is no error.
  [[nodiscard]] virtual Result<void> remove(const std::string& receipt) = 0;
  /// Invisible for `visibility_ms` from now. `not_found` if the delivery ran out.
  [[nodiscard]] virtual Result<void> extend(const std::string& receipt, std::int64_t visibility_ms) = 0;
};

}  // namespace tillite
