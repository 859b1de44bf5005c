#include "steps/batches/completion.h"

#include <algorithm>

#include "base/check.h"
#include "steps/batches/enqueued_tokens.h"
#include "steps/batches/item_claims.h"
#include "steps/batches/provider_files.h"
#include "steps/generations/generation.h"
#include "vectors/deltas/delta.h"

namespace tillite {
namespace {

constexpr std::size_t kWritesAtOnce = 1000;

/// Of a delta that is merged: what it says of its format may be damaged, too.
bool is_damage(const Error& error) {
  return error.code() == Code::not_found || error.code() == Code::corrupt || error.code() == Code::unsupported;
}

/// The items whose vectors are in a delta, with their hashes: its front says it.
Result<std::vector<BatchItem>> items_in_delta(const ObjectKey& key, ObjectStore& vectors) {
  std::vector<BatchItem> items;
  const auto delta = TRY(vectors.open(key));
  TRY(read_delta_records(*delta, [&](Record&& record) -> Result<void> {
    if (record.kind == RecordKind::vector) items.push_back({record.id, record.input_hash, record.item_version, ""});
    return {};
  }));
  return items;
}

/// The items whose vectors a batch's delta brought. Once gc has removed the delta, or if it was damaged after it was
/// merged, the batch's items say it: what was not in the delta was taken back before it was recorded.
Result<std::vector<BatchItem>> delivered_items(const Batch& batch, const Ports& ports) {
  auto items = items_in_delta(ObjectKey(batch.delta_key), ports.vectors);
  if (!items && is_damage(items.error())) return items_of(batch, ports);
  return items;
}

Result<std::size_t> mark_success(const Batch& batch, const std::vector<BatchItem>& items, Table& table) {
  std::size_t marked = 0;
  for (std::size_t begin = 0; begin < items.size(); begin += kWritesAtOnce) {
    std::vector<Write> writes;
    for (const BatchItem& item : std::span(items).subspan(begin, std::min(kWritesAtOnce, items.size() - begin))) {
      Json set = status_keys(item.id, EmbeddingStatus::success);
      set[std::string(names_of(batch.entity).embedding_id)] = item.id.str();
      writes.emplace_back(
          Update{.key = row_key(item.id), .set = std::move(set), .condition = claimed_by(batch.id, item.input_hash)});
    }
    const auto happened = TRY(table.write_each(writes));
    marked += static_cast<std::size_t>(std::ranges::count(happened, true));
  }
  return marked;
}

Result<void> take_back(const Batch& batch, const std::string& reason, const Ports& ports, const Settings& settings) {
  std::vector<std::pair<BatchItem, Release>> items;
  for (BatchItem& item : TRY(items_of(batch, ports))) {
    items.emplace_back(std::move(item), Release{reason, true});
  }
  TRY(release_items(batch, items, ports, settings));
  return end_batch(batch, BatchStatus::failed, reason, ports, settings);
}

Result<void> complete(const Batch& batch, const Manifest& manifest, const Ports& ports, const Settings& settings,
                      Completion& completion) {
  const auto quarantined = std::ranges::find(manifest.quarantined, batch.delta_id, &RunHeader::Quarantined::delta);
  if (quarantined != manifest.quarantined.end()) {
    TRY(take_back(batch, "its delta was quarantined: " + quarantined->reason, ports, settings));
    ++completion.quarantined;
    return {};
  }
  if (!batch.backfill) completion.items += TRY(mark_success(batch, TRY(delivered_items(batch, ports)), ports.table));
  return end_batch(batch, batch.status_at_end.value_or(BatchStatus::completed), batch.error_summary, ports, settings);
}

}  // namespace

Result<void> end_batch(const Batch& batch, BatchStatus status, const std::string& reason, const Ports& ports,
                       const Settings& settings) {
  check(has_ended(status), "a batch ends in a status that is an end");
  Json set = batch_status_keys(batch.id, batch.entity, status);
  if (!reason.empty()) set["error_summary"] = reason;
  note_files(batch, set, settings);
  const std::string submitted = "openai_batch_id";
  const auto ended =
      write_and_give_back(batch.id,
                          Update{.key = batch_row_key(batch.id),
                                 .set = std::move(set),
                                 .condition = {equal("status", batch_status_name(batch.status)),
                                               batch.openai_batch_id.empty() ? absent(submitted) : present(submitted)}},
                          ports.table);
  // It has moved on since it was read: whoever moved it ends it, too.
  if (!ended && ended.error().code() == Code::conflict) return {};
  return ended;
}

Result<Completion> complete_consumed(Entity entity, const Manifest& manifest, const Ports& ports,
                                     const StepContext& context) {
  Completion completion;
  for (const Batch& batch : TRY(batches_in(ports.table, entity, kOpenStatuses))) {
    if (batch.delta_id.empty() || batch.generation != manifest.binding.generation) continue;
    if (!manifest.has_consumed(batch.delta_id)) continue;
    if (context.stop.stop_requested()) return fail(Code::cancelled, "stopped while completing batches");
    const auto completed = complete(batch, manifest, ports, context.settings, completion);
    if (!completed && !is_damage(completed.error())) return std::unexpected(completed.error());
    if (completed) {
      ++completion.batches;
    } else {
      ++completion.unreadable;
      context.log.error("a batch cannot be completed: nothing says what it delivered",
                        {{"batch_id", batch.id.str()}, {"reason", completed.error().message()}});
    }
  }
  return completion;
}

Result<Completion> complete_all(Entity entity, const Ports& ports, const StepContext& context) {
  Completion all;
  for (const auto& [name, reason] : TRY(read_batches_in(ports.table, entity, kOpenStatuses)).unreadable) {
    ++all.unreadable;
    context.log.error("a batch is passed over: its row cannot be read", {{"name", name}, {"reason", reason}});
  }
  const auto generations = TRY(generations_of(entity, ports));
  const auto candidate = candidate_among(generations);
  for (const Generation& generation : generations) {
    const bool is_candidate = candidate && candidate->number() == generation.number();
    if (generation.state != GenerationState::active && !is_candidate) continue;
    const auto manifest = TRY(ManifestLog(ports.vectors, generation.binding.collection, generation.number()).newest());
    if (!manifest) continue;
    const Completion completion = TRY(complete_consumed(entity, *manifest, ports, context));
    all.batches += completion.batches;
    all.items += completion.items;
    all.quarantined += completion.quarantined;
    all.unreadable += completion.unreadable;
  }
  return all;
}

}  // namespace tillite
