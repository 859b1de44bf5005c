#include <algorithm>
#include "vectors/publish_lock.h"

#include <atomic>
#include <mutex>
#include <thread>

#include "base/process_identity.h"
#include "base/time.h"
#include "base/uuid.h"

namespace tillite {
namespace {

constexpr int kFenceTriesMax = 20;          // against a holder of an older epoch that publishes at the same time
constexpr std::int64_t kClockSlackMs = 60'000;

ItemKey lock_key(const std::string& collection) { return {fmt::format("LOCK#{}#publish", collection), "LOCK"}; }

struct LockRow {
  std::string owner;
  std::string record_version;
  std::int64_t lease_ms = 0;
  std::int64_t heartbeat_at_ms = 0;
  std::int64_t epoch = 0;
};

Result<LockRow> parse_row(const Item& row) {
  LockRow lock{.owner = TRY(optional_string(row, "owner")).value_or(""),
               .record_version = TRY(optional_string(row, "record_version")).value_or("")};
  lock.lease_ms = TRY(optional_int(row, "lease_ms")).value_or(0);
  lock.heartbeat_at_ms = TRY(optional_int(row, "heartbeat_at")).value_or(0);
  lock.epoch = TRY(optional_int(row, "epoch")).value_or(0);
  return lock;
}

/// Whether a holder may be taken over: nobody holds it, its process is gone, or it gave no sign of life for too long.
bool is_free(const LockRow& lock, std::int64_t now_ms) {
  return lock.owner.empty() || is_gone(lock.owner) || now_ms > lock.heartbeat_at_ms + lock.lease_ms + kClockSlackMs;
}

/// The manifest that changes nothing but the epoch.
Manifest fence_after(const std::optional<Manifest>& newest, const CollectionBinding& binding, std::int64_t epoch,
                     const std::string& owner, std::int64_t now_ms, Random& random) {
  Manifest fence = newest.value_or(Manifest{.binding = binding});
  fence.predecessor = fence.number;
  fence.predecessor_nonce = newest ? newest->nonce : "";
  fence.number += 1;
  fence.epoch = epoch;
  fence.nonce = uuid4(random.bytes());
  fence.writer = owner;
  fence.created_ms = now_ms;
  fence.fence = true;
  fence.added.clear();
  return fence;
}

}  // namespace

struct PublishLock::Parts {
  Table& table;
  Clock& clock;
  Random& random;
  std::string collection;
  std::string owner;
  LockSettings settings;
  std::int64_t epoch = 0;
  Manifest fence;

  std::mutex mutex;             // guards the two below: heartbeats and the holder's own calls
  std::string record_version;
  std::int64_t renewed_ms = 0;  // by the steady clock
  std::atomic<bool> lost = false;
  std::jthread heartbeat;

  ~Parts() {
    heartbeat = {};
    static_cast<void>(give_back());  // a lock that could not be given back runs out
  }

  /// Conditional on being the holder still.
  Result<void> update(Json set, std::vector<std::string> remove) {
    return table.write(Update{.key = lock_key(collection),
                              .set = std::move(set),
                              .remove = std::move(remove),
                              .condition = {equal("owner", owner), equal("record_version", record_version)}});
  }

  void beat(const std::stop_token& stop) {
    while (clock.sleep(settings.heartbeat_ms, stop)) {
      const std::scoped_lock lock(mutex);
      const std::string next = uuid4(random.bytes());
      const auto renewed = update({{"record_version", next}, {"heartbeat_at", clock.now_ms()}}, {});
      if (renewed) {
        record_version = next;
        renewed_ms = clock.steady_ms();
      } else if (renewed.error().code() == Code::conflict) {
        lost = true;
        return;
      }
    }
  }

