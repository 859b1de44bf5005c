#include "steps/generations/backfill.h"

#include <algorithm>

#include "base/time.h"
#include "steps/batches/completion.h"
#include "steps/changes/change_writer.h"
#include "steps/generations/backfill_claims.h"
#include "steps/generations/collection.h"
#include "steps/generations/generation_gap.h"
#include "steps/generations/retirement.h"
#include "vectors/versions/publish_lock.h"

namespace tillite {
namespace {

constexpr std::size_t kDeltasMax = 20;  // that one call writes of what needs no provider
constexpr std::size_t kLeftOutListedMax = 100;
constexpr std::size_t kWritesAtOnce = 1000;
constexpr std::int64_t kOpenPassesMax = 4;  // passes that bring vectors while the active generation goes on growing

struct LeftOutItems {
  std::uint64_t count = 0;
  std::vector<LeftOut> listed;

  void add(const Lack& lack) {
    ++count;
    if (listed.size() < kLeftOutListedMax) listed.push_back({lack.id, lack.reason});
  }
  [[nodiscard]] Json json() const {
    Json items = Json::array();
    for (const auto& [id, reason] : listed) items.push_back({{"id", id.str()}, {"reason", reason.substr(0, 200)}});
    return items;
  }
};

bool has_open_batches(const std::vector<Batch>& open, std::int64_t generation) {
  return std::ranges::any_of(open, [&](const Batch& batch) { return batch.generation == generation; });
}

/// Whether a delta brings vectors, not just changes. One that is damaged might.
Result<bool> brings_vectors(const ObjectKey& delta, ObjectStore& vectors) {
  bool brings = false;
  const auto file = vectors.open(delta);
  if (!file && file.error().code() == Code::not_found) return false;
  if (!file) return std::unexpected(file.error());
  const auto read = read_delta_records(**file, [&](Record&& record) -> Result<void> {
    brings = record.kind == RecordKind::vector;
    return brings ? fail(Code::cancelled, "{} has a vector", record.id.str()) : Result<void>();
  });
  if (!brings && !read && read.error().code() != Code::corrupt) return std::unexpected(read.error());
  return brings || !read;
}

/// Whether vectors of a generation are on their way: a batch is open, or a delta with some waits. Changes alone, of
/// which there may be new ones each time that somebody looks, are not waited for.
Result<bool> vectors_are_coming(Entity entity, const CollectionBinding& binding, const Ports& ports) {
  if (has_open_batches(TRY(batches_in(ports.table, entity, kOpenStatuses)), binding.generation)) return true;
  for (const ObjectInfo& delta : TRY(survey_deltas(ports.vectors, binding)).outstanding) {
    if (TRY(brings_vectors(delta.key, ports.vectors))) return true;
  }
  return false;
}

/// Whether a generation can be retired as it stands: no batch is open for it, and of what waits for a merge nothing
/// would be lost.
Result<bool> can_be_retired(Entity entity, const CollectionBinding& binding, const Ports& ports) {
  if (has_open_batches(TRY(batches_in(ports.table, entity, kOpenStatuses)), binding.generation)) return false;
  for (const ObjectInfo& delta : TRY(survey_deltas(ports.vectors, binding)).outstanding) {
    if (!TRY(can_be_told_again(delta.key, ports))) return false;
  }
  return true;
}

class Builder {
 public:
  Builder(Entity entity, CollectionBinding active, Generation building, std::size_t batches_max, const Ports& ports,
          const StepContext& context)
      : entity_(entity),
        active_(std::move(active)),
        building_(std::move(building)),
        batches_max_(batches_max),
        ports_(ports),
        context_(context),
        preparation_(entity, building_.binding, BatchPreparation::Purpose::backfill, ports, context),
        writer_(building_.binding, ports, context) {}

  Result<BackfillReport> build_on() {
    report_.generation = building_.number();
    const bool begins = building_.cursor.is_at_start();
    if (begins && TRY(vectors_are_coming(entity_, building_.binding, ports_))) return std::move(report_);
    if (!begins) left_out_ = {building_.left_out, building_.left_out_listed};

    BackfillCursor cursor = building_.cursor;
    auto gap = TRY(GenerationGap::open(active_, building_.binding, ports_, context_));
    const bool ended = TRY(gap.walk(cursor, [&](std::vector<Lack>&& lacking) { return take(std::move(lacking)); }));
    if (ended) TRY(gap.for_each_surplus([&](Record&& tombstone) { return remove(std::move(tombstone)); }));
    TRY(preparation_.finish());
    TRY(writer_.finish());
    TRY(note_inputs(/*all=*/true));
    report_.batches = preparation_.batches();
    report_.items_waiting = preparation_.items_waiting();
    report_.more = !ended;

    cursor.found = building_.cursor.found + found_;
    cursor.brought = building_.cursor.brought + brought_;
    if (!TRY(record(cursor, ended))) return report_of_loser();
    if (!ended || cursor.found > 0) return std::move(report_);
    if (TRY(is_hopeless())) return give_up_generation();
    report_.swapped = TRY(try_swap());
    return std::move(report_);
  }

