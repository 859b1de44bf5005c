// Asks for one batch, and when it has ended stores its vectors as a delta and takes back the items without one.
#include "base/heap.h"
#include "base/stopwatch.h"
#include "base/uuid.h"
#include "embedding/batch_files.h"
#include "steps/batches/batch_cancel.h"
#include "steps/batches/batch_deadline.h"
#include "steps/batches/batch_delivery.h"
#include "steps/batches/provider_files.h"
#include "steps/generations/retirement.h"
#include "steps/step.h"

namespace tillite {
namespace {

constexpr std::int64_t kLargeBatchItems = 10'000;

/// What an ended batch means here.
struct Ending {
  std::string_view action;
  BatchEnding items;
};

std::string why_no_result(const ProviderBatch& batch) {
  std::string reason = fmt::format("the batch ended as {} without a result for it", provider_status_name(batch.status));
  if (!batch.error_code.empty()) reason += fmt::format(" ({}: {})", batch.error_code, batch.error_message);
  return reason;
}

Ending ending_of(const ProviderBatch& batch) {
  const std::string why = why_no_result(batch);
  switch (batch.status) {
    case ProviderStatus::completed:
      return {"process_results", {BatchStatus::completed, why}};
    case ProviderStatus::expired:
      return {"process_partial", {BatchStatus::expired, why, false}};
    case ProviderStatus::cancelled:
      return {"handle_cancellation", {BatchStatus::cancelled, why, false}};
    default: {
      // A limit of enqueued tokens is no fault of the items: the provider takes them when other batches have ended, or
      // when they are fewer.
      const bool too_many = batch.error_code == "token_limit_exceeded";
      return {"handle_failure", {BatchStatus::failed, why, !too_many, too_many, too_many}};
    }
  }
}

std::optional<BatchStatus> status_under_way(ProviderStatus status) {
  switch (status) {
    case ProviderStatus::validating:
      return BatchStatus::validating;
    case ProviderStatus::in_progress:
      return BatchStatus::in_progress;
    case ProviderStatus::finalizing:
      return BatchStatus::finalizing;
    case ProviderStatus::cancelling:
      return BatchStatus::canceling;
    default:
      return std::nullopt;
  }
}

/// Collects an ended batch: results in any order are joined with the items that still want them.
class Collector {
 public:
  Collector(const Batch& batch, ProviderBatch ended, bool notifies, const Ports& ports, const StepContext& context)
      : batch_(batch), ended_(std::move(ended)), notifies_(notifies), ports_(ports), context_(context) {}

  Result<Json> collect(const CollectionBinding& binding) {
    auto delivery = TRY(BatchDelivery::begin(batch_, binding, delta_id(), ports_, context_));
    if (ended_.output_file_id) TRY(read_file(*ended_.output_file_id, "output", binding.dimensions, delivery));
    if (ended_.error_file_id) TRY(read_file(*ended_.error_file_id, "error", binding.dimensions, delivery));
    const Ending ending = ending_of(ended_);
    TRY(delivery.finish(ending.items, file_ids(), unreadable_));
    if (delivery.embedded() > 0 && notifies_) {
      TRY(tell_of_delta(batch_, delivery.delta_key(), static_cast<std::int64_t>(delivery.embedded()), ports_));
    }
    Json json = {{"batch_id", batch_.id.str()},
                 {"batch_status", provider_status_name(ended_.status)},
                 {"action", ending.action},
                 {"results_count", delivery.results()},
                 {"embedding_count", delivery.embedded()},
                 {"dropped_count", delivery.dropped()},
                 {"released_count", delivery.released().to_none},
                 {"failed_count", delivery.released().failed}};
    if (delivery.embedded() > 0) json["delta_id"] = delivery.delta_id().str();
    return json;
  }

 private:
  [[nodiscard]] DeltaId delta_id() const {
    return DeltaId(uuid5(fmt::format("delta {} {}", batch_.id.str(),
                                     ended_.output_file_id ? ended_.output_file_id->str() : std::string())));
  }

