#include "steps/batches/batch_cancel.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/check.h"
#include "base/uuid.h"
#include "embedding/text_key.h"
#include "steps/batches/completion.h"
#include "steps/batches/enqueued_tokens.h"
#include "steps/batches/item_claims.h"
#include "steps/batches/submission.h"
#include "steps/batches/text_claims.h"
#include "steps/generations/generation.h"

namespace tillite {
namespace {

constexpr std::size_t kTextsAtOnce = 1000;
constexpr std::string_view kReason = "cancelled before it was submitted";
constexpr std::array<std::string_view, 5> kNames = {"ended", "asked", "had_ended", "has_vectors", "being_submitted"};

/// One that is not there any more cannot cost anything: the next poll finds that out.
Result<Cancelling> ask_provider(const ProviderBatchId& id, BatchProvider& provider) {
  const auto asked = provider.cancel(id);
  if (!asked && asked.error().code() != Code::not_found) return std::unexpected(asked.error());
  return Cancelling::asked;
}

/// The claims that a batch has on the texts of its items.
Result<void> free_texts(const Batch& batch, const std::vector<BatchItem>& items, const Ports& ports) {
  if (batch.source == VectorSource::cache || batch.is_foreign()) return {};
  const CollectionBinding binding = TRY(generation_numbered(batch.entity, batch.generation, ports)).binding;
  std::unordered_set<std::string_view> texts;
  std::vector<TextKey> keys;
  for (const BatchItem& item : items) {
    if (texts.insert(item.input_hash).second) keys.push_back(text_key(binding, item.input_hash));
  }
  for (std::span<const TextKey> rest(keys); !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kTextsAtOnce));
    TRY(release_texts(batch.id, some, ports.table));
    rest = rest.subspan(some.size());
  }
  return {};
}

bool is_damage(const Error& error) { return error.code() == Code::corrupt || error.code() == Code::not_found; }

Result<Batch> finish_claiming(const Batch& batch, const Ports& ports, const StepContext& context) {
  const CollectionBinding binding = TRY(generation_numbered(batch.entity, batch.generation, ports)).binding;
  return claim_and_write_requests(batch, TRY(read_items(ports.batch_files, batch)), binding, ports, context);
}

/// A batch that nobody has submitted, as far as its row says.
Result<Cancelling> cancel_prepared(Batch batch, const Ports& ports, const StepContext& context) {
  if (batch.requests_key.empty() && !batch.is_foreign()) {
    // Whoever was claiming its items must have come to an end, or items would be claimed for it afterwards.
    auto claimed = finish_claiming(batch, ports, context);
    if (!claimed && !is_damage(claimed.error())) return std::unexpected(claimed.error());
    if (claimed) batch = *std::move(claimed);
    if (!batch.is_prepared()) return Cancelling::had_ended;
  }
  const std::string token = uuid4(ports.random.bytes());
  if (!TRY(reserve_submit(batch, token, ports, context.settings))) return Cancelling::being_submitted;
  if (!batch.input_file_id.empty()) {
    if (const auto created = TRY(recover_submit(batch, ports.provider))) {
      TRY(record_submit(batch, *created, ports));
      return ask_provider(created->id, ports.provider);
    }
  }
  const auto begun = ports.table.write(Update{.key = batch_row_key(batch.id),
                                              .set = batch_status_keys(batch.id, batch.entity, BatchStatus::canceling),
                                              .remove = {"submit_token", "submit_until_ms"},
                                              .condition = {equal("submit_token", token), absent("openai_batch_id")}});
  if (!begun && begun.error().code() == Code::conflict) return Cancelling::being_submitted;
  if (!begun) return std::unexpected(begun.error());
  TRY(finish_cancelling(TRY(read_batch(ports.table, batch.id)), ports, context));
  return Cancelling::ended;
}

}  // namespace

std::string_view cancelling_name(Cancelling cancelling) { return kNames.at(static_cast<std::size_t>(cancelling)); }

Result<Cancelling> cancel_batch(const BatchId& id, const Ports& ports, const StepContext& context) {
  const Batch batch = TRY(read_batch(ports.table, id));
  if (has_ended(batch.status)) return Cancelling::had_ended;
  if (!batch.delta_id.empty()) return Cancelling::has_vectors;
  if (!batch.openai_batch_id.empty()) return ask_provider(batch.openai_batch_id, ports.provider);
  if (!is_half_cancelled(batch)) return cancel_prepared(batch, ports, context);
  TRY(finish_cancelling(batch, ports, context));
  return Cancelling::ended;
}

bool is_half_cancelled(const Batch& batch) {
  return batch.status == BatchStatus::canceling && batch.openai_batch_id.empty();
}

Result<std::size_t> finish_cancelling(const Batch& batch, const Ports& ports, const StepContext& context) {
  check(is_half_cancelled(batch), "only a batch that nobody can submit any more is taken apart");
  const auto items = TRY(items_of(batch, ports));
  std::vector<std::pair<BatchItem, Release>> releases;
  releases.reserve(items.size());
  for (const BatchItem& item : items) releases.emplace_back(item, Release{.reason = std::string(kReason)});
  const Released released = TRY(release_items(batch, releases, ports, context.settings));
  TRY(free_texts(batch, items, ports));
  TRY(end_batch(batch, BatchStatus::cancelled, std::string(kReason), ports, context.settings));
  return released.to_none + released.failed;
}

}  // namespace tillite
