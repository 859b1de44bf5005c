#include "steps/generations/retirement.h"

#include <algorithm>

#include "receipts/receipt_items.h"
#include "steps/batches/completion.h"
#include "steps/batches/item_claims.h"
#include "steps/generations/collection.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

/// Whether nothing is made for a generation any more: it is neither active nor the candidate.
bool is_over(const Generation& generation, const std::optional<Generation>& candidate) {
  return generation.state != GenerationState::active && (!candidate || candidate->number() != generation.number());
}

/// Puts an item's change into the outbox again, with the next metadata_version: whoever wrote the delta may be about to
/// take it out.
Result<void> tell_again(const Record& record, Table& table) {
  if (record.kind == RecordKind::vector || !parse_record_id(record.id)) return {};
  const auto row = TRY(table.get(row_key(record.id)));
  if (!row) return {};
  const ItemState state = TRY(item_state(*row));
  const Entity entity = TRY(parse_record_id(record.id)).entity();
  const Json* const version = find_field(*row, "metadata_version");
  const auto written = table.write(
      Update{.key = row_key(record.id),
             .set = {{"GSI3PK", outbox_partition(entity)},
                     {"GSI3SK", record.id.str()},
                     {"metadata_version", state.metadata_version + 1}},
             .condition = {version == nullptr ? absent("metadata_version") : equal("metadata_version", *version)}});
  if (!written && written.error().code() == Code::conflict) return tell_again(record, table);
  return written;
}

/// Deltas that came after the swap had looked, or while it looked.
Result<void> carry_over_deltas(const CollectionBinding& retired, const Ports& ports, const StepContext& context) {
  const DeltaSurvey survey = TRY(survey_deltas(ports.vectors, retired));
  for (const ObjectInfo& delta : survey.outstanding) {
    std::vector<Record> changes;
    const auto file = TRY(ports.vectors.open(delta.key));
    const auto read = read_delta_records(*file, [&](Record&& record) -> Result<void> {
      changes.push_back(std::move(record));
      return {};
    });
    if (!read && read.error().code() != Code::corrupt) return std::unexpected(read.error());
    for (const Record& change : changes) TRY(tell_again(change, ports.table));
    context.log.info("told changes again that were written for a retired generation",
                     {{"delta", delta.key.str()}, {"records", changes.size()}});
    TRY(ports.vectors.remove(delta.key));
  }
  return {};
}

}  // namespace

Result<std::optional<CollectionBinding>> binding_of_batch(const Batch& batch, const Ports& ports) {
  if (batch.is_foreign()) {
    return fail(Code::not_found,
                "the batch {} is not one of ours: nothing says what it belongs to. tillite doctor tells what to do",
                batch.id.str());
  }
  const Generation generation = TRY(generation_numbered(batch.entity, batch.generation, ports));
  if (is_over(generation, TRY(candidate_generation(batch.entity, ports)))) return std::optional<CollectionBinding>();
  return std::optional(generation.binding);
}

Result<std::optional<CollectionBinding>> binding_to_submit(const Batch& batch, const Ports& ports) {
  const Generation generation = TRY(generation_numbered(batch.entity, batch.generation, ports));
  if (generation.state == GenerationState::cancelled) return std::optional<CollectionBinding>();
  return binding_of_batch(batch, ports);
}

Result<bool> can_be_told_again(const ObjectKey& delta, const Ports& ports) {
  bool can = true;
  const auto file = ports.vectors.open(delta);
  if (!file && file.error().code() == Code::not_found) return false;  // whoever merged it knows more
  if (!file) return std::unexpected(file.error());
  const auto read = read_delta_records(**file, [&](Record&& record) -> Result<void> {
    can = record.kind != RecordKind::vector && parse_record_id(record.id);
    if (can) {
      const auto row = TRY(ports.table.get(row_key(record.id)));
      can = row && item_state(*row);
    }
    return can ? Result<void>() : fail(Code::cancelled, "{} cannot be told again", record.id.str());
  });
  if (!can) return false;
  if (!read && read.error().code() != Code::corrupt) return std::unexpected(read.error());
  return read.has_value();
}

Result<void> retire_batch(const Batch& batch, const Ports& ports, const StepContext& context) {
  const std::string reason = fmt::format("generation {} is not made any more", batch.generation);
  if (!batch.openai_batch_id.empty() && batch.delta_id.empty()) {
    const auto cancelled = ports.provider.cancel(batch.openai_batch_id);
    if (!cancelled) {
      context.log.warning("a batch could not be cancelled",
                          {{"batch_id", batch.id.str()}, {"reason", cancelled.error().message()}});
    }
  }
  std::vector<std::pair<BatchItem, Release>> items;
  for (BatchItem& item : TRY(items_of(batch, ports))) items.emplace_back(std::move(item), Release{reason});
  const Released released = TRY(release_items(batch, items, ports, context.settings));
  TRY(end_batch(batch, BatchStatus::cancelled, reason, ports, context.settings));
  context.log.info(
      "retired a batch",
      {{"batch_id", batch.id.str()}, {"generation", batch.generation}, {"items", released.to_none + released.failed}});
  return {};
}

Result<void> settle_generations(Entity entity, const Ports& ports, const StepContext& context) {
  TRY(settle_rows(entity, ports));
  const auto generations = TRY(generations_of(entity, ports));
  if (generations.size() < 2) return {};
  const auto candidate = candidate_among(generations);
  for (const Batch& batch : TRY(batches_in(ports.table, entity, kOpenStatuses))) {
    const auto generation = std::ranges::find(generations, batch.generation, &Generation::number);
    if (generation == generations.end()) continue;
    const bool unsent = generation->state == GenerationState::cancelled && batch.is_prepared();
    if (is_over(*generation, candidate) || unsent) TRY(retire_batch(batch, ports, context));
  }
  for (const Generation& generation : generations) {
    if (generation.state == GenerationState::retired) TRY(carry_over_deltas(generation.binding, ports, context));
  }
  return {};
}

Result<RemovedGenerations> remove_generations(Entity entity, std::int64_t retention_ms, bool dry_run,
                                              const Ports& ports, const StepContext& context) {
  RemovedGenerations removed;
  for (const Generation& generation : TRY(generations_of(entity, ports))) {
    const bool ended = generation.state == GenerationState::retired || generation.state == GenerationState::cancelled;
    const bool expired = ended && generation.changed_ms + retention_ms <= ports.clock.now_ms();
    if (!expired && generation.state != GenerationState::removed) continue;
    if (expired && !dry_run) {
      // The row first: a cancelled generation that has lost files must not be resumed.
      const auto changed = change_state(generation, generation.state, GenerationState::removed, ports);
      if (!changed && changed.error().code() == Code::conflict) continue;
      TRY(changed);
    }
    const std::string folder = generation_folder(generation.binding.collection, generation.number());
    const auto objects = TRY(list_all(ports.vectors, folder));
    for (const ObjectInfo& object : objects) {
      if (!dry_run) TRY(ports.vectors.remove(object.key));
      removed.bytes += object.size_bytes;
    }
    removed.objects += objects.size();
    if (!objects.empty()) ++removed.generations;
    if (!objects.empty() && !dry_run) {
      context.log.info("removed a generation", {{"collection", generation.binding.collection},
                                                {"generation", generation.number()},
                                                {"objects", objects.size()}});
    }
  }
  return removed;
}

}  // namespace tillite