 private:
  /// What one receipt lacks. The answer: whether there is room for more.
  Result<bool> take(std::vector<Lack>&& lacking) {
    std::vector<BatchItem> items;
    for (Lack& lack : lacking) {
      if (lack.kind != Lack::Kind::left_out) ++found_;
      switch (lack.kind) {
        case Lack::Kind::text:
          ++brought_;
          items.push_back(std::move(lack.item));
          break;
        case Lack::Kind::vector:
          ++report_.copied;
          ++brought_;
          if (lack.has_row) to_note_.emplace_back(lack.id, lack.active_input_hash);
          TRY(writer_.add(*std::move(lack.record)));
          break;
        case Lack::Kind::metadata:
          ++report_.told;
          TRY(writer_.add(*std::move(lack.record)));
          break;
        case Lack::Kind::left_out:
          left_out_.add(lack);
          break;
        case Lack::Kind::under_way:
        case Lack::Kind::deferred:
          break;
      }
    }
    if (!items.empty()) TRY(preparation_.add(std::move(items)));
    TRY(note_inputs(/*all=*/false));
    return preparation_.batches().size() < batches_max_ && writer_.deltas() < kDeltasMax;
  }

  Result<void> remove(Record&& tombstone) {
    ++found_;
    ++report_.removed;
    return writer_.add(std::move(tombstone));
  }

  /// Of vectors that were taken over the rows must say which text they are of, as of those that were sent.
  Result<void> note_inputs(bool all) {
    if (!all && to_note_.size() < kWritesAtOnce) return {};
    std::vector<Write> writes;
    for (const auto& [id, hash] : to_note_) {
      const auto row = TRY(ports_.table.get(row_key(id)));
      if (!row || hash.empty()) continue;
      const ItemState state = TRY(item_state(*row));
      if (state.next.generation == building_.number() || state.hash_for(active_.generation) != hash) continue;
      writes.emplace_back(note_input(id, state, active_.generation, building_.number(), hash));
    }
    to_note_.clear();
    TRY(ports_.table.write_each(writes));
    return {};
  }

  /// How far the pass has come; false if somebody else has moved the cursor since it was read, or the generation is not
  /// being built any more.
  Result<bool> record(const BackfillCursor& cursor, bool ended) {
    Update update{.key = generation_row_key(active_.collection, building_.number()),
                  .set = {{"backfill_cursor", to_json(ended ? BackfillCursor() : cursor)},
                          {"backfill_calls", building_.backfill_calls + 1},
                          {"left_out", left_out_.count},
                          {"left_out_items", left_out_.json()}},
                  .condition = {equal("state", std::string(generation_state_name(GenerationState::building))),
                                building_.backfill_calls == 0 ? absent("backfill_calls")
                                                              : equal("backfill_calls", building_.backfill_calls)}};
    if (ended) {
      const std::int64_t passes = building_.backfill_passes + (cursor.brought > 0 ? 1 : 0);
      update.set["backfill_passes"] = passes;
      // Once nothing is missing what is new waits for the swap. It need not wait for what turns out to be missing then;
      // but a collection that never stops growing must not put the swap off for ever.
      update.set["closing"] = cursor.found == 0 || passes >= kOpenPassesMax;
    }
    const auto recorded = ports_.table.write(update);
    if (!recorded && recorded.error().code() == Code::conflict) return false;
    if (!recorded) return std::unexpected(recorded.error());
    return true;
  }

  /// Somebody else was faster. The batches of this call are as good as theirs, unless the generation was cancelled:
  /// then they are not submitted any more.
  Result<BackfillReport> report_of_loser() {
    const auto building = TRY(building_generation(entity_, ports_));
    if (!building || building->number() != building_.number()) return BackfillReport{};
    return std::move(report_);
  }

  /// Whether the new generation would do without most of the items: something is wrong with its model, not with them.
  Result<bool> is_hopeless() {
    const auto newest = TRY(ManifestLog(ports_.vectors, active_.collection, active_.generation).newest());
    return newest && left_out_.count * 2 > newest->vectors;
  }

