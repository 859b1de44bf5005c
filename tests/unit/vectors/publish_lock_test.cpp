#include "vectors/versions/publish_lock.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/process_identity.h"
#include "manifest_fixture.h"

namespace tillite {
namespace {

constexpr LockSettings kSettings{.lease_ms = 300'000, .heartbeat_ms = 60'000};
constexpr std::int64_t kTakeOverMs = kSettings.lease_ms + 60'000;

/// The same table, seen by one host: its connection can be cut.
class Connection final : public Table {
 public:
  explicit Connection(Table& table) : table_(table) {}
  std::atomic<bool> cut = false;

  Result<std::optional<Item>> get(const ItemKey& key) override { return cut ? failed() : table_.get(key); }
  Result<std::vector<std::optional<Item>>> get_each(std::span<const ItemKey> keys) override {
    return cut ? failed() : table_.get_each(keys);
  }
  Result<void> write(const Write& write) override { return cut ? failed() : table_.write(write); }
  Result<void> transact(const std::vector<Write>& writes) override { return table_.transact(writes); }
  Result<std::vector<bool>> write_each(const std::vector<Write>& writes) override { return table_.write_each(writes); }
  Result<Page> query(const Query& query) override { return table_.query(query); }
  Result<std::uint64_t> count(const Query& query) override { return table_.count(query); }

 private:
  static std::unexpected<Error> failed() { return fail(Code::unavailable, "the connection is cut"); }
  Table& table_;
};

class PublishLockTest : public ManifestFixture {
 protected:
  MemoryTable table;

  [[nodiscard]] Result<PublishLock> try_take(Table& through, const std::string& owner = "somebody",
                                             LockWatch* watch = nullptr) {
    return PublishLock::take(through, objects, clock, random, binding, owner, kSettings, watch);
  }
  [[nodiscard]] PublishLock take(const std::string& owner = "somebody") { return value(try_take(table, owner)); }

