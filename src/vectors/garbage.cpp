#include "vectors/garbage.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/uuid.h"
#include "vectors/keys.h"

namespace tillite {
namespace {

class Collector {
 public:
  Collector(ObjectStore& objects, Clock& clock, Random& random, const CollectionBinding& binding,
            const RetentionSettings& retention, bool dry_run)
      : objects_(objects),
        clock_(clock),
        random_(random),
        binding_(binding),
        retention_(retention),
        dry_run_(dry_run),
        log_(objects, binding.collection, binding.generation) {}

  Result<GarbageReport> collect(PublishLock* lock, const Manifest& newest) {
    now_ms_ = clock_.now_ms();
    TRY(read_versions(newest));
    TRY(remove_deltas(lock, newest));
    TRY(remove_manifests());
    TRY(remove_snapshots(newest.epoch));
    TRY(remove_intermediates());
    return report_;
  }

 private:
  /// A version may go once its successor has stood for the whole retention; the newest never does.
  Result<void> read_versions(const Manifest& newest) {
    std::optional<Manifest> before;
    for (const std::int64_t number : TRY(log_.numbers())) {
      if (number > newest.number) break;
      Manifest version = TRY(log_.read(number));
      if (before) {
        (version.created_ms + retention_.snapshot_ms <= now_ms_ ? expired_ : kept_).push_back(*std::move(before));
      }
      before = std::move(version);
    }
    if (before) kept_.push_back(*std::move(before));
    return {};
  }

  Result<void> remove(const ObjectKey& key, std::uint64_t size_bytes, std::size_t& count) {
    if (!dry_run_) TRY(objects_.remove(key));
    ++count;
    report_.bytes += size_bytes;
    return {};
  }

  /// Objects first, then their ids: an id leaves the set only after its object is gone. Only deltas that every kept version has
  /// consumed: a reader of any of them needs none of these.
  Result<void> remove_deltas(PublishLock* lock, const Manifest& newest) {
    for (const ObjectInfo& object : TRY(list_all(objects_, delta_folder(binding_.collection, binding_.generation)))) {
      const auto id = delta_id_of(object.key);
      if (!id || !std::ranges::all_of(kept_, [&](const Manifest& version) { return version.has_consumed(*id); })) continue;
      TRY(remove(object.key, object.size_bytes, report_.deltas));
    }
    if (dry_run_ || lock == nullptr) return {};
    std::set<DeltaId> there;
    for (const ObjectInfo& object : TRY(list_all(objects_, delta_folder(binding_.collection, binding_.generation)))) {
      if (const auto id = delta_id_of(object.key)) there.insert(*id);
    }
    const auto gone = [&](const DeltaId& id) { return !there.contains(id); };
    if (std::ranges::none_of(newest.consumed, gone)) return {};
    Manifest next = newest;
    next.predecessor = newest.number;
    next.predecessor_nonce = newest.nonce;
    next.number = newest.number + 1;
    next.nonce = uuid4(random_.bytes());
    next.writer = lock->owner();
    next.epoch = lock->epoch();
    next.created_ms = now_ms_;
    next.fence = true;
    next.added.clear();
    std::erase_if(next.consumed, gone);
    std::erase_if(next.quarantined, [&](const auto& quarantined) { return gone(quarantined.delta); });
    TRY(lock->still_held());
    TRY(log_.publish(next));
    kept_.push_back(std::move(next));
    return {};
  }

  /// The boundary goes up before anything below it goes.
  Result<void> remove_manifests() {
    if (expired_.empty()) return {};
    const std::int64_t boundary = kept_.front().number;
    if (!dry_run_) {
      TRY(objects_.put(boundary_key(binding_.collection, binding_.generation), as_bytes(std::to_string(boundary))));
    }
    for (const Manifest& version : expired_) {
      TRY(remove(manifest_key(binding_.collection, binding_.generation, version.number), 0, report_.manifests));
    }
    return {};
  }

  /// Folders that no kept version names: those of expired versions, and uploads that were never published. A folder of the current
  /// epoch may be an upload in progress: a former one cannot be published any more.
  Result<void> remove_snapshots(std::int64_t epoch) {
    std::set<std::string> named;
    for (const Manifest& version : kept_) {
      if (version.snapshot) named.insert(version.snapshot->folder);
    }
    const std::string folder = snapshots_folder(binding_.collection, binding_.generation);
    std::set<std::string> removed;
    for (const ObjectInfo& object : TRY(list_all(objects_, folder))) {
      const std::size_t slash = object.key.str().find('/', folder.size());
      if (slash == std::string::npos) continue;
      const std::string snapshot = object.key.str().substr(0, slash + 1);
      if (named.contains(snapshot)) continue;
      const bool was_published =
          std::ranges::any_of(expired_, [&](const Manifest& v) { return v.snapshot && v.snapshot->folder == snapshot; });
      const bool is_old = object.modified_ms + retention_.upload_ms <= now_ms_;
      if (!was_published && !(is_old && epoch_of(snapshot.substr(folder.size())) < epoch)) continue;
      std::size_t files = 0;
      TRY(remove(object.key, object.size_bytes, files));
      removed.insert(snapshot);
    }
    report_.snapshot_folders += removed.size();
    return {};
  }

  /// Of "{number}-{epoch}-{nonce}/"; a name that is none of ours counts as current.
  static std::int64_t epoch_of(std::string_view name) {
    const std::size_t dash = name.find('-');
    std::int64_t epoch = INT64_MAX;
    if (dash != std::string_view::npos) std::from_chars(name.data() + dash + 1, name.data() + name.size(), epoch);
    return epoch;
  }

  /// Any of them can be made anew of its deltas.
  Result<void> remove_intermediates() {
    for (const ObjectInfo& object : TRY(list_all(objects_, "intermediate/"))) {
      if (object.modified_ms + retention_.intermediate_ms > now_ms_) continue;
      TRY(remove(object.key, object.size_bytes, report_.intermediates));
    }
    return {};
  }

  ObjectStore& objects_;
  Clock& clock_;
  Random& random_;
  const CollectionBinding& binding_;
  const RetentionSettings& retention_;
  bool dry_run_;
  ManifestLog log_;
  std::int64_t now_ms_ = 0;
  std::vector<Manifest> kept_;
  std::vector<Manifest> expired_;
  GarbageReport report_;
};

}  // namespace

Result<GarbageReport> collect_garbage(Table& table, ObjectStore& objects, Clock& clock, Random& random,
                                      const CollectionBinding& binding, const RetentionSettings& retention,
                                      LockSettings lock_settings, bool dry_run) {
  const auto newest = TRY(ManifestLog(objects, binding.collection, binding.generation).newest());
  if (!newest) return GarbageReport{};
  Collector collector(objects, clock, random, binding, retention, dry_run);
  if (dry_run) return collector.collect(nullptr, *newest);
  auto lock = TRY(PublishLock::take(table, objects, clock, random, binding, "gc", lock_settings));
  auto report = collector.collect(&lock, lock.fence());
  TRY(lock.release());
  return report;
}

}  // namespace tillite
