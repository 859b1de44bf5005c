#include "steps/adoption/diagnosis.h"

#include <algorithm>

#include "receipts/receipt_items.h"
#include "steps/adoption/item_fault.h"
#include "steps/generations/collection.h"
#include "steps/imports/delta_import.h"
#include "steps/imports/foreign_snapshot.h"
#include "vectors/snapshots/pinned_version.h"

namespace tillite {
namespace {

constexpr std::size_t kExamplesMax = 10;
constexpr std::size_t kExampleBytesMax = 300;

/// A kind of finding: what is wrong, and what helps.
struct Kind {
  std::string_view name;
  std::string_view what;
  std::string_view remedy;
};

constexpr Kind kUnreadable{"unreadable", "cannot be read: what needs them passes them over, or stops",
                           "mend or remove the row"};
constexpr Kind kStatusMissing{"status_missing", "have no embedding_status: no find sees them", "tillite adopt"};
constexpr Kind kIndexDisagrees{
    "index_disagrees", "have index keys of another status than their attribute says: finds miss them", "tillite adopt"};
constexpr Kind kNoneIsNoise{"none_is_noise", "wait for an embedding and have no text to embed", "tillite adopt"};
constexpr Kind kNoneWithId{"none_with_id", "are NONE and name an embedding", "tillite run embeds them anew"};
constexpr Kind kSuccessWithoutId{"success_without_id", "are SUCCESS and name no embedding",
                                 "tillite adopt, where their vector is published"};
constexpr Kind kSuccessWithoutVector{
    "success_without_vector", "are SUCCESS, and the newest version has no vector of them: no query finds them",
    "tillite adopt takes the earlier system's snapshot and deltas in; --reembed has the rest embedded anew"};
constexpr Kind kStuck{"stuck", "are PENDING and belong to no batch that is open", "tillite adopt"};
constexpr Kind kPreparedAbandoned{"batch_not_submitted", "were prepared more than a day ago and never submitted",
                                  "tillite run submits them"};
constexpr Kind kSubmittedAbandoned{"batch_never_polled", "were submitted more than a day ago and never polled",
                                   "tillite run polls them"};
constexpr Kind kForeignAbandoned{"foreign_batch_abandoned",
                                 "are open batches of an earlier system that nobody has asked for in a day",
                                 "tillite adopt ends them"};
constexpr Kind kForeignOpen{"foreign_batch_open", "are batches of an earlier system that are less than a day old",
                            "let that system collect them, or wait a day and tillite adopt"};
constexpr Kind kDeltaNotMerged{"delta_not_merged", "of an earlier system hold records that the newest version lacks",
                               "tillite adopt"};
constexpr Kind kDeltaRefused{"delta_refused", "of an earlier system cannot be taken in",
                             "mend it from a copy, or leave it out"};
constexpr Kind kSnapshotNotTaken{
    "snapshot_not_taken", "records of an earlier system's snapshot that the newest version lacks", "tillite adopt"};
constexpr Kind kSnapshotRefused{"snapshot_refused", "of an earlier system cannot be taken in",
                                "tillite snapshot verify, tillite snapshot repair"};
constexpr Kind kSnapshotNotSuccess{"snapshot_of_others",
                                   "records of an earlier system's snapshot are of items that are not SUCCESS",
                                   "none is needed: what is still NONE is embedded anew"};

/// What says only that a snapshot cannot go in, and nothing of the store.
bool concerns_the_import(const Error& error) {
  constexpr std::array kCodes = {Code::corrupt, Code::invalid_input, Code::not_found, Code::unsupported,
                                 Code::limit_exceeded};
  return std::ranges::find(kCodes, error.code()) != kCodes.end();
}

class Diagnosing {
 public:
  Diagnosing(const Ports& ports, const StepContext& context) : ports_(ports), context_(context) {}

