#include "vectors/merge/snapshot_merge.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/uuid.h"
#include "snapshot_fixture.h"
#include "vectors/files/file_checksum.h"

namespace tillite {
namespace {

class SnapshotMerge : public SnapshotFixture {
 protected:
  [[nodiscard]] std::vector<std::string> ids(const Version& version) const {
    std::vector<std::string> all;
    for (const auto& [id, content] : contents(version)) all.push_back(id);
    return all;
  }
  [[nodiscard]] KnownRecord known(const Version& version, const std::string& id) const {
    return must(must(RecordIndex::open_finished(version.folder / kRecordsFile, binding)).find(RecordId(id)));
  }
};

using Ids = std::vector<std::string>;

TEST_F(SnapshotMerge, WritesEveryRecordOfItsRuns) {
  const auto version = merge({}, {vector_record("a", 1, 1), vector_record("b", 1, 2), vector_record("c", 1, 3)});
  EXPECT_EQ(ids(version), (Ids{"a", "b", "c"}));
  EXPECT_EQ(version.merged.vectors, 3U);
  EXPECT_EQ(version.merged.added, 3U);
  EXPECT_EQ(version.merged.graph.elements, 3U);
}

TEST_F(SnapshotMerge, MergesSeveralRunsAtOnce) {
  std::vector<RunReader> runs;
  runs.push_back(run_of({vector_record("a", 1, 1), vector_record("c", 1, 3)}));
  runs.push_back(run_of({vector_record("a", 2, 9), vector_record("b", 1, 2)}));
  const auto version = must(try_merge({}, std::move(runs)));
  EXPECT_EQ(contents(version),
            contents(merge({}, {vector_record("a", 2, 9), vector_record("b", 1, 2), vector_record("c", 1, 3)})));
}

TEST_F(SnapshotMerge, ReplacesAVectorByANewerOne) {
  const auto first = merge({}, {vector_record("a", 1, 1), vector_record("b", 1, 2)});
  const auto second = merge(first, {vector_record("a", 2, 7)});
  EXPECT_EQ(contents(second), contents(merge({}, {vector_record("a", 2, 7), vector_record("b", 1, 2)})));
  EXPECT_EQ(second.merged.vectors, 2U);
  EXPECT_EQ(second.merged.added, 1U);
  EXPECT_EQ(second.merged.removed, 0U);
}

TEST_F(SnapshotMerge, NeverReplacesAVectorByAnOlderOne) {
  const auto first = merge({}, {vector_record("a", 3, 1)});
  const auto second = merge(first, {vector_record("a", 2, 7)});
  EXPECT_EQ(contents(second), contents(first));
  EXPECT_EQ(second.merged.added, 0U);
  EXPECT_EQ(second.merged.checksum, first.merged.checksum);
}

TEST_F(SnapshotMerge, NeverBringsADeletedItemBack) {
  const auto first = merge({}, {vector_record("a", 1, 1), vector_record("b", 1, 2)});
  const auto second = merge(first, {tombstone("a", 2)});
  EXPECT_EQ(ids(second), Ids{"b"});
  EXPECT_EQ(second.merged.removed, 1U);
  EXPECT_EQ(second.merged.tombstones, 1U);

  const auto third = merge(second, {vector_record("a", 1, 1)});
  EXPECT_EQ(contents(third), contents(second));
  const auto fourth = merge(third, {vector_record("a", 3, 5)});
  EXPECT_EQ(ids(fourth), (Ids{"a", "b"})) << "an item that was read again is a newer one";
  EXPECT_EQ(fourth.merged.tombstones, 0U);
}

TEST_F(SnapshotMerge, KeepsATombstoneOfAnItemThatItNeverSaw) {
  const auto first = merge({}, {tombstone("a", 5)});
  EXPECT_EQ(first.merged.vectors, 0U);
  EXPECT_EQ(first.merged.tombstones, 1U);
  EXPECT_EQ(ids(merge(first, {vector_record("a", 4, 1)})), Ids{});
}

TEST_F(SnapshotMerge, DropsTombstonesOnlyBeforeTheTimeGiven) {
  const auto first = merge({}, {vector_record("a", 1, 1), vector_record("b", 1, 2)});
  const auto second = merge(first, {tombstone("a", 2, 1'000), tombstone("b", 2, 2'000)});
  const auto third = merge(second, {vector_record("c", 1, 3)}, 2'000);
  EXPECT_EQ(third.merged.tombstones, 1U);
  EXPECT_FALSE(known(third, "a").stored);
  EXPECT_TRUE(known(third, "b").stored);
}

TEST_F(SnapshotMerge, RelabelsAVectorWithoutANewOne) {
  const auto first = merge({}, {vector_record("a", 1, 1)});
  const auto second = merge(first, {metadata_record("a", 1, 2, "Corner Shop")});
  EXPECT_EQ(second.merged.relabelled, 1U);
  EXPECT_EQ(second.merged.added, 0U);
  EXPECT_EQ(known(second, "a").stored->label, known(first, "a").stored->label);
  EXPECT_NE(contents(second).at("a").find(R"({"merchant_name":"Corner Shop"} About Corner Shop)"), std::string::npos);
  EXPECT_NE(second.merged.checksum, first.merged.checksum);
}

TEST_F(SnapshotMerge, IgnoresMetadataThatIsOlderThanWhatIsThere) {
  const auto first = merge({}, {vector_record("a", 2, 1)});
  const auto newer = merge(first, {metadata_record("a", 2, 5, "New Shop")});
  const auto late = merge(newer, {metadata_record("a", 2, 4, "Old Shop"), metadata_record("a", 1, 9, "Older Shop")});
  EXPECT_EQ(contents(late), contents(newer));
  EXPECT_EQ(late.merged.relabelled, 0U);
}

TEST_F(SnapshotMerge, LetsMetadataWaitForItsVector) {
  const auto first = merge({}, {metadata_record("a", 2, 3, "Corner Shop"), vector_record("b", 1, 2)});
  ASSERT_TRUE(known(first, "a").waiting);
  const auto unrelated = merge(first, {vector_record("a", 1, 4)});
  ASSERT_TRUE(known(unrelated, "a").waiting) << "a vector of an older version is not the one";

  const auto second = merge(unrelated, {vector_record("a", 2, 1)});
  EXPECT_FALSE(known(second, "a").waiting);
  EXPECT_NE(contents(second).at("a").find("Corner Shop"), std::string::npos);
  EXPECT_EQ(contents(second), contents(merge({}, {vector_record("b", 1, 2), vector_record("a", 2, 1),
                                                  metadata_record("a", 2, 3, "Corner Shop")})));
}

TEST_F(SnapshotMerge, DropsWaitingMetadataOnceItsItemIsGone) {
  const auto first = merge({}, {metadata_record("a", 2, 3, "Corner Shop")});
  const auto second = merge(first, {tombstone("a", 3)});
  EXPECT_FALSE(known(second, "a").waiting);
}

TEST_F(SnapshotMerge, LeavesOutRecordsOfDeltasThatWereConsumedMeanwhile) {
  auto late = vector_record("a", 2, 7);
  late.delta = DeltaId("delta-consumed");
  SnapshotMergeInput input;
  input.binding = binding;
  input.news = news_of(run_of({late, vector_record("b", 1, 2)}), {DeltaId("delta-consumed")});
  const Path folder = new_path("snapshot");
  EXPECT_EQ(must(merge_into_snapshot(std::move(input), room.path(), folder, {})).vectors, 1U);
}

TEST_F(SnapshotMerge, GoesOnWithTheKeptGraphAndHasTheSameContentsWithout) {
  std::vector<Record> many;
  for (std::uint64_t i = 0; i < 40; ++i) many.push_back(vector_record(fmt::format("id-{:02}", i), 1, i));
  const auto first = merge({}, many);
  const std::vector<Record> changes = {vector_record("new", 1, 77), vector_record("id-03", 2, 78),
                                       tombstone("id-05", 2), metadata_record("id-07", 1, 2, "Corner Shop")};
  const auto continued = merge(first, changes);
  EXPECT_TRUE(continued.merged.graph.continued);
  must(Result<void>(std::filesystem::remove(first.folder / kKeptGraphFile)
                        ? Result<void>()
                        : fail(Code::not_found, "there is no kept graph")));
  const auto read = merge(first, changes);
  EXPECT_FALSE(read.merged.graph.continued);
  EXPECT_EQ(contents(continued), contents(read));
  EXPECT_EQ(continued.merged.checksum, read.merged.checksum);
  EXPECT_TRUE(merge(read, {vector_record("more", 1, 79)}).merged.graph.continued) << "one is kept again";
  for (const char* file : {"header.bin", "length.bin", "index_metadata.pickle"}) {
    const auto hash_in = [&](const Version& version) {
      return must(sha256_of_file(version.folder / uuid5("receipt_lines/vector") / file));
    };
    EXPECT_EQ(hash_in(continued), hash_in(read)) << file;
  }
}

TEST_F(SnapshotMerge, ChecksEveryFileOfItsBaseThatItReads) {
  const auto first = merge({}, {vector_record("a", 1, 1), vector_record("b", 1, 2)});
  for (const auto& file : first.merged.files) {
    const Path path = first.folder / file.name;
    const std::string content = must(read_file(path));
    if (file.name.ends_with("length.bin")) continue;  // made anew
    std::string damaged = content;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
    must(replace_file(path, as_bytes(damaged)));
    SnapshotMergeInput input;
    input.binding = binding;
    input.base = first.folder;
    input.base_files = first.merged.files;
    input.base_checksum = first.merged.checksum;
    input.news = news_of(run_of({vector_record("c", 1, 3)}));
    const Version second{.folder = new_path("snapshot"), .merged = {}};
    const auto merged = merge_into_snapshot(std::move(input), room.path(), second.folder, {});
    if (file.name == kKeptGraphFile) {
      ASSERT_TRUE(merged) << merged.error().message();
      EXPECT_FALSE(merged->graph.continued);
      EXPECT_NE(merged->graph.not_continued.find(kKeptGraphFile), std::string::npos);
      EXPECT_EQ(ids(second), (Ids{"a", "b", "c"}));
    } else {
      ASSERT_FALSE(merged) << file.name;
      EXPECT_EQ(merged.error().code(), Code::corrupt) << file.name;
    }
    must(replace_file(path, as_bytes(content)));
  }
}

TEST_F(SnapshotMerge, TakesABaseWhoseFilesHaveTheChecksumsOfOlderManifests) {
  binding.dimensions = 1'536;
  std::vector<Record> records;
  for (std::uint64_t i = 0; i < 400; ++i) records.push_back(vector_record(fmt::format("id-{:03}", i), 1, i));
  auto first = merge({}, records);
  const auto is_large = [](const Manifest::SnapshotFile& file) { return file.size_bytes > kChecksumPartBytes; };
  ASSERT_GE(std::ranges::count_if(first.merged.files, is_large), 1);
  const auto go_on = [&] {
    SnapshotMergeInput input;
    input.binding = binding;
    input.base = first.folder;
    input.base_files = first.merged.files;
    input.base_checksum = first.merged.checksum;
    input.news = news_of(run_of({vector_record("new", 1, 1'000)}));
    return must(merge_into_snapshot(std::move(input), room.path(), new_path("snapshot"), {}));
  };
  const auto by_parts = go_on();
  EXPECT_TRUE(by_parts.graph.continued) << by_parts.graph.not_continued;
  for (auto& file : first.merged.files) file.checksum = must(sha256_of_file(first.folder / file.name));
  const auto whole = go_on();
  EXPECT_TRUE(whole.graph.continued) << whole.graph.not_continued;
  EXPECT_EQ(whole.files, by_parts.files);
}

TEST_F(SnapshotMerge, DescribesEveryFileThatItWrote) {
  const auto version = merge({}, {vector_record("a", 1, 1), vector_record("b", 1, 2)});
  std::size_t on_disk = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(version.folder))
    on_disk += entry.is_regular_file();
  EXPECT_EQ(version.merged.files.size(), on_disk);
  EXPECT_TRUE(std::ranges::is_sorted(version.merged.files, {}, &Manifest::SnapshotFile::name));
  for (const auto& file : version.merged.files) must(check_file(version.folder / file.name, file, true));
}

TEST_F(SnapshotMerge, NeverTouchesItsBase) {
  const auto first = merge({}, {vector_record("a", 1, 1), vector_record("b", 1, 2)});
  (void)merge(first, {vector_record("a", 2, 5), tombstone("b", 2), vector_record("c", 1, 9)});
  for (const auto& file : first.merged.files) must(check_file(first.folder / file.name, file, true));
}

TEST_F(SnapshotMerge, HasTheSameBytesForTheSameInput) {
  const std::vector<Record> records = {vector_record("a", 1, 1), vector_record("b", 1, 2), vector_record("c", 1, 3)};
  EXPECT_EQ(merge({}, records).merged.files, merge({}, records).merged.files);
}

TEST_F(SnapshotMerge, HasTheSameBytesWithAnyNumberOfThreads) {
  constexpr std::uint64_t kCount = 500;  // many blocks of them
  std::vector<Record> records;
  std::vector<Record> news;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const std::string id = fmt::format("item-{:03}", i);
    records.push_back(vector_record(id, 1, i));
    if (i % 5 == 0) news.push_back(metadata_record(id, 1, 2, "Corner Shop"));  // read, then written
    if (i % 5 == 1) news.push_back(vector_record(id, 2, kCount + i));
    if (i % 5 == 2) news.push_back(tombstone(id, 2));
    if (i % 5 == 3) news.push_back(vector_record(id + "-b", 1, 2 * kCount + i));
  }
  const auto versions = [&](std::size_t threads) {
    graph.threads = threads;
    const auto first = merge({}, records);
    const auto second = merge(first, news);
    return std::pair(first.merged.files, second.merged.files);
  };
  const auto with_one = versions(1);
  for (const std::size_t threads : {2U, 5U}) EXPECT_EQ(versions(threads), with_one) << threads;
}

TEST_F(SnapshotMerge, FailsWithWhatIsWrongFarInARun) {
  const Path file = new_path("run");
  auto writer = must(RunWriter::create(file, {.binding = binding, .deltas = {DeltaId("delta-of-vectors")}}));
  for (std::uint64_t i = 0; i < 500; ++i) must(writer.add(vector_record(fmt::format("item-{:03}", i), 1, i)));
  must(writer.finish());
  std::string content = must(read_file(file));
  content[content.size() - 1'000] ^= 1;
  must(replace_file(file, as_bytes(content)));
  for (const std::size_t threads : {1U, 2U}) {
    graph.threads = threads;
    std::vector<RunReader> runs;
    runs.push_back(must(RunReader::open(must(file_source(file)), "the run")));
    const auto merged = try_merge({}, std::move(runs));
    ASSERT_FALSE(merged);
    EXPECT_EQ(merged.error().code(), Code::corrupt);
    EXPECT_NE(merged.error().message().find("the run"), std::string::npos) << merged.error().message();
  }
}

TEST_F(SnapshotMerge, RefusesABaseThatIsNotWhatItsManifestSays) {
  auto first = merge({}, {vector_record("a", 1, 1)});
  first.merged.checksum.low += 1;
  std::vector<RunReader> runs;
  runs.push_back(run_of({vector_record("b", 1, 2)}));
  const auto merged = try_merge(first, std::move(runs));
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code(), Code::corrupt);
}

TEST_F(SnapshotMerge, StopsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  std::vector<RunReader> runs;
  runs.push_back(run_of({vector_record("a", 1, 1)}));
  const auto merged = try_merge({}, std::move(runs), 0, stop.get_token());
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code(), Code::cancelled);
}

/// Bytes whose reader is asked to stop at one of its reads.
class StoppingSource final : public ByteSource {
 public:
  StoppingSource(std::unique_ptr<ByteSource> source, std::stop_source stop, int at_read)
      : source_(std::move(source)), stop_(std::move(stop)), reads_left_(at_read) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (--reads_left_ == 0) stop_.request_stop();
    return source_->read(buffer);
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::stop_source stop_;
  int reads_left_;
};

TEST_F(SnapshotMerge, StopsWhileItReadsAhead) {
  const Path file = new_path("run");
  auto writer = must(RunWriter::create(file, {.binding = binding, .deltas = {DeltaId("delta-of-vectors")}}));
  for (std::uint64_t i = 0; i < 500; ++i) {
    Record record = vector_record(fmt::format("item-{:03}", i), 1, i);
    record.document = std::string(8'000, 'x');  // many reads
    must(writer.add(record));
  }
  must(writer.finish());
  for (const std::size_t threads : {1U, 2U}) {
    graph.threads = threads;
    const std::stop_source stop;
    std::vector<RunReader> runs;
    runs.push_back(
        must(RunReader::open(std::make_unique<StoppingSource>(must(file_source(file)), stop, 5), "a run that stops")));
    const auto merged = try_merge({}, std::move(runs), 0, stop.get_token());
    ASSERT_FALSE(merged) << threads;
    EXPECT_EQ(merged.error().code(), Code::cancelled) << merged.error().message();
  }
}

TEST_F(SnapshotMerge, CanLoseEverythingAndGoOn) {
  const auto first = merge({}, {vector_record("a", 1, 1), vector_record("b", 1, 2)});
  const auto empty = merge(first, {tombstone("a", 2), tombstone("b", 2)});
  EXPECT_EQ(empty.merged.vectors, 0U);
  EXPECT_EQ(empty.merged.checksum, Sum128());
  EXPECT_EQ(ids(merge(empty, {vector_record("c", 1, 3)})), Ids{"c"});
}

/// Any set of records, cut into any runs and merged in any number of steps, leaves the same content.
class SnapshotMergeProperty : public SnapshotMerge {
 public:
  void TestBody() override {}

  /// Metadata follows from its version, as it does in the table; vectors of one text may differ from delta to delta.
  /// Metadata on its own is of one item_version: only one can wait (see fold()).
  Record any_record(std::size_t number) {
    const std::string id(1, *rc::gen::element('a', 'b', 'c'));
    const auto item_version = *rc::gen::inRange<std::int64_t>(1, 4);
    const auto metadata_version = *rc::gen::inRange<std::int64_t>(1, 4);
    const auto kind = *rc::gen::element(RecordKind::vector, RecordKind::vector, RecordKind::tombstone,
                                        RecordKind::metadata, RecordKind::metadata);
    Record record = metadata_record(id, kind == RecordKind::metadata ? 2 : item_version, metadata_version,
                                    fmt::format("Shop {}", metadata_version));
    if (kind == RecordKind::vector) record.vector = vector_of(number);
    if (kind == RecordKind::tombstone) record = tombstone(id, item_version, static_cast<std::int64_t>(number));
    record.kind = kind;
    record.delta = DeltaId(fmt::format("delta-{:04}", number));
    return record;
  }

  void check_any_partition() {
    std::vector<Record> records;
    const auto count = *rc::gen::inRange<std::size_t>(1, 16);
    for (std::size_t i = 0; i < count; ++i) records.push_back(any_record(i));
    const Version at_once = merge({}, records);

    std::optional<Version> stepwise;
    std::vector<RunReader> runs;
    std::vector<Record> run;
    for (std::size_t i = 0; i < count; ++i) {
      const auto pick = *rc::gen::inRange<std::size_t>(0, records.size());
      run.push_back(records[pick]);
      records.erase(records.begin() + static_cast<std::ptrdiff_t>(pick));
      const auto cut = records.empty() ? 2 : *rc::gen::element(0, 0, 0, 1, 1, 2);
      if (cut > 0) runs.push_back(run_of(std::exchange(run, {})));
      if (cut == 2) stepwise = must(try_merge(stepwise, std::exchange(runs, {})));
    }
    RC_ASSERT(contents(*stepwise) == contents(at_once));
    RC_ASSERT(stepwise->merged.checksum == at_once.merged.checksum);
    RC_ASSERT(stepwise->merged.tombstones == at_once.merged.tombstones);
  }
};

RC_GTEST_PROP(SnapshotMergeOrder, DoesNotMatter, ()) { SnapshotMergeProperty().check_any_partition(); }

}  // namespace
}  // namespace tillite
