#include "app/queue_consumer.h"

#include <algorithm>
#include <set>
#include <thread>

#include "app/functions/step_task_runner.h"
#include "steps/compaction_message.h"

namespace tillite {
namespace {

constexpr std::string_view kFunctionName = "embedding-vector-compact";

/// As Lambda passes messages on.
Json queue_event(const std::vector<QueueMessage>& messages) {
  Json records = Json::array();
  for (const QueueMessage& message : messages) {
    records.push_back({{"messageId", message.id},
                       {"receiptHandle", message.receipt},
                       {"body", message.body},
                       {"attributes",
                        {{"ApproximateReceiveCount", std::to_string(message.receive_count)},
                         {"SentTimestamp", std::to_string(message.sent_ms)}}},
                       {"messageAttributes", Json::object()},
                       {"eventSource", "aws:sqs"},
                       {"eventSourceARN", fmt::format("arn:aws:sqs:us-east-1:000000000000:{}", kQueueName)},
                       {"awsRegion", "us-east-1"}});
  }
  return {{"Records", std::move(records)}};
}

/// Keeps messages from other receivers as long as it lives.
class Invisibility {
 public:
  Invisibility(Queue& queue, Clock& clock, const Logger& log, const std::vector<QueueMessage>& messages,
               std::int64_t visibility_ms)
      : renewal_([&, visibility_ms](const std::stop_token& stop) {
          while (clock.sleep(std::max<std::int64_t>(visibility_ms / 3, 1), stop)) {
            for (const QueueMessage& message : messages) {
              const auto extended = queue.extend(message.receipt, visibility_ms);
              if (extended) continue;
              log.warning("a message may be delivered to another consumer too",
                          {{"message_id", message.id}, {"reason", extended.error().message()}});
            }
          }
        }) {}

 private:
  std::jthread renewal_;
};

Result<std::set<std::string>> failed_ids(const Json& answer) {
  std::set<std::string> ids;
  for (const Json& failure : TRY(array_field(answer, "batchItemFailures"))) {
    ids.insert(TRY(string_field(failure, "itemIdentifier")));
  }
  return ids;
}

/// The step names only messages that it cannot read; why is found by reading them again.
std::string reason_of(const QueueMessage& message) {
  const auto read = parse_compaction_message(message.body);
  return read ? "the compaction reported it as failed" : read.error().message();
}

}  // namespace

Result<std::size_t> QueueConsumer::consume(const std::stop_token& stop) {
  const auto messages = TRY(queue_.receive(Queue::kReceiveMax, settings_.visibility_ms));
  if (messages.empty()) return 0;
  auto answer = [&] {
    const Invisibility invisible(queue_, clock_, log_, messages, settings_.visibility_ms);
    return call_(queue_event(messages), stop);
  }();
  if (!answer && answer.error().code() == Code::cancelled) {
    TRY(give_back(messages));
    return std::unexpected(answer.error());
  }
  TRY(settle(messages, answer));
  return messages.size();
}

/// Removes what is done with, and notes why the rest is not.
Result<void> QueueConsumer::settle(const std::vector<QueueMessage>& messages, const Result<Json>& answer) {
  const auto failed = answer ? failed_ids(*answer) : std::unexpected(answer.error());
  if (!failed) {
    log_.error("messages wait for another try", {{"messages", messages.size()}, {"error", failed.error().name()}});
  }
  for (const QueueMessage& message : messages) {
    if (!failed) {
      TRY(queue_.note_failure(message.receipt, fmt::format("{}: {}", failed.error().name(), failed.error().message())));
    } else if (failed->contains(message.id)) {
      TRY(queue_.note_failure(message.receipt, reason_of(message)));
    } else {
      TRY(queue_.remove(message.receipt));
    }
  }
  return {};
}

Result<void> QueueConsumer::give_back(const std::vector<QueueMessage>& messages) {
  for (const QueueMessage& message : messages) {
    const auto given_back = queue_.extend(message.receipt, 0);
    if (!given_back && given_back.error().code() != Code::not_found) return given_back;
  }
  return {};
}

Result<std::size_t> QueueConsumer::drain(const std::stop_token& stop) {
  std::size_t taken = 0;
  while (const std::size_t more = TRY(consume(stop))) taken += more;
  return taken;
}

void QueueConsumer::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto drained = drain(stop);
    if (!drained && drained.error().code() != Code::cancelled) {
      log_.error("the queue cannot be consumed", {{"reason", drained.error().message()}});
    }
    if (!clock_.sleep(settings_.pause_ms, stop)) return;
  }
}

QueueConsumer queue_consumer(PipelineHost& host, QueueConsumer::Settings settings) {
  const Ports& ports = host.ports();
  const auto runner = std::make_shared<StepTaskRunner>(ports, host.context(), host.invocations(), nullptr);
  const auto call = [runner](const Json& event, std::stop_token stop) {
    return runner->run(
        {.function_name = std::string(kFunctionName), .payload = event, .execution_id = "queue", .stop = stop});
  };
  return {ports.queue, ports.clock, host.context().log.named("queue"), call, settings};
}

}  // namespace tillite
