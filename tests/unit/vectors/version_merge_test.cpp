#include "vectors/merge/version_merge.h"

#include <set>

#include "published_collection.h"
#include "vectors/chroma/exported_shards.h"
#include "vectors/snapshots/snapshot_check.h"
#include "vectors/snapshots/snapshot_export.h"

// Shards are merged each for itself and published together.

namespace tillite {
namespace {

class VersionMerge : public PublishedCollection {
 protected:
  static constexpr int kShards = 3;
  VersionMerge() { binding.shards = kShards; }

  /// Ids of a shard.
  [[nodiscard]] static std::vector<std::string> ids_of(int shard, std::size_t count) {
    std::vector<std::string> ids;
    for (int i = 0; ids.size() < count; ++i) {
      std::string id = fmt::format("id-{:03}", i);
      if (shard_of(RecordId(id), kShards) == shard) ids.push_back(std::move(id));
    }
    return ids;
  }
  [[nodiscard]] std::vector<Record> records_of(int shard, std::size_t count) const {
    std::vector<Record> records;
    for (const std::string& id : ids_of(shard, count)) records.push_back(vector_record(id, 1, records.size()));
    return records;
  }
  /// Two records in each shard.
  void publish_all_shards() {
    std::vector<Record> records;
    for (int shard = 0; shard < kShards; ++shard) {
      for (Record& record : records_of(shard, 2)) records.push_back(std::move(record));
    }
    publish({deliver(records)});
  }
  [[nodiscard]] std::size_t objects_of_snapshots() {
    return must(list_all(objects, snapshots_folder(binding.collection, 1))).size();
  }
  void damage(const Manifest::Shard& shard, std::string_view file) {
    const Path path = objects.path_of(ObjectKey(shard.folder + std::string(file)));
    std::string content = must(read_file(path));
    content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
    must(replace_file(path, as_bytes(content)));
  }
};

TEST_F(VersionMerge, MakesEveryShardAtFirstEmptyOnesToo) {
  publish({deliver(records_of(1, 2))});
  ASSERT_EQ(newest->shards.size(), 3U);
  EXPECT_EQ(newest->shards[0].vectors, 0U);
  EXPECT_EQ(newest->shards[1].vectors, 2U);
  EXPECT_EQ(newest->vectors, 2U);
  EXPECT_EQ(published_contents().size(), 2U);
  EXPECT_TRUE(must(check_snapshot(objects, *newest, room.path(), {})).findings.empty());
}

TEST_F(VersionMerge, TakesShardsThatDoNotChangeFromThePredecessorWithoutACopy) {
  publish_all_shards();
  const Manifest before = *newest;
  const std::size_t objects_before = objects_of_snapshots();
  publish({deliver({vector_record(ids_of(1, 1).front(), 2, 77)})});
  EXPECT_EQ(newest->shards[0], before.shards[0]);
  EXPECT_EQ(newest->shards[2], before.shards[2]);
  EXPECT_NE(newest->shards[1].folder, before.shards[1].folder);
  EXPECT_EQ(objects_of_snapshots(), objects_before + newest->shards[1].files.size());
  EXPECT_EQ(published_contents().size(), 6U);
}

TEST_F(VersionMerge, OfDeltasWithoutRecordsChangesNoShard) {
  publish_all_shards();
  const Manifest before = *newest;
  publish({deliver({})});
  EXPECT_EQ(newest->shards, before.shards);
}

TEST_F(VersionMerge, ThatFailsInOneShardSaysWhichAndWhatIsPublishedStays) {
  publish_all_shards();
  damage(newest->shards[1], kRecordsFile);
  std::vector<Record> news;
  for (int shard = 0; shard < kShards; ++shard) {
    news.push_back(vector_record(ids_of(shard, 1).front(), 2, 90));
  }
  const auto merged = try_merge_chunks({{deliver(news)}});
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code(), Code::corrupt);
  EXPECT_TRUE(merged.error().message().starts_with("shard-1-of-3: ")) << merged.error().message();
}

TEST_F(VersionMerge, DoesNotTouchADamagedShardThatHasNoNews) {
  publish_all_shards();
  damage(newest->shards[1], kRecordsFile);
  publish({deliver({vector_record(ids_of(0, 1).front(), 2, 90)})});
  EXPECT_EQ(newest->vectors, 6U);
}

TEST_F(VersionMerge, GoesOnWithoutKeptGraphsThatAreTornOrHaveGone) {
  publish_all_shards();
  must(objects.remove(ObjectKey(newest->shards[0].folder + std::string(kKeptGraphFile))));
  must(replace_file(objects.path_of(ObjectKey(newest->shards[1].folder + std::string(kKeptGraphFile))), {}));
  EXPECT_EQ(published_contents().size(), 6U) << "queries need none";
  publish({deliver({vector_record(ids_of(0, 1).front(), 2, 90), vector_record(ids_of(1, 1).front(), 2, 91)})});
  EXPECT_EQ(newest->vectors, 6U);
  EXPECT_TRUE(must(check_snapshot(objects, *newest, room.path(), {})).findings.empty());
}

TEST_F(VersionMerge, GivesEachOfTheMergesAtOnceItsPartOfMemoryAndThreads) {
  const auto files = intermediates_of({{deliver(records_of(0, 2))}});
  VersionMergeInput input{.binding = binding};
  input.open_news = [&](int shard) -> Result<std::unique_ptr<RecordNews>> {
    std::vector<RunReader> runs;
    runs.push_back(TRY(RunReader::open(TRY(file_source(files[0].at(static_cast<std::size_t>(shard)))), "run")));
    return std::make_unique<RunMerge>(std::move(runs));
  };
  input.graph.threads = 2;
  input.graph.memory_bytes = 1 << 20;
  const auto merged = must(merge_into_version(objects, std::move(input), room.path(), new_path("version"), {}));
  EXPECT_EQ(merged.at_once, 2U);
  EXPECT_EQ(merged.graph.threads, 1U);
  EXPECT_EQ(merged.graph.memory_bytes, std::uint64_t{1} << 19);
}

TEST_F(VersionMerge, IsStopped) {
  const auto files = intermediates_of({{deliver(records_of(0, 2))}});
  VersionMergeInput input{.binding = binding, .open_news = [](int) -> Result<std::unique_ptr<RecordNews>> {
                            return std::make_unique<RunMerge>(std::vector<RunReader>());
                          }};
  std::stop_source stop;
  stop.request_stop();
  const auto merged = merge_into_version(objects, std::move(input), room.path(), new_path("version"), stop.get_token());
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code(), Code::cancelled);
}