  Result<void> read_file(const ProviderFileId& file, std::string_view name, std::size_t dimensions,
                         BatchDelivery& delivery) {
    const auto source = ports_.provider.download(file);
    if (!source && source.error().code() == Code::not_found) {
      // The provider plainly does not have it any more: asking for ever would not bring it back.
      context_.log.warning("a result file is gone", {{"batch_id", batch_.id.str()}, {"file_id", file.str()}});
      return {};
    }
    if (!source) return std::unexpected(source.error());
    const auto facts = TRY(read_results(**source, dimensions, [&](BatchResult&& result) -> Result<void> {
      if (context_.stop.stop_requested()) return fail(Code::cancelled, "stopped while reading results");
      if (!result.vector.empty()) return delivery.add(result.id, std::move(result.vector));
      delivery.refuse(result.id, fmt::format("{}: {}", result.error_code, result.error_message));
      return {};
    }));
    if (facts.unreadable_lines == 0) return {};
    unreadable_ += facts.unreadable_lines;
    context_.log.warning(
        fmt::format("the provider's {} file has lines that cannot be read", name),
        {{"batch_id", batch_.id.str()}, {"lines", facts.unreadable_lines}, {"first", facts.first_unreadable}});
    return {};
  }

  [[nodiscard]] Json file_ids() const {
    Json ids = Json::object();
    if (ended_.output_file_id) ids["output_file_id"] = ids["result_file_id"] = ended_.output_file_id->str();
    if (ended_.error_file_id) ids["error_file_id"] = ended_.error_file_id->str();
    return ids;
  }

