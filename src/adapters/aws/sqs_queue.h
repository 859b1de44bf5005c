#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "adapters/aws/aws_client.h"
#include "ports/queue.h"

namespace tillite {

struct SqsSettings {
  std::string url;  ///< "https://sqs.us-east-1.amazonaws.com/123456789012/chromadb-delta-queue"
  /// How long receive() waits for a message, up to 20 s. SQS looks at all of its servers only if it waits at all: with
  /// 0 an answer without messages may come from a queue that has some.
  std::int64_t receive_wait_ms = 1'000;
};

/// A queue of SQS (docs/aws.md). Its queue of dead letters is the one that its RedrivePolicy names, which also says
/// after how many deliveries a message goes there, and is looked up at its first use. Durations are rounded up to whole
/// seconds.
///
/// What SQS cannot do: reasons of failures are not kept; peek() knows dead letters only. redrive() looks through all
/// dead letters once, ten a call, and sends what it has found anew before it is removed: it may come twice. Whoever
/// looks has the dead letters for up to 15 minutes; they are given back at the end, behind a stop too, as far as a
/// moment goes.
class SqsQueue final : public Queue {
 public:
  /// Sends nothing. The client is of the service sqs. `stop` ends every call, with `cancelled`. `invalid_input` for
  /// what is no queue's URL.
  [[nodiscard]] static Result<std::unique_ptr<SqsQueue>> open(std::shared_ptr<AwsClient> client, SqsSettings settings,
                                                              std::stop_token stop = {});

  [[nodiscard]] Result<std::string> send(const std::string& body, std::int64_t delay_ms,
                                         const std::string& attributes) override;
  [[nodiscard]] Result<std::vector<QueueMessage>> receive(std::size_t count_max, std::int64_t visibility_ms) override;
  [[nodiscard]] Result<void> remove(const std::string& receipt) override;
  [[nodiscard]] Result<void> extend(const std::string& receipt, std::int64_t visibility_ms) override;
  [[nodiscard]] Result<void> note_failure(const std::string& receipt, const std::string& reason) override;
  [[nodiscard]] Result<QueueCounts> counts() override;
  [[nodiscard]] Result<std::vector<QueuedMessage>> peek(std::size_t count_max) override;
  /// Calls of it fail with `not_found` if this queue has no RedrivePolicy.
  [[nodiscard]] Queue* dead_letters() override { return dead_letters_.get(); }
  /// `limit_exceeded` if one is not among the first 10,000 that are looked at.
  [[nodiscard]] Result<std::vector<bool>> redrive(std::span<const std::string> ids) override;
  [[nodiscard]] Result<std::vector<std::string>> redrive_all() override;

 private:
  using FindUrl = std::function<Result<std::string>()>;
  SqsQueue(std::shared_ptr<AwsClient> client, FindUrl find_url, std::int64_t receive_wait_ms, std::stop_token stop)
      : client_(std::move(client)),
        find_url_(std::move(find_url)),
        receive_wait_ms_(receive_wait_ms),
        stop_(std::move(stop)) {}

  /// The queue's URL, looked up once where it must be.
  [[nodiscard]] Result<std::string> url();
  [[nodiscard]] Result<std::string> dead_letters_url();
  [[nodiscard]] Result<Json> call(std::string_view operation, Json arguments);
  [[nodiscard]] AwsResult<Json> ask(std::string_view operation, const Json& arguments, const std::stop_token& stop);
  class Look;
  /// Sends a dead letter anew to this queue, and removes it there; the id that it has now.
  [[nodiscard]] Result<std::string> bring_back(const QueueMessage& letter);

  std::shared_ptr<AwsClient> client_;
  FindUrl find_url_;
  std::int64_t receive_wait_ms_;
  std::stop_token stop_;
  std::mutex mutex_;
  std::string url_;                         ///< empty: not looked up yet
  std::unique_ptr<SqsQueue> dead_letters_;  ///< nullptr if this is one itself
};

}  // namespace tillite
