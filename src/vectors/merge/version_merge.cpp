#include "vectors/merge/version_merge.h"

#include <thread>

#include "base/check.h"
#include "base/parallel.h"
#include "base/stopwatch.h"
#include "vectors/records/shard.h"
#include "vectors/snapshots/snapshot_export.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

std::size_t thread_count(const GraphSettings& graph) {
  return std::max<std::size_t>(graph.threads > 0 ? graph.threads : std::thread::hardware_concurrency(), 1);
}

/// What one shard's merge starts from, and what comes out.
struct ShardTask {
  int number = 0;
  std::optional<Manifest::Shard> base;
  std::unique_ptr<RecordNews> news;  ///< if they are open already
  Result<MergedShard> outcome = MergedShard();
  std::int64_t fetch_ms = 0;
};

/// A shard's merge if there is one to do: it has news, or no snapshot yet. The news of several shards are opened again
/// when they are merged: all of them at once would be too many files.
Result<std::optional<ShardTask>> task_of(int shard, const VersionMergeInput& input) {
  auto news = TRY(input.open_news(shard));
  if (!input.base.empty() && TRY(news->is_empty())) return std::optional<ShardTask>();
  ShardTask task{.number = shard};
  if (!input.base.empty()) task.base = input.base[static_cast<std::size_t>(shard)];
  if (input.binding.shards == 1) task.news = std::move(news);
  return std::optional(std::move(task));
}

Result<std::vector<ShardTask>> tasks_of(const VersionMergeInput& input) {
  const auto shards = static_cast<std::size_t>(input.binding.shards);
  std::vector<Result<std::optional<ShardTask>>> found(shards);
  for_each_parallel(shards, thread_count(input.graph),
                    [&](std::size_t i) { found[i] = task_of(static_cast<int>(i), input); });
  std::vector<ShardTask> tasks;
  for (auto& one : found) {
    auto task = TRY(std::move(one));
    if (task) tasks.push_back(*std::move(task));
  }
  return tasks;
}

/// Merges shards with equal parts of what all of them may use.
class ShardMerger {
 public:
  ShardMerger(ObjectStore& objects, const VersionMergeInput& input, std::size_t at_once, Path scratch, Path folder,
              const std::stop_token& stop)
      : objects_(objects),
        input_(input),
        graph_(input.graph),
        scratch_(std::move(scratch)),
        folder_(std::move(folder)),
        stop_with_caller_(stop, [this] { stop_.request_stop(); }) {
    if (at_once == 1) return;
    graph_.threads = std::max<std::size_t>(thread_count(input.graph) / at_once, 1);
    graph_.memory_bytes /= at_once;
  }

  [[nodiscard]] const GraphSettings& graph() const { return graph_; }

  void merge(ShardTask& task) {
    task.outcome = merged(task);
    if (!task.outcome) stop_.request_stop();  // nothing of the others would be published
  }

 private:
  Result<MergedShard> merged(ShardTask& task) {
    if (stop_.stop_requested()) return fail(Code::cancelled, "the merge of {} was stopped", input_.binding.collection);
    if (!task.news) task.news = TRY(input_.open_news(task.number));
    SnapshotMergeInput input{.binding = input_.binding,
                             .base = std::nullopt,
                             .base_files = {},
                             .base_checksum = {},
                             .news = std::move(task.news),
                             .tombstones_before_ms = input_.tombstones_before_ms,
                             .graph = graph_};
    const auto room = TRY(ScratchFolder::create(scratch_));
    if (task.base) {
      Stopwatch stopwatch;
      input.base = room.path() / "base";
      input.base_files = task.base->files;
      input.base_checksum = task.base->checksum;
      TRY(fetch_shard(objects_, *task.base, FetchedFor::merge, *input.base,
                      /*verify=*/false));  // the merge checks what it reads
      task.fetch_ms = stopwatch.lap_ms();
    }
    MergedShard shard{.number = task.number, .folder = folder_ / shard_name(task.number, input_.binding.shards)};
    shard.snapshot = TRY(merge_into_snapshot(std::move(input), room.path(), shard.folder, stop_.get_token()));
    return shard;
  }

  ObjectStore& objects_;
  const VersionMergeInput& input_;
  GraphSettings graph_;
  Path scratch_;
  Path folder_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> stop_with_caller_;
};

/// Why a merge failed: not that other shards were stopped because of it.
const ShardTask* first_failure(const std::vector<ShardTask>& tasks) {
  const ShardTask* first = nullptr;
  for (const ShardTask& task : tasks) {
    if (task.outcome) continue;
    const bool is_cause = task.outcome.error().code() != Code::cancelled;
    if (first == nullptr || (is_cause && first->outcome.error().code() == Code::cancelled)) first = &task;
  }
  return first;
}

}  // namespace

Result<MergedVersion> merge_into_version(ObjectStore& objects, VersionMergeInput input, const Path& scratch,
                                         const Path& folder, const std::stop_token& stop) {
  const int shards = input.binding.shards;
  check(input.base.empty() || input.base.size() == static_cast<std::size_t>(shards), "a version has all shards");
  auto tasks = TRY(tasks_of(input));
  const std::size_t at_once = std::clamp<std::size_t>(tasks.size(), 1, thread_count(input.graph));
  ShardMerger merger(objects, input, at_once, scratch, folder, stop);
  for_each_parallel(tasks.size(), at_once, [&](std::size_t i) { merger.merge(tasks[i]); });

  if (const ShardTask* const failed = first_failure(tasks)) {
    return shards == 1 ? std::unexpected(failed->outcome.error())
                       : pass_on(failed->outcome, shard_name(failed->number, shards));
  }
  MergedVersion version{.shards = {}, .at_once = at_once, .graph = merger.graph()};
  for (ShardTask& task : tasks) {
    version.fetch_ms += task.fetch_ms;
    version.shards.push_back(*std::move(task.outcome));
  }
  return version;
}

std::vector<Manifest::Shard> shards_after(const MergedVersion& merged, std::vector<Manifest::Shard> base,
                                          std::string_view snapshot_folder, int shards) {
  base.resize(static_cast<std::size_t>(shards));
  for (const MergedShard& shard : merged.shards) {
    base[static_cast<std::size_t>(shard.number)] = {.folder = shard_folder(snapshot_folder, shard.number, shards),
                                                    .files = shard.snapshot.files,
                                                    .vectors = shard.snapshot.vectors,
                                                    .tombstones = shard.snapshot.tombstones,
                                                    .checksum = shard.snapshot.checksum};
  }
  return base;
}

}  // namespace tillite
