#include "steps/generations/rollback.h"

#include "base/uuid.h"
#include "receipts/receipt_items.h"
#include "steps/batches/completion.h"
#include "steps/changes/change_delta.h"
#include "steps/compact.h"
#include "steps/generations/collection.h"
#include "steps/generations/generation.h"
#include "vectors/snapshots/pinned_version.h"
#include "vectors/versions/publish_lock.h"

namespace tillite {
namespace {

constexpr std::int64_t kLockPauseMs = 5'000;
constexpr std::size_t kWritesAtOnce = 1'000;

/// The right to publish, when its turn comes.
Result<PublishLock> take_lock(const CollectionBinding& binding, const Ports& ports, const StepContext& context) {
  while (true) {
    auto lock = PublishLock::take(ports.table, ports.vectors, ports.clock, ports.random, binding, context.owner,
                                  context.settings.lock, context.lock_watch.get());
    if (lock || lock.error().code() != Code::lock_held) return lock;
    context.log.info("waiting for another publisher", {{"reason", lock.error().message()}});
    TRY(ports.clock.sleep(kLockPauseMs, context.stop));
  }
}

/// Brings the table to what an older version holds: what it lacks is to be embedded, or told, again.
class TableRollback {
 public:
  TableRollback(Entity entity, const PinnedVersion& version, const Ports& ports, const StepContext& context)
      : entity_(entity), version_(version), ports_(ports), context_(context) {}

  Result<void> run() {
    TRY(for_each_in(EmbeddingStatus::success, [this](const Item& row) { return check_embedded(row); }));
    // Their vector is still to come, and metadata that waited for it in the newest version must go on waiting.
    TRY(for_each_in(EmbeddingStatus::pending, [this](const Item& row) -> Result<void> {
      return TRY(item_state(row)).metadata_version > 1 ? tell_again(row) : Result<void>();
    }));
    TRY(for_each_in(EmbeddingStatus::noise, [this](const Item& row) { return check_removed(row); }));
    TRY(for_each({.index = Index::type, .hash = std::string(names_of(entity_).tombstone_type)},
                 [this](const Item& row) { return check_removed(row); }));
    return flush();
  }

  [[nodiscard]] std::size_t items_to_embed() const { return items_to_embed_; }
  [[nodiscard]] std::size_t told_again() const { return told_again_; }

 private:
  using Each = std::function<Result<void>(const Item&)>;

  Result<void> for_each(const Query& query, const Each& each) {
    return for_each_item(ports_.table, query, [&](const Item& row) -> Result<void> {
      if (context_.stop.stop_requested()) return fail(Code::cancelled, "stopped before anything was published");
      TRY(each(row));
      return writes_.size() < kWritesAtOnce ? Result<void>() : flush();
    });
  }
  Result<void> for_each_in(EmbeddingStatus status, const Each& each) {
    return for_each({.index = Index::gsi1,
                     .hash = fmt::format("EMBEDDING_STATUS#{}", status_name(status)),
                     .range_prefix = std::string(names_of(entity_).index_prefix)},
                    each);
  }

  Result<void> check_embedded(const Item& row) {
    const RecordId id = TRY(record_id_of(row));
    const ItemState state = TRY(item_state(row));
    const auto stored = TRY(version_.find(id));
    if (stored && stored->item_version == state.item_version) {
      return stored->metadata_version < state.metadata_version ? tell_again(row) : Result<void>();
    }
    Json set = status_keys(id, EmbeddingStatus::none);
    set["attempts"] = 0;
    writes_.emplace_back(
        Update{.key = key_of(row),
               .set = std::move(set),
               .remove = {"embedding_batch_id", std::string(names_of(entity_).embedding_id)},
               .condition = {equal("embedding_status", std::string(status_name(EmbeddingStatus::success))),
                             same(row, "item_version")}});
    ++items_to_embed_;
    return {};
  }