  const Batch& batch_;
  ProviderBatch ended_;
  bool notifies_;  ///< the queue hears of the delta
  const Ports& ports_;
  const StepContext& context_;
  std::size_t unreadable_ = 0;
};

Json waiting_answer(const Batch& batch, std::string_view status) {
  return {{"batch_id", batch.id.str()}, {"batch_status", status}, {"action", "wait"}, {"embedding_count", 0}};
}

/// How a batch ends of which the provider does not say that it has.
ProviderBatch ended_here(ProviderBatch batch, ProviderStatus status, std::string_view code, std::string message) {
  batch.status = status;
  batch.error_code = code;
  batch.error_message = std::move(message);
  return batch;
}

/// Asks the provider to end a batch that takes far too long. What does not help today is tried again by the next poll.
void cancel_overdue(const Batch& batch, BatchProvider& provider, const Logger& log) {
  const auto cancelled = provider.cancel(batch.openai_batch_id);
  Json facts = {{"batch_id", batch.id.str()}, {"openai_batch_id", batch.openai_batch_id.str()}};
  if (!cancelled) facts["reason"] = cancelled.error().message();
  log.warning(cancelled ? "cancelled a batch that takes too long" : "a batch that takes too long cannot be cancelled",
              facts);
}

/// The provider's word on a batch, and what it means where the word is none, or stays the same for ever: one that it
/// plainly does not know has failed; one that it does not end is cancelled, then given up
/// (steps/batches/batch_deadline.h).
Result<ProviderBatch> ask_provider(const Batch& batch, const Ports& ports, const Logger& log) {
  auto answer = ports.provider.batch(batch.openai_batch_id);
  const std::int64_t age_ms = ms_at_provider(batch, ports.clock.now_ms()).value_or(0);
  if (!answer) {
    const ProviderBatch unknown{.id = batch.openai_batch_id};
    if (answer.error().code() == Code::not_found) {
      return ended_here(unknown, ProviderStatus::failed, "not_found", "the provider does not know this batch any more");
    }
    if (age_ms < kForgetAfterMs || answer.error().code() == Code::cancelled) return answer;
    return ended_here(unknown, ProviderStatus::expired, "no_answer",
                      fmt::format("the provider gave no answer for 30 days: {}", answer.error().message()));
  }
  if (!status_under_way(answer->status)) return answer;
  if (age_ms >= kGiveUpAfterMs) {
    const auto status = provider_status_name(answer->status);
    return ended_here(*std::move(answer), ProviderStatus::expired, "overdue",
                      fmt::format("still {} after {}", status, duration_text(age_ms)));
  }
  if (age_ms >= kCancelAfterMs && answer->status != ProviderStatus::cancelling) {
    cancel_overdue(batch, ports.provider, log);
  }
  return answer;
}

/// What the provider still has of a batch that ended without a delta; a later call makes up for what fails here.
Result<void> tidy_up(const BatchId& id, const Ports& ports, const Logger& log) {
  const Batch batch = TRY(read_batch(ports.table, id));
  if (const auto deleted = delete_files(batch, ports); !deleted) {
    log.warning("files stay at the provider for now", {{"batch_id", id.str()}, {"reason", deleted.error().message()}});
  }
  return {};
}

/// A batch that was cancelled before it was submitted, by a call that was cut off.
Result<Json> go_on_cancelling(const Batch& batch, const Ports& ports, const StepContext& context) {
  const std::size_t released = TRY(finish_cancelling(batch, ports, context));
  return Json{{"batch_id", batch.id.str()},
              {"batch_status", "cancelled"},
              {"action", "handle_cancellation"},
              {"embedding_count", 0},
              {"released_count", released}};
}

}  // namespace

Result<Json> poll_batch(const Json& event, const Ports& ports, const StepContext& context) {
  const Batch batch = TRY(read_batch(ports.table, BatchId(TRY(string_field(event, "batch_id")))));
  if (has_ended(batch.status)) {
    return Json{{"batch_id", batch.id.str()},
                {"batch_status", batch_status_name(batch.status)},
                {"action", "none"},
                {"embedding_count", 0}};
  }
  const bool skips =
      TRY(optional_bool(event, "skip_sqs_notification")).value_or(context.settings.skip_queue_notification);
  const auto binding = TRY(binding_of_batch(batch, ports));
  if (!binding) {
    TRY(retire_batch(batch, ports, context));
    return Json{{"batch_id", batch.id.str()},
                {"batch_status", batch_status_name(BatchStatus::cancelled)},
                {"action", "none"},
                {"embedding_count", 0}};
  }
  if (!batch.delta_id.empty()) {
    // The call that stored it may have been cut off before it told the queue.
    if (!skips) TRY(tell_of_delta(batch, ObjectKey(batch.delta_key), batch.embedding_count, ports));
    return Json{{"batch_id", batch.id.str()},
                {"batch_status", "finalizing"},
                {"action", "process_results"},
                {"delta_id", batch.delta_id.str()},
                {"embedding_count", 0}};
  }
  if (is_half_cancelled(batch)) return go_on_cancelling(batch, ports, context);
  if (batch.openai_batch_id.empty()) return waiting_answer(batch, "prepared");

  Stopwatch stopwatch;
  const ProviderBatch answer = TRY(ask_provider(batch, ports, context.log));
  const std::int64_t provider_ms = stopwatch.lap_ms();  // the embedded provider computes in here
  if (const auto under_way = status_under_way(answer.status)) {
    Json set = batch_status_keys(batch.id, batch.entity, *under_way);
    set["polled_ms"] = ports.clock.now_ms();
    const auto recorded =
        ports.table.write(Update{.key = batch_row_key(batch.id),
                                 .set = std::move(set),
                                 .condition = {equal("status", batch_status_name(batch.status)), absent("delta_id")}});
    if (!recorded && recorded.error().code() != Code::conflict) return std::unexpected(recorded.error());
    return waiting_answer(batch, provider_status_name(answer.status));
  }

  const Json result = TRY(Collector(batch, answer, !skips, ports, context).collect(*binding));
  TRY(tidy_up(batch.id, ports, context.log));
  if (batch.item_count >= kLargeBatchItems) trim_heap();  // the merge comes next, perhaps in this process
  Json facts = result;
  facts.update({{"provider_ms", provider_ms}, {"collect_ms", stopwatch.lap_ms()}});
  context.log.info("collected a batch", facts);
  return result;
}

}  // namespace tillite
