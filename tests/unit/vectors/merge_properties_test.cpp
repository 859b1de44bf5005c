#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "published_collection.h"

// Whatever happens to a collection, in whatever order it is merged, however it is cut and in however many
// shards it lies: what is left is what a plain
// map would hold, for whoever reads the files and for whoever asks.

namespace tillite {
namespace {

/// A record as a map keeps it.
struct Kept {
  std::int64_t item_version = 0;
  std::int64_t metadata_version = 0;
  Json metadata;
  std::string document;
  std::vector<float> vector;
  DeltaId delta;  ///< that brought the vector
};

/// One collection and a map that is told the same. A seed stands for one history.
class RandomHistory : public PublishedCollection {
 public:
  RandomHistory(std::uint64_t seed, int shards) : random_(seed) { binding.shards = shards; }
  void TestBody() override {}

  /// Delivers deltas of additions, updates, removals, new metadata and vectors that come a second time.
  void deliver_all(std::size_t deltas) {
    for (std::size_t i = 0; i < deltas; ++i) waiting_.push_back(deliver(any_changes()));
  }

  /// Publishes some of the waiting deltas, or with `all` the whole rest, in any chunks; true while some are left.
  bool publish_some(bool all = false) {
    std::ranges::shuffle(waiting_, random_);
    const std::size_t count = all ? waiting_.size() : 1 + below(waiting_.size());
    chunks_ = chunks_of({waiting_.end() - static_cast<std::ptrdiff_t>(count), waiting_.end()});
    waiting_.resize(waiting_.size() - count);
    publish_chunks(chunks_);
    return !waiting_.empty();
  }

  /// The last merge again over its own outcome: by somebody who does not know of it, and by one who does.
  void expect_repetition_changes_nothing() {
    const auto again = must(try_merge_chunks(chunks_));
    EXPECT_EQ(contents_over_newest(again), published_contents());
    for (const MergedShard& shard : again.shards) {
      const Manifest::Shard& published = newest->shards.at(static_cast<std::size_t>(shard.number));
      EXPECT_EQ(shard.snapshot.checksum, published.checksum);
      EXPECT_EQ(shard.snapshot.tombstones, published.tombstones);
    }
    const auto known = must(try_merge_chunks(chunks_, newest->consumed));
    for (const auto& [number, folder, snapshot] : known.shards) {
      EXPECT_EQ(snapshot.added + snapshot.removed + snapshot.relabelled, 0U) << "shard " << number;
    }
    EXPECT_EQ(contents_over_newest(known), published_contents());
  }

  /// The files of the newest version, which has everything, say what the map says.
  void expect_snapshot_is_the_map() const {
    std::map<std::string, std::string> expected;
    Sum128 checksum;
    for (const auto& [id, kept] : map_) {
      const Sum128 hash = vector_hash(kept.vector);
      expected[id] = fmt::format("v{} m{} {} {} {}", kept.item_version, kept.metadata_version, hash.hex(),
                                 to_text(kept.metadata), kept.document);
      checksum += record_hash(RecordId(id), kept.item_version, hash, kept.metadata, kept.document);
    }
    EXPECT_EQ(published_contents(), expected);
    EXPECT_EQ(newest->vectors, map_.size());
    EXPECT_EQ(newest->checksum, checksum);
  }

