#include "vectors/versions/garbage.h"

#include <set>

#include "manifest_fixture.h"

namespace tillite {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr RetentionSettings kRetention{
    .snapshot_ms = 24 * kHourMs, .intermediate_ms = 12 * kHourMs, .upload_ms = 6 * kHourMs};

class GarbageTest : public ManifestFixture {
 protected:
  MemoryTable table;

  [[nodiscard]] Result<GarbageReport> try_collect(bool dry_run = false) {
    return collect_garbage(table, objects, clock, random, binding, kRetention, {}, dry_run);
  }
  GarbageReport collect(bool dry_run = false) { return value(try_collect(dry_run)); }

  void deliver(int number) { objects.set(delta_key(binding.collection, 1, delta_id(number)), "a delta's bytes"); }
  [[nodiscard]] bool has_delta(int number) { return objects.has(delta_key(binding.collection, 1, delta_id(number))); }

  void upload(const std::string& folder) {
    objects.set(ObjectKey(folder + "a.bin"), "a");
    objects.set(ObjectKey(folder + "segment/b.bin"), "b");
  }
  /// Merges these deltas into a version, as final_merge does: lock, fence, upload, manifest.
  Manifest merge(const std::vector<int>& deltas, const std::set<int>& touched = {}) {
    auto lock = value(PublishLock::take(table, objects, clock, random, binding, "merge", {}));
    std::vector<DeltaId> ids;
    for (const int delta : deltas) ids.push_back(delta_id(delta));
    const Manifest next = successor(lock.fence(), lock.epoch(), ids, touched);
    for (const Manifest::Shard& shard : next.shards) upload(shard.folder);
    value(log.publish(next));
    value(lock.release());
    return next;
  }
  [[nodiscard]] bool can_read(const Manifest& version) {
    return std::ranges::all_of(version.shards, [&](const auto& shard) {
      return std::ranges::all_of(shard.files,
                                 [&](const auto& file) { return objects.has(ObjectKey(shard.folder + file.name)); });
    });
  }
  [[nodiscard]] std::set<std::string> snapshot_folders() {
    const std::string parent = snapshots_folder(binding.collection, 1);
    std::set<std::string> folders;
    for (const std::string& key : objects.keys(parent)) folders.insert(key.substr(0, key.find('/', parent.size()) + 1));
    return folders;
  }
  [[nodiscard]] Manifest newest() { return *value(log.newest()); }