  [[nodiscard]] Item row() {
    return value(table.get({fmt::format("LOCK#{}#publish", binding.collection), "LOCK"})).value_or(Item());
  }
  void change_row(const Json& set) {
    value(table.write(Update{.key = {fmt::format("LOCK#{}#publish", binding.collection), "LOCK"}, .set = set}));
  }
  /// The holder's successor of its fence.
  [[nodiscard]] Manifest next_of(const PublishLock& lock, std::vector<DeltaId> added = {}) {
    return successor(lock.fence(), lock.epoch(), std::move(added));
  }
  template <typename Condition>
  static void wait_until(Condition condition) {
    for (int tries = 0; tries < 5'000 && !condition(); ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_TRUE(condition());
  }
  /// Lets so much time pass and waits for the heartbeats that it brings.
  void pass_with_heartbeat(std::int64_t duration_ms) {
    clock.wait_for_sleeper();
    const Item before = row();
    clock.advance(duration_ms);
    wait_until([&] { return row() != before; });
  }
};

TEST_F(PublishLockTest, WritesTheRowOfTheDataModel) {
  const auto lock = take("worker");
  const Item stored = row();
  EXPECT_EQ(stored.at("PK"), "LOCK#receipt_lines#publish");
  EXPECT_EQ(stored.at("SK"), "LOCK");
  EXPECT_EQ(stored.at("TYPE"), "COMPACTION_LOCK");
  EXPECT_EQ(stored.at("GSI1PK"), "LOCK#receipt_lines");
  EXPECT_EQ(stored.at("GSI1SK"), "PUBLISH");
  EXPECT_EQ(stored.at("owner"), lock.owner());
  EXPECT_NE(lock.owner().find("/worker/"), std::string::npos);
  EXPECT_TRUE(is_uuid(stored.at("record_version").get<std::string>()));
  EXPECT_EQ(stored.at("lease_ms"), kSettings.lease_ms);
  EXPECT_EQ(stored.at("heartbeat_at"), clock.now_ms());
  EXPECT_EQ(stored.at("epoch"), 1);
  EXPECT_FALSE(stored.contains("time_to_live")) << "the row is never deleted";
}

TEST_F(PublishLockTest, FencesWithAManifestThatChangesNothingButTheEpoch) {
  value(take().release());
  const Manifest version = publish_next(1, {delta_id(1)});
  auto lock = take("worker");
  Json fence = to_json(*value(log.newest()));
  EXPECT_EQ(fence, to_json(lock.fence()));
  EXPECT_EQ(lock.epoch(), 2);
  EXPECT_EQ(lock.fence().epoch, 2);
  EXPECT_EQ(lock.fence().number, version.number + 1);
  EXPECT_TRUE(lock.fence().fence);
  EXPECT_TRUE(lock.fence().added.empty());
  EXPECT_EQ(lock.fence().shards, version.shards);
  EXPECT_EQ(lock.fence().consumed, version.consumed);
  EXPECT_EQ(lock.fence().checksum, version.checksum);
  EXPECT_EQ(lock.fence().vectors, version.vectors);
}

TEST_F(PublishLockTest, FencesACollectionThatHasNoVersionYet) {
  const auto lock = take();
  EXPECT_EQ(lock.fence().number, 1);
  EXPECT_FALSE(lock.fence().has_snapshot());
}

TEST_F(PublishLockTest, LetsItsHolderPublish) {
  auto lock = take();
  value(lock.still_held());
  value(log.publish(next_of(lock)));
  EXPECT_EQ(value(log.newest())->number, 2);
}

TEST_F(PublishLockTest, IsHeldByOneAtATime) {
  const auto lock = take("the first");
  const auto before = objects.contents();
  const auto second = try_take(table);
  expect_error(second, Code::lock_held);
  EXPECT_NE(second.error().message().find("the first"), std::string::npos) << second.error().message();
  EXPECT_NE(second.error().message().find("2023-11-14T22:18:20.000Z"), std::string::npos) << second.error().message();
  EXPECT_EQ(objects.contents(), before) << "whoever does not have the lock publishes nothing";
}

TEST_F(PublishLockTest, IsFreeAfterItsReleaseAndRaisesTheEpochEachTime) {
  for (std::int64_t epoch = 1; epoch <= 3; ++epoch) {
    auto lock = take();
    EXPECT_EQ(lock.epoch(), epoch);
    value(lock.release());
    EXPECT_FALSE(row().contains("owner"));
    EXPECT_EQ(row().at("epoch"), epoch) << "the row stays";
  }
}

TEST_F(PublishLockTest, IsReleasedAtTheEndOfItsLife) {
  {
    const auto lock = take();
  }
  EXPECT_FALSE(row().contains("owner"));
}

TEST_F(PublishLockTest, IsTakenByOneOfManyAtOnce) {
  std::atomic<int> held = 0;
  std::mutex mutex;
  std::vector<PublishLock> winners;
  {
    std::vector<std::jthread> takers;
    for (int taker = 0; taker < 6; ++taker) {
      takers.emplace_back([&] {
        auto lock = try_take(table);
        const std::scoped_lock guard(mutex);
        if (lock) winners.push_back(*std::move(lock));
        if (!lock && lock.error().code() == Code::lock_held) ++held;
      });
    }
  }
  EXPECT_EQ(winners.size(), 1U);
  EXPECT_EQ(held, 5);
}

// ---- the lease

TEST_F(PublishLockTest, RenewsTheLeaseByItself) {
  auto lock = take();
  const Item before = row();
  for (int beat = 0; beat < 20; ++beat) pass_with_heartbeat(kSettings.heartbeat_ms);
  EXPECT_EQ(row().at("heartbeat_at"), clock.now_ms());
  EXPECT_NE(row().at("record_version"), before.at("record_version"));
  EXPECT_EQ(row().at("epoch"), 1);
  expect_error(try_take(table), Code::lock_held);
  value(lock.still_held());
}

TEST_F(PublishLockTest, BeatsAtLeastThreeTimesALease) {
  auto lock = value(PublishLock::take(table, objects, clock, random, binding, "x",
                                      {.lease_ms = 300'000, .heartbeat_ms = 10'000'000}));
  pass_with_heartbeat(100'000);
  EXPECT_EQ(row().at("heartbeat_at"), clock.now_ms());
}

TEST_F(PublishLockTest, OutlivesHeartbeatsWhoseAnswersWereLost) {
  auto lock = take();
  table.faults = [](std::string_view method, const std::string&) {
    return method == "write" ? Fault::answer_lost : Fault::none;
  };
  for (int beat = 0; beat < 3; ++beat) pass_with_heartbeat(kSettings.heartbeat_ms);
  table.faults = kNoFaults;
  pass_with_heartbeat(kSettings.heartbeat_ms);
  value(lock.still_held());
  value(lock.release());
  EXPECT_FALSE(row().contains("owner"));
}

TEST_F(PublishLockTest, IsLostWhenNoHeartbeatCouldBeWrittenForAWholeLease) {
  Connection connection(table);
  auto lock = value(try_take(connection));
  clock.wait_for_sleeper();
  connection.cut = true;
  clock.advance(kSettings.lease_ms);
  EXPECT_TRUE(lock.still_held()) << "the lease runs: nobody could have taken it";
  clock.advance(1);
  expect_error(lock.still_held(), Code::lost_lease);
}

TEST_F(PublishLockTest, IsTakenOverOnceTheLeaseAndAMinuteHavePassed) {
  Connection connection(table);
  auto sleeper = value(try_take(connection, "sleeper"));
  connection.cut = true;
  clock.advance(kTakeOverMs);
  expect_error(try_take(table), Code::lock_held);
  clock.advance(1);
  auto lock = take("next");
  EXPECT_EQ(lock.epoch(), 2);
  EXPECT_EQ(row().at("owner"), lock.owner());
}

TEST_F(PublishLockTest, IsTakenOverByWhoeverSawTheSameRowForAWholeLeaseWhateverTheWallClocksSay) {
  Connection connection(table);
  auto sleeper = value(try_take(connection, "sleeper"));
  connection.cut = true;
  LockWatch watch;
  expect_error(try_take(table, "next", &watch), Code::lock_held);
  clock.advance(kSettings.lease_ms);
  clock.jump(-kSettings.lease_ms);  // by its wall clock no time has passed at all
  expect_error(try_take(table, "next", &watch), Code::lock_held);
  clock.advance(1);
  auto lock = value(try_take(table, "next", &watch));
  EXPECT_EQ(lock.epoch(), 2);
  connection.cut = false;
  expect_error(sleeper.still_held(), Code::lost_lease);
}

TEST_F(PublishLockTest, IsNotTakenOverByWatchingAHolderThatLives) {
  auto lock = take();
  LockWatch watch;
  for (int beat = 0; beat < 12; ++beat) {
    expect_error(try_take(table, "next", &watch), Code::lock_held);
    pass_with_heartbeat(kSettings.heartbeat_ms);
  }
  value(lock.still_held());
}

TEST_F(PublishLockTest, IsWatchedAnewAfterEachHeartbeat) {
  const Json held = {{"owner", "elsewhere/boot/1/1/x/n"}, {"lease_ms", kSettings.lease_ms}, {"epoch", 3}};
  const auto beat = [&](const std::string& record_version) {
    change_row(held);
    change_row({{"record_version", record_version}, {"heartbeat_at", clock.now_ms()}});
  };
  LockWatch watch;
  beat("1");
  expect_error(try_take(table, "next", &watch), Code::lock_held);
  clock.advance(kSettings.lease_ms);
  beat("2");
  clock.advance(1);
  expect_error(try_take(table, "next", &watch), Code::lock_held);
  clock.advance(kSettings.lease_ms);
  expect_error(try_take(table, "next", &watch), Code::lock_held);
  clock.advance(1);
  EXPECT_EQ(value(try_take(table, "next", &watch)).epoch(), 4);
}

TEST_F(PublishLockTest, OfOneCollectionIsNotWatchedForAnother) {
  LockWatch watch;
  EXPECT_FALSE(watch.has_outlived_lease("receipt_lines", "1", 100, 0));
  EXPECT_FALSE(watch.has_outlived_lease("receipt_words", "1", 100, 101));
  EXPECT_TRUE(watch.has_outlived_lease("receipt_lines", "1", 100, 101));
}

TEST_F(PublishLockTest, StopsASleeperWhoseLockWasTakenOver) {
  Connection connection(table);
  auto sleeper = value(try_take(connection, "sleeper"));
  const Manifest late = next_of(sleeper, {delta_id(1)});
  connection.cut = true;
  clock.advance(kTakeOverMs + 1);
  auto lock = take("next");
  const Item held = row();
  connection.cut = false;

  expect_error(sleeper.still_held(), Code::lost_lease);
  const auto before = objects.contents();
  expect_error(log.publish(late), Code::lost_lease);
  EXPECT_EQ(objects.contents(), before);
  value(sleeper.release());
  EXPECT_EQ(row(), held) << "neither its heartbeat nor its release touches the next holder's row";

  value(log.publish(next_of(lock, {delta_id(2)})));
  EXPECT_FALSE(value(log.newest())->has_consumed(delta_id(1)));
}

TEST_F(PublishLockTest, NeverOverwritesTheNextHoldersRowWithAHeartbeat) {
  auto sleeper = take("sleeper");
  clock.wait_for_sleeper();
  change_row({{"owner", "another"}, {"record_version", "1"}, {"epoch", 2}});
  const Item held = row();
  clock.advance(kSettings.heartbeat_ms);
  wait_until([&] { return !sleeper.still_held(); });
  EXPECT_EQ(row(), held);
}

TEST_F(PublishLockTest, StopsASleeperOfTheSameProcess) {
  auto sleeper = take("the same");
  change_row({{"heartbeat_at", 1}});  // its clock lied
  auto lock = take("the same");
  expect_error(sleeper.still_held(), Code::lost_lease);
  value(sleeper.release());
  EXPECT_EQ(row().at("owner"), lock.owner());
  value(lock.still_held());
}

TEST_F(PublishLockTest, IsTakenOverFromAHolderWhoseClockWasFarAhead) {
  change_row(
      {{"owner", "elsewhere/boot/1/1/x/n"}, {"record_version", "1"}, {"lease_ms", kSettings.lease_ms}, {"epoch", 3}});
  change_row({{"heartbeat_at", clock.now_ms() + kTakeOverMs}});
  expect_error(try_take(table), Code::lock_held);
  change_row({{"heartbeat_at", clock.now_ms() + 365LL * 24 * 3'600'000}});
  EXPECT_EQ(take().epoch(), 4);
}

TEST_F(PublishLockTest, IsTakenOverAtOnceFromAProcessThatIsGone) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string identity = process_identity();
    const bool written = ::write(pipe[1], identity.data(), identity.size()) == static_cast<ssize_t>(identity.size());
    ::_exit(written ? 0 : 1);
  }
  std::string identity(1'000, '\0');
  identity.resize(static_cast<std::size_t>(::read(pipe[0], identity.data(), identity.size())));
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ::close(pipe[0]);
  ::close(pipe[1]);

  const Json alive = {{"owner", process_identity() + "/x/n"},
                      {"record_version", "1"},
                      {"lease_ms", kSettings.lease_ms},
                      {"heartbeat_at", clock.now_ms()},
                      {"epoch", 5}};
  change_row(alive);
  expect_error(try_take(table), Code::lock_held);
  change_row({{"owner", identity + "/x/n"}});
  EXPECT_EQ(take().epoch(), 6);
}

// ---- the epoch and the fence

TEST_F(PublishLockTest, GoesAboveEveryEpochThatWasEverPublished) {
  publish_next(7);  // the table was lost or restored since
  EXPECT_EQ(take().epoch(), 8);
}

TEST_F(PublishLockTest, FencesBehindAnOlderHolderThatPublishesAtTheSameTime) {
  Connection connection(table);
  auto older = value(try_take(connection, "older"));
  connection.cut = true;
  clock.advance(kTakeOverMs + 1);
  const Manifest last = next_of(older, {delta_id(1)});
  objects.faults = [&, done = false](std::string_view method, const std::string& key) mutable {
    if (!done && method == "create" && key.ends_with("2.json")) {
      done = true;
      objects.set(ObjectKey(key), to_text(to_json(last)));  // it wins the number that the fence wanted
    }
    return Fault::none;
  };
  auto lock = take("next");
  EXPECT_EQ(lock.fence().number, 3);
  EXPECT_TRUE(lock.fence().has_consumed(delta_id(1))) << "what the older holder published counts";
  expect_error(log.publish(successor(last, older.epoch())), Code::lost_lease);
}

TEST_F(PublishLockTest, StopsWhenItIsOvertakenBeforeItsFence) {
  objects.faults = [&, done = false](std::string_view method, const std::string& key) mutable {
    if (!done && method == "create") {
      done = true;
      objects.set(ObjectKey(key), to_text(to_json(successor(std::nullopt, 9))));
    }
    return Fault::none;
  };
  expect_error(try_take(table), Code::lost_lease);
}

TEST_F(PublishLockTest, TakesItsOwnWritesForASuccessWhenTheAnswersWereLost) {
  table.faults = [](std::string_view method, const std::string&) {
    return method == "write" ? Fault::answer_lost : Fault::none;
  };
  objects.faults = [](std::string_view method, const std::string&) {
    return method == "create" ? Fault::answer_lost : Fault::none;
  };
  auto lock = take();
  EXPECT_EQ(lock.fence().number, 1);
  value(lock.release());
  EXPECT_FALSE(row().contains("owner"));
}

TEST_F(PublishLockTest, IsGivenBackIfTheFenceCannotBePublished) {
  objects.faults = [](std::string_view method, const std::string&) {
    return method == "create" ? Fault::refused : Fault::none;
  };
  expect_error(try_take(table), Code::unavailable);
  EXPECT_FALSE(row().contains("owner"));
  objects.faults = kNoFaults;
  EXPECT_EQ(take().epoch(), 2);
}

TEST_F(PublishLockTest, IsNotTakenIfTheNewestVersionCannotBeRead) {
  publish_next();
  objects.set(manifest_key(binding.collection, 1, 1), "garbage");
  expect_error(try_take(table), Code::corrupt);
  EXPECT_EQ(row(), Item());
}

TEST_F(PublishLockTest, RefusesACollectionThatIsBoundToSomethingElse) {
  publish_next();
  binding.model = "another";
  expect_error(try_take(table), Code::invalid_input);
  EXPECT_EQ(row(), Item());
}

}  // namespace
}  // namespace tillite
