#pragma once

#include <chrono>
#include <filesystem>

#include "steps/queue_compaction.h"
#include "support/pipeline.h"
#include "vectors/versions/keys.h"

namespace tillite::testing {

/// A pipeline whose deltas hold one line each, and whose polls tell the queue of them.
class NotifiedPipeline : public Pipeline {
 public:
  NotifiedPipeline() {
    settings.batch.items_max = 1;
    settings.batches_per_run = 1000;
  }

  /// Embeds so many new receipts of one line: as many deltas and messages. The answer: their batches.
  std::vector<std::string> store_deltas(int count) {
    for (int i = 0; i < count; ++i) {
      import(
          receipt_with({fmt::format("ITEM {}", receipts_)}, fmt::format("6f1ed002-ab5f-4a3c-9d2e-{:012}", receipts_)));
      ++receipts_;
    }
    auto batches = submit_all();
    for (const std::string& batch : batches) poll_and_tell(batch);
    make_deltas_old(0);
    return batches;
  }

  Json poll_and_tell(const std::string& batch) {
    Json answer;
    do {
      answer = must(poll_batch({{"batch_id", batch}}, ports, context));
    } while (answer.at("action") == "wait");
    return answer;
  }

  /// Has every delta written so long ago, by this pipeline's clock.
  void make_deltas_old(std::int64_t age_ms) {
    const Path deltas = folder / "vectors" / "objects" / delta_folder("receipt_lines", 1);
    if (!std::filesystem::exists(deltas)) return;
    const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(clock.now_ms() - age_ms)};
    for (const auto& file : std::filesystem::directory_iterator(deltas)) {
      std::filesystem::last_write_time(file, std::chrono::file_clock::from_sys(time));
    }
  }

  /// An event as the queue's host makes it, of messages with these bodies, "m0", "m1", ... by their ids.
  static Json queue_event(const std::vector<std::string>& bodies) {
    Json event = {{"Records", Json::array()}};
    for (const std::string& body : bodies) {
      event["Records"].push_back(
          {{"messageId", fmt::format("m{}", event["Records"].size())}, {"body", body}, {"eventSource", "aws:sqs"}});
    }
    return event;
  }

  /// All messages that are visible, taken off the queue.
  std::vector<std::string> take_messages() {
    std::vector<std::string> bodies;
    while (true) {
      const auto messages = must(queue->receive(10, 60'000));
      if (messages.empty()) return bodies;
      for (const auto& message : messages) {
        bodies.push_back(message.body);
        must(queue->remove(message.receipt));
      }
    }
  }

  std::optional<Manifest> newest() { return must(ManifestLog(*vectors, "receipt_lines", 1).newest()); }
  std::size_t outstanding() { return must(survey_deltas(*vectors, binding())).outstanding.size(); }

 private:
  int receipts_ = 0;
};

}  // namespace tillite::testing
