// Adds the records of all chunks to the newest snapshot under the lock, and publishes the result as the next version.
#include <algorithm>
#include <set>

#include "base/stopwatch.h"
#include "base/uuid.h"
#include "steps/batches/batch.h"
#include "steps/chunk.h"
#include "steps/generations/collection.h"
#include "steps/generations/generation.h"
#include "vectors/hnsw/segment_files.h"
#include "vectors/merge/delta_news.h"
#include "vectors/merge/run_merge.h"
#include "vectors/merge/version_merge.h"
#include "vectors/versions/keys.h"
#include "vectors/versions/publish_lock.h"

namespace tillite {
namespace {

constexpr std::int64_t kLockPauseMs = 100;
constexpr std::uint64_t kLinesShare = 16;  // of the memory: twice that is what two chunks have that are merged at once

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

/// A delta that is neither in the consumed set nor stored was merged and removed long ago, or is lost. An intermediate
/// that still holds it must not bring it back.
Result<void> account_for(const std::vector<Chunk>& chunks, const Manifest& base, ObjectStore& vectors) {
  const DeltaSurvey survey = TRY(survey_deltas(vectors, base.binding));
  const std::set<DeltaId> stored(survey.outstanding_ids.begin(), survey.outstanding_ids.end());
  for (const Chunk& chunk : chunks) {
    for (const DeltaId& delta : chunk.deltas) {
      if (stored.contains(delta) || base.has_consumed(delta)) continue;
      return fail(Code::not_found, "the delta {} is neither stored nor in version {} of {}: split into chunks anew",
                  delta.str(), base.number, base.binding.collection);
    }
  }
  return {};
}

/// What a merge works on, the same in each try.
struct MergeTask {
  CollectionBinding binding;
  std::string run;
  std::vector<Chunk> chunks;
  const Ports& ports;
  const StepContext& context;

  /// The chunk's intermediate, made now if it is missing; nothing if every delta of it was consumed.
  [[nodiscard]] Result<std::optional<ObjectKey>> intermediate(const Chunk& chunk) const {
    return make_intermediate(chunk, binding, run, ports, context);
  }
  /// Whether intermediates are merged: not for a lone chunk that has none, whose deltas can be read instead. Each of
  /// several shards reads what was written for it alone.
  [[nodiscard]] Result<bool> has_intermediates() const {
    if (chunks.size() != 1 || binding.shards != 1) return true;
    return has_intermediate(chunks.front(), binding, run, ports.vectors);
  }
};

Result<RunReader> open_run(const ObjectKey& key, ObjectStore& vectors) {
  return RunReader::open(TRY(vectors.open(key)), key.str());
}

/// An intermediate of a chunk: a run for each shard, and what all of them say they consist of.
struct Intermediate {
  std::vector<ObjectKey> runs;
  RunHeader header;

  static Result<Intermediate> open(const ObjectKey& key, int shards, ObjectStore& vectors) {
    Intermediate intermediate{.runs = intermediate_runs(key, shards), .header = {}};
    intermediate.header = TRY(open_run(intermediate.runs.front(), vectors)).header();
    return intermediate;
  }

