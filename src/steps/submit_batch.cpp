// Submits one prepared batch to the provider, exactly once whatever happens in between.
#include "base/time.h"
#include "base/uuid.h"
#include "steps/batch.h"
#include "steps/batch_delivery.h"
#include "steps/collection.h"
#include "steps/enqueued_tokens.h"
#include "steps/immediate_delivery.h"
#include "steps/step.h"

namespace tillite {
namespace {

constexpr std::string_view kOwnIdKey = "tillite_batch_id";
constexpr std::size_t kListPage = 100;
constexpr std::size_t kListPagesMax = 500;

Json answer(const Batch& batch, std::string_view action) {
  return {{"batch_id", batch.id.str()},
          {"openai_batch_id", batch.openai_batch_id.str()},
          {"batch_status", batch_status_name(batch.status)},
          {"action", action}};
}

/// Reserves the submit for this call: others leave the batch alone until the reservation runs out.
Result<bool> reserve(const Batch& batch, const std::string& token, const Ports& ports, const Settings& settings) {
  const std::int64_t now_ms = ports.clock.now_ms();
  if (!batch.submit_token.empty() && now_ms < batch.submit_until_ms) return false;
  Condition condition = {absent("openai_batch_id"), equal("status", "PENDING")};
  condition.push_back(batch.submit_token.empty() ? absent("submit_token") : equal("submit_token", batch.submit_token));
  const auto reserved =
      ports.table.write(Update{.key = batch_row_key(batch.id),
                               .set = {{"submit_token", token}, {"submit_until_ms", now_ms + settings.submit_lease_ms}},
                               .condition = std::move(condition)});
  if (!reserved && reserved.error().code() == Code::conflict) return false;
  if (!reserved) return std::unexpected(reserved.error());
  return true;
}

/// The provider's batch that carries our id, if its list shows one.
Result<std::optional<ProviderBatch>> own_batch(const BatchId& id, BatchProvider& provider) {
  ProviderBatchId after;
  for (std::size_t page_number = 0; page_number < kListPagesMax; ++page_number) {
    const ProviderBatchPage page = TRY(provider.list(after, kListPage));
    for (const ProviderBatch& batch : page.batches) {
      const auto own_id = batch.metadata.find(std::string(kOwnIdKey));
      if (own_id != batch.metadata.end() && own_id->second == id.str()) return batch;
    }
    if (!page.has_more || page.batches.empty()) return std::nullopt;
    after = page.batches.back().id;
  }
  return fail(Code::limit_exceeded, "the provider lists more than {} batches, and {} is not among the newest of them",
              kListPage * kListPagesMax, id.str());
}

/// An earlier submit got as far as uploading: its batch if it was created, else nothing, and then it cannot be any
/// more.
Result<std::optional<ProviderBatch>> recover(const Batch& batch, BatchProvider& provider) {
  if (auto found = TRY(own_batch(batch.id, provider))) return found;
  TRY(provider.delete_file(batch.input_file_id));  // from here on a late create fails
  return own_batch(batch.id, provider);
}

/// Uploads the requests and records the intent before anything is created.
Result<ProviderFileId> upload_requests(const Batch& batch, const std::string& token, const Ports& ports) {
  const auto requests = TRY(ports.batch_files.open(ObjectKey(batch.requests_key)));
  const ProviderFileId file = TRY(ports.provider.upload(*requests, batch.id.str() + ".ndjson"));
  TRY(ports.table.write(Update{.key = batch_row_key(batch.id),
                               .set = {{"input_file_id", file.str()}},
                               .condition = {equal("submit_token", token), absent("openai_batch_id")}}));
  return file;
}

Result<void> record(const Batch& batch, const ProviderBatch& created, const Ports& ports) {
  Json set = batch_status_keys(batch.id, batch.entity, BatchStatus::pending);
  set.update({{"openai_batch_id", created.id.str()},
              {"input_file_id", created.input_file_id.str()},
              {"submitted_at", iso_time(ports.clock.now_ms())}});
  const auto recorded = ports.table.write(Update{.key = batch_row_key(batch.id),
                                                 .set = std::move(set),
                                                 .remove = {"submit_token", "submit_until_ms"},
                                                 .condition = {absent("openai_batch_id")}});
  if (!recorded && recorded.error().code() == Code::conflict) return {};  // adopted by whoever recovered it
  return recorded;
}

/// A batch for which nobody needs to wait.
Result<Json> deliver(const Batch& batch, const Ports& ports, const StepContext& context) {
  const CollectionBinding binding = TRY(active_collection(batch.entity, ports, context));
  if (batch.generation != binding.generation) {
    return fail(Code::unsupported, "the batch {} belongs to generation {} of {}, the active one is {}", batch.id.str(),
                batch.generation, binding.collection, binding.generation);
  }
  const std::size_t embedded = TRY(deliver_at_once(batch, binding, ports, context));
  const Batch delivered = TRY(read_batch(ports.table, batch.id));
  if (!delivered.delta_id.empty() && !context.settings.skip_queue_notification) {
    TRY(tell_of_delta(delivered, ObjectKey(delivered.delta_key), delivered.embedding_count, ports));
  }
  context.log.info("delivered a batch at once",
                   {{"batch_id", batch.id.str()}, {"source", source_name(batch.source)}, {"items", embedded}});
  Json json = answer(delivered, "delivered");
  json["embedding_count"] = embedded;
  return json;
}

}  // namespace

Result<Json> submit_batch(const Json& event, const Ports& ports, const StepContext& context) {
  const Batch batch = TRY(read_batch(ports.table, BatchId(TRY(string_field(event, "batch_id")))));
  if (!batch.is_prepared()) return answer(batch, "none");
  if (batch.requests_key.empty()) {
    return fail(Code::conflict, "the batch {} is still being prepared: run again", batch.id.str());
  }
  const bool is_enqueued = batch.source == VectorSource::batch;
  if (is_enqueued && !TRY(reserve_tokens(batch, ports, context))) return answer(batch, "wait");
  const std::string token = uuid4(ports.random.bytes());
  if (!TRY(reserve(batch, token, ports, context.settings))) return answer(batch, "wait");

  if (!is_enqueued) return deliver(batch, ports, context);

  std::optional<ProviderBatch> created;
  if (!batch.input_file_id.empty()) created = TRY(recover(batch, ports.provider));
  if (!created) {
    const ProviderFileId file = TRY(upload_requests(batch, token, ports));
    created = TRY(ports.provider.create_batch(file, {{std::string(kOwnIdKey), batch.id.str()},
                                                     {"collection", std::string(names_of(batch.entity).collection)}}));
  }
  TRY(record(batch, *created, ports));
  const Batch submitted = TRY(read_batch(ports.table, batch.id));
  context.log.info("submitted a batch", {{"batch_id", batch.id.str()},
                                         {"openai_batch_id", submitted.openai_batch_id.str()},
                                         {"items", batch.item_count}});
  return answer(submitted, "submitted");
}

}  // namespace tillite