  Result<Diagnosis> diagnose() {
    for (const Entity entity : kEntities) TRY(look_at_items(entity));
    TRY(look_at_batches());
    for (const Entity entity : kEntities) TRY(look_at_snapshot(entity));
    TRY(look_at_deltas());
    return std::move(diagnosis_);
  }

 private:
  void find(const Kind& kind, std::string_view of, std::string example, std::uint64_t count = 1) {
    auto& findings = diagnosis_.findings;
    auto finding = std::ranges::find_if(
        findings, [&](const Diagnosis::Finding& one) { return one.kind == kind.name && one.of == of; });
    if (finding == findings.end()) {
      findings.push_back({.kind = std::string(kind.name),
                          .what = std::string(kind.what),
                          .remedy = std::string(kind.remedy),
                          .of = std::string(of)});
      finding = std::prev(findings.end());
    }
    finding->count += count;
    if (finding->examples.size() < kExamplesMax) finding->examples.push_back(example.substr(0, kExampleBytesMax));
  }

  static std::string name_of(const Item& row) { return row.value("PK", "?") + " " + row.value("SK", "?"); }

  Result<void> check_stop() const {
    if (context_.stop.stop_requested()) return fail(Code::cancelled, "stopped while looking at the table");
    return {};
  }

  Result<void> look_at_items(Entity entity) {
    const auto& names = names_of(entity);
    Diagnosis::Items items{.entity = entity};
    const auto room = TRY(ScratchFolder::create(context_.scratch));
    PinnedVersion version;
    if (const auto binding = TRY(stored_binding(entity, ports_.vectors))) {
      const auto newest = TRY(ManifestLog(ports_.vectors, binding->collection, binding->generation).newest());
      if (newest && newest->has_snapshot()) {
        items.published = newest->vectors;
        version = TRY(PinnedVersion::open(ports_.vectors, *newest, room.path(), /*verify=*/false));
      }
    }
    ItemHolders holders = TRY(ItemHolders::load(entity, ports_.table, ports_.clock.now_ms()));
    const Query query{.index = Index::type, .hash = std::string(names.row_type)};
    TRY(for_each_item(ports_.table, query, [&](const Item& row) -> Result<void> {
      TRY(check_stop());
      ++items.found;
      const auto status = optional_string(row, "embedding_status");
      ++items.by_status[status && *status ? (*status)->substr(0, 64) : "none"];
      const auto faults = faults_of(row, entity, holders);
      if (!faults && (faults.error().code() == Code::corrupt || faults.error().code() == Code::invalid_input)) {
        find(kUnreadable, names.name, fmt::format("{}: {}", name_of(row), faults.error().message()));
        return {};
      }
      if (!faults) return std::unexpected(faults.error());
      note(*faults, row, names.name);
      return look_for_vector(row, entity, version);
    }));
    diagnosis_.items.push_back(std::move(items));
    return {};
  }

  void note(const ItemFaults& faults, const Item& row, std::string_view of) {
    const std::string name = name_of(row);
    if (faults.status_missing) find(kStatusMissing, of, name);
    if (faults.index_disagrees) find(kIndexDisagrees, of, name);
    if (faults.none_is_noise) find(kNoneIsNoise, of, name);
    if (faults.none_with_id) find(kNoneWithId, of, name);
    if (faults.success_without_id) find(kSuccessWithoutId, of, name);
    if (!faults.stuck.empty()) find(kStuck, of, fmt::format("{}: {}", name, faults.stuck));
  }

  Result<void> look_for_vector(const Item& row, Entity entity, const PinnedVersion& version) {
    const ItemState state = TRY(item_state(row));
    if (state.status != EmbeddingStatus::success) return {};
    if (!version.shards().empty()) {
      const auto stored = TRY(version.find(TRY(record_id_of(row))));
      if (stored) return {};
    }
    find(kSuccessWithoutVector, names_of(entity).name, name_of(row));
    return {};
  }

