#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "ports/queue.h"

namespace tillite {

// What SQS answers in its JSON protocol, as far as it matters here (Amazon SQS API Reference). What is unknown is left
// aside; `corrupt` names what cannot be read.

/// ReceiveMessage, with the system attributes ApproximateReceiveCount and SentTimestamp.
[[nodiscard]] Result<std::vector<QueueMessage>> parse_received(const Json& answer);

/// SendMessage: the message's id.
[[nodiscard]] Result<std::string> parse_sent(const Json& answer);

/// GetQueueAttributes with the three ApproximateNumberOfMessages.
[[nodiscard]] Result<QueueCounts> parse_counts(const Json& answer);

/// The queue of dead letters that a RedrivePolicy names.
struct DeadLetterTarget {
  std::string account;
  std::string name;
};
/// GetQueueAttributes with RedrivePolicy. `not_found` if the queue has none.
[[nodiscard]] Result<DeadLetterTarget> parse_redrive_policy(const Json& answer);

}  // namespace tillite
