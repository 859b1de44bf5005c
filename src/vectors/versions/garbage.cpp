#include "vectors/versions/garbage.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/uuid.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

constexpr std::string_view kIntermediates = "intermediate/";
// Batches in these statuses still wait for what their delta's publication sets in motion (reference: BATCH_SUMMARY).
constexpr std::array kOpenStatuses = {"PENDING", "VALIDATING", "IN_PROGRESS", "FINALIZING", "CANCELING"};

/// The deltas that batches wait for: as long as these are not completed, their ids stay in the consumed set.
Result<std::set<DeltaId>> awaited_deltas(Table& table) {
  std::set<DeltaId> awaited;
  for (const char* const status : kOpenStatuses) {
    const Query query{.index = Index::gsi1, .hash = fmt::format("STATUS#{}", status)};
    TRY(for_each_item(table, query, [&](const Item& row) -> Result<void> {
      if (auto id = TRY(optional_string(row, "delta_id"))) awaited.emplace(*std::move(id));
      return {};
    }));
  }
  return awaited;
}

/// The epoch in "{number}-{epoch}-{nonce}"; nothing for a name that is none of ours.
std::optional<std::int64_t> epoch_in(std::string_view name) {
  const std::size_t begin = name.find('-') + 1;
  const std::size_t end = name.find('-', begin);
  if (begin == 0 || end == std::string_view::npos) return std::nullopt;
  std::int64_t epoch = 0;
  const auto [stop, error] = std::from_chars(name.data() + begin, name.data() + end, epoch);
  if (error != std::errc() || stop != name.data() + end) return std::nullopt;
  return epoch;
}

class Collector {
 public:
  Collector(ObjectStore& objects, Random& random, const CollectionBinding& binding, const RetentionSettings& retention,
            std::int64_t now_ms, bool dry_run)
      : objects_(objects),
        random_(random),
        binding_(binding),
        retention_(retention),
        now_ms_(now_ms),
        dry_run_(dry_run),
        log_(objects, binding.collection, binding.generation) {}

  /// `fence_epoch`: nobody of a lower epoch can publish any more. `lock` is null in a dry run.
  Result<void> collect(Table& table, const Manifest& newest, std::int64_t fence_epoch, PublishLock* lock) {
    awaited_ = TRY(awaited_deltas(table));
    TRY(sort_versions(newest));
    TRY(remove_deltas(newest));
    if (lock != nullptr) TRY(forget_removed_deltas(newest, *lock));
    TRY(remove_manifests());
    return remove_snapshots(fence_epoch);
  }

  /// Any of them can be made anew of its deltas.
  Result<void> remove_intermediates() {
    for (const ObjectInfo& object : TRY(list_all(objects_, std::string(kIntermediates)))) {
      if (object.modified_ms + retention_.intermediate_ms > now_ms_) continue;
      TRY(remove(object));
      ++report_.intermediates;
    }
    return {};
  }

  [[nodiscard]] const GarbageReport& report() const { return report_; }

 private:
  struct Expired {
    std::int64_t number = 0;
    std::vector<std::string> folders;  ///< of its shards; empty: none, or not known
  };

  /// A version may go once its successor has stood for the whole retention, the versions before it went, and it is not
  /// the newest. What lies below the boundary was left by an interrupted run, or re-created by a writer that came too
  /// late.
  Result<void> sort_versions(const Manifest& newest) {
    const std::int64_t boundary = TRY(log_.boundary());
    std::optional<Manifest> before;
    for (const std::int64_t number : TRY(log_.numbers())) {
      if (number > newest.number) break;
      if (number < boundary) {
        expired_.push_back({number, {}});
        continue;
      }
      Manifest version = TRY(log_.read(number));
      if (before) sort_version(*std::move(before), version.created_ms + retention_.snapshot_ms <= now_ms_);
      before = std::move(version);
    }
    sort_version(newest, false);
    return {};
  }

  void sort_version(Manifest version, bool may_go) {
    std::vector<std::string> folders;
    folders.reserve(version.shards.size());
    for (const Manifest::Shard& shard : version.shards) folders.push_back(shard.folder);
    if (may_go && !oldest_kept_) {
      expired_.push_back({version.number, std::move(folders)});
      return;
    }
    named_.insert(folders.begin(), folders.end());
    if (!oldest_kept_) oldest_kept_ = std::move(version);
  }

  Result<void> remove(const ObjectInfo& object) {
    if (!dry_run_) TRY(objects_.remove(object.key));
    report_.bytes += object.size_bytes;
    return {};
  }

  Result<std::vector<ObjectInfo>> delta_objects() {
    return list_all(objects_, delta_folder(binding_.collection, binding_.generation));
  }

  /// Only deltas that the oldest kept version has consumed: a reader of any kept version needs none of these.
  Result<void> remove_deltas(const Manifest& newest) {
    for (const ObjectInfo& object : TRY(delta_objects())) {
      const auto id = delta_id_of(object.key);
      if (!id || !oldest_kept_->has_consumed(*id) || !newest.has_consumed(*id) || awaited_.contains(*id)) continue;
      TRY(remove(object));
      ++report_.deltas;
    }
    return {};
  }

