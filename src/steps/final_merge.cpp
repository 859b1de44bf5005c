// Adds the runs of all chunks to the newest snapshot under the lock, and publishes the result as the next version.
#include <algorithm>
#include <set>

#include "base/stopwatch.h"
#include "base/uuid.h"
#include "steps/batch.h"
#include "steps/chunk.h"
#include "steps/collection.h"
#include "vectors/chunk_merge.h"
#include "vectors/collection_view.h"
#include "vectors/keys.h"
#include "vectors/publish_lock.h"
#include "vectors/snapshot_merge.h"

namespace tillite {
namespace {

Result<std::vector<Chunk>> chunks_of(const Json& event) {
  std::vector<Chunk> chunks;
  for (const Json& chunk : TRY(array_field(event, "chunks"))) chunks.push_back(TRY(parse_chunk(chunk)));
  return chunks;
}

/// A repeated message or a resumed run names deltas that an earlier publish has consumed: nothing to do twice.
bool all_consumed(const std::vector<Chunk>& chunks, const Manifest& version) {
  return std::ranges::all_of(chunks, [&](const Chunk& chunk) {
    return std::ranges::all_of(chunk.deltas, [&](const DeltaId& delta) { return version.has_consumed(delta); });
  });
}

Result<RunReader> open_run(const ObjectKey& key, ObjectStore& vectors) {
  return RunReader::open(TRY(vectors.open(key)), key.str());
}

/// The chunks' intermediates; one that is missing or torn is made anew of its deltas.
Result<std::vector<RunReader>> open_runs(const std::vector<Chunk>& chunks, const CollectionBinding& binding,
                                         const std::string& run, const Ports& ports, const StepContext& context) {
  std::vector<RunReader> readers;
  for (const Chunk& chunk : chunks) {
    const auto key = TRY(make_intermediate(chunk, binding, run, ports, context));
    if (!key) continue;
    auto reader = open_run(*key, ports.vectors);
    if (!reader && reader.error().code() == Code::corrupt) {
      TRY(ports.vectors.remove(*key));
      if (!TRY(make_intermediate(chunk, binding, run, ports, context))) continue;
      reader = open_run(*key, ports.vectors);
    }
    readers.push_back(TRY(std::move(reader)));
  }
  return readers;
}

/// Tombstones may go once they are old and no batch is open that could bring an older vector of theirs.
Result<std::int64_t> tombstones_before(Entity entity, const Ports& ports, const Settings& settings) {
  std::int64_t before_ms = ports.clock.now_ms() - settings.tombstone_retention_ms;
  for (const Batch& batch : TRY(batches_in(ports.table, entity, kOpenStatuses))) {
    before_ms = std::min(before_ms, batch.created_ms);
  }
  return before_ms;
}

/// The version that follows `base`, before its snapshot is known.
Manifest successor(const Manifest& base, const std::vector<RunReader>& runs, const PublishLock& lock,
                   const Ports& ports) {
  Manifest next = base;
  next.number = base.number + 1;
  next.predecessor = base.number;
  next.predecessor_nonce = base.nonce;
  next.epoch = lock.epoch();
  next.nonce = uuid4(ports.random.bytes());
  next.writer = lock.owner();
  next.created_ms = ports.clock.now_ms();
  next.fence = false;

  std::set<DeltaId> added;
  for (const RunReader& run : runs) {
    for (const DeltaId& delta : run.header().deltas) added.insert(delta);
    for (const auto& quarantined : run.header().quarantined) {
      if (base.has_consumed(quarantined.delta)) continue;
      added.insert(quarantined.delta);
      next.quarantined.push_back(quarantined);
    }
  }
  std::erase_if(added, [&](const DeltaId& delta) { return base.has_consumed(delta); });
  next.added.assign(added.begin(), added.end());
  next.consumed.insert(next.consumed.end(), added.begin(), added.end());
  std::ranges::sort(next.consumed);
  std::ranges::sort(next.quarantined, {}, &RunHeader::Quarantined::delta);
  return next;
}

Result<void> upload(const MergedSnapshot& merged, const Path& folder, const std::string& prefix, ObjectStore& vectors) {
  for (const auto& file : merged.files) {
    TRY(vectors.create_from_file(ObjectKey(prefix + file.name), folder / file.name));
  }
  return {};
}

Json answer(const Manifest& version, std::uint64_t processed, std::size_t deltas) {
  return {{"collection", version.binding.collection},
          {"version", version.number},
          {"snapshot_key", version.snapshot ? Json(version.snapshot->folder) : Json(nullptr)},
          {"total_embeddings", version.vectors},
          {"embeddings_processed", processed},
          {"deltas_consumed", deltas}};
}

}  // namespace

Result<Json> final_merge(const Json& event, const Ports& ports, const StepContext& context) {
  const std::int64_t started_ms = ports.clock.steady_ms();
  Stopwatch preparing;
  const Entity entity = TRY(entity_of_event(event));
  const CollectionBinding binding = TRY(active_collection(entity, ports, context));
  const std::string run = run_name(TRY(string_field(event, "execution")));
  const auto chunks = TRY(chunks_of(event));

  const auto newest = TRY(ManifestLog(ports.vectors, binding.collection, binding.generation).newest());
  if (chunks.empty()) return fail(Code::invalid_input, "no chunks were given to merge into {}", binding.collection);
  if (newest && all_consumed(chunks, *newest)) return answer(*newest, 0, 0);

  auto lock = TRY(PublishLock::take(ports.table, ports.vectors, ports.clock, ports.random, binding, context.owner,
                                    context.settings.lock));
  const Manifest& base = lock.fence();
  auto runs = TRY(open_runs(chunks, binding, run, ports, context));
  Manifest next = successor(base, runs, lock, ports);
  if (next.added.empty()) {
    TRY(lock.release());
    return answer(base, 0, 0);
  }

  const auto scratch = TRY(ScratchFolder::create(context.scratch));
  std::optional<Path> base_folder;
  if (base.snapshot) {
    base_folder = scratch.path() / "base";
    TRY(make_folders(*base_folder));
    TRY(fetch_snapshot(ports.vectors, base, *base_folder, /*verify=*/true));
  }
  const std::int64_t prepare_ms = preparing.lap_ms();
  const Path folder = scratch.path() / "next";
  TRY(make_folders(folder));
  const auto merged =
      TRY(merge_into_snapshot({.binding = binding,
                               .base = base_folder,
                               .base_checksum = base.checksum,
                               .runs = std::move(runs),
                               .consumed = base.consumed,
                               .tombstones_before_ms = TRY(tombstones_before(entity, ports, context.settings)),
                               .graph = context.settings.graph},
                              scratch.path(), folder, context.stop));

  Stopwatch publishing;
  TRY(lock.still_held());  // saves work; safety is in publish(), which refuses an old epoch or a taken number
  next.snapshot = Manifest::Snapshot{
      snapshot_folder(binding.collection, binding.generation, next.number, next.epoch, next.nonce), merged.files};
  next.vectors = merged.vectors;
  next.tombstones = merged.tombstones;
  next.checksum = merged.checksum;
  TRY(upload(merged, folder, next.snapshot->folder, ports.vectors));
  TRY(ManifestLog(ports.vectors, binding.collection, binding.generation).publish(next));
  TRY(lock.release());
  const std::int64_t publish_ms = publishing.lap_ms();

  Json result = answer(next, merged.added + merged.removed + merged.relabelled, next.added.size());
  result["processing_time_seconds"] = static_cast<double>(ports.clock.steady_ms() - started_ms) / 1000;
  Json facts = result;
  facts.update({{"prepare_ms", prepare_ms},
                {"records_ms", merged.times.records_ms},
                {"graph_ms", merged.times.graph_ms},
                {"files_ms", merged.times.files_ms},
                {"publish_ms", publish_ms}});
  context.log.info("published a version", facts);
  return result;
}

}  // namespace tillite
