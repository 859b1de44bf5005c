// Asks for one batch, and when it has ended stores its vectors as a delta and takes back the items without one.
#include <algorithm>
#include <map>
#include <set>

#include "base/stopwatch.h"
#include "base/uuid.h"
#include "embedding/batch_files.h"
#include "embedding/metadata.h"
#include "steps/collection.h"
#include "steps/compaction_message.h"
#include "steps/completion.h"
#include "steps/item_claims.h"
#include "steps/step.h"
#include "vectors/keys.h"

namespace tillite {
namespace {

/// What an ended batch means here.
struct Ending {
  BatchStatus status;
  std::string_view action;
  bool counts_as_attempt;  ///< items without a vector have used up an attempt
  bool deferred = false;   ///< they are to be sent later, and in a smaller batch
};

Ending ending_of(const ProviderBatch& batch) {
  switch (batch.status) {
    case ProviderStatus::completed:
      return {BatchStatus::completed, "process_results", true};
    case ProviderStatus::expired:
      return {BatchStatus::expired, "process_partial", false};
    case ProviderStatus::cancelled:
      return {BatchStatus::cancelled, "handle_cancellation", false};
    default:
      // A limit of enqueued tokens is no fault of the items: the provider takes them when other batches have ended, or
      // when they are fewer.
      if (batch.error_code == "token_limit_exceeded") return {BatchStatus::failed, "handle_failure", false, true};
      return {BatchStatus::failed, "handle_failure", true};
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

/// An item of the batch that still waits for its vector, with what is stored beside it.
struct Waiting {
  BatchItem item;
  std::int64_t metadata_version = 0;
  StoredText text;
};

Result<void> tell_of_delta(const Batch& batch, const ObjectKey& key, std::int64_t vectors, const Ports& ports) {
  TRY(ports.queue.send(delta_message({.entity = batch.entity,
                                      .delta_key = key,
                                      .batch_id = batch.id,
                                      .vector_count = vectors,
                                      .timestamp_ms = ports.clock.now_ms()})));
  return {};
}

/// Collects an ended batch: results in any order are joined with the items that still want them.
class Collector {
 public:
  Collector(const Batch& batch, ProviderBatch ended, CollectionBinding binding, bool notifies, const Ports& ports,
            const StepContext& context)
      : batch_(batch),
        ended_(std::move(ended)),
        binding_(std::move(binding)),
        notifies_(notifies),
        ports_(ports),
        context_(context) {}

  Result<Json> collect() {
    TRY(load_waiting());
    const auto scratch = TRY(ScratchFolder::create(context_.scratch));
    if (ended_.output_file_id) TRY(read_output(*ended_.output_file_id, scratch.path()));
    if (ended_.error_file_id) TRY(read_errors(*ended_.error_file_id));
    TRY(take_back_the_rest());
    TRY(record());
    if (embedded_ > 0 && notifies_) TRY(tell_of_delta(batch_, key(), static_cast<std::int64_t>(embedded_), ports_));
    return result();
  }

 private:
  [[nodiscard]] DeltaId delta_id() const {
    return DeltaId(uuid5(fmt::format("delta {} {}", batch_.id.str(),
                                     ended_.output_file_id ? ended_.output_file_id->str() : std::string())));
  }
  [[nodiscard]] ObjectKey key() const { return delta_key(binding_.collection, binding_.generation, delta_id()); }

  Result<void> load_waiting() {
    const InputFormat format = TRY(parse_input_format(binding_.input_format));
    items_ = TRY(read_items(ports_.batch_files, batch_));
    return for_each_receipt(
        ports_.table, items_, [&](const StoredReceipt* stored, std::span<const BatchItem> items) -> Result<void> {
          if (stored == nullptr) return {};
          auto texts = stored_texts(*stored, format);
          for (const BatchItem& item : items) {
            const auto state = stored->states.find(item.id);
            const auto text = texts.find(item.id);
            if (state == stored->states.end() || text == texts.end()) continue;
            const ItemState& is = state->second;
            if (is.status != EmbeddingStatus::pending || is.batch_id != batch_.id || is.input_hash != item.input_hash) {
              continue;
            }
            BatchItem current = item;
            current.item_version = is.item_version;
            waiting_.emplace(item.id, Waiting{std::move(current), is.metadata_version, std::move(text->second)});
          }
          return {};
        });
  }

  /// Nullptr for a file that the provider plainly does not have any more: asking for ever would not bring it back.
  Result<std::unique_ptr<ByteSource>> download(const ProviderFileId& file) {
    auto source = ports_.provider.download(file);
    if (source || source.error().code() != Code::not_found) return source;
    context_.log.warning("a result file is gone", {{"batch_id", batch_.id.str()}, {"file_id", file.str()}});
    return nullptr;
  }

  Result<void> read_output(const ProviderFileId& file, const Path& scratch) {
    auto writer = TRY(DeltaWriter::create(
        scratch, {.id = delta_id(), .batch_id = batch_.id, .binding = binding_, .created_ms = batch_.created_ms}));
    const auto source = TRY(download(file));
    if (!source) return {};
    const auto facts = TRY(read_results(*source, binding_.dimensions, [&](BatchResult&& result) -> Result<void> {
      if (context_.stop.stop_requested()) return fail(Code::cancelled, "stopped while reading results");
      return take(std::move(result), writer);
    }));
    note_unreadable(facts, "output");
    return embedded_ > 0 ? store_delta(TRY(writer.finish())) : Result<void>();
  }

  Result<void> take(BatchResult&& result, DeltaWriter& writer) {
    ++results_;
    const auto waiting = waiting_.find(result.id);
    if (waiting == waiting_.end()) {
      ++dropped_;  // removed, replaced or delivered already since the submit
      return {};
    }
    if (result.vector.empty()) {
      reasons_[result.id] = reason_of(result);
      return {};
    }
    Waiting& item = waiting->second;
    const auto added = writer.add({.id = result.id,
                                   .kind = RecordKind::vector,
                                   .item_version = item.item.item_version,
                                   .metadata_version = item.metadata_version,
                                   .input_hash = item.item.input_hash,
                                   .metadata = std::move(item.text.metadata),
                                   .document = std::move(item.text.document),
                                   .vector = std::move(result.vector)});
    if (!added) return added;
    waiting_.erase(waiting);
    ++embedded_;
    return {};
  }

  Result<void> read_errors(const ProviderFileId& file) {
    const auto source = TRY(download(file));
    if (!source) return {};
    const auto facts = TRY(read_results(*source, binding_.dimensions, [&](BatchResult&& result) -> Result<void> {
      if (result.vector.empty()) reasons_[result.id] = reason_of(result);
      return {};
    }));
    note_unreadable(facts, "error");
    return {};
  }

  static std::string reason_of(const BatchResult& result) {
    return fmt::format("{}: {}", result.error_code, result.error_message);
  }

  void note_unreadable(const ResultFileFacts& facts, std::string_view name) {
    if (facts.unreadable_lines == 0) return;
    unreadable_ += facts.unreadable_lines;
    context_.log.warning(
        fmt::format("the provider's {} file has lines that cannot be read", name),
        {{"batch_id", batch_.id.str()}, {"lines", facts.unreadable_lines}, {"first", facts.first_unreadable}});
  }

  /// The id says what is in it: a delta that is there already is this one, written by a call that was cut off.
  Result<void> store_delta(const Path& file) {
    const auto created = ports_.vectors.create_from_file(key(), file);
    if (!created && created.error().code() != Code::conflict) return created;
    return {};
  }

  Result<void> take_back_the_rest() {
    const Ending ending = ending_of(ended_);
    std::vector<std::pair<BatchItem, Release>> rest;
    for (const auto& [id, waiting] : waiting_) {
      const auto reason = reasons_.find(id);
      const bool own_fault = reason != reasons_.end() && !reason->second.starts_with("batch_");
      rest.emplace_back(waiting.item, Release{.reason = reason != reasons_.end() ? reason->second : why_no_result(),
                                              .counts_as_attempt = ending.counts_as_attempt || own_fault,
                                              .deferred = ending.deferred});
    }
    released_ = TRY(release_items(batch_.id, rest, ports_, context_.settings));
    return {};
  }

  [[nodiscard]] std::string why_no_result() const {
    std::string reason =
        fmt::format("the batch ended as {} without a result for it", provider_status_name(ended_.status));
    if (!ended_.error_code.empty()) reason += fmt::format(" ({}: {})", ended_.error_code, ended_.error_message);
    return reason;
  }

  Result<void> record() {
    const BatchStatus end = ending_of(ended_).status;
    const bool has_delta = embedded_ > 0;
    Json set = batch_status_keys(batch_.id, batch_.entity, has_delta ? BatchStatus::finalizing : end);
    set["polled_ms"] = ports_.clock.now_ms();
    set["embedding_count"] = embedded_;
    if (ended_.output_file_id) set["output_file_id"] = ended_.output_file_id->str();
    if (ended_.output_file_id) set["result_file_id"] = ended_.output_file_id->str();
    if (ended_.error_file_id) set["error_file_id"] = ended_.error_file_id->str();
    if (has_delta) {
      set.update(
          {{"delta_id", delta_id().str()}, {"delta_key", key().str()}, {"status_at_end", batch_status_name(end)}});
    }
    if (const std::string summary = error_summary(); !summary.empty()) set["error_summary"] = summary;
    const auto recorded = ports_.table.write(Update{
        .key = batch_row_key(batch_.id), .set = std::move(set), .condition = {absent("delta_id"), present("PK")}});
    if (!recorded && recorded.error().code() == Code::conflict)
      return {};  // another call was first with the same delta
    return recorded;
  }

  [[nodiscard]] std::string error_summary() const {
    const std::size_t without = released_.to_none + released_.failed;
    if (without == 0 && unreadable_ == 0) return "";
    std::string text = fmt::format("{} items without a vector", without);
    if (unreadable_ > 0) text += fmt::format(", {} lines unreadable", unreadable_);
    if (!reasons_.empty()) text += fmt::format("; first reason: {}", reasons_.begin()->second);
    if (reasons_.empty() && without > 0) text += "; " + why_no_result();
    return text.substr(0, 1000);
  }

  [[nodiscard]] Json result() const {
    const Ending ending = ending_of(ended_);
    Json json = {{"batch_id", batch_.id.str()},
                 {"batch_status", provider_status_name(ended_.status)},
                 {"action", ending.action},
                 {"results_count", results_},
                 {"embedding_count", embedded_},
                 {"dropped_count", dropped_},
                 {"released_count", released_.to_none},
                 {"failed_count", released_.failed}};
    if (embedded_ > 0) json["delta_id"] = delta_id().str();
    return json;
  }

  const Batch& batch_;
  ProviderBatch ended_;
  CollectionBinding binding_;
  bool notifies_;  ///< the queue hears of the delta
  const Ports& ports_;
  const StepContext& context_;
  std::vector<BatchItem> items_;
  std::map<RecordId, Waiting> waiting_;
  std::map<RecordId, std::string> reasons_;
  Released released_;
  std::size_t results_ = 0;
  std::size_t embedded_ = 0;
  std::size_t dropped_ = 0;
  std::size_t unreadable_ = 0;
};

Json waiting_answer(const Batch& batch, std::string_view status) {
  return {{"batch_id", batch.id.str()}, {"batch_status", status}, {"action", "wait"}, {"embedding_count", 0}};
}

/// The provider's word on a batch; one that it plainly does not know has failed.
Result<ProviderBatch> ask_provider(const Batch& batch, BatchProvider& provider) {
  auto answer = provider.batch(batch.openai_batch_id);
  if (answer || answer.error().code() != Code::not_found) return answer;
  return ProviderBatch{.id = batch.openai_batch_id,
                       .status = ProviderStatus::failed,
                       .error_code = "not_found",
                       .error_message = "the provider does not know this batch any more"};
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
  if (!batch.delta_id.empty()) {
    // The call that stored it may have been cut off before it told the queue.
    if (!skips) TRY(tell_of_delta(batch, ObjectKey(batch.delta_key), batch.embedding_count, ports));
    return Json{{"batch_id", batch.id.str()},
                {"batch_status", "finalizing"},
                {"action", "process_results"},
                {"delta_id", batch.delta_id.str()},
                {"embedding_count", 0}};
  }
  if (batch.openai_batch_id.empty()) return waiting_answer(batch, "prepared");

  Stopwatch stopwatch;
  const ProviderBatch answer = TRY(ask_provider(batch, ports.provider));
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

  const CollectionBinding binding = TRY(active_collection(batch.entity, ports, context));
  if (batch.generation != binding.generation) {
    return fail(Code::unsupported, "the batch {} belongs to generation {} of {}, the active one is {}", batch.id.str(),
                batch.generation, binding.collection, binding.generation);
  }
  const Json result = TRY(Collector(batch, answer, binding, !skips, ports, context).collect());
  Json facts = result;
  facts.update({{"provider_ms", provider_ms}, {"collect_ms", stopwatch.lap_ms()}});
  context.log.info("collected a batch", facts);
  return result;
}

}  // namespace tillite
