#pragma once

#include <vector>

#include "ports/queue.h"
#include "server/arn.h"
#include "server/aws_service.h"
#include "server/long_polls.h"

namespace tillite {

/// A queue under the name that it has on AWS, with what its attributes say.
struct ServedQueue {
  std::string name;
  Queue& queue;
  std::int64_t visibility_ms = 900'000;
  std::int64_t receive_wait_ms = 20'000;
  std::int64_t retention_ms = Queue::kRetentionMs;
  std::string dead_letters;  ///< the name of the queue where they go; empty: this is it
};

/// SQS over the Queue port: SendMessage, ReceiveMessage, DeleteMessage and ChangeMessageVisibility, each also as a
/// batch, GetQueueAttributes, GetQueueUrl, ListQueues, ListDeadLetterSourceQueues. A queue is found by the end of its
/// URL, whatever account and host stand before it.
class SqsService final : public AwsService {
 public:
  /// The queues and `polls` must outlive the service.
  SqsService(std::vector<ServedQueue> queues, AwsPlace place, LongPolls& polls)
      : queues_(std::move(queues)), place_(std::move(place)), polls_(polls) {}

  [[nodiscard]] std::string_view target() const override { return "AmazonSQS"; }
  void handle(AwsCall call) override;

  /// "http://127.0.0.1:8765/000000000000/chromadb-delta-queue"
  [[nodiscard]] std::string url_of(std::string_view origin, std::string_view queue) const;

 private:
  using Operation = Result<Json> (SqsService::*)(const AwsCall&);
  using Entry = Result<Json> (SqsService::*)(const ServedQueue&, const Json& entry);

  [[nodiscard]] Result<const ServedQueue*> queue_of(const Json& parameters) const;
  Result<Json> send(const ServedQueue& queue, const Json& message);
  Result<Json> remove(const ServedQueue& queue, const Json& delivery);
  Result<Json> change_visibility(const ServedQueue& queue, const Json& delivery);
  Result<Json> each_entry(const Json& parameters, Entry work);

  Result<Json> send_message(const AwsCall& call);
  Result<Json> send_message_batch(const AwsCall& call);
  Result<Json> delete_message(const AwsCall& call);
  Result<Json> delete_message_batch(const AwsCall& call);
  Result<Json> change_message_visibility(const AwsCall& call);
  Result<Json> change_message_visibility_batch(const AwsCall& call);
  Result<Json> get_queue_attributes(const AwsCall& call);
  Result<Json> get_queue_url(const AwsCall& call);
  Result<Json> list_queues(const AwsCall& call);
  Result<Json> list_dead_letter_source_queues(const AwsCall& call);
  void receive_message(AwsCall call);

  std::vector<ServedQueue> queues_;
  AwsPlace place_;
  LongPolls& polls_;
};

}  // namespace tillite