  /// Whoever asks gets what the map has, whatever of it is merged.
  void expect_view_is_the_map() {
    const auto view = open();
    EXPECT_EQ(view.size(), map_.size());
    std::vector<RecordId> ids;
    std::map<std::string, std::int64_t> versions;
    must(view.for_each_id([&](const RecordId& id, std::int64_t item_version) -> Result<void> {
      ids.push_back(id);
      versions[id.str()] = item_version;
      return {};
    }));
    ASSERT_EQ(ids.size(), map_.size());
    EXPECT_TRUE(std::ranges::is_sorted(ids));
    for (const StoredRecord& record : must(view.get(ids, /*with_vectors=*/true))) {
      const auto kept = map_.find(record.id.str());
      ASSERT_NE(kept, map_.end()) << record.id.str() << " should be gone";
      EXPECT_EQ(record.item_version, kept->second.item_version) << record.id.str();
      EXPECT_EQ(versions[record.id.str()], kept->second.item_version) << record.id.str();
      EXPECT_EQ(record.metadata, kept->second.metadata) << record.id.str();
      EXPECT_EQ(record.document, kept->second.document) << record.id.str();
      EXPECT_EQ(record.vector, kept->second.vector) << record.id.str();
    }
    for (int i = 0; i < 3; ++i) {
      const auto query = vector_of(random_());
      expect_nearest(view, query, 5, {}, [](const Kept&) { return true; });
      const auto shelf = static_cast<std::int64_t>(below(8));
      expect_nearest(view, query, 5, must(Where::parse({{"shelf", {{"$lt", shelf}}}}, nullptr)),
                     [&](const Kept& kept) { return kept.metadata.at("shelf").get<std::int64_t>() < shelf; });
    }
  }

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_()) % bound; }

  static Json metadata_of(const std::string& id, std::int64_t metadata_version) {
    return {{"name", id}, {"shelf", metadata_version % 8}, {"share", static_cast<double>(metadata_version) / 2}};
  }
  static std::string document_of(const std::string& id, std::int64_t item_version, std::int64_t metadata_version) {
    return fmt::format("{}, text {}, seen {} times", id, item_version, metadata_version);
  }

  /// The changes of one delta: each of another id.
  std::vector<Record> any_changes() {
    std::set<std::string> ids;
    for (std::size_t i = 1 + below(10); i > 0; --i) ids.insert(fmt::format("id-{:02}", below(16)));
    std::vector<Record> changes;
    changes.reserve(ids.size());
    for (const std::string& id : ids) changes.push_back(any_change(id));
    return changes;
  }

  Record any_change(const std::string& id) {
    const auto kept = map_.find(id);
    if (kept == map_.end()) return below(6) == 0 ? remove(id) : embed(id);
    switch (below(6)) {
      case 0:
        return remove(id);
      case 1:
      case 2:
        return embed(id);
      case 3:
        return embed_again(id, kept->second);
      default:
        return change_metadata(id, kept->second);
    }
  }

  Record embed(const std::string& id) {
    Kept& kept = map_[id];
    kept.item_version = ++item_versions_[id];
    kept.metadata_version = ++metadata_versions_[id];
    kept.metadata = metadata_of(id, kept.metadata_version);
    kept.document = document_of(id, kept.item_version, kept.metadata_version);
    kept.vector = stored_vector();
    kept.delta = next_delta_id();
    return vector_of_kept(id, kept);
  }

  /// The same text was sent twice: of two vectors that of the greater delta stays.
  Record embed_again(const std::string& id, Kept& kept) {
    Kept second = kept;
    second.vector = stored_vector();
    second.delta = next_delta_id();
    if (second.delta > kept.delta) kept = second;
    return vector_of_kept(id, second);
  }

  Record change_metadata(const std::string& id, Kept& kept) {
    kept.metadata_version = ++metadata_versions_[id];
    kept.metadata = metadata_of(id, kept.metadata_version);
    kept.document = document_of(id, kept.item_version, kept.metadata_version);
    Record record = metadata_record(id, kept.item_version, kept.metadata_version, "");
    record.metadata = kept.metadata;
    record.document = kept.document;
    return record;
  }

  /// Also of what never was there.
  Record remove(const std::string& id) {
    map_.erase(id);
    return tombstone(id, ++item_versions_[id]);
  }

  static Record vector_of_kept(const std::string& id, const Kept& kept) {
    Record record;
    record.id = RecordId(id);
    record.item_version = kept.item_version;
    record.metadata_version = kept.metadata_version;
    record.input_hash = "hash";
    record.metadata = kept.metadata;
    record.document = kept.document;
    record.vector = kept.vector;
    return record;
  }