  Result<void> look_at_batches() {
    const std::int64_t now_ms = ports_.clock.now_ms();
    return for_each_item(
        ports_.table, {.index = Index::type, .hash = "BATCH_SUMMARY"}, [&](const Item& row) -> Result<void> {
          TRY(check_stop());
          const auto type = optional_string(row, "batch_type");
          if (type && *type && !entity_of_batch_type(**type)) return {};  // of kinds that nobody here makes
          const auto batch = parse_batch(row);
          if (!batch) {
            find(kUnreadable, "batch", fmt::format("{}: {}", name_of(row), batch.error().message()));
            return {};
          }
          if (has_ended(batch->status)) return {};
          const bool abandoned = is_abandoned(*batch, now_ms);
          const std::string text = fmt::format("{} ({})", batch->id.str(), batch_status_name(batch->status));
          if (batch->is_foreign()) {
            find(abandoned ? kForeignAbandoned : kForeignOpen, "batch", text);
          } else if (abandoned) {
            find(batch->is_prepared() ? kPreparedAbandoned : kSubmittedAbandoned, "batch", text);
          }
          return {};
        });
  }

  Result<void> look_at_snapshot(Entity entity) {
    const std::string_view of = names_of(entity).name;
    const auto looked = [&]() -> Result<void> {
      const auto snapshot = TRY(foreign_snapshot(entity, ports_.vectors));
      if (!snapshot) return {};
      return with_foreign_snapshot(*snapshot, entity, ports_.vectors, context_.scratch,
                                   [&](ChromaDirectory& directory, const ChromaCollection& collection) {
                                     return compare(directory, collection, entity, snapshot->folder);
                                   });
    };
    const auto done = looked();
    if (!done && concerns_the_import(done.error())) {
      find(kSnapshotRefused, of, done.error().message());
      return {};
    }
    return done;
  }

  Result<void> compare(ChromaDirectory& directory, const ChromaCollection& collection, Entity entity,
                       const std::string& folder) {
    auto import = TRY(RecordImport::begin(entity, ports_, context_, ImportMode::preview));
    TRY(import.check_dimensions(collection));
    const std::int64_t version = version_when_written(directory);
    std::uint64_t of_others = 0;
    std::string first;
    TRY(directory.for_each(
        collection,
        [&](ChromaRecord&& record) -> Result<void> {
          if (!TRY(is_of_success(RecordId(record.id)))) {
            if (of_others++ == 0) first = record.id;
          }
          return import.take(std::move(record), version);
        },
        context_.stop));
    const std::string_view of = names_of(entity).name;
    if (import.news() > 0) find(kSnapshotNotTaken, of, folder, import.news());
    if (import.news() > 0 && of_others > 0) find(kSnapshotNotSuccess, of, first, of_others);
    return {};
  }

  Result<bool> is_of_success(const RecordId& id) {
    if (!parse_record_id(id)) return false;
    const auto row = TRY(ports_.table.get(row_key(id)));
    if (!row) return false;
    const auto state = item_state(*row);
    return state && !state->removed && state->status == EmbeddingStatus::success;
  }

  Result<void> look_at_deltas() {
    const auto deltas = TRY(chroma_deltas_in(ports_.vectors));
    if (deltas.empty()) return {};
    const auto preview = TRY(import_deltas(deltas, {}, {}, ports_, context_, ImportMode::preview));
    for (const std::string& name : preview.with_news) find(kDeltaNotMerged, "delta", name);
    for (const auto& [name, reason] : preview.refused) {
      find(kDeltaRefused, "delta", fmt::format("{}: {}", name, reason));
    }
    return {};
  }

  const Ports& ports_;
  const StepContext& context_;
  Diagnosis diagnosis_;
};

}  // namespace

Result<Diagnosis> diagnose(const Ports& ports, const StepContext& context) {
  return Diagnosing(ports, context).diagnose();
}

}  // namespace tillite
