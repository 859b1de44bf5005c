#include "steps/adoption/adoption.h"

#include <algorithm>

#include "receipts/receipt_items.h"
#include "steps/adoption/item_fault.h"
#include "steps/batches/completion.h"
#include "steps/generations/collection.h"
#include "steps/imports/delta_import.h"
#include "steps/imports/foreign_snapshot.h"
#include "vectors/snapshots/pinned_version.h"

namespace tillite {
namespace {

constexpr std::size_t kWritesAtOnce = 1000;

bool is_damage(const Error& error) { return error.code() == Code::corrupt || error.code() == Code::invalid_input; }

/// Writes that wait to be sent together; counts those that happen.
class Writes {
 public:
  Writes(Table& table, bool dry_run) : table_(table), dry_run_(dry_run) {}

  Result<void> add(Update update, std::vector<std::uint64_t*> counts) {
    writes_.emplace_back(std::move(update));
    counts_.push_back(std::move(counts));
    return writes_.size() < kWritesAtOnce ? Result<void>() : flush();
  }

  Result<void> flush() {
    std::vector<bool> happened(writes_.size(), true);
    if (!dry_run_) happened = TRY(table_.write_each(writes_));
    for (std::size_t i = 0; i < happened.size(); ++i) {
      if (!happened[i]) continue;  // somebody moved the item meanwhile
      for (std::uint64_t* const count : counts_[i]) ++*count;
    }
    writes_.clear();
    counts_.clear();
    return {};
  }

 private:
  Table& table_;
  bool dry_run_;
  std::vector<Write> writes_;
  std::vector<std::vector<std::uint64_t*>> counts_;
};

class Adopting {
 public:
  Adopting(const AdoptionOptions& options, const Ports& ports, const StepContext& context)
      : options_(options), ports_(ports), context_(context) {}

  Result<Adoption> adopt() {
    for (const Entity entity : kEntities) TRY(check_snapshot(entity));
    for (const Entity entity : kEntities) TRY(end_batches(entity));
    for (const Entity entity : kEntities) TRY(mend_items(entity));
    for (const Entity entity : kEntities) TRY(take_snapshot(entity));
    TRY(take_deltas());
    for (const Entity entity : kEntities) TRY(note_versions(entity));
    return std::move(adoption_);
  }

 private:
  Result<void> check_stop() const {
    if (context_.stop.stop_requested()) return fail(Code::cancelled, "stopped: adopt again to go on");
    return {};
  }

  /// That a snapshot fits, before a first generation is bound to anything.
  Result<void> check_snapshot(Entity entity) {
    const auto snapshot = TRY(foreign_snapshot(entity, ports_.vectors));
    if (!snapshot) return {};
    const auto import = TRY(RecordImport::begin(entity, ports_, context_, ImportMode::preview));
    return with_foreign_snapshot(*snapshot, entity, ports_.vectors, context_.scratch,
                                 [&](ChromaDirectory&, const ChromaCollection& collection) -> Result<void> {
                                   const auto fits = import.check_dimensions(collection);
                                   return fits ? fits : pass_on(fits, snapshot->folder);
                                 });
  }

  Result<void> end_batches(Entity entity) {
    const std::int64_t now_ms = ports_.clock.now_ms();
    for (const Batch& batch : TRY(batches_in(ports_.table, entity, kOpenStatuses))) {
      if (!batch.is_foreign() || !is_abandoned(batch, now_ms)) continue;
      const BatchStatus status = batch.openai_batch_id.empty() ? BatchStatus::cancelled : BatchStatus::expired;
      if (!options_.dry_run) {
        TRY(end_batch(batch, status, "given up when this home was adopted: nobody asked for it in a day", ports_,
                      context_.settings));
      }
      ++adoption_.batches_ended;
    }
    return {};
  }

  Result<void> mend_items(Entity entity) {
    ItemHolders holders = TRY(ItemHolders::load(entity, ports_.table, ports_.clock.now_ms()));
    Writes writes(ports_.table, options_.dry_run);
    const Query query{.index = Index::type, .hash = std::string(names_of(entity).row_type)};
    TRY(for_each_item(ports_.table, query, [&](const Item& row) -> Result<void> {
      TRY(check_stop());
      const auto faults = faults_of(row, entity, holders);
      if (!faults && is_damage(faults.error())) return {};  // doctor names it
      if (!faults) return std::unexpected(faults.error());
      if (!faults->can_be_mended()) return {};
      Update update = TRY(mended(row, *faults));
      std::vector<std::uint64_t*> counts = {faults->stuck.empty() ? &adoption_.statuses_set : &adoption_.released};
      if (update.set.contains("is_noise")) counts.push_back(&adoption_.noise);
      return writes.add(std::move(update), std::move(counts));
    }));
    return writes.flush();
  }