  Result<BackfillReport> give_up_generation() {
    const auto changed = change_state(building_, GenerationState::building, GenerationState::cancelled, ports_);
    if (!changed && changed.error().code() != Code::conflict) return std::unexpected(changed.error());
    context_.log.error("cancelled a generation that more than half of the items would be left out of",
                       {{"collection", active_.collection},
                        {"generation", building_.number()},
                        {"left_out", left_out_.count},
                        {"first_reason", left_out_.listed.empty() ? "" : left_out_.listed.front().reason}});
    return BackfillReport{};
  }

  /// Swaps if nothing is missing as it stands under the lock; else a later call tries again.
  Result<bool> try_swap() {
    if (!TRY(can_be_retired(entity_, active_, ports_))) return false;
    auto lock = PublishLock::take(ports_.table, ports_.vectors, ports_.clock, ports_.random, active_, context_.owner,
                                  context_.settings.lock, context_.lock_watch.get());
    if (!lock && lock.error().code() == Code::lock_held) return false;
    if (!lock) return std::unexpected(lock.error());
    const bool swapped = TRY(swap_under(*lock));
    TRY(lock->release());
    if (swapped) TRY(settle_generations(entity_, ports_, context_));
    return swapped;
  }

  /// From here on nobody else publishes a version of the active generation: its newest one is the fence.
  Result<bool> swap_under(PublishLock& lock) {
    const auto building = TRY(building_generation(entity_, ports_));
    if (!building || building->number() != building_.number()) return false;
    if (TRY(stored_binding(entity_, ports_.vectors)) != active_) return false;
    TRY(complete_consumed(entity_, lock.fence(), ports_, context_));
    if (!TRY(can_be_retired(entity_, active_, ports_))) return false;
    if (has_open_batches(TRY(batches_in(ports_.table, entity_, kOpenStatuses)), building_.number())) return false;
    if (!TRY(nothing_is_missing())) return false;
    TRY(lock.still_held());
    TRY(swap_root(active_, building_.binding, ports_.vectors));
    context_.log.info("swapped generations", {{"collection", active_.collection},
                                              {"from", active_.generation},
                                              {"to", building_.number()},
                                              {"left_out", left_out_.count}});
    return true;
  }

  /// Looks at everything once more, and gives up the items that are left out.
  Result<bool> nothing_is_missing() {
    auto gap = TRY(GenerationGap::open(active_, building_.binding, ports_, context_));
    std::vector<Write> giving_up;
    bool missing = false;
    BackfillCursor cursor;
    TRY(gap.walk(cursor, [&](std::vector<Lack>&& lacking) -> Result<bool> {
      for (const Lack& lack : lacking) {
        if (lack.kind != Lack::Kind::left_out) missing = true;
        if (lack.kind == Lack::Kind::left_out && lack.has_row) giving_up.push_back(TRY(give_up(lack)));
      }
      if (giving_up.size() >= kWritesAtOnce && !missing) {
        TRY(ports_.table.write_each(giving_up));
        giving_up.clear();
      }
      return !missing;
    }));
    if (missing) return false;
    TRY(gap.for_each_surplus([&](Record&&) -> Result<void> {
      missing = true;
      return {};
    }));
    if (missing) return false;
    TRY(ports_.table.write_each(giving_up));
    return true;
  }

  /// An item without a vector is no SUCCESS: it failed, or is to be embedded once its receipt is whole.
  Result<Update> give_up(const Lack& lack) {
    const auto status = lack.refused ? EmbeddingStatus::failed : EmbeddingStatus::none;
    Update update{.key = row_key(lack.id),
                  .set = status_keys(lack.id, status),
                  .remove = {"embedding_batch_id", std::string(names_of(entity_).embedding_id)},
                  .condition = {equal("embedding_status", std::string(status_name(EmbeddingStatus::success)))}};
    update.set["attempts"] = lack.refused ? context_.settings.attempts_max : 0;
    if (lack.refused) update.set["failure_reason"] = lack.reason;
    return update;
  }

  Entity entity_;
  CollectionBinding active_;
  Generation building_;
  std::size_t batches_max_;
  const Ports& ports_;
  const StepContext& context_;
  BatchPreparation preparation_;
  ChangeWriter writer_;
  std::vector<std::pair<RecordId, std::string>> to_note_;  ///< copied items with the hash of their text
  LeftOutItems left_out_;
  std::int64_t found_ = 0;    ///< missing, in this call
  std::int64_t brought_ = 0;  ///< of these, vectors that are on their way now
  BackfillReport report_;
};

}  // namespace

Result<BackfillReport> build_on(Entity entity, std::size_t batches_max, const Ports& ports,
                                const StepContext& context) {
  auto building = TRY(building_generation(entity, ports));
  if (!building || batches_max == 0) return BackfillReport{};
  CollectionBinding active = TRY(active_collection(entity, ports, context));
  return Builder(entity, std::move(active), *std::move(building), batches_max, ports, context).build_on();
}

}  // namespace tillite
