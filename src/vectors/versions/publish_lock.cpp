#include "vectors/versions/publish_lock.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/process_identity.h"
#include "base/time.h"
#include "base/uuid.h"

namespace tillite {
namespace {

constexpr int kFenceTriesMax = 20;  // against a holder of an older epoch that publishes at the same time
constexpr int kReleaseTriesMax = 3;
constexpr std::int64_t kClockSlackMs = 60'000;

ItemKey lock_key(const std::string& collection) { return {fmt::format("LOCK#{}#publish", collection), "LOCK"}; }

struct LockRow {
  std::string owner;  ///< empty: nobody
  std::string record_version;
  std::int64_t lease_ms = 0;
  std::int64_t heartbeat_at_ms = 0;
  std::int64_t epoch = 0;
};

Result<LockRow> parse_row(const Item& row) {
  LockRow lock;
  lock.owner = TRY(optional_string(row, "owner")).value_or("");
  lock.record_version = TRY(optional_string(row, "record_version")).value_or("");
  lock.lease_ms = TRY(optional_int(row, "lease_ms")).value_or(0);
  lock.heartbeat_at_ms = TRY(optional_int(row, "heartbeat_at")).value_or(0);
  lock.epoch = TRY(optional_int(row, "epoch")).value_or(0);
  return lock;
}

/// Whether the lock may be taken at first sight: nobody holds it, its holder's process is gone, or the last sign of
/// life is too old - or too far in the future, from a clock that was wrong and would lock everybody out until then.
bool is_free(const LockRow& lock, std::int64_t now_ms) {
  if (lock.owner.empty() || is_gone(lock.owner)) return true;
  return std::abs(now_ms - lock.heartbeat_at_ms) > lock.lease_ms + kClockSlackMs;
}

/// The row is still what was read; `before` is nothing if there was none.
Condition unchanged(const std::optional<LockRow>& before) {
  if (!before) return {absent("PK")};
  Condition condition = {present("PK")};
  condition.push_back(before->owner.empty() ? absent("owner") : equal("owner", before->owner));
  condition.push_back(before->record_version.empty() ? absent("record_version")
                                                     : equal("record_version", before->record_version));
  return condition;
}

}  // namespace

Result<void> check_nobody_publishes(Table& table, std::string_view collection, Clock& clock) {
  const auto row = TRY(table.get(lock_key(std::string(collection))));
  if (!row) return {};
  const LockRow lock = TRY(parse_row(*row));
  if (is_free(lock, clock.now_ms())) return {};
  return fail(Code::lock_held, "{} is being published by {}, whose lease runs until {}", collection, lock.owner,
              iso_time(lock.heartbeat_at_ms + lock.lease_ms));
}

bool LockWatch::has_outlived_lease(const std::string& collection, const std::string& record_version,
                                   std::int64_t lease_ms, std::int64_t steady_ms) {
  const std::scoped_lock lock(mutex_);
  const auto [sight, first] = seen_.try_emplace(collection, record_version, steady_ms);
  if (first || sight->second.record_version != record_version) {
    sight->second = {record_version, steady_ms};
    return false;
  }
  return steady_ms - sight->second.since_ms > lease_ms;
}

struct PublishLock::Parts {
  Table& table;
  Clock& clock;
  Random& random;
  CollectionBinding binding;
  ManifestLog log;
  std::string owner;  ///< of this very taking: nobody else ever has the same
  LockSettings settings;
  std::int64_t epoch = 0;
  Manifest fence;

  std::mutex mutex;             ///< guards what is below, between heartbeats and the holder's own calls
  std::int64_t renewed_ms = 0;  ///< by the steady clock, before the write that succeeded
  bool lost = false;
  bool given_back = true;
  std::jthread heartbeat;

  ~Parts() {
    heartbeat = {};
    static_cast<void>(give_back());  // a lock that could not be given back runs out
  }