  Result<void> give_back() {
    const std::scoped_lock lock(mutex);
    if (record_version.empty()) return {};
    const auto given = update({}, {"owner"});
    record_version.clear();
    if (!given && given.error().code() == Code::conflict) return {};  // somebody has taken it over
    return given;
  }
};

PublishLock::PublishLock(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
PublishLock::PublishLock(PublishLock&&) noexcept = default;
PublishLock& PublishLock::operator=(PublishLock&&) noexcept = default;
PublishLock::~PublishLock() = default;

Result<PublishLock> PublishLock::take(Table& table, ObjectStore& objects, Clock& clock, Random& random,
                                      const CollectionBinding& binding, std::string owner, LockSettings settings) {
  ManifestLog log(objects, binding.collection, binding.generation);
  const ItemKey key = lock_key(binding.collection);
  const auto row = TRY(table.get(key));
  const LockRow before = row ? TRY(parse_row(*row)) : LockRow{};
  if (!is_free(before, clock.now_ms())) {
    return fail(Code::lock_held, "{} is being published by {}, whose lease runs until {}", binding.collection, before.owner,
                iso_time(before.heartbeat_at_ms + before.lease_ms));
  }
  auto newest = TRY(log.newest());
  auto parts = std::unique_ptr<Parts>(new Parts{.table = table,
                                                .clock = clock,
                                                .random = random,
                                                .collection = binding.collection,
                                                .owner = fmt::format("{}/{}/{}", process_identity(), owner, uuid4(random.bytes())),
                                                .settings = settings});
  // Above every epoch that was ever seen, also if the table was restored from an old backup.
  parts->epoch = std::max(before.epoch, newest ? newest->epoch : 0) + 1;
  const std::string version = uuid4(random.bytes());
  Condition unchanged = {row ? present("PK") : absent("PK")};
  if (!before.record_version.empty()) unchanged.push_back(equal("record_version", before.record_version));
  if (row) unchanged.push_back(before.owner.empty() ? absent("owner") : equal("owner", before.owner));
  const auto taken = table.write(Update{.key = key,
                                        .set = {{"TYPE", "COMPACTION_LOCK"},
                                                {"GSI1PK", fmt::format("LOCK#{}", binding.collection)},
                                                {"GSI1SK", "PUBLISH"},
                                                {"owner", parts->owner},
                                                {"record_version", version},
                                                {"lease_ms", settings.lease_ms},
                                                {"heartbeat_at", clock.now_ms()},
                                                {"epoch", parts->epoch}},
                                        .condition = std::move(unchanged)});
  if (!taken && taken.error().code() == Code::conflict) {
    return fail(Code::lock_held, "{} was taken by another publisher just now", binding.collection);
  }
  if (!taken) return std::unexpected(taken.error());
  parts->record_version = version;
  parts->renewed_ms = clock.steady_ms();

  for (int tries = 0;; ++tries) {
    parts->fence = fence_after(newest, binding, parts->epoch, parts->owner, clock.now_ms(), random);
    const auto published = log.publish(parts->fence);
    if (published) break;
    const Code code = published.error().code();
    if ((code != Code::lost_lease && code != Code::conflict) || tries == kFenceTriesMax) return std::unexpected(published.error());
    newest = TRY(log.newest());
    if (newest && newest->epoch >= parts->epoch) {
      return fail(Code::lost_lease, "{} was taken over in epoch {}", binding.collection, newest->epoch);
    }
  }
  parts->heartbeat = std::jthread([parts = parts.get()](const std::stop_token& stop) { parts->beat(stop); });
  return PublishLock(std::move(parts));
}

std::int64_t PublishLock::epoch() const { return parts_->epoch; }
const std::string& PublishLock::owner() const { return parts_->owner; }
const Manifest& PublishLock::fence() const { return parts_->fence; }

Result<void> PublishLock::still_held() {
  const auto row = TRY(parts_->table.get(lock_key(parts_->collection)));
  const bool ours = row && TRY(parse_row(*row)).owner == parts_->owner;
  const std::scoped_lock lock(parts_->mutex);
  const bool silent = parts_->clock.steady_ms() - parts_->renewed_ms > parts_->settings.lease_ms;
  if (ours && !silent && !parts_->lost) return {};
  return fail(Code::lost_lease, "the right to publish {} was lost: {}", parts_->collection,
              ours ? "no heartbeat could be written for a whole lease" : "another publisher has taken it over");
}

Result<void> PublishLock::release() {
  parts_->heartbeat = {};
  return parts_->give_back();
}

}  // namespace tillite
