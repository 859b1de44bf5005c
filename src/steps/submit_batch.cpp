// Submits one prepared batch to the provider, exactly once whatever happens in between.
#include "base/uuid.h"
#include "steps/batches/batch.h"
#include "steps/batches/batch_delivery.h"
#include "steps/batches/enqueued_tokens.h"
#include "steps/batches/immediate_delivery.h"
#include "steps/batches/model_facts.h"
#include "steps/batches/spending.h"
#include "steps/batches/submission.h"
#include "steps/generations/retirement.h"
#include "steps/step.h"

namespace tillite {
namespace {

Json answer(const Batch& batch, std::string_view action) {
  return {{"batch_id", batch.id.str()},
          {"openai_batch_id", batch.openai_batch_id.str()},
          {"batch_status", batch_status_name(batch.status)},
          {"token_count", batch.token_count},
          {"action", action}};
}

/// Uploads the requests and records the intent before anything is created.
Result<ProviderFileId> upload_requests(const Batch& batch, const std::string& token, const Ports& ports) {
  const auto requests = TRY(ports.batch_files.open(ObjectKey(batch.requests_key)));
  const ProviderFileId file = TRY(ports.provider.upload(*requests, input_file_name(batch.id)));
  TRY(ports.table.write(Update{.key = batch_row_key(batch.id),
                               .set = {{"input_file_id", file.str()}},
                               .condition = {equal("submit_token", token), absent("openai_batch_id")}}));
  return file;
}

/// A batch for which nobody needs to wait.
Result<Json> deliver(const Batch& batch, const CollectionBinding& binding, const std::string& token, const Ports& ports,
                     const StepContext& context) {
  const auto delivered_items = deliver_at_once(batch, binding, ports, context);
  if (!delivered_items) {
    TRY(give_up_submit(batch.id, token, ports.table));  // the next try need not wait
    return std::unexpected(delivered_items.error());
  }
  const std::size_t embedded = *delivered_items;
  const Batch delivered = TRY(read_batch(ports.table, batch.id));
  if (!delivered.delta_id.empty() && !context.settings.skip_queue_notification) {
    TRY(tell_of_delta(delivered, ObjectKey(delivered.delta_key), delivered.embedding_count, ports));
  }
  context.log.info("delivered a batch at once",
                   {{"batch_id", batch.id.str()}, {"source", source_name(batch.source)}, {"items", embedded}});
  Json json = answer(delivered, "delivered");
  json["model"] = binding.model;
  json["embedding_count"] = embedded;
  return json;
}

/// The provider's batch, for which everything is uploaded and recorded.
Result<ProviderBatch> upload_and_create(const Batch& batch, const std::string& token, const Ports& ports) {
  const ProviderFileId file = TRY(upload_requests(batch, token, ports));
  return ports.provider.create_batch(
      file, {{std::string(kOwnIdKey), batch.id.str()}, {"collection", std::string(names_of(batch.entity).collection)}});
}

/// Whether the provider has said that it will never take these requests.
bool is_refusal(const Error& error) {
  return error.code() == Code::invalid_input || error.code() == Code::limit_exceeded;
}

/// Ends a batch that the provider does not take, as one that has failed there: another try with the same requests would
/// come to the same. What is too large is made smaller at once; a single request cannot be, and uses up an attempt.
Result<Json> end_refused(const BatchId& id, const CollectionBinding& binding, const Error& refusal, const Ports& ports,
                         const StepContext& context) {
  const Batch batch = TRY(read_batch(ports.table, id));
  const bool can_be_smaller = refusal.code() == Code::limit_exceeded && batch.request_count != 1;
  const BatchEnding ending{.status = BatchStatus::failed,
                           .why_no_result = fmt::format("the provider did not take its batch: {}", refusal.message()),
                           .counts_as_attempt = !can_be_smaller,
                           .smaller = can_be_smaller};
  auto delivery = TRY(BatchDelivery::begin(batch, binding, DeltaId(uuid5("refused " + id.str())), ports, context));
  TRY(delivery.finish(ending, Json::object()));
  context.log.warning("the provider did not take a batch", {{"batch_id", id.str()}, {"reason", refusal.message()}});
  return answer(TRY(read_batch(ports.table, id)), "refused");
}

/// Sends a batch to the provider; this call has the right to. `batch` is as it stands since.
Result<Json> send(const Batch& batch, const CollectionBinding& binding, const std::string& token, const Ports& ports,
                  const StepContext& context) {
  std::optional<ProviderBatch> created;
  if (!batch.input_file_id.empty()) created = TRY(recover_submit(batch, ports.provider));
  if (!created) {
    auto sent = upload_and_create(batch, token, ports);
    if (!sent && is_refusal(sent.error())) return end_refused(batch.id, binding, sent.error(), ports, context);
    created = TRY(std::move(sent));
  }
  TRY(record_submit(batch, *created, ports));
  const Batch submitted = TRY(read_batch(ports.table, batch.id));
  context.log.info("submitted a batch", {{"batch_id", batch.id.str()},
                                         {"openai_batch_id", submitted.openai_batch_id.str()},
                                         {"items", batch.item_count}});
  Json json = answer(submitted, "submitted");
  json["model"] = binding.model;
  return json;
}

/// Whether what a batch costs may be spent. The vectors of one that the cache serves were paid for.
Result<bool> is_within_budget(const Batch& batch, const CollectionBinding& binding, const Ports& ports,
                              const StepContext& context) {
  if (context.spending == nullptr || batch.source == VectorSource::cache) return true;
  const std::uint64_t tokens = TRY(tokens_of(batch, ports.batch_files));
  return context.spending->allows(batch, facts_of(binding.model, context.settings), tokens);
}

}  // namespace

Result<Json> submit_batch(const Json& event, const Ports& ports, const StepContext& context) {
  const Batch batch = TRY(read_batch(ports.table, BatchId(TRY(string_field(event, "batch_id")))));
  if (!batch.is_prepared()) return answer(batch, "none");
  if (batch.requests_key.empty()) {
    return fail(Code::conflict, "the batch {} is still being prepared: run again", batch.id.str());
  }
  const auto binding = TRY(binding_to_submit(batch, ports));
  if (!binding) {
    TRY(retire_batch(batch, ports, context));
    return answer(TRY(read_batch(ports.table, batch.id)), "none");
  }
  if (!TRY(is_within_budget(batch, *binding, ports, context))) return answer(batch, "wait");
  const bool is_enqueued = batch.source == VectorSource::batch;
  if (is_enqueued && !TRY(reserve_tokens(batch, ports, context))) return answer(batch, "wait");
  const std::string token = uuid4(ports.random.bytes());
  if (!TRY(reserve_submit(batch, token, ports, context.settings))) return answer(batch, "wait");
  // Whoever had the right before may have uploaded since the row was read.
  const Batch reserved = TRY(read_batch(ports.table, batch.id));
  return is_enqueued ? send(reserved, *binding, token, ports, context)
                     : deliver(reserved, *binding, token, ports, context);
}

}  // namespace tillite