  /// What must hold at any moment, also after a crash.
  void expect_sound() {
    const Manifest version = newest();
    EXPECT_TRUE(can_read(version)) << "the newest version can be read";
    const std::int64_t boundary = value(log.boundary());
    for (std::int64_t number = std::max<std::int64_t>(boundary, 1); number <= version.number; ++number) {
      const auto kept = log.read(number);
      ASSERT_TRUE(kept) << "version " << number << " of " << boundary << " to " << version.number;
      EXPECT_TRUE(!kept->has_snapshot() || can_read(*kept)) << "version " << number;
    }
    for (int number = 1; number <= 3; ++number) {
      EXPECT_TRUE(!has_delta(number) || version.has_consumed(delta_id(number)))
          << "delta " << number << " is there and would be merged again";
    }
    EXPECT_FALSE(version.has_consumed(delta_id(4))) << "what was never merged is never consumed";
    EXPECT_TRUE(has_delta(4)) << "and waits";
  }
  /// Three versions, of which only the last is younger than the retention; a delta that waits, and what a crash left.
  void make_history() {
    for (const int number : {1, 2, 3, 4}) deliver(number);
    merge({1});
    clock.advance(kHourMs);
    merge({2});
    upload(snapshot_folder(binding.collection, 1, 4, 2, "of-a-crash"));
    objects.set(ObjectKey("intermediate/run/chunk-0-x"), "a run");
    clock.advance(kHourMs);
    merge({3});
    clock.advance(kRetention.snapshot_ms);
  }
};

TEST_F(GarbageTest, IsNothingInACollectionThatWasNeverPublished) {
  deliver(1);
  const GarbageReport report = collect();
  EXPECT_EQ(report.deltas + report.manifests + report.snapshot_folders + report.intermediates, 0U);
  EXPECT_TRUE(has_delta(1));
  EXPECT_FALSE(value(log.newest())) << "nothing is published for it";
}

TEST_F(GarbageTest, IsNothingWithinTheRetention) {
  for (const int number : {1, 2}) deliver(number);
  const Manifest first = merge({1});
  const Manifest second = merge({2});
  clock.advance(kRetention.snapshot_ms - 1);
  const GarbageReport report = collect();
  EXPECT_EQ(report.deltas + report.snapshot_folders, 0U);
  EXPECT_TRUE(can_read(first));
  EXPECT_TRUE(can_read(second));
  EXPECT_TRUE(has_delta(1)) << "a reader of a version before it may still want it";
  EXPECT_TRUE(has_manifest(first.number));
}

TEST_F(GarbageTest, CountsAVersionsRetentionFromItsSuccessor) {
  deliver(1);
  const Manifest first = merge({1});
  clock.advance(10 * kRetention.snapshot_ms);
  const Manifest second = merge({});
  clock.advance(kRetention.snapshot_ms - 1);
  collect();
  EXPECT_TRUE(can_read(first)) << "it was the newest until a moment ago";
  clock.advance(1);
  const GarbageReport report = collect();
  EXPECT_EQ(report.snapshot_folders, 1U);
  EXPECT_FALSE(can_read(first));
  EXPECT_TRUE(can_read(second));
}

TEST_F(GarbageTest, RemovesWhatNobodyNeeds) {
  make_history();
  const Manifest last = newest();
  const GarbageReport report = collect();
  EXPECT_EQ(report.deltas, 3U);
  EXPECT_EQ(report.manifests, 5U) << "all before the newest version; its fence is what was before it";
  EXPECT_EQ(report.snapshot_folders, 3U) << "two old versions and an upload that was never published";
  EXPECT_EQ(report.intermediates, 1U);
  EXPECT_EQ(report.bytes, 3 * 15U + 3 * 2U + 5U);
  for (const int number : {1, 2, 3}) EXPECT_FALSE(has_delta(number));
  EXPECT_TRUE(has_delta(4));
  EXPECT_EQ(snapshot_folders(), std::set{last.shards.front().folder});
  EXPECT_TRUE(newest().consumed.empty()) << "the ids of removed deltas have left the set";
  EXPECT_EQ(newest().shards, last.shards);
  EXPECT_EQ(newest().checksum, last.checksum);
  EXPECT_EQ(value(log.boundary()), last.number);
  expect_sound();
}

TEST_F(GarbageTest, KeepsTheNewestVersionHoweverOldItIs) {
  deliver(1);
  const Manifest only = merge({1});
  clock.advance(1'000 * kRetention.snapshot_ms);
  collect();
  clock.advance(1'000 * kRetention.snapshot_ms);
  collect();
  EXPECT_TRUE(can_read(only));
  EXPECT_EQ(newest().shards, only.shards);
}

TEST_F(GarbageTest, RemovesNothingMoreTheSecondTime) {
  make_history();
  collect();
  const auto before = objects.keys(snapshots_folder(binding.collection, 1));
  const GarbageReport report = collect();
  EXPECT_EQ(report.deltas + report.snapshot_folders + report.intermediates + report.manifests, 0U);
  EXPECT_EQ(report.bytes, 0U);
  EXPECT_EQ(objects.keys(snapshots_folder(binding.collection, 1)), before);
  expect_sound();
}

TEST_F(GarbageTest, OnlyCountsInADryRun) {
  make_history();
  const auto before = objects.contents();
  const GarbageReport dry = collect(true);
  EXPECT_EQ(objects.contents(), before);
  const GarbageReport real = collect();
  EXPECT_EQ(dry.deltas, real.deltas);
  EXPECT_EQ(dry.manifests, real.manifests);
  EXPECT_EQ(dry.snapshot_folders, real.snapshot_folders);
  EXPECT_EQ(dry.intermediates, real.intermediates);
  EXPECT_EQ(dry.bytes, real.bytes);
}

TEST_F(GarbageTest, WaitsForTheLock) {
  make_history();
  const auto lock = value(PublishLock::take(table, objects, clock, random, binding, "merge", {}));
  const auto before = objects.contents();
  expect_error(try_collect(), Code::lock_held);
  EXPECT_EQ(objects.contents(), before);
}

TEST_F(GarbageTest, LeavesTheConsumedSetOnlyAfterTheObjectIsGone) {
  make_history();
  objects.faults = [&](std::string_view method, const std::string& key) {
    if (method == "create" && key.starts_with(manifest_folder(binding.collection, 1)) && has_manifest(7)) {
      for (const int number : {1, 2, 3}) EXPECT_FALSE(has_delta(number));
    }
    return Fault::none;
  };
  collect();
  objects.faults = kNoFaults;
  EXPECT_TRUE(newest().consumed.empty());
}

TEST_F(GarbageTest, RaisesTheBoundaryBeforeItRemovesManifestsAndThemBeforeTheirFiles) {
  make_history();
  bool manifests_gone = false;
  objects.faults = [&](std::string_view method, const std::string& key) {
    if (method != "remove") return Fault::none;
    if (const auto number = manifest_number_of(ObjectKey(key))) {
      EXPECT_GT(value(log.boundary()), *number);
      manifests_gone = true;
    }
    EXPECT_TRUE(manifests_gone || !key.starts_with(snapshots_folder(binding.collection, 1)));
    return Fault::none;
  };
  collect();
  EXPECT_TRUE(manifests_gone);
}

TEST_F(GarbageTest, KeepsADeltaThatABatchStillWaitsFor) {
  make_history();
  value(table.write(Put{.item = {{"PK", "BATCH#b"},
                                 {"SK", "STATUS"},
                                 {"TYPE", "BATCH_SUMMARY"},
                                 {"GSI1PK", "STATUS#FINALIZING"},
                                 {"GSI1SK", "BATCH_TYPE#LINE_EMBEDDING#BATCH_ID#b"},
                                 {"delta_id", delta_id(1).str()}}}));
  EXPECT_EQ(collect().deltas, 2U);
  EXPECT_TRUE(has_delta(1));
  EXPECT_EQ(newest().consumed, std::vector{delta_id(1)}) << "its items become SUCCESS because it is in the set";
  expect_sound();

  value(table.write(Update{.key = {"BATCH#b", "STATUS"}, .set = {{"GSI1PK", "STATUS#COMPLETED"}}}));
  EXPECT_EQ(collect().deltas, 1U);
  EXPECT_TRUE(newest().consumed.empty());
}

TEST_F(GarbageTest, LeavesUploadsThatMayStillBePublished) {
  make_history();
  const std::int64_t epoch = newest().epoch;
  const std::string next_epoch = snapshot_folder(binding.collection, 1, 99, epoch + 1, "in-progress");
  const std::string foreign = snapshots_folder(binding.collection, 1) + "not-ours/";
  upload(next_epoch);
  upload(foreign);
  clock.advance(kRetention.upload_ms);
  const std::string young = snapshot_folder(binding.collection, 1, 99, epoch, "young");
  upload(young);
  collect();
  EXPECT_TRUE(snapshot_folders().contains(next_epoch)) << "the epoch that gc itself took";
  EXPECT_TRUE(snapshot_folders().contains(foreign));
  EXPECT_TRUE(snapshot_folders().contains(young));
  clock.advance(kRetention.upload_ms);
  collect();
  EXPECT_FALSE(snapshot_folders().contains(young)) << "fenced, and old enough";
  EXPECT_FALSE(snapshot_folders().contains(next_epoch)) << "fenced by now";
  EXPECT_TRUE(snapshot_folders().contains(foreign));
}

TEST_F(GarbageTest, RemovesOldIntermediatesOnly) {
  objects.set(ObjectKey("intermediate/run-1/chunk-0-x"), "old");
  clock.advance(kRetention.intermediate_ms);
  objects.set(ObjectKey("intermediate/run-2/chunk-0-x"), "young");
  EXPECT_EQ(collect().intermediates, 1U);
  EXPECT_EQ(objects.keys("intermediate/"), std::vector<std::string>{"intermediate/run-2/chunk-0-x"});
}

TEST_F(GarbageTest, RemovesAManifestThatALateWriterReCreated) {
  make_history();
  const std::string first = objects.contents().at(manifest_key(binding.collection, 1, 1).str());
  collect();
  objects.set(manifest_key(binding.collection, 1, 1), first);
  point_at(R"({"number":1})");
  expect_sound();
  const std::int64_t boundary = value(log.boundary());
  EXPECT_EQ(collect().manifests, 1U);
  EXPECT_FALSE(has_manifest(1));
  EXPECT_GE(value(log.boundary()), boundary);
  expect_sound();
}

TEST_F(GarbageTest, StopsWhenAVersionCannotBeRead) {
  make_history();
  const Manifest first = value(log.read(2));
  objects.set(manifest_key(binding.collection, 1, 2), "garbage");
  expect_error(try_collect(), Code::corrupt);
  EXPECT_TRUE(can_read(first));
  EXPECT_TRUE(has_delta(1));
}

TEST_F(GarbageTest, RemovesOnlyFromTheOldestVersionOnIfClocksJumped) {
  for (const int number : {1, 2, 3}) deliver(number);
  merge({1});
  clock.jump(10 * kRetention.snapshot_ms);  // wrong, and corrected later
  merge({2});
  clock.jump(-10 * kRetention.snapshot_ms);
  merge({3});
  clock.advance(kRetention.snapshot_ms);
  deliver(4);
  collect();
  expect_sound();
}

TEST_F(GarbageTest, LeavesOnlyMoreGarbageAfterACrashAtAnyCall) {
  bool finished = false;
  for (int call = 0; !finished; ++call) {
    SCOPED_TRACE(fmt::format("crash at call {}", call));
    ASSERT_LT(call, 1'000);
    objects.clear();
    table.clear();
    make_history();
    const Manifest last = newest();
    const FaultPlan crash = crash_at(call);
    objects.faults = crash;
    table.faults = crash;
    finished = try_collect().has_value();
    objects.faults = kNoFaults;
    table.faults = kNoFaults;
    expect_sound();

    clock.advance(kRetention.snapshot_ms + kHourMs);  // the lock runs out, too
    collect();
    expect_sound();
    for (const int number : {1, 2, 3}) EXPECT_FALSE(has_delta(number));
    EXPECT_TRUE(newest().consumed.empty());
    EXPECT_EQ(snapshot_folders(), std::set{last.shards.front().folder});
    EXPECT_TRUE(objects.keys("intermediate/").empty());
  }
}

TEST_F(GarbageTest, LeavesOnlyMoreGarbageAfterALostAnswerToAnyCall) {
  bool reached = true;
  for (int call = 0; reached; ++call) {
    SCOPED_TRACE(fmt::format("the answer to call {} is lost", call));
    ASSERT_LT(call, 1'000);
    objects.clear();
    table.clear();
    make_history();
    int calls = 0;
    objects.faults = [&](std::string_view, const std::string&) {
      return calls++ == call ? Fault::answer_lost : Fault::none;
    };
    static_cast<void>(try_collect());
    objects.faults = kNoFaults;
    reached = calls > call;
    expect_sound();

    clock.advance(kRetention.snapshot_ms);
    collect();
    expect_sound();
    EXPECT_TRUE(newest().consumed.empty());
  }
}

// ---- several shards

TEST_F(GarbageTest, KeepsTheShardsOfAnOldVersionThatAKeptOneStillNamesAndRemovesItsOthers) {
  binding.shards = 3;
  const Manifest first = merge({1});
  const Manifest second = merge({2}, {1});
  const Manifest third = merge({3}, {1});
  EXPECT_EQ(third.shards[0].folder, first.shards[0].folder);
  clock.advance(10 * kRetention.snapshot_ms);
  collect();
  const Manifest kept = merge({4}, {2});
  clock.advance(10 * kRetention.snapshot_ms);
  const GarbageReport report = collect();
  EXPECT_EQ(report.snapshot_folders, 1U) << "the third version's shard 2, which is the first one's";

  EXPECT_TRUE(can_read(newest()));
  EXPECT_EQ(newest().shards, kept.shards);
  std::set<std::string> folders;
  for (const std::string& key : objects.keys(snapshots_folder(binding.collection, 1))) {
    folders.insert(key.substr(0, key.find('/', key.find("shard-")) + 1));
  }
  EXPECT_EQ(folders, (std::set{first.shards[0].folder, third.shards[1].folder, kept.shards[2].folder}));
  EXPECT_FALSE(folders.contains(second.shards[1].folder));
}

TEST_F(GarbageTest, RemovesTheShardsOfAnUploadThatNobodyPublished) {
  binding.shards = 2;
  merge({1});
  const std::string crashed = snapshot_folder(binding.collection, 1, 9, 1, "of-a-crash");
  upload(shard_folder(crashed, 0, 2));
  upload(shard_folder(crashed, 1, 2));
  clock.advance(kRetention.upload_ms);
  merge({2}, {0});
  EXPECT_EQ(collect().snapshot_folders, 2U);
  EXPECT_TRUE(objects.keys(crashed).empty());
  EXPECT_TRUE(can_read(newest()));
}

}  // namespace
}  // namespace tillite
