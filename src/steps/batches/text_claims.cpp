#include "steps/batches/text_claims.h"

#include <algorithm>

namespace tillite {
namespace {

constexpr std::string_view kBatchId = "batch_id";

ItemKey claim_key(const TextKey& key) { return {fmt::format("TEXT#{}", key.str()), "CLAIM"}; }

Update claim(const BatchId& batch, const TextKey& key, Clause condition) {
  return {.key = claim_key(key),
          .set = {{"TYPE", "TEXT_CLAIM"}, {kBatchId, batch.str()}},
          .condition = {std::move(condition)}};
}

/// Who has claimed a text; empty if nobody has.
Result<BatchId> claimant(const TextKey& key, Table& table) {
  const auto row = TRY(table.get(claim_key(key)));
  if (!row) return BatchId();
  return BatchId(TRY(optional_string(*row, kBatchId)).value_or(""));
}

/// A second try for a text that somebody had claimed: ours already, or left behind by a batch that is over.
Result<bool> take_over(const BatchId& batch, const TextKey& key, TextsOnTheirWay& on_their_way, Table& table) {
  const BatchId owner = TRY(claimant(key, table));
  if (owner == batch) return true;
  if (!owner.empty() && TRY(on_their_way.is_open(owner))) return false;
  Clause unchanged = owner.empty() ? absent(std::string(kBatchId)) : equal(std::string(kBatchId), owner.str());
  const auto taken = table.write(claim(batch, key, std::move(unchanged)));
  if (!taken && taken.error().code() == Code::conflict) return false;  // somebody else was faster
  if (!taken) return std::unexpected(taken.error());
  return true;
}

}  // namespace

Result<std::vector<bool>> claim_texts(const BatchId& batch, std::span<const TextKey> keys, const Ports& ports) {
  std::vector<Write> writes;
  writes.reserve(keys.size());
  for (const TextKey& key : keys) writes.emplace_back(claim(batch, key, absent(std::string(kBatchId))));
  std::vector<bool> ours = TRY(ports.table.write_each(writes));
  TextsOnTheirWay on_their_way(ports.table);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!ours[i]) ours[i] = TRY(take_over(batch, keys[i], on_their_way, ports.table));
  }
  // A batch delivers its vectors first and gives up its claims then: whoever claims after it finds them here.
  const std::vector<bool> cached = TRY(ports.cache.contains(keys));
  std::vector<TextKey> not_needed;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!ours[i] || !cached[i]) continue;
    ours[i] = false;
    not_needed.push_back(keys[i]);
  }
  TRY(release_texts(batch, not_needed, ports.table));
  return ours;
}

Result<void> release_texts(const BatchId& batch, std::span<const TextKey> keys, Table& table) {
  if (keys.empty()) return {};
  std::vector<Write> writes;
  writes.reserve(keys.size());
  for (const TextKey& key : keys) {
    writes.emplace_back(Erase{claim_key(key), {equal(std::string(kBatchId), batch.str())}});
  }
  TRY(table.write_each(writes));
  return {};
}

Result<bool> any_on_their_way(Entity entity, Table& table) {
  const auto open = TRY(batches_in(table, entity, kOpenStatuses));
  return std::ranges::any_of(open, [](const Batch& batch) { return batch.delta_id.empty(); });
}

Result<bool> TextsOnTheirWay::contains(const TextKey& key) {
  const BatchId owner = TRY(claimant(key, table_));
  return !owner.empty() && TRY(is_open(owner));
}

Result<bool> TextsOnTheirWay::is_open(const BatchId& batch) {
  if (const auto known = open_.find(batch); known != open_.end()) return known->second;
  const auto row = TRY(table_.get(batch_row_key(batch)));
  bool open = false;
  if (row) {
    const auto read = parse_batch(*row);  // one that cannot be read brings nothing
    open = read && !has_ended(read->status) && read->delta_id.empty();
  }
  open_.emplace(batch, open);
  return open;
}

}  // namespace tillite
