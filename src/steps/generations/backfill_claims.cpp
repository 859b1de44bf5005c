#include "steps/generations/backfill_claims.h"

#include <algorithm>

#include "base/check.h"
#include "steps/generations/collection.h"

namespace tillite {
namespace {

constexpr std::size_t kWritesAtOnce = 1000;

/// That the version and `next` are what was read.
Condition unchanged(const ItemState& state) {
  Condition condition = next_input_unchanged(state);
  condition.push_back(same_version(state));
  return condition;
}

/// A batch that has ended, was never heard of, or cannot be read holds nothing.
Result<bool> is_open(const BatchId& id, Table& table) {
  if (id.empty()) return false;
  const auto row = TRY(table.get(batch_row_key(id)));
  if (!row) return false;
  const auto batch = parse_batch(*row);
  return batch && !has_ended(batch->status);
}

/// The update that gives an item to the batch; nothing if it wants another text by now, or another batch has it.
Result<std::optional<Update>> claim_of(const Batch& batch, const BatchItem& item, const ItemState& state,
                                       std::int64_t active, Table& table) {
  if (state.removed || state.item_version != item.item_version) return std::optional<Update>();
  const bool is_known = state.next.generation == batch.generation;
  if (is_known && state.next.input_hash != item.input_hash) return std::optional<Update>();
  if (is_known && state.next.batch_id != batch.id && TRY(is_open(state.next.batch_id, table))) {
    return std::optional<Update>();
  }
  Update update = note_input(item.id, state, active, batch.generation, item.input_hash);
  update.set["next_batch_id"] = batch.id.str();
  std::erase(update.remove, "next_batch_id");
  return std::optional(std::move(update));
}

/// Does the writes that are there, each for one of `items`; says which happened.
Result<std::vector<bool>> write_some(const std::vector<std::optional<Update>>& updates, Table& table) {
  std::vector<Write> writes;
  for (const auto& update : updates) {
    if (update) writes.emplace_back(*update);
  }
  const auto happened = TRY(table.write_each(writes));
  std::vector<bool> all(updates.size(), false);
  for (std::size_t i = 0, next = 0; i < updates.size(); ++i) {
    if (updates[i]) all[i] = happened[next++];
  }
  return all;
}

Update release_of(const Batch& batch, const BatchItem& item, const Release& release, const ItemState& state,
                  const Ports& ports, const Settings& settings, bool& fails) {
  const std::int64_t attempts = state.next.attempts + (release.counts_as_attempt ? 1 : 0);
  fails = attempts >= settings.attempts_max;
  Update update{.key = row_key(item.id),
                .set = {{"next_attempts", attempts}},
                .remove = {"next_batch_id"},
                .condition = unchanged(state)};
  check(state.next.batch_id == batch.id, "only a batch's own items are released");
  if (fails) update.set["next_failure_reason"] = release.reason;
  if (release.smaller) update.set["next_deferrals"] = state.next.deferrals + 1;
  if (release.later) {
    update.set["next_deferred_until_ms"] = deferred_until_ms(state.next.deferrals + 1, ports.clock.now_ms(), settings);
  }
  return update;
}

}  // namespace

Condition next_input_unchanged(const ItemState& state) {
  if (state.next.generation == 0) return {absent("next_generation")};
  Condition condition = {equal("next_generation", state.next.generation),
                         equal("next_input_hash", state.next.input_hash)};
  condition.push_back(state.next.batch_id.empty() ? absent("next_batch_id")
                                                  : equal("next_batch_id", state.next.batch_id.str()));
  return condition;
}

bool is_claimed_by(const Batch& batch, const BatchItem& item, const ItemState& state) {
  return !state.removed && state.item_version == item.item_version && state.next.generation == batch.generation &&
         state.next.batch_id == batch.id && state.next.input_hash == item.input_hash;
}

Update note_input(const RecordId& id, const ItemState& state, std::int64_t active, std::int64_t generation,
                  const std::string& input_hash) {
  Update update{.key = row_key(id),
                .set = {{"next_generation", generation}, {"next_input_hash", input_hash}},
                .remove = {"next_batch_id"},
                .condition = unchanged(state)};
  if (state.next.generation == 0 || state.next.generation == generation) return update;
  // What stands there is of an earlier generation. If that has become the active one, its hash is kept.
  update.remove.insert(update.remove.end(),
                       {"next_attempts", "next_failure_reason", "next_deferrals", "next_deferred_until_ms"});
  if (state.next.generation == active && state.input_generation != active) {
    update.set["input_hash"] = state.next.input_hash;
    update.set["input_generation"] = state.next.generation;
  }
  return update;
}

Update refuse_for_backfill(const Batch& batch, const BatchItem& item, const std::string& reason,
                           const Settings& settings) {
  return {.key = row_key(item.id),
          .set = {{"next_attempts", settings.attempts_max}, {"next_failure_reason", reason}},
          .remove = {"next_batch_id"},
          .condition = {equal("next_generation", batch.generation), equal("next_batch_id", batch.id.str()),
                        equal("next_input_hash", item.input_hash)}};
}

Result<std::vector<bool>> claim_for_backfill(const Batch& batch, std::span<const BatchItem> items, const Ports& ports) {
  const auto binding = TRY(stored_binding(batch.entity, ports.vectors));
  const std::int64_t active = binding ? binding->generation : 0;
  std::vector<std::optional<Update>> claims;
  std::vector<bool> had(items.size(), false);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto row = TRY(ports.table.get(row_key(items[i].id)));
    if (!row) {
      claims.emplace_back();
      continue;
    }
    const ItemState state = TRY(item_state(*row));
    had[i] = is_claimed_by(batch, items[i], state);
    claims.push_back(had[i] ? std::nullopt : TRY(claim_of(batch, items[i], state, active, ports.table)));
  }
  auto won = TRY(write_some(claims, ports.table));
  for (std::size_t i = 0; i < items.size(); ++i) won[i] = won[i] || had[i];
  return won;
}

Result<Released> release_from_backfill(const Batch& batch, const std::vector<std::pair<BatchItem, Release>>& items,
                                       const Ports& ports, const Settings& settings) {
  Released released;
  for (std::size_t begin = 0; begin < items.size(); begin += kWritesAtOnce) {
    std::vector<Write> writes;
    std::vector<bool> fails;
    for (const auto& [item, release] : std::span(items).subspan(begin, std::min(kWritesAtOnce, items.size() - begin))) {
      const auto row = TRY(ports.table.get(row_key(item.id)));
      if (!row) continue;
      const auto state = item_state(*row);  // a damaged row stops none of the others
      if (!state || !is_claimed_by(batch, item, *state)) continue;
      bool item_fails = false;
      writes.emplace_back(release_of(batch, item, release, *state, ports, settings, item_fails));
      fails.push_back(item_fails);
    }
    const auto happened = TRY(ports.table.write_each(writes));
    for (std::size_t i = 0; i < happened.size(); ++i) {
      if (happened[i]) ++(fails[i] ? released.failed : released.to_none);
    }
  }
  return released;
}

}  // namespace tillite
