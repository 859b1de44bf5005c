#include "steps/changes/change_delta.h"

#include <algorithm>
#include <map>

#include "base/uuid.h"
#include "embedding/metadata.h"
#include "steps/generations/generation.h"
#include "vectors/versions/keys.h"

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

/// Tells a generation of changes, in its own input format.
class Teller {
 public:
  Teller(CollectionBinding binding, InputFormat format, const Ports& ports, const StepContext& context)
      : binding_(std::move(binding)), texts_(ports.table, format), ports_(ports), context_(context) {}

  /// The rows whose changes were told. One that is damaged, or whose receipt is, waits until it can be read again; its
  /// neighbours go on.
  Result<std::vector<Item>> tell(std::vector<Item> rows) {
    std::vector<Item> told;
    std::vector<Change> changes;
    for (Item& row : rows) {
      auto change = change_of(row, texts_, ports_.clock.now_ms());
      if (change) {
        changes.push_back(*std::move(change));
        told.push_back(std::move(row));
      } else if (change.error().code() == Code::corrupt || change.error().code() == Code::invalid_input) {
        context_.log.error("a change cannot be told", {{"name", row.value("PK", "") + " " + row.value("SK", "")},
                                                       {"reason", change.error().message()}});
      } else {
        return std::unexpected(change.error());
      }
    }
    const auto id = TRY(write_delta(binding_, changes, ports_, context_));
    if (!id) return told;
    deltas_.push_back(*id);
    context_.log.info("changes wait for the next merge", {{"collection", binding_.collection},
                                                          {"generation", binding_.generation},
                                                          {"delta_id", id->str()},
                                                          {"rows", told.size()}});
    return told;
  }

  [[nodiscard]] const std::vector<DeltaId>& deltas() const { return deltas_; }

 private:
  CollectionBinding binding_;
  Texts texts_;
  const Ports& ports_;
  const StepContext& context_;
  std::vector<DeltaId> deltas_;
};

Result<void> clear_outbox(const std::vector<Item>& rows, Table& table) {
  std::vector<Write> writes;
  writes.reserve(rows.size());
  for (const Item& row : rows) {
    const ItemState state = TRY(item_state(row));
    writes.emplace_back(Update{.key = key_of(row),
                               .remove = {"GSI3PK", "GSI3SK"},
                               .condition = {same_version(state), equal("metadata_version", state.metadata_version)}});
  }
  TRY(table.write_each(writes));
  return {};
}

}  // namespace

Result<std::vector<DeltaId>> write_change_deltas(Entity entity, const CollectionBinding& binding, const Ports& ports,
                                                 const StepContext& context) {
  std::vector<Teller> tellers;
  const auto add = [&](const CollectionBinding& told) -> Result<void> {
    tellers.emplace_back(told, TRY(parse_input_format(told.input_format)), ports, context);
    return {};
  };
  // One that is being built comes first, also in its turn to be merged: it is never behind the active one.
  const auto building = TRY(building_generation(entity, ports));
  if (building && building->number() > binding.generation) TRY(add(building->binding));
  TRY(add(binding));
  Query query{.index = Index::gsi3, .hash = outbox_partition(entity), .limit = kRecordsMax};
  while (true) {
    const Page page = TRY(ports.table.query(query));
    std::vector<Item> rows = page.items;
    for (Teller& teller : tellers) rows = TRY(teller.tell(std::move(rows)));
    TRY(clear_outbox(rows, ports.table));
    if (page.next.empty()) return tellers.back().deltas();
    query.start_after = page.next;
  }
}

}  // namespace tillite
