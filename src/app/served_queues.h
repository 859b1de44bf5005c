#pragma once

#include <string_view>
#include <vector>

#include "server/sqs_service.h"

namespace tillite {

inline constexpr std::string_view kQueueName = "chromadb-delta-queue";
inline constexpr std::string_view kDeadLetterQueueName = "chromadb-delta-dlq";

/// The queue of notifications and that of its dead letters, under the names that they have on AWS.
[[nodiscard]] std::vector<ServedQueue> served_queues(Queue& queue);

}  // namespace tillite