  Result<void> take_snapshot(Entity entity) {
    TRY(check_stop());
    const auto snapshot = TRY(foreign_snapshot(entity, ports_.vectors));
    if (!snapshot) return {};
    return with_foreign_snapshot(*snapshot, entity, ports_.vectors, context_.scratch,
                                 [&](ChromaDirectory& directory, const ChromaCollection& collection) -> Result<void> {
                                   const std::int64_t version = version_when_written(directory);
                                   adoption_.snapshots[entity] =
                                       TRY(options_.dry_run ? preview(directory, collection, entity, version)
                                                            : import_snapshot({&directory, 1}, collection.name, entity,
                                                                              ports_, context_, version));
                                   return {};
                                 });
  }

  Result<ImportedRecords> preview(ChromaDirectory& directory, const ChromaCollection& collection, Entity entity,
                                  std::int64_t version) {
    auto import = TRY(RecordImport::begin(entity, ports_, context_, ImportMode::preview));
    const auto take = [&](ChromaRecord&& record) { return import.take(std::move(record), version); };
    TRY(directory.for_each(collection, take, context_.stop));
    return import.finish();
  }

  Result<void> take_deltas() {
    TRY(check_stop());
    const auto deltas = TRY(chroma_deltas_in(ports_.vectors));
    if (deltas.empty()) return {};
    const ImportMode mode = options_.dry_run ? ImportMode::preview : ImportMode::write;
    auto import = TRY(import_deltas(deltas, {}, {}, ports_, context_, mode));
    adoption_.deltas = std::move(import.records);
    for (auto& [name, reason] : import.refused) adoption_.refused.push_back({std::move(name), std::move(reason)});
    return {};
  }

  /// The rows of embedded items say of which version the vector is, so that later changes of theirs find it.
  Result<void> note_versions(Entity entity) {
    const auto binding = TRY(stored_binding(entity, ports_.vectors));
    if (!binding) return {};
    const auto newest = TRY(ManifestLog(ports_.vectors, binding->collection, binding->generation).newest());
    if (!newest || !newest->has_snapshot()) return {};
    const auto room = TRY(ScratchFolder::create(context_.scratch));
    const auto version = TRY(PinnedVersion::open(ports_.vectors, *newest, room.path(), /*verify=*/false));

    Writes writes(ports_.table, options_.dry_run);
    const Query query{.index = Index::type, .hash = std::string(names_of(entity).row_type)};
    TRY(for_each_item(ports_.table, query, [&](const Item& row) -> Result<void> {
      TRY(check_stop());
      const auto state = item_state(row);
      const auto id = record_id_of(row);
      if (!state || !id || state->status != EmbeddingStatus::success) return {};
      return note_version(row, *id, *state, TRY(version.find(*id)), writes);
    }));
    return writes.flush();
  }

  Result<void> note_version(const Item& row, const RecordId& id, const ItemState& state,
                            const std::optional<IndexedRecord>& stored, Writes& writes) {
    Update update{.key = row_key(id), .condition = {same_status(state), same_batch(state), same_version(state)}};
    if (!stored) {
      ++adoption_.without_vector;
      if (!options_.reembed) return {};
      const Entity entity = TRY(parse_record_id(id)).entity();
      update.set = status_keys(id, EmbeddingStatus::none);
      update.remove = {std::string(names_of(entity).embedding_id), "embedding_batch_id"};
      return writes.add(std::move(update), {&adoption_.to_embed_again});
    }
    const std::string embedding_id(names_of(TRY(parse_record_id(id)).entity()).embedding_id);
    const bool is_ours = state.version_known && state.item_version > 0;
    const bool says_version =
        is_ours || state.item_version == stored->item_version;  // a row without one means the first
    if (says_version && find_field(row, embedding_id) != nullptr) return {};
    if (!says_version) update.set["item_version"] = stored->item_version;
    if (find_field(row, embedding_id) == nullptr) update.set[embedding_id] = id.str();
    return writes.add(std::move(update), {&adoption_.versions_noted});
  }

  const AdoptionOptions& options_;
  const Ports& ports_;
  const StepContext& context_;
  Adoption adoption_;
};

}  // namespace

bool Adoption::changed_something() const {
  const auto has_news = [](const auto& entry) { return entry.second.added + entry.second.changed > 0; };
  return statuses_set + released + batches_ended + versions_noted + to_embed_again > 0 ||
         std::ranges::any_of(snapshots, has_news) || std::ranges::any_of(deltas, has_news);
}

Result<Adoption> adopt(const AdoptionOptions& options, const Ports& ports, const StepContext& context) {
  return Adopting(options, ports, context).adopt();
}

}  // namespace tillite
