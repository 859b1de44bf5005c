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
/// Threads: any; of several receivers at once, also in several processes, each message goes to one.
/// Durability: a message that was sent survives a crash.
/// Errors: `limit_exceeded` for a body above 256 KiB, a delay above 900 s or a visibility above 12 h; `invalid_input`
/// for an empty body, a negative duration, and a receipt that never was one; `unavailable` (worth a retry, and it may
/// hide a success); `corrupt` and `no_space`. Durations may be rounded up to whole seconds.
class Queue {
 public:
  static constexpr std::size_t kBodyBytesMax = 256 * 1024;
  static constexpr std::int64_t kDelayMsMax = 900'000;
  static constexpr std::int64_t kVisibilityMsMax = 12 * 3'600'000;
  static constexpr std::size_t kReceiveMax = 10;

  virtual ~Queue() = default;
  /// A text that is delivered as it is, not before `delay_ms` have passed.
  [[nodiscard]] virtual Result<void> send(const std::string& body, std::int64_t delay_ms = 0) = 0;
  /// Up to `count_max` (more than 10 count as 10) messages, invisible to others for `visibility_ms`; then they are
  /// delivered anew, unless they were removed. Does not wait: none if none is there.
  [[nodiscard]] virtual Result<std::vector<QueueMessage>> receive(std::size_t count_max,
                                                                  std::int64_t visibility_ms) = 0;
  /// Done with a message: it is never delivered again. A delivery whose visibility ran out, and one that was removed
  /// before, are no error; a message that was delivered anew meanwhile stays with its new receiver.
  [[nodiscard]] virtual Result<void> remove(const std::string& receipt) = 0;
  /// Invisible for `visibility_ms` from now; 0 gives the message back at once. `not_found` if the delivery ran out or
  /// the message was removed.
  [[nodiscard]] virtual Result<void> extend(const std::string& receipt, std::int64_t visibility_ms) = 0;
};

}  // namespace tillite
