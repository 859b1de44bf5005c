#include "steps/batches/failed_items.h"

#include <algorithm>

namespace tillite {
namespace {

constexpr std::size_t kWritesAtOnce = 1000;

Query failed_query(Entity entity) {
  return {.index = Index::gsi1,
          .hash = fmt::format("EMBEDDING_STATUS#{}", status_name(EmbeddingStatus::failed)),
          .range_prefix = std::string(names_of(entity).index_prefix)};
}

Update release(const RecordId& id) {
  Json set = status_keys(id, EmbeddingStatus::none);
  set["attempts"] = 0;
  return {.key = row_key(id),
          .set = std::move(set),
          .remove = {"failure_reason", "embedding_batch_id", "deferrals", "deferred_until_ms"},
          .condition = {equal("embedding_status", status_name(EmbeddingStatus::failed))}};
}

}  // namespace

Result<std::vector<FailedItem>> failed_items(Entity entity, std::size_t limit, Table& table) {
  std::vector<FailedItem> failed;
  Query query = failed_query(entity);
  while (failed.size() < limit) {
    query.limit = std::min(kWritesAtOnce, limit - failed.size());
    const Page page = TRY(table.query(query));
    for (const Item& row : page.items) {
      const ItemState state = TRY(item_state(row));
      FailedItem& item = failed.emplace_back();
      item.id = TRY(record_id_of(row));
      item.text = TRY(optional_string(row, "text")).value_or("");
      item.reason = state.failure_reason;
      item.attempts = state.attempts;
    }
    if (page.next.empty()) break;
    query.start_after = page.next;
  }
  return failed;
}

Result<std::vector<bool>> retry_items(std::span<const RecordId> ids, Table& table) {
  std::vector<bool> released;
  released.reserve(ids.size());
  for (std::span<const RecordId> rest = ids; !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kWritesAtOnce));
    std::vector<Write> writes;
    for (const RecordId& id : some) writes.emplace_back(release(id));
    const auto happened = TRY(table.write_each(writes));
    released.insert(released.end(), happened.begin(), happened.end());
    rest = rest.subspan(some.size());
  }
  return released;
}

Result<std::size_t> retry_all_items(Entity entity, Table& table) {
  std::size_t released = 0;
  Query query = failed_query(entity);
  while (true) {
    const Page page = TRY(table.query(query));
    std::vector<RecordId> ids;
    ids.reserve(page.items.size());
    for (const Item& row : page.items) ids.push_back(TRY(record_id_of(row)));
    const auto happened = TRY(retry_items(ids, table));
    released += static_cast<std::size_t>(std::ranges::count(happened, true));
    if (page.next.empty()) return released;
    query.start_after = page.next;
  }
}

}  // namespace tillite