// ---- what else walks the files of a version

TEST_F(VersionMerge, VerifyNamesTheShard) {
  publish_all_shards();
  damage(newest->shards[2], kChromaFile);
  const auto check = must(check_snapshot(objects, *newest, room.path(), {}));
  ASSERT_FALSE(check.findings.empty());
  for (const Finding& finding : check.findings) {
    EXPECT_TRUE(finding.file.starts_with("shard-2-of-3/")) << finding.file << ": " << finding.what;
  }
}

TEST_F(VersionMerge, VerifyFindsRecordsInAShardThatIsNotTheirs) {
  publish_all_shards();
  Manifest swapped = *newest;
  std::swap(swapped.shards[0], swapped.shards[1]);
  const auto check = must(check_snapshot(objects, swapped, room.path(), {}));
  ASSERT_EQ(check.findings.size(), 2U);
  EXPECT_NE(check.findings[0].what.find("belong to another shard"), std::string::npos) << check.findings[0].what;
}

TEST_F(VersionMerge, AnExportIsADirectoryForEachShardAndSaysWhenOneIsMissing) {
  publish_all_shards();
  const Path target = new_path("export");
  must(export_snapshot(objects, *newest, target));
  const auto shards = must(exported_shards(target));
  ASSERT_EQ(shards.size(), 3U);
  EXPECT_EQ(shards[1], target / "shard-1-of-3");
  EXPECT_FALSE(std::filesystem::exists(shards[1] / kRecordsFile));
  EXPECT_EQ(must(exported_shards(shards[1])), std::vector{shards[1]}) << "each is a directory by itself";
  EXPECT_TRUE(must(check_chroma_directory(target, room.path(), {})).findings.empty());

  std::filesystem::remove_all(shards[0]);
  const auto incomplete = exported_shards(target);
  ASSERT_FALSE(incomplete);
  EXPECT_EQ(incomplete.error().code(), Code::not_found);
  EXPECT_NE(incomplete.error().message().find("shard-0-of-3"), std::string::npos);
}

}  // namespace
}  // namespace tillite
