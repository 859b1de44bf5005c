#include "steps/batches/stranded_items.h"

#include <map>

#include "receipts/receipt_items.h"

namespace tillite {
namespace {

constexpr std::size_t kWritesAtOnce = 1000;

Query claimed_items(Entity entity) {
  return {.index = Index::gsi1,
          .hash = fmt::format("EMBEDDING_STATUS#{}", status_name(EmbeddingStatus::pending)),
          .range_prefix = std::string(names_of(entity).index_prefix)};
}

/// Whether a batch is over, or can be read no more, each looked up once.
class EndedBatches {
 public:
  explicit EndedBatches(Table& table) : table_(table) {}
  Result<bool> contains(const BatchId& id) {
    if (const auto known = ended_.find(id); known != ended_.end()) return known->second;
    const auto row = TRY(table_.get(batch_row_key(id)));
    const auto batch = row ? parse_batch(*row) : std::unexpected(Error(Code::not_found, "there is no such batch"));
    const bool ended = !batch || has_ended(batch->status);
    return ended_.emplace(id, ended).first->second;
  }

 private:
  Table& table_;
  std::map<BatchId, bool> ended_;
};

/// An item that nobody has claimed meanwhile goes back as if it had never been claimed.
Update release(const RecordId& id, const BatchId& batch) {
  return {.key = row_key(id),
          .set = status_keys(id, EmbeddingStatus::none),
          .remove = {"embedding_batch_id"},
          .condition = {equal("embedding_status", std::string(status_name(EmbeddingStatus::pending))),
                        equal("embedding_batch_id", batch.str())}};
}

Result<bool> are_accounted_for(Entity entity, Table& table) {
  std::int64_t expected = 0;
  const BatchesRead read = TRY(read_batches_in(table, entity, kOpenStatuses));
  if (!read.unreadable.empty()) return false;
  for (const Batch& batch : read.batches) {
    // The items of the others are not claimed by a batch of ours.
    if (!batch.is_foreign() && !batch.backfill) expected += batch.item_count;
  }
  return TRY(table.count(claimed_items(entity))) <= static_cast<std::uint64_t>(expected);
}

}  // namespace

Result<std::size_t> release_stranded_items(Entity entity, const Ports& ports, const StepContext& context) {
  if (TRY(are_accounted_for(entity, ports.table))) return 0;
  EndedBatches ended(ports.table);
  std::vector<Write> releases;
  TRY(for_each_item(ports.table, claimed_items(entity), [&](const Item& row) -> Result<void> {
    const auto state = item_state(row);
    if (!state) return {};                   // a damaged row stops none of the others
    if (state->batch_id.empty()) return {};  // held by others: only an adoption frees it (steps/adoption/item_fault.h)
    const auto id = record_id_of(row);
    if (id && TRY(ended.contains(state->batch_id))) releases.emplace_back(release(*id, state->batch_id));
    return {};
  }));
  std::size_t released = 0;
  for (std::size_t begin = 0; begin < releases.size(); begin += kWritesAtOnce) {
    const auto some = std::span(releases).subspan(begin, std::min(kWritesAtOnce, releases.size() - begin));
    for (const bool happened : TRY(ports.table.write_each({some.begin(), some.end()}))) released += happened ? 1 : 0;
  }
  if (released > 0) {
    context.log.warning("items of batches that are over are free again",
                        {{"collection", names_of(entity).collection}, {"items", released}});
  }
  return released;
}

}  // namespace tillite
