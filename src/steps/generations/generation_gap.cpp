#include "steps/generations/generation_gap.h"

#include <algorithm>

#include "embedding/metadata.h"
#include "steps/generations/collection.h"

namespace tillite {
namespace {

constexpr std::size_t kPage = 1000;
constexpr std::string_view kTorn = "its receipt was imported only in part: import it again";
constexpr std::string_view kImported = "it was imported, and no receipt says its text";

/// What ids of one receipt begin with; empty for an id that is none of ours.
std::string receipt_of(const RecordId& id) {
  const auto name = parse_record_id(id);
  return name ? receipt_name(name->image_id, name->receipt_id) + "#" : std::string();
}

/// How many records at the front are of one receipt, or of none.
std::size_t group_size(std::span<const IndexedRecord> records) {
  const std::string receipt = receipt_of(records.front().id);
  const auto other = std::ranges::find_if(records, [&](const IndexedRecord& record) {
    return receipt.empty() ? !receipt_of(record.id).empty() : !record.id.str().starts_with(receipt);
  });
  return static_cast<std::size_t>(other - records.begin());
}

Lack left_out(const RecordId& id, std::string_view reason, bool refused = false) {
  return {.kind = Lack::Kind::left_out, .id = id, .reason = std::string(reason), .refused = refused};
}

}  // namespace

/// A receipt, and what would be sent and stored of it under the other generation's format.
struct GenerationGap::ReceiptTexts {
  StoredReceipt stored;
  std::map<RecordId, std::string> inputs;
  std::map<RecordId, StoredText> texts;
};

Result<GenerationGap> GenerationGap::open(const CollectionBinding& active, const CollectionBinding& next,
                                          const Ports& ports, const StepContext& context) {
  GenerationGap gap(active, next, ports, context, TRY(ScratchFolder::create(context.scratch)));
  for (const Batch& batch : TRY(batches_in(ports.table, TRY(entity_of_collection(active.collection)), kOpenStatuses))) {
    gap.open_batches_.insert(batch.id);
  }
  const auto pin = [&](const CollectionBinding& binding, const char* name) -> Result<PinnedVersion> {
    const auto newest = TRY(ManifestLog(ports.vectors, binding.collection, binding.generation).newest());
    if (!newest) return PinnedVersion();
    return PinnedVersion::open(ports.vectors, *newest, gap.room_.path() / name, /*verify=*/false);
  };
  gap.active_version_ = TRY(pin(active, "active"));
  if (next.generation != 0) gap.next_version_ = TRY(pin(next, "next"));
  return gap;
}

Result<bool> GenerationGap::walk(BackfillCursor& cursor, const Each& each) {
  const auto& shards = active_version_.shards();
  for (; static_cast<std::size_t>(cursor.shard) < shards.size(); ++cursor.shard, cursor.after = {}) {
    const auto shard = static_cast<std::size_t>(cursor.shard);
    while (true) {
      if (context_->stop.stop_requested()) return fail(Code::cancelled, "stopped while looking for what is lacking");
      const auto page = TRY(shards[shard].page(cursor.after, kPage));
      Records rest(page);
      while (!rest.empty()) {
        const std::size_t size = group_size(rest);
        // The last group of a full page may go on in the next one.
        if (size == rest.size() && page.size() == kPage && size < page.size()) break;
        auto lacking = TRY(explain(rest.first(size), shard));
        cursor.after = rest[size - 1].id;
        rest = rest.subspan(size);
        if (!lacking.empty() && !TRY(each(std::move(lacking)))) return false;
      }
      if (page.size() < kPage) break;
    }
  }
  cursor.shard = 0;
  return true;
}

/// The records of which the other generation has no vector as new, or older metadata.
Result<std::vector<IndexedRecord>> GenerationGap::lacking_of(Records records) const {
  std::vector<IndexedRecord> lacking;
  for (const IndexedRecord& record : records) {
    const auto known = TRY(next_version_.known(record.id)).stored;
    const bool is_there = known && known->label &&
                          std::tie(known->item_version, known->metadata_version) >=
                              std::tie(record.item_version, record.metadata_version);
    if (!is_there) lacking.push_back(record);
  }
  return lacking;
}

Result<std::vector<Lack>> GenerationGap::explain(Records records, std::size_t shard) {
  std::vector<Lack> lacks;
  const auto lacking = TRY(lacking_of(records));
  if (lacking.empty()) return lacks;
  const auto name = parse_record_id(lacking.front().id);
  auto stored = name ? load_receipt(ports_->table, name->image_id, name->receipt_id)
                     : Result<std::optional<StoredReceipt>>(std::nullopt);
  if (!stored && stored.error().code() != Code::corrupt) return std::unexpected(stored.error());
  ReceiptTexts receipt;
  if (stored && *stored) {
    const InputFormat format = TRY(parse_input_format(next_.input_format));
    std::swap(receipt.stored, **stored);
    receipt.inputs = embedding_inputs(receipt.stored.receipt, format);
    receipt.texts = stored_texts(receipt.stored, format);
  }
  for (const IndexedRecord& record : lacking) {
    if (!stored) {
      lacks.push_back(left_out(record.id, stored.error().message()));
    } else if (receipt.stored.states.contains(record.id)) {
      if (auto lack = TRY(explain_row(record, receipt, shard))) lacks.push_back(*std::move(lack));
    } else {
      lacks.push_back(TRY(explain_imported(record, shard)));
    }
  }
  return lacks;
}

/// What is known of an item's row decides; nothing if the item is on its way out.
Result<std::optional<Lack>> GenerationGap::explain_row(const IndexedRecord& record, const ReceiptTexts& receipt,
                                                       std::size_t shard) {
  const ItemState& state = receipt.stored.states.at(record.id);
  // A tombstone is on its way.
  if (state.removed || state.status == EmbeddingStatus::noise) return std::optional<Lack>();
  const auto input = receipt.inputs.find(record.id);
  if (input == receipt.inputs.end()) return std::optional(left_out(record.id, kTorn));
  const std::string hash = input_hash(input->second);

  if (auto metadata = TRY(newer_metadata(record, receipt))) {
    return std::optional(Lack{.kind = Lack::Kind::metadata, .id = record.id, .record = std::move(metadata)});
  }
  if (auto lack = not_to_be_sent(record.id, state, hash)) return lack;
  Lack lack{.id = record.id, .active_input_hash = std::string(state.hash_for(active_.generation))};
  if (model_stays() && next_.input_format == active_.input_format && state.item_version == record.item_version) {
    lack.kind = Lack::Kind::vector;
    lack.record = TRY(copy_of(record, shard));
    return std::optional(std::move(lack));
  }
  // The row's version, which may be newer than the active version's: then this generation has it first.
  lack.item = {.id = record.id,
               .input_hash = hash,
               .item_version = state.item_version,
               .input = input->second,
               .deferrals = state.next.generation == next_.generation ? state.next.deferrals : 0};
  lack.item.tokens = TRY(sent_input(cl100k_base(), input->second, input_limit_)).tokens;
  return std::optional(std::move(lack));
}

/// What keeps an item from being sent, if anything does.
std::optional<Lack> GenerationGap::not_to_be_sent(const RecordId& id, const ItemState& state,
                                                  const std::string& hash) const {
  if (state.status == EmbeddingStatus::failed) return left_out(id, state.failure_reason, true);
  const std::string_view active_hash = state.hash_for(active_.generation);
  if (next_.input_format == active_.input_format && !active_hash.empty() && active_hash != hash) {
    return left_out(id, kTorn);
  }
  const NextInput& next = state.next;
  if (next.generation == 0 || next.generation != next_.generation) return std::nullopt;
  if (next.input_hash != hash) return left_out(id, kTorn);
  if (open_batches_.contains(next.batch_id)) return Lack{.kind = Lack::Kind::under_way, .id = id};
  if (next.attempts >= context_->settings.attempts_max) return left_out(id, next.failure_reason, true);
  if (next.deferred_until_ms > ports_->clock.now_ms()) return Lack{.kind = Lack::Kind::deferred, .id = id};
  return std::nullopt;
}

/// A record that tells the metadata, if that is all that is lacking.
Result<std::optional<Record>> GenerationGap::newer_metadata(const IndexedRecord& record, const ReceiptTexts& receipt) {
  const auto known = TRY(next_version_.find(record.id));
  const ItemState& state = receipt.stored.states.at(record.id);
  if (!known || known->item_version != record.item_version || state.item_version != record.item_version) {
    return std::optional<Record>();
  }
  const auto text = receipt.texts.find(record.id);
  if (text == receipt.texts.end()) return std::optional<Record>();
  return std::optional(Record{.id = record.id,
                              .kind = RecordKind::metadata,
                              .item_version = record.item_version,
                              .metadata_version = std::max(record.metadata_version, state.metadata_version),
                              .metadata = text->second.metadata,
                              .document = text->second.document});
}

Result<Lack> GenerationGap::explain_imported(const IndexedRecord& record, std::size_t shard) {
  if (!model_stays()) {
    Lack lack = left_out(record.id, kImported);
    lack.has_row = false;
    return lack;
  }
  Lack lack{.kind = Lack::Kind::vector, .id = record.id, .has_row = false};
  lack.record = TRY(copy_of(record, shard));
  return lack;
}

Result<Record> GenerationGap::copy_of(const IndexedRecord& record, std::size_t shard) const {
  const PinnedSnapshot& snapshot = active_version_.shards()[shard];
  auto row = TRY(snapshot.row(*record.label));
  auto vector = snapshot.segment().vector_of(*record.label);
  if (!vector) return fail(Code::corrupt, "the segment has no vector for {}", record.id.str());
  return Record{.id = record.id,
                .kind = RecordKind::vector,
                .item_version = record.item_version,
                .metadata_version = record.metadata_version,
                .metadata = std::move(row.metadata),
                .document = std::move(row.document),
                .vector = *std::move(vector)};
}

bool GenerationGap::model_stays() const {
  return next_.model == active_.model && next_.dimensions == active_.dimensions;
}

/// Whether an item is there, with this very version: a rollback took its vector out of the active version, and it is to
/// be embedded again. A tombstone would outrank that vector for ever.
Result<bool> GenerationGap::is_wanted(const RecordId& id, std::int64_t item_version) const {
  if (!parse_record_id(id)) return false;
  const auto row = TRY(ports_->table.get(row_key(id)));
  if (!row) return false;
  const auto state = item_state(*row);
  if (!state) return true;  // damaged: nothing says that it was removed
  return !state->removed && state->status != EmbeddingStatus::noise && state->item_version == item_version;
}

Result<void> GenerationGap::for_each_surplus(const std::function<Result<void>(Record&& tombstone)>& each) {
  for (const PinnedSnapshot& shard : next_version_.shards()) {
    RecordId after;
    while (true) {
      if (context_->stop.stop_requested()) return fail(Code::cancelled, "stopped while looking for what was removed");
      const auto page = TRY(shard.page(after, kPage));
      for (const IndexedRecord& record : page) {
        const auto known = TRY(active_version_.known(record.id)).stored;
        if (known && known->label) continue;
        const std::int64_t item_version = std::max(record.item_version, known ? known->item_version : 0);
        if (TRY(is_wanted(record.id, item_version))) continue;
        TRY(each({.id = record.id,
                  .kind = RecordKind::tombstone,
                  .item_version = item_version,
                  .metadata_version = record.metadata_version,
                  .removed_at_ms = known ? known->removed_at_ms : ports_->clock.now_ms()}));
      }
      if (page.size() < kPage) break;
      after = page.back().id;
    }
  }
  return {};
}

Result<GenerationNeeds> needs_of_generation(const CollectionBinding& active, const CollectionBinding& wanted,
                                            const Ports& ports, const StepContext& context) {
  CollectionBinding next = wanted;
  next.generation = 0;  // nothing of it is there yet
  auto gap = TRY(GenerationGap::open(active, next, ports, context));
  GenerationNeeds needs;
  const auto newest = TRY(ManifestLog(ports.vectors, active.collection, active.generation).newest());
  if (newest) needs.records = newest->vectors;
  BackfillCursor cursor;
  TRY(gap.walk(cursor, [&](std::vector<Lack>&& lacking) -> Result<bool> {
    for (const Lack& lack : lacking) {
      if (lack.kind == Lack::Kind::vector) ++needs.copies;
      if (lack.kind == Lack::Kind::left_out && !lack.has_row) ++needs.without_receipt;
      if (lack.kind != Lack::Kind::text) continue;
      ++needs.texts;
      needs.tokens += lack.item.tokens;
    }
    return true;
  }));
  return needs;
}

}  // namespace tillite
