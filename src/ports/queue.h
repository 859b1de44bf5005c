#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace tillite {

struct QueueMessage {
  std::string id;
  std::string receipt;  ///< names this delivery: what remove(), extend() and note_failure() take
  std::string body;
  int receive_count = 0;     ///< this delivery included
  std::int64_t sent_ms = 0;  ///< since the epoch
  std::string attributes;    ///< as they were sent; empty: none
};

/// Where the messages of a queue stand.
struct QueueCounts {
  std::uint64_t visible = 0;    ///< could be received now
  std::uint64_t in_flight = 0;  ///< delivered, neither removed nor run out
  std::uint64_t delayed = 0;    ///< not delivered yet, their delay runs
};

/// A message as it lies in the queue.
struct QueuedMessage {
  std::string id;
  std::string body;
  int receive_count = 0;
  std::int64_t sent_ms = 0;     ///< since the epoch
  std::int64_t visible_ms = 0;  ///< from when on it can be received, since the epoch
  std::string reason;           ///< why its last delivery failed, as far as it was noted
};

/// Messages that are delivered at least once, in no particular order: SQS, or a table in SQLite. Messages are hints:
/// nothing may rest on one being there, or being there once.
///
/// A message that was received kReceivesMax times and never removed goes to the queue of dead letters when its last
/// delivery has run out, at the latest when somebody receives (SQS: and as often as its RedrivePolicy says). Messages
/// that are older than a queue's retention, counted from when they were sent, are gone.
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
  static constexpr int kReceivesMax = 5;
  static constexpr std::int64_t kRetentionMs = 4LL * 24 * 3'600'000;
  static constexpr std::int64_t kDeadLetterRetentionMs = 14LL * 24 * 3'600'000;
  static constexpr std::size_t kReasonBytesMax = 1024;

  virtual ~Queue() = default;
  /// A text that is delivered as it is, not before `delay_ms` have passed. The answer: the message's id. `attributes`
  /// (JSON as SQS has them; empty: none) travel with it, and count towards its bytes.
  [[nodiscard]] virtual Result<std::string> send(const std::string& body, std::int64_t delay_ms = 0,
                                                 const std::string& attributes = "") = 0;
  /// Up to `count_max` (more than 10 count as 10) messages, invisible to others for `visibility_ms`; then they are
  /// delivered anew, unless they were removed. Does not wait for messages that are not there yet (SQS may take a second
  /// to look everywhere): none if none is there.
  [[nodiscard]] virtual Result<std::vector<QueueMessage>> receive(std::size_t count_max,
                                                                  std::int64_t visibility_ms) = 0;
  /// Done with a message: it is never delivered again. A delivery whose visibility ran out, and one that was removed
  /// before, are no error; a message that was delivered anew meanwhile stays with its new receiver.
  [[nodiscard]] virtual Result<void> remove(const std::string& receipt) = 0;
  /// Invisible for `visibility_ms` from now; 0 gives the message back at once. `not_found` if the delivery ran out or
  /// the message was removed.
  [[nodiscard]] virtual Result<void> extend(const std::string& receipt, std::int64_t visibility_ms) = 0;
  /// Says why a delivery failed: what a dead letter gives as its reason is the last one noted (cut after 1,024 bytes;
  /// SQS keeps none). Changes nothing else, the message comes back as it would have. A delivery that is no more is no
  /// error.
  [[nodiscard]] virtual Result<void> note_failure(const std::string& receipt, const std::string& reason) = 0;

  /// How many there are; at SQS an estimate.
  [[nodiscard]] virtual Result<QueueCounts> counts() = 0;
  /// The first `count_max` messages in the order in which they were sent, without delivering them. SQS cannot:
  /// `unsupported`, but for dead letters, which are delivered for a moment and given back (their receive_count grows).
  [[nodiscard]] virtual Result<std::vector<QueuedMessage>> peek(std::size_t count_max) = 0;

  /// The queue of dead letters, which lives as long as this one; nullptr if this is one itself.
  [[nodiscard]] virtual Queue* dead_letters() = 0;
  /// Brings dead letters back, by their ids: they are delivered at once, and may fail as often as new ones; at SQS they
  /// are new ones, with ids of their own. The answer says per id whether there was such a dead letter. An error means
  /// that any part of them may be back.
  [[nodiscard]] virtual Result<std::vector<bool>> redrive(std::span<const std::string> ids) = 0;
  /// The same with all that there are; the answer: their ids as dead letters.
  [[nodiscard]] virtual Result<std::vector<std::string>> redrive_all() = 0;
};

// The limits that every queue has, for those who write one.
[[nodiscard]] Result<void> check_message(const std::string& body, std::int64_t delay_ms, const std::string& attributes);
[[nodiscard]] Result<void> check_visibility(std::int64_t visibility_ms);

}  // namespace tillite
