#include "steps/adoption/item_fault.h"

#include "receipts/noise.h"

namespace tillite {
namespace {

constexpr std::size_t kKnownMax = 100'000;

/// Adds the receipts that a batch's row names.
Result<void> add_receipts(const Item& row, std::set<std::string>& receipts) {
  const Json* const refs = find_field(row, "receipt_refs");
  if (refs == nullptr || !refs->is_array()) return {};
  for (const Json& ref : *refs) {
    if (!ref.is_object()) continue;
    const auto image = optional_string(ref, "image_id");
    const auto receipt = optional_int(ref, "receipt_id");
    if (!image || !*image || !receipt || !*receipt) continue;
    receipts.insert(receipt_name(ImageId(**image), static_cast<int>(**receipt)));
  }
  return {};
}

bool has_keys_of(const Item& row, const RecordId& id, EmbeddingStatus status) {
  const Json keys = status_keys(id, status);
  for (const auto& [name, value] : keys.items()) {
    const Json* const stored = find_field(row, name);
    if (stored == nullptr || *stored != value) return false;
  }
  return true;
}

}  // namespace

bool is_abandoned(const Batch& batch, std::int64_t now_ms) {
  if (has_ended(batch.status) || !batch.delta_id.empty() || batch.polled_ms > 0) return false;
  const std::int64_t since_ms = std::max(batch.submitted_ms, batch.created_ms);
  return now_ms - since_ms > kAbandonedAfterMs;
}

Result<ItemHolders> ItemHolders::load(Entity entity, Table& table, std::int64_t now_ms) {
  ItemHolders holders(table);
  for (const BatchStatus status : kOpenStatuses) {
    const Query query{.index = Index::gsi1,
                      .hash = fmt::format("STATUS#{}", batch_status_name(status)),
                      .range_prefix = fmt::format("BATCH_TYPE#{}#", names_of(entity).batch_type)};
    TRY(for_each_item(table, query, [&](const Item& row) -> Result<void> {
      const auto batch = parse_batch(row);
      const bool may_hold = batch && batch->is_foreign() && !is_abandoned(*batch, now_ms);
      return may_hold ? add_receipts(row, holders.held_receipts_) : Result<void>();
    }));
  }
  return holders;
}

Result<std::optional<std::string>> ItemHolders::why_stuck(const RecordName& name, const ItemState& state) {
  if (state.batch_id.empty()) {
    if (held_receipts_.contains(receipt_name(name.image_id, name.receipt_id))) return std::optional<std::string>();
    return std::optional<std::string>("no batch has it");
  }
  if (const auto known = known_fates_.find(state.batch_id); known != known_fates_.end()) return known->second;
  const auto row = TRY(table_->get(batch_row_key(state.batch_id)));
  std::optional<std::string> fate;
  if (!row) {
    fate = fmt::format("there is no batch {}", state.batch_id.str());
  } else if (const auto batch = parse_batch(*row); batch && has_ended(batch->status)) {
    fate = fmt::format("its batch {} has ended as {}", state.batch_id.str(), batch_status_name(batch->status));
  }
  if (known_fates_.size() >= kKnownMax) known_fates_.clear();
  known_fates_.emplace(state.batch_id, fate);
  return fate;
}

Result<ItemFaults> faults_of(const Item& row, Entity entity, ItemHolders& holders) {
  const ItemState state = TRY(item_state(row));
  const RecordId id = TRY(record_id_of(row));
  const RecordName name = TRY(parse_record_id(id));
  const std::string text = TRY(optional_string(row, "text")).value_or("");
  const bool has_id = TRY(optional_string(row, names_of(entity).embedding_id)).has_value();
  if (name.entity() != entity) return fail(Code::corrupt, "its key is not that of a {}", names_of(entity).name);

  ItemFaults faults;
  faults.status_missing = !state.status_known;
  faults.index_disagrees = state.status_known && !has_keys_of(row, id, state.status);
  faults.none_is_noise = state.status == EmbeddingStatus::none && is_noise(text);
  faults.none_with_id = state.status == EmbeddingStatus::none && has_id;
  faults.success_without_id = state.status == EmbeddingStatus::success && !has_id;
  if (state.status == EmbeddingStatus::pending) faults.stuck = TRY(holders.why_stuck(name, state)).value_or("");
  return faults;
}

Result<Update> mended(const Item& row, const ItemFaults& faults) {
  const ItemState state = TRY(item_state(row));
  EmbeddingStatus status = faults.stuck.empty() ? state.status : EmbeddingStatus::none;
  const bool noise = status == EmbeddingStatus::none && is_noise(TRY(optional_string(row, "text")).value_or(""));
  if (noise) status = EmbeddingStatus::noise;
  const RecordId id = TRY(record_id_of(row));
  Update update{
      .key = key_of(row), .set = status_keys(id, status), .condition = {same_status(state), same_batch(state)}};
  if (noise) update.set["is_noise"] = true;
  if (!faults.stuck.empty() && !state.batch_id.empty()) update.remove = {"embedding_batch_id"};
  return update;
}

}  // namespace tillite