  /// A vector that being written does not change: unit length to the last bit.
  std::vector<float> stored_vector() {
    std::vector<float> vector = vector_of(random_());
    for (std::vector<float> before; before != vector;) {
      before = vector;
      must(normalise(vector));
    }
    return vector;
  }

  std::vector<std::vector<DeltaId>> chunks_of(const std::vector<DeltaId>& deltas) {
    std::vector<std::vector<DeltaId>> chunks;
    for (const DeltaId& delta : deltas) {
      if (chunks.empty() || below(3) == 0) chunks.emplace_back();
      chunks.back().push_back(delta);
    }
    return chunks;
  }

  template <typename Matches>
  void expect_nearest(const CollectionView& view, const std::vector<float>& query, std::size_t k, const Where& where,
                      const Matches& matches) {
    std::map<std::string, double> distances;
    for (const auto& [id, kept] : map_) {
      double dot = 0;
      for (std::size_t i = 0; i < query.size(); ++i) dot += double{query[i]} * kept.vector[i];
      if (matches(kept)) distances[id] = 1 - dot;
    }
    std::vector<double> nearest;
    nearest.reserve(distances.size());
    for (const auto& [id, distance] : distances) nearest.push_back(distance);
    std::ranges::sort(nearest);
    const auto hits = must(view.query(query, k, where));
    ASSERT_EQ(hits.size(), std::min(k, nearest.size()));
    std::set<RecordId> seen;
    for (std::size_t i = 0; i < hits.size(); ++i) {
      EXPECT_NEAR(hits[i].distance, nearest[i], 1e-5);
      ASSERT_TRUE(distances.contains(hits[i].record.id.str())) << hits[i].record.id.str() << " does not match";
      EXPECT_NEAR(hits[i].distance, distances[hits[i].record.id.str()], 1e-5);
      EXPECT_TRUE(seen.insert(hits[i].record.id).second) << hits[i].record.id.str() << " is there twice";
    }
  }

  std::mt19937_64 random_;
  std::map<std::string, Kept> map_;
  std::map<std::string, std::int64_t> item_versions_;  ///< the highest ever given
  std::map<std::string, std::int64_t> metadata_versions_;
  std::vector<DeltaId> waiting_;
  std::vector<std::vector<DeltaId>> chunks_;  ///< of the last merge
};

constexpr std::uint64_t kHistories = 25;

/// By the number of shards.
class Merges : public ::testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Shards, Merges, ::testing::Values(1, 3));

TEST_P(Merges, InAnyOrderAndGroupingLeaveWhatAMapHolds) {
  for (std::uint64_t seed = 0; seed < kHistories; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomHistory history(seed, GetParam());
    history.deliver_all(12);
    while (history.publish_some()) {
    }
    history.expect_snapshot_is_the_map();
    history.expect_repetition_changes_nothing();
  }
}

TEST_P(Merges, ThatGoOnWhileMoreArrivesLeaveWhatAMapHolds) {
  for (std::uint64_t seed = 1'000; seed < 1'000 + kHistories; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomHistory history(seed, GetParam());
    for (int round = 0; round < 5; ++round) {
      history.deliver_all(4);
      history.publish_some();
      history.expect_repetition_changes_nothing();
    }
    history.publish_some(/*all=*/true);
    history.expect_snapshot_is_the_map();
  }
}

TEST_P(Merges, ChangeNoAnswerOfTheCollection) {
  for (std::uint64_t seed = 2'000; seed < 2'000 + kHistories; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomHistory history(seed, GetParam());
    history.deliver_all(8);
    history.expect_view_is_the_map();
    while (history.publish_some()) history.expect_view_is_the_map();
    history.expect_view_is_the_map();
    history.deliver_all(3);
    history.expect_view_is_the_map();
  }
}

}  // namespace
}  // namespace tillite