  /// The run of a shard. `corrupt` if it was made of other deltas than the first shard's: after a crash between the
  /// two, another delta may have been readable.
  [[nodiscard]] Result<RunReader> open_shard(int shard, ObjectStore& vectors) const {
    const ObjectKey& key = runs[static_cast<std::size_t>(shard)];
    RunReader run = TRY(open_run(key, vectors));
    RunHeader expected = header;
    if (runs.size() > 1) expected.shard = shard;
    if (run.header() == expected) return run;
    return fail(Code::corrupt, "{} was made of other deltas than {}", key.str(), runs.front().str());
  }
};

Result<std::vector<Intermediate>> open_intermediates(const MergeTask& task) {
  std::vector<Intermediate> intermediates;
  for (const Chunk& chunk : task.chunks) {
    const auto key = TRY(task.intermediate(chunk));
    if (key) intermediates.push_back(TRY(Intermediate::open(*key, task.binding.shards, task.ports.vectors)));
  }
  return intermediates;
}

/// Reads all runs of an intermediate to their ends, where their checksums are.
Result<void> check_intermediate(const ObjectKey& key, const MergeTask& task) {
  const int shards = task.binding.shards;
  const auto intermediate = TRY(Intermediate::open(key, shards, task.ports.vectors));
  for (int shard = 0; shard < shards; ++shard) {
    RunReader run = TRY(intermediate.open_shard(shard, task.ports.vectors));
    while (TRY(run.next())) {
      if (task.context.stop.stop_requested()) return fail(Code::cancelled, "stopped while checking {}", key.str());
    }
  }
  return {};
}

/// Makes the intermediates anew that are damaged or have gone, each from its deltas. The answer: how many.
Result<std::size_t> remake_damaged(const MergeTask& task) {
  std::size_t remade = 0;
  for (const Chunk& chunk : task.chunks) {
    const auto key = TRY(task.intermediate(chunk));
    if (!key) continue;
    const auto whole = check_intermediate(*key, task);
    if (whole) continue;
    if (whole.error().code() != Code::corrupt && whole.error().code() != Code::not_found) {
      return std::unexpected(whole.error());
    }
    task.context.log.warning("an intermediate is damaged and is made anew",
                             {{"intermediate_key", key->str()}, {"reason", whole.error().message()}});
    for (const ObjectKey& run : intermediate_runs(*key, task.binding.shards)) TRY(task.ports.vectors.remove(run));
    TRY(task.intermediate(chunk));
    ++remade;
  }
  return remade;
}

/// The right to publish; `lock_held` if another publisher has it for longer than is waited here.
Result<PublishLock> take_lock(const CollectionBinding& binding, const Ports& ports, const StepContext& context) {
  const std::int64_t until_ms = ports.clock.steady_ms() + context.settings.lock_wait_ms;
  while (true) {
    auto lock = PublishLock::take(ports.table, ports.vectors, ports.clock, ports.random, binding, context.owner,
                                  context.settings.lock, context.lock_watch.get());
    if (lock || lock.error().code() != Code::lock_held || ports.clock.steady_ms() >= until_ms) return lock;
    TRY(ports.clock.sleep(kLockPauseMs, context.stop));
  }
}

/// Tombstones may go once they are old and no batch is open that could bring an older vector of theirs. Of one whose
/// row cannot be read nobody knows how old it is.
Result<std::int64_t> tombstones_before(Entity entity, const Ports& ports, const Settings& settings) {
  std::int64_t before_ms = ports.clock.now_ms() - settings.tombstone_retention_ms;
  const BatchesRead read = TRY(read_batches_in(ports.table, entity, kOpenStatuses));
  if (!read.unreadable.empty()) return 0;
  for (const Batch& batch : read.batches) {
    before_ms = std::min(before_ms, batch.created_ms);
  }
  return before_ms;
}

/// The version that follows the lock's fence with `news`, before its snapshot is known.
Manifest successor(const std::vector<RunHeader>& news, const PublishLock& lock, const Ports& ports) {
  const Manifest& base = lock.fence();
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
  for (const RunHeader& header : news) {
    added.insert(header.deltas.begin(), header.deltas.end());
    for (const auto& quarantined : header.quarantined) {
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

/// A version that is ready to be published, and its files.
struct NextVersion {
  Manifest manifest;
  ScratchFolder folder;
  MergedVersion merged;
  std::int64_t news_ms = 0;  ///< getting what the chunks bring
};

/// What the chunks bring: what it consists of, and the records of a shard.
struct ChunkNews {
  std::vector<RunHeader> headers;
  std::function<Result<std::unique_ptr<RecordNews>>(int shard)> open;
};

Result<ChunkNews> news_of_intermediates(const MergeTask& task, const Manifest& base) {
  auto intermediates = TRY(open_intermediates(task));
  ChunkNews news;
  for (const Intermediate& intermediate : intermediates) news.headers.push_back(intermediate.header);
  news.open = [&task, consumed = base.consumed,
               all = std::move(intermediates)](int shard) -> Result<std::unique_ptr<RecordNews>> {
    std::vector<RunReader> runs;
    runs.reserve(all.size());
    for (const Intermediate& one : all) runs.push_back(TRY(one.open_shard(shard, task.ports.vectors)));
    return std::make_unique<RunMerge>(std::move(runs), consumed);
  };
  return news;
}

/// What the deltas of a lone chunk say; nothing if that is too much for the memory.
Result<std::optional<ChunkNews>> news_of_deltas(const MergeTask& task, const Manifest& base) {
  std::vector<DeltaId> deltas = task.chunks.front().deltas;
  std::erase_if(deltas, [&](const DeltaId& delta) { return base.has_consumed(delta); });
  const StepContext& context = task.context;
  auto news = TRY(DeltaNews::read(task.ports.vectors, task.binding, deltas, context.scratch,
                                  new_rows_layout(!base.shards.empty(), task.binding.dimensions),
                                  context.settings.memory_bytes / kLinesShare, context.stop));
  if (!news) return std::nullopt;
  log_quarantined(news->header(), context.log);
  RunHeader header = news->header();
  return ChunkNews{{std::move(header)},
                   [once = std::make_shared<DeltaNews>(*std::move(news))](int) -> Result<std::unique_ptr<RecordNews>> {
                     return std::make_unique<DeltaNews>(std::move(*once));
                   }};
}

Result<ChunkNews> news_of(const MergeTask& task, const Manifest& base) {
  if (!TRY(task.has_intermediates())) {
    if (auto news = TRY(news_of_deltas(task, base))) return *std::move(news);
  }
  return news_of_intermediates(task, base);
}

/// Adds what the chunks bring to the newest version's shards.
Result<NextVersion> merge_chunks(const MergeTask& task, const PublishLock& lock, std::int64_t tombstones_before_ms) {
  const Manifest& base = lock.fence();
  Stopwatch stopwatch;
  ChunkNews news = TRY(news_of(task, base));
  const std::int64_t news_ms = stopwatch.lap_ms();
  Manifest next = successor(news.headers, lock, task.ports);
  auto folder = TRY(ScratchFolder::create(task.context.scratch));
  auto merged = TRY(merge_into_version(task.ports.vectors,
                                       {.binding = task.binding,
                                        .base = base.shards,
                                        .open_news = std::move(news.open),
                                        .tombstones_before_ms = tombstones_before_ms,
                                        .graph = task.context.settings.graph},
                                       task.context.scratch, folder.path(), task.context.stop));
  const std::string place =
      snapshot_folder(next.binding.collection, next.binding.generation, next.number, next.epoch, next.nonce);
  next.set_shards(shards_after(merged, base.shards, place, next.binding.shards));
  return NextVersion{std::move(next), std::move(folder), std::move(merged), news_ms};
}

/// merge_chunks; if it fails and intermediates turn out to be damaged, they are made anew and it starts over, once.
Result<NextVersion> merge_and_heal(const MergeTask& task, const PublishLock& lock, std::int64_t tombstones_before_ms) {
  auto next = merge_chunks(task, lock, tombstones_before_ms);
  if (next || next.error().retryable() || next.error().code() == Code::cancelled) return next;
  if (!TRY(task.has_intermediates()) || TRY(remake_damaged(task)) == 0) return next;
  return merge_chunks(task, lock, tombstones_before_ms);
}

/// The files of the shards that changed: the others' are there. A stop is looked for between them, so that there is
/// time left to give back the lock.
Result<void> upload(const NextVersion& next, ObjectStore& vectors, const std::stop_token& stop) {
  for (const MergedShard& shard : next.merged.shards) {
    const std::string& place = next.manifest.shards[static_cast<std::size_t>(shard.number)].folder;
    for (const auto& file : shard.snapshot.files) {
      if (stop.stop_requested()) return fail(Code::cancelled, "stopped before the new version was uploaded");
      TRY(vectors.create_from_file(ObjectKey(place + file.name), shard.folder / file.name));
    }
  }
  return {};
}

/// The folder of a version's snapshot; nothing if there is none, or several, which only the manifest names.
Json snapshot_key(const Manifest& version) {
  return version.shards.size() == 1 ? Json(version.shards.front().folder) : Json(nullptr);
}

/// What a merge did, all shards added up.
struct MergeWork {
  std::uint64_t records = 0;
  MergeTimes times;
  std::size_t code_bits = 0;  ///< the least of any shard
  std::string not_continued;  ///< why some shard's kept graph was not gone on with; empty if all were
};

MergeWork work_of(const MergedVersion& version) {
  MergeWork work;
  for (const auto& [number, folder, merged] : version.shards) {
    work.records += merged.added + merged.removed + merged.relabelled;
    work.times.records_ms += merged.times.records_ms;
    work.times.graph_ms += merged.times.graph_ms;
    work.times.files_ms += merged.times.files_ms;
    const std::size_t bits = merged.graph.code_bits;
    work.code_bits = work.code_bits == 0 ? bits : std::min(work.code_bits, bits);
    if (!merged.graph.not_continued.empty()) work.not_continued = merged.graph.not_continued;
  }
  return work;
}

Json answer(const Manifest& version, std::uint64_t processed, std::size_t deltas) {
  return {{"collection", version.binding.collection}, {"version", version.number},
          {"snapshot_key", snapshot_key(version)},    {"total_embeddings", version.vectors},
          {"embeddings_processed", processed},        {"deltas_consumed", deltas}};
}

}  // namespace

Result<Json> final_merge(const Json& event, const Ports& ports, const StepContext& context) {
  const std::int64_t started_ms = ports.clock.steady_ms();
  Stopwatch preparing;
  const Entity entity = TRY(entity_of_event(event));
  const CollectionBinding binding = TRY(binding_of_event(event, ports, context));
  const std::string run = run_name(TRY(string_field(event, "execution")));
  const auto chunks = TRY(chunks_of(event));

  const auto newest = TRY(ManifestLog(ports.vectors, binding.collection, binding.generation).newest());
  if (chunks.empty()) return fail(Code::invalid_input, "no chunks were given to merge into {}", binding.collection);
  if (newest && all_consumed(chunks, *newest)) return answer(*newest, 0, 0);

  auto lock = TRY(take_lock(binding, ports, context));
  TRY(check_is_current(binding, ports));  // a swap holds the lock, too: from here on there is none
  const Manifest& base = lock.fence();
  if (all_consumed(chunks, base)) {
    TRY(lock.release());
    return answer(base, 0, 0);
  }
  TRY(account_for(chunks, base, ports.vectors));
  const MergeTask task{binding, run, chunks, ports, context};
  const std::int64_t prepare_ms = preparing.lap_ms();
  const NextVersion next = TRY(merge_and_heal(task, lock, TRY(tombstones_before(entity, ports, context.settings))));

  Stopwatch publishing;
  TRY(lock.still_held());  // saves work; safety is in publish(), which refuses an old epoch or a taken number
  TRY(upload(next, ports.vectors, context.stop));
  TRY(ManifestLog(ports.vectors, binding.collection, binding.generation).publish(next.manifest));
  TRY(lock.release());
  const std::int64_t publish_ms = publishing.lap_ms();

  const MergeWork work = work_of(next.merged);
  if (!work.not_continued.empty()) {
    context.log.warning("the graph was read from the vectors' segment", {{"reason", work.not_continued}});
  }
  Json result = answer(next.manifest, work.records, next.manifest.added.size());
  result["processing_time_seconds"] = static_cast<double>(ports.clock.steady_ms() - started_ms) / 1000;
  Json facts = result;
  facts.update({{"prepare_ms", prepare_ms + next.news_ms + next.merged.fetch_ms},
                {"records_ms", work.times.records_ms},
                {"graph_ms", work.times.graph_ms},
                {"files_ms", work.times.files_ms},
                {"publish_ms", publish_ms},
                {"memory_bytes", context.settings.memory_bytes},
                {"code_bits", work.code_bits},
                {"shards", binding.shards},
                {"shards_merged", next.merged.shards.size()},
                {"shards_at_once", next.merged.at_once},
                {"graph_memory_bytes", next.merged.graph.memory_bytes},
                {"graph_threads", next.merged.graph.threads}});
  context.log.info("published a version", facts);
  return result;
}

}  // namespace tillite