  /// An id leaves the consumed set only after its object is gone: those that the list does not show.
  Result<void> forget_removed_deltas(const Manifest& newest, PublishLock& lock) {
    std::set<DeltaId> there;
    for (const ObjectInfo& object : TRY(delta_objects())) {
      if (auto id = delta_id_of(object.key)) there.insert(*std::move(id));
    }
    const auto is_forgotten = [&](const DeltaId& id) { return !there.contains(id) && !awaited_.contains(id); };
    if (std::ranges::none_of(newest.consumed, is_forgotten)) return {};

    Manifest next = newest;
    next.predecessor = newest.number;
    next.predecessor_nonce = newest.nonce;
    next.number = newest.number + 1;
    next.epoch = lock.epoch();
    next.nonce = uuid4(random_.bytes());
    next.writer = lock.owner();
    next.created_ms = now_ms_;
    next.fence = false;
    next.added.clear();
    std::erase_if(next.consumed, is_forgotten);
    std::erase_if(next.quarantined, [&](const auto& quarantined) { return is_forgotten(quarantined.delta); });
    TRY(lock.still_held());
    return log_.publish(next);
  }

  /// The boundary goes up before anything below it goes.
  Result<void> remove_manifests() {
    if (expired_.empty()) return {};
    if (!dry_run_) TRY(log_.raise_boundary(oldest_kept_->number));
    for (const Expired& version : expired_) {
      const ObjectKey key = manifest_key(binding_.collection, binding_.generation, version.number);
      if (!dry_run_) TRY(objects_.remove(key));
      ++report_.manifests;
    }
    return {};
  }

  Result<void> remove_snapshots(std::int64_t fence_epoch) {
    const std::string parent = snapshots_folder(binding_.collection, binding_.generation);
    const auto objects = TRY(list_all(objects_, parent));
    // Shards of one version may live on in different later versions: each has a folder that comes and goes by itself.
    const auto folder_of = [&](const ObjectInfo& object) {
      const std::string& key = object.key.str();
      const std::size_t version_end = key.find('/', parent.size());
      if (binding_.shards == 1 || version_end == std::string::npos) return key.substr(0, version_end + 1);
      const std::size_t shard_end = key.find('/', version_end + 1);
      return key.substr(0, (shard_end == std::string::npos ? version_end : shard_end) + 1);
    };
    for (auto begin = objects.begin(); begin != objects.end();) {
      const std::string folder = folder_of(*begin);
      const auto end =
          std::find_if(begin, objects.end(), [&](const auto& object) { return folder_of(object) != folder; });
      const std::span files(begin, end);
      begin = end;
      if (!is_garbage(folder, files, fence_epoch)) continue;
      for (const ObjectInfo& file : files) TRY(remove(file));
      ++report_.snapshot_folders;
    }
    return {};
  }

  /// A folder that no kept version names, and that nobody can publish any more: it was an expired version's, or it is
  /// an upload of a fenced epoch. (One of the current epoch may still be going on.)
  [[nodiscard]] bool is_garbage(const std::string& folder, std::span<const ObjectInfo> files,
                                std::int64_t fence_epoch) const {
    if (folder.empty() || named_.contains(folder)) return false;
    const auto was_of = [&](const Expired& version) {
      return std::ranges::find(version.folders, folder) != version.folders.end();
    };
    if (std::ranges::any_of(expired_, was_of)) return true;
    const std::string parent = snapshots_folder(binding_.collection, binding_.generation);
    const auto epoch = epoch_in(std::string_view(folder).substr(parent.size()));
    return epoch && *epoch < fence_epoch &&
           std::ranges::all_of(
               files, [&](const ObjectInfo& file) { return file.modified_ms + retention_.upload_ms <= now_ms_; });
  }

  ObjectStore& objects_;
  Random& random_;
  const CollectionBinding& binding_;
  const RetentionSettings& retention_;
  std::int64_t now_ms_;
  bool dry_run_;
  ManifestLog log_;
  std::set<DeltaId> awaited_;
  std::vector<Expired> expired_;
  std::optional<Manifest> oldest_kept_;
  std::set<std::string> named_;  ///< folders that kept versions name
  GarbageReport report_;
};

}  // namespace

Result<GarbageReport> collect_garbage(Table& table, ObjectStore& objects, Clock& clock, Random& random,
                                      const CollectionBinding& binding, const RetentionSettings& retention,
                                      LockSettings lock_settings, bool dry_run) {
  const auto newest = TRY(ManifestLog(objects, binding.collection, binding.generation).newest());
  Collector collector(objects, random, binding, retention, clock.now_ms(), dry_run);
  if (newest && dry_run) {
    TRY(collector.collect(table, *newest, newest->epoch + 1, nullptr));
  } else if (newest) {
    auto lock = TRY(PublishLock::take(table, objects, clock, random, binding, "gc", lock_settings));
    TRY(collector.collect(table, lock.fence(), lock.epoch(), &lock));
    TRY(lock.release());
  }
  TRY(collector.remove_intermediates());
  return collector.report();
}

}  // namespace tillite
