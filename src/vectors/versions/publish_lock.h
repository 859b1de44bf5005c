#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "ports/clock.h"
#include "ports/table.h"
#include "vectors/versions/manifest.h"

namespace tillite {

struct LockSettings {
  std::int64_t lease_ms = 5 * 60'000;
  std::int64_t heartbeat_ms = 60'000;  ///< at most a third of the lease
};

/// What a taker that tries again and again has seen of the locks that it waits for. A holder that lives gives its row a
/// new record_version with every heartbeat; the same one, a whole lease apart by the taker's own steady clock, shows
/// that it does not, whatever the wall clocks say. Two looks are enough, nothing need watch in between. Threads: any.
class LockWatch {
 public:
  /// Notes what the row of a collection shows at `steady_ms`. Whether it has shown the same for longer than `lease_ms`.
  [[nodiscard]] bool has_outlived_lease(const std::string& collection, const std::string& record_version,
                                        std::int64_t lease_ms, std::int64_t steady_ms);

 private:
  struct Sight {
    std::string record_version;
    std::int64_t since_ms = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Sight> seen_;  ///< by collection
};

/// `lock_held` while a live holder has a collection's publish lock, as far as its row tells.
[[nodiscard]] Result<void> check_nobody_publishes(Table& table, std::string_view collection, Clock& clock);

/// The right to publish a collection: the row COMPACTION_LOCK of the table (design: lock row). It saves work; safety is
/// the fence: whoever takes it first publishes a manifest of the new epoch, so that every older holder's publish fails.
///
/// A thread of its own renews the lease while the object lives; its end gives the lock back. Threads: any.
class PublishLock {
 public:
  /// Takes the lock and publishes the fence. `lock_held` if another holder's lease runs (says whose and until when).
  /// A holder is taken over
  /// - when `watch`, kept by the caller between its tries, has seen no heartbeat of it for longer than its lease;
  /// - when heartbeat_at lies more than lease_ms + 60 s in the past, which a single try can tell too (or in the future:
  ///   a clock that was wrong must not lock everybody out);
  /// - at once when its process is gone for certain (is_gone: same machine, same boot).
  /// `invalid_input` if the collection is bound to something else. The row's `owner` is "{process}/{owner}/{nonce}".
  [[nodiscard]] static Result<PublishLock> take(Table& table, ObjectStore& objects, Clock& clock, Random& random,
                                                const CollectionBinding& binding, std::string owner,
                                                LockSettings settings, LockWatch* watch = nullptr);
  PublishLock(PublishLock&&) noexcept;
  PublishLock& operator=(PublishLock&&) noexcept;
  ~PublishLock();

  [[nodiscard]] std::int64_t epoch() const;
  [[nodiscard]] const std::string& owner() const;
  /// The manifest that the fence published: the newest version, whose successor the holder may publish.
  [[nodiscard]] const Manifest& fence() const;
  /// `lost_lease` as soon as the row shows another holder or a heartbeat could not be written for a whole lease.
  [[nodiscard]] Result<void> still_held();
  /// Gives it back now. Ends the heartbeat in any case.
  [[nodiscard]] Result<void> release();

 private:
  struct Parts;
  explicit PublishLock(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