  [[nodiscard]] bool is_takeable(const LockRow& row, LockWatch* watch);
  [[nodiscard]] Result<void> take_row(LockWatch* watch);
  [[nodiscard]] Result<void> publish_fence();
  [[nodiscard]] Result<std::optional<LockRow>> own_row();
  [[nodiscard]] Result<void> change_own_row(const LockRow& row, Json set, std::vector<std::string> remove);
  [[nodiscard]] bool renew();
  [[nodiscard]] Result<void> still_held();
  [[nodiscard]] Result<void> give_back();
  void beat(const std::stop_token& stop);
};

bool PublishLock::Parts::is_takeable(const LockRow& row, LockWatch* watch) {
  if (is_free(row, clock.now_ms())) return true;
  return watch != nullptr &&
         watch->has_outlived_lease(binding.collection, row.record_version, row.lease_ms, clock.steady_ms());
}

Result<void> PublishLock::Parts::take_row(LockWatch* watch) {
  const auto item = TRY(table.get(lock_key(binding.collection)));
  std::optional<LockRow> before;
  if (item) before = TRY(parse_row(*item));
  if (before && !is_takeable(*before, watch)) {
    return fail(Code::lock_held, "{} is being published by {}, whose lease runs until {}", binding.collection,
                before->owner, iso_time(before->heartbeat_at_ms + before->lease_ms));
  }
  const auto newest = TRY(log.newest());
  if (newest && newest->binding != binding) {
    return fail(Code::invalid_input, "{} is bound to {}, not to {}", binding.collection,
                to_text(to_json(newest->binding)), to_text(to_json(binding)));
  }
  // Above every epoch that was ever seen, also if the table was lost or restored from an old backup.
  epoch = std::max(before ? before->epoch : 0, newest ? newest->epoch : 0) + 1;
  const std::int64_t started_ms = clock.steady_ms();
  const auto taken = table.write(Update{.key = lock_key(binding.collection),
                                        .set = {{"TYPE", "COMPACTION_LOCK"},
                                                {"GSI1PK", fmt::format("LOCK#{}", binding.collection)},
                                                {"GSI1SK", "PUBLISH"},
                                                {"owner", owner},
                                                {"record_version", uuid4(random.bytes())},
                                                {"lease_ms", settings.lease_ms},
                                                {"heartbeat_at", clock.now_ms()},
                                                {"epoch", epoch}},
                                        .condition = unchanged(before)});
  if (!taken && !TRY(own_row())) {  // else only the answer was lost
    if (taken.error().code() != Code::conflict) return taken;
    return fail(Code::lock_held, "{} was taken by another publisher just now", binding.collection);
  }
  renewed_ms = started_ms;
  given_back = false;
  return {};
}

/// The manifest that changes nothing but the epoch: from now on every older holder's publish fails.
Result<void> PublishLock::Parts::publish_fence() {
  for (int tries = 1;; ++tries) {
    const auto newest = TRY(log.newest());
    if (newest && newest->epoch >= epoch) {
      return fail(Code::lost_lease, "{} was taken over in epoch {}, ours is {}", binding.collection, newest->epoch,
                  epoch);
    }
    fence = newest.value_or(Manifest{.binding = binding});
    fence.predecessor = fence.number;
    fence.predecessor_nonce = newest ? newest->nonce : "";
    fence.number = fence.predecessor + 1;
    fence.epoch = epoch;
    fence.nonce = uuid4(random.bytes());
    fence.writer = owner;
    fence.created_ms = clock.now_ms();
    fence.fence = true;
    fence.added.clear();
    const auto published = log.publish(fence);
    if (published) return {};
    // An older holder was first with this number, and will not be with the next one for ever.
    const Code code = published.error().code();
    if ((code != Code::lost_lease && code != Code::conflict) || tries == kFenceTriesMax) return published;
  }
}

/// The row if this holder still has it; nothing if it shows another one or none.
Result<std::optional<LockRow>> PublishLock::Parts::own_row() {
  const auto item = TRY(table.get(lock_key(binding.collection)));
  if (!item) return std::optional<LockRow>{};
  LockRow row = TRY(parse_row(*item));
  if (row.owner != owner) return std::optional<LockRow>{};
  return std::optional(std::move(row));
}

Result<void> PublishLock::Parts::change_own_row(const LockRow& row, Json set, std::vector<std::string> remove) {
  set["record_version"] = uuid4(random.bytes());
  return table.write(Update{.key = lock_key(binding.collection),
                            .set = std::move(set),
                            .remove = std::move(remove),
                            .condition = {equal("owner", owner), equal("record_version", row.record_version)}});
}

/// One heartbeat; false once the lock is lost. It reads before it writes, so that a write whose answer was lost does no
/// harm.
bool PublishLock::Parts::renew() {
  const std::scoped_lock lock(mutex);
  const std::int64_t started_ms = clock.steady_ms();
  const auto row = own_row();
  if (row && !*row) lost = true;
  if (lost) return false;
  if (row && change_own_row(**row, {{"heartbeat_at", clock.now_ms()}}, {})) renewed_ms = started_ms;
  return true;
}

void PublishLock::Parts::beat(const std::stop_token& stop) {
  const std::int64_t interval_ms =
      std::clamp<std::int64_t>(settings.heartbeat_ms, 1, std::max<std::int64_t>(settings.lease_ms / 3, 1));
  while (clock.sleep(interval_ms, stop)) {
    if (!renew()) return;
  }
}

Result<void> PublishLock::Parts::still_held() {
  const std::scoped_lock lock(mutex);
  const auto row = own_row();
  if (row && !*row) lost = true;
  if (lost) {
    return fail(Code::lost_lease, "the right to publish {} was lost: another publisher has taken it over",
                binding.collection);
  }
  if (clock.steady_ms() - renewed_ms > settings.lease_ms) {
    return fail(Code::lost_lease, "the right to publish {} was lost: no heartbeat could be written for a whole lease",
                binding.collection);
  }
  return {};  // also if the table cannot be asked at this moment: the lease still runs
}

Result<void> PublishLock::Parts::give_back() {
  const std::scoped_lock lock(mutex);
  if (given_back) return {};
  given_back = true;
  Result<void> changed;
  for (int tries = 0; tries < kReleaseTriesMax; ++tries) {
    const auto row = own_row();
    if (row && !*row) return {};  // it was given back, or somebody has taken it over
    if (row) {
      changed = change_own_row(**row, Json::object(), {"owner"});
    } else {
      changed = std::unexpected(row.error());
    }
    if (changed) return {};
  }
  return changed;
}

PublishLock::PublishLock(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
PublishLock::PublishLock(PublishLock&&) noexcept = default;
PublishLock& PublishLock::operator=(PublishLock&&) noexcept = default;
PublishLock::~PublishLock() = default;

Result<PublishLock> PublishLock::take(Table& table, ObjectStore& objects, Clock& clock, Random& random,
                                      const CollectionBinding& binding, std::string owner, LockSettings settings,
                                      LockWatch* watch) {
  auto parts = std::unique_ptr<Parts>(
      new Parts{.table = table,
                .clock = clock,
                .random = random,
                .binding = binding,
                .log = ManifestLog(objects, binding.collection, binding.generation),
                .owner = fmt::format("{}/{}/{}", process_identity(), owner, uuid4(random.bytes())),
                .settings = settings});
  TRY(parts->take_row(watch));
  TRY(parts->publish_fence());
  parts->heartbeat = std::jthread([parts = parts.get()](const std::stop_token& stop) { parts->beat(stop); });
  return PublishLock(std::move(parts));
}

std::int64_t PublishLock::epoch() const { return parts_->epoch; }
const std::string& PublishLock::owner() const { return parts_->owner; }
const Manifest& PublishLock::fence() const { return parts_->fence; }
Result<void> PublishLock::still_held() { return parts_->still_held(); }

Result<void> PublishLock::release() {
  parts_->heartbeat = {};
  return parts_->give_back();
}

}  // namespace tillite
