#pragma once

#include <functional>
#include <stop_token>

#include "app/parts/pipeline_host.h"
#include "app/served_queues.h"
#include "base/log.h"
#include "ports/clock.h"
#include "ports/queue.h"

namespace tillite {

/// Hands the queue's messages to the compaction step, as Lambda's event source mapping does on AWS: up to ten at a
/// time, invisible to others while the step works, removed unless the step names them as failed. What failed comes back
/// when its visibility has run out, and ends as a dead letter with its reason.
///
/// Threads: one call at a time; any number of consumers may share a queue, also in several processes.
class QueueConsumer {
 public:
  /// Calls the step with {"Records": [...]}; the answer: {"batchItemFailures": [{"itemIdentifier"}]}.
  using Call = std::function<Result<Json>(const Json& event, std::stop_token stop)>;
  struct Settings {
    std::int64_t visibility_ms = 900'000;  ///< renewed each third of it while the step works
    std::int64_t pause_ms = 1'000;         ///< between two looks at an empty queue
  };

  QueueConsumer(Queue& queue, Clock& clock, Logger log, Call call, Settings settings)
      : queue_(queue), clock_(clock), log_(std::move(log)), call_(std::move(call)), settings_(settings) {}

  /// Takes what is there, at most ten messages, and has it worked on. The answer: how many were taken; a step that
  /// fails leaves them to come back. `cancelled` if `stop` was requested meanwhile: the messages are given back at
  /// once.
  [[nodiscard]] Result<std::size_t> consume(const std::stop_token& stop);
  /// The same until none is there. The answer: how many were taken.
  [[nodiscard]] Result<std::size_t> drain(const std::stop_token& stop);
  /// The same until `stop` is requested, waiting for messages; a queue that fails is tried again.
  void serve(const std::stop_token& stop);

 private:
  [[nodiscard]] Result<void> settle(const std::vector<QueueMessage>& messages, const Result<Json>& answer);
  [[nodiscard]] Result<void> give_back(const std::vector<QueueMessage>& messages);

  Queue& queue_;
  Clock& clock_;
  Logger log_;
  Call call_;
  Settings settings_;
};

/// The consumer of a home's queue, which calls the compaction step in this process. Must not outlive the host.
[[nodiscard]] QueueConsumer queue_consumer(PipelineHost& host, QueueConsumer::Settings settings = {});

}  // namespace tillite
