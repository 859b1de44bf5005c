#include "app/served_queues.h"

#include "base/check.h"

namespace tillite {

std::vector<ServedQueue> served_queues(Queue& queue) {
  Queue* const dead_letters = queue.dead_letters();
  check(dead_letters != nullptr, "the queue of notifications has dead letters");
  return {{.name = std::string(kQueueName), .queue = queue, .dead_letters = std::string(kDeadLetterQueueName)},
          {.name = std::string(kDeadLetterQueueName),
           .queue = *dead_letters,
           .retention_ms = Queue::kDeadLetterRetentionMs}};
}

}  // namespace tillite