  /// A removed item, or one that turned into noise: the older version must know it, or be told.
  Result<void> check_removed(const Item& row) {
    const auto known = TRY(version_.known(TRY(record_id_of(row))));
    const ItemState state = TRY(item_state(row));
    if (!state.removed && !known.stored) return {};  // noise that never was anything else
    const bool knows = known.stored && !known.stored->label && known.stored->item_version >= state.item_version;
    return knows ? Result<void>() : tell_again(row);
  }

  /// With the next metadata_version: a delta's id follows from its content, and the one that told it first is consumed.
  Result<void> tell_again(const Item& row) {
    const RecordId id = TRY(record_id_of(row));
    const std::int64_t metadata_version = TRY(item_state(row)).metadata_version + 1;
    writes_.emplace_back(Update{
        .key = key_of(row),
        .set = {{"GSI3PK", outbox_partition(entity_)}, {"GSI3SK", id.str()}, {"metadata_version", metadata_version}},
        .condition = {same(row, "item_version"), same(row, "metadata_version")}});
    ++told_again_;
    return {};
  }

  /// That an attribute still is what was read.
  static Clause same(const Item& row, const std::string& name) {
    const Json* const value = find_field(row, name);
    return value == nullptr ? absent(name) : equal(name, *value);
  }

  Result<void> flush() {
    // Rows that somebody changed meanwhile are left alone: what changed them brings a new vector or a new record.
    TRY(ports_.table.write_each(writes_));
    writes_.clear();
    return {};
  }

  Entity entity_;
  const PinnedVersion& version_;
  const Ports& ports_;
  const StepContext& context_;
  std::vector<Write> writes_;
  std::size_t items_to_embed_ = 0;
  std::size_t told_again_ = 0;
};

/// The version behind the lock's fence, with an older one's content and everything consumed that was consumed.
Manifest successor(const PublishLock& lock, const Manifest& older, const Ports& ports) {
  Manifest next = lock.fence();
  next.number = lock.fence().number + 1;
  next.predecessor = lock.fence().number;
  next.predecessor_nonce = lock.fence().nonce;
  next.epoch = lock.epoch();
  next.nonce = uuid4(ports.random.bytes());
  next.writer = lock.owner();
  next.created_ms = ports.clock.now_ms();
  next.fence = false;
  next.added.clear();
  next.set_shards(older.shards);
  return next;
}

}  // namespace

Result<Json> roll_back(Entity entity, std::int64_t version, const Ports& ports, const StepContext& context) {
  const CollectionBinding binding = TRY(active_collection(entity, ports, context));
  ManifestLog log(ports.vectors, binding.collection, binding.generation);
  TRY(log.read(version));                               // a mistyped number need not wait for the lock
  auto lock = TRY(take_lock(binding, ports, context));  // keeps gc from the version's files, too
  TRY(check_is_current(binding, ports));
  const Manifest older = TRY(log.read(version));
  const auto room = TRY(ScratchFolder::create(context.scratch));
  if (!older.has_snapshot()) {
    return fail(Code::not_found, "version {} of {} has no snapshot: no vector was ever published", version,
                binding.collection);
  }
  const auto pinned = TRY(PinnedVersion::open(ports.vectors, older, room.path(), /*verify=*/true));

  // Batches whose deltas are consumed and that nobody has completed yet would later turn items into SUCCESS.
  TRY(complete_consumed(entity, lock.fence(), ports, context));
  TableRollback table(entity, pinned, ports, context);
  TRY(table.run());
  TRY(write_change_deltas(entity, binding, ports, context));
  TRY(lock.still_held());
  const Manifest next = successor(lock, older, ports);
  TRY(log.publish(next));
  TRY(lock.release());
  context.log.info("rolled back",
                   {{"collection", binding.collection}, {"from_version", version}, {"version", next.number}});

  const Json compacted = TRY(compact_collection(entity, ports, context));
  return Json{{"collection", binding.collection},
              {"from_version", version},
              {"version", compacted.value("version", next.number)},
              {"vectors", compacted.value("total_embeddings", next.vectors)},
              {"items_to_embed", table.items_to_embed()},
              {"changes_told_again", table.told_again()}};
}

}  // namespace tillite
