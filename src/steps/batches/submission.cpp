#include "steps/batches/submission.h"

#include "base/time.h"

namespace tillite {
namespace {

constexpr std::size_t kListPage = 100;
constexpr std::size_t kListPagesMax = 500;
constexpr std::int64_t kCallLeases = 20;

/// The provider's batch that carries our id, if its list shows one.
Result<std::optional<ProviderBatch>> own_batch(const BatchId& id, BatchProvider& provider) {
  std::optional<ProviderBatch> found;
  TRY(for_each_provider_batch(provider, [&](const ProviderBatch& batch) -> Result<bool> {
    if (own_id_of(batch) == id) found = batch;
    return !found;
  }));
  return found;
}

/// Calls take longer than an upload, and what they answer is lost with them.
std::int64_t lease_ms(const Batch& batch, const Settings& settings) {
  return settings.submit_lease_ms * (batch.source == VectorSource::call ? kCallLeases : 1);
}

}  // namespace

BatchId own_id_of(const ProviderBatch& batch) {
  const auto own_id = batch.metadata.find(std::string(kOwnIdKey));
  return BatchId(own_id == batch.metadata.end() ? "" : own_id->second);
}

std::string input_file_name(const BatchId& id) { return id.str() + ".ndjson"; }

Result<bool> reserve_submit(const Batch& batch, const std::string& token, const Ports& ports,
                            const Settings& settings) {
  const std::int64_t now_ms = ports.clock.now_ms();
  if (!batch.submit_token.empty() && now_ms < batch.submit_until_ms) return false;
  Condition condition = {absent("openai_batch_id"), equal("status", "PENDING")};
  condition.push_back(batch.submit_token.empty() ? absent("submit_token") : equal("submit_token", batch.submit_token));
  const auto reserved = ports.table.write(
      Update{.key = batch_row_key(batch.id),
             .set = {{"submit_token", token}, {"submit_until_ms", now_ms + lease_ms(batch, settings)}},
             .condition = std::move(condition)});
  if (!reserved && reserved.error().code() == Code::conflict) return false;
  if (!reserved) return std::unexpected(reserved.error());
  return true;
}

Result<void> give_up_submit(const BatchId& id, const std::string& token, Table& table) {
  const auto given_up = table.write(Update{.key = batch_row_key(id),
                                           .remove = {"submit_token", "submit_until_ms"},
                                           .condition = {equal("submit_token", token)}});
  if (!given_up && given_up.error().code() == Code::conflict) return {};
  return given_up;
}

Result<void> for_each_provider_batch(BatchProvider& provider,
                                     const std::function<Result<bool>(const ProviderBatch&)>& each) {
  ProviderBatchId after;
  for (std::size_t page_number = 0; page_number < kListPagesMax; ++page_number) {
    const ProviderBatchPage page = TRY(provider.list(after, kListPage));
    for (const ProviderBatch& batch : page.batches) {
      if (!TRY(each(batch))) return {};
    }
    if (!page.has_more || page.batches.empty()) return {};
    after = page.batches.back().id;
  }
  return fail(Code::limit_exceeded, "the provider lists more than {} batches: what is looked for is not among them",
              kListPage * kListPagesMax);
}

Result<std::optional<ProviderBatch>> recover_submit(const Batch& batch, BatchProvider& provider) {
  if (auto found = TRY(own_batch(batch.id, provider))) return found;
  TRY(provider.delete_file(batch.input_file_id));  // from here on a late create fails
  return own_batch(batch.id, provider);
}

Result<void> record_submit(const Batch& batch, const ProviderBatch& created, const Ports& ports) {
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

}  // namespace tillite
