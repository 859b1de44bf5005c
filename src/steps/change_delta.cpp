#include "steps/change_delta.h"

#include <algorithm>
#include <map>

#include "base/uuid.h"
#include "embedding/metadata.h"
#include "vectors/keys.h"

namespace tillite {
namespace {

constexpr std::size_t kRecordsMax = 5000;

/// A row of the outbox and the record that tells of its change; none if there is nothing to tell (yet).
struct Change {
  RecordId id;
  ItemState state;
  std::optional<Record> record;
};

Record tombstone(const RecordId& id, const ItemState& state, std::int64_t now_ms) {
  return {.id = id,
          .kind = RecordKind::tombstone,
          .item_version = state.item_version,
          .metadata_version = state.metadata_version,
          .removed_at_ms = state.removed ? state.removed_at_ms : now_ms};
}

/// Stored texts of receipts, one receipt in memory: the outbox is ordered by record id.
class Texts {
 public:
  Texts(Table& table, InputFormat format) : table_(table), format_(format) {}

  Result<const StoredText*> of(const RecordId& id) {
    const RecordName name = TRY(parse_record_id(id));
    if (std::string receipt = receipt_name(name.image_id, name.receipt_id); receipt != receipt_) {
      const auto stored = TRY(load_receipt(table_, name.image_id, name.receipt_id));
      texts_ = stored ? stored_texts(*stored, format_) : std::map<RecordId, StoredText>{};
      receipt_ = std::move(receipt);
    }
    const auto text = texts_.find(id);
    return text == texts_.end() ? nullptr : &text->second;
  }

 private:
  Table& table_;
  InputFormat format_;
  std::string receipt_;
  std::map<RecordId, StoredText> texts_;
};

Result<Change> change_of(const Item& row, Texts& texts, std::int64_t now_ms) {
  Change change;
  change.id = TRY(record_id_of(row));
  change.state = TRY(item_state(row));
  if (change.state.removed || change.state.status == EmbeddingStatus::noise) {
    change.record = tombstone(change.id, change.state, now_ms);
  } else if (change.state.status == EmbeddingStatus::pending || change.state.status == EmbeddingStatus::success) {
    if (const StoredText* text = TRY(texts.of(change.id))) {
      change.record = Record{.id = change.id,
                             .kind = RecordKind::metadata,
                             .item_version = change.state.item_version,
                             .metadata_version = change.state.metadata_version,
                             .metadata = text->metadata,
                             .document = text->document};
    }
  }
  return change;
}

/// Equal changes have one id: a repeat after a crash finds the delta that it wrote.
DeltaId delta_id(const CollectionBinding& binding, const std::vector<Change>& changes) {
  std::string name = fmt::format("changes {} {}", binding.collection, binding.generation);
  for (const Change& change : changes) {
    if (!change.record) continue;
    name += fmt::format("\n{} {} {} {} {}", change.id.str(), change.state.item_version, change.state.metadata_version,
                        static_cast<int>(change.record->kind), to_text(change.record->metadata));
  }
  return DeltaId(uuid5(name));
}

Result<std::optional<DeltaId>> write_delta(const CollectionBinding& binding, const std::vector<Change>& changes,
                                           const Ports& ports, const StepContext& context) {
  if (std::ranges::none_of(changes, [](const Change& change) { return change.record.has_value(); }))
    return std::nullopt;
  const DeltaId id = delta_id(binding, changes);
  const auto scratch = TRY(ScratchFolder::create(context.scratch));
  auto writer = TRY(DeltaWriter::create(
      scratch.path(), {.id = id, .batch_id = {}, .binding = binding, .created_ms = ports.clock.now_ms()}));
  for (const Change& change : changes) {
    if (change.record) TRY(writer.add(*change.record));
  }
  const auto created =
      ports.vectors.create_from_file(delta_key(binding.collection, binding.generation, id), TRY(writer.finish()));
  if (!created && created.error().code() != Code::conflict) return std::unexpected(created.error());
  return id;
}

Result<void> clear_outbox(const std::vector<Change>& changes, Table& table) {
  std::vector<Write> writes;
  writes.reserve(changes.size());
  for (const Change& change : changes) {
    writes.emplace_back(Update{.key = row_key(change.id),
                               .remove = {"GSI3PK", "GSI3SK"},
                               .condition = {equal("item_version", change.state.item_version),
                                             equal("metadata_version", change.state.metadata_version)}});
  }
  TRY(table.write_each(writes));
  return {};
}

}  // namespace

Result<std::vector<DeltaId>> write_change_deltas(Entity entity, const CollectionBinding& binding, const Ports& ports,
                                                 const StepContext& context) {
  Texts texts(ports.table, TRY(parse_input_format(binding.input_format)));
  std::vector<DeltaId> deltas;
  Query query{.index = Index::gsi3, .hash = outbox_partition(entity), .limit = kRecordsMax};
  while (true) {
    const Page page = TRY(ports.table.query(query));
    std::vector<Change> changes;
    changes.reserve(page.items.size());
    for (const Item& row : page.items) {
      auto change = change_of(row, texts, ports.clock.now_ms());
      if (change) {
        changes.push_back(*std::move(change));
      } else if (change.error().code() != Code::corrupt && change.error().code() != Code::invalid_input) {
        return std::unexpected(change.error());
      } else {
        // It waits until its row and its receipt can be read again; its neighbours go on.
        context.log.error("a change cannot be told", {{"name", row.value("PK", "") + " " + row.value("SK", "")},
                                                      {"reason", change.error().message()}});
      }
    }
    if (const auto id = TRY(write_delta(binding, changes, ports, context))) {
      deltas.push_back(*id);
      context.log.info("changes wait for the next merge",
                       {{"collection", binding.collection}, {"delta_id", id->str()}, {"rows", changes.size()}});
    }
    TRY(clear_outbox(changes, ports.table));
    if (page.next.empty()) return deltas;
    query.start_after = page.next;
  }
}

}  // namespace tillite
