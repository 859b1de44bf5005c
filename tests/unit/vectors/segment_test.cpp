#include "vectors/hnsw/segment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "segment_fixture.h"
#include "support/must.h"
#include "vectors/files/file_checksum.h"
#include "vectors/hnsw/segment_files.h"
#include "vectors/snapshots/nearest_labels.h"

namespace tillite::testing {
namespace {

using SegmentTest = SegmentFixture;

TEST_F(SegmentTest, ReachesEveryElementAndFindsTheNearestAmongManyRepeats) {
  const Vectors vectors = repeated_texts(150);
  const auto facts = write(folder / "a", vectors);
  const auto segment = Segment::open(folder / "a");
  ASSERT_TRUE(segment) << segment.error().message();
  EXPECT_EQ(facts.elements, vectors.size());
  EXPECT_EQ(segment->size(), vectors.size());
  EXPECT_EQ(segment->unreachable(), 0U);
  Vectors queries;
  for (std::size_t i = 0; i < vectors.size(); i += 17) queries.push_back(vectors[i]);
  EXPECT_GE(recall(*segment, queries), 0.98);
  for (const auto& query : queries) EXPECT_NEAR(segment->search(query, 1, 100, {}).front().distance, 0, 1e-5);
}

TEST_F(SegmentTest, GrowsFromABaseAndForgetsWhatWasRemoved) {
  const Vectors vectors = repeated_texts(40);
  const Vectors first(vectors.begin(), vectors.begin() + 600);
  const Vectors second(vectors.begin() + 600, vectors.end());
  write(folder / "a", first);
  std::vector<std::uint64_t> removed;
  for (std::uint64_t label = 1; label <= 60; label += 2) removed.push_back(label);
  const auto facts = write(folder / "b", second, folder / "a", 601, removed);
  EXPECT_FALSE(facts.rebuilt);
  const auto segment = Segment::open(folder / "b");
  ASSERT_TRUE(segment);
  EXPECT_EQ(segment->size(), vectors.size() - removed.size());
  EXPECT_EQ(segment->unreachable(), 0U);
  EXPECT_FALSE(segment->vector_of(1));
  EXPECT_EQ(*segment->vector_of(2), vectors[1]);
  EXPECT_EQ(*segment->vector_of(650), vectors[649]);
  EXPECT_GE(recall(*segment, Vectors(vectors.begin(), vectors.begin() + 100)), 0.98);
}

TEST_F(SegmentTest, IsBuiltAnewWhenTooMuchIsDead) {
  const Vectors vectors = repeated_texts(10);
  write(folder / "a", vectors);
  std::vector<std::uint64_t> removed;
  for (std::uint64_t label = 1; label <= vectors.size() / 2; ++label) removed.push_back(label);
  const auto facts = write(folder / "b", {}, folder / "a", vectors.size() + 1, removed);
  EXPECT_TRUE(facts.rebuilt);
  EXPECT_EQ(facts.elements, vectors.size() - removed.size());
  const auto segment = Segment::open(folder / "b");
  EXPECT_EQ(*segment->vector_of(vectors.size()), vectors.back()) << "labels stay";
  EXPECT_EQ(segment->unreachable(), 0U);
}

TEST_F(SegmentTest, MayBeEmpty) {
  const Vectors vectors = repeated_texts(1);
  write(folder / "a", vectors);
  std::vector<std::uint64_t> all(vectors.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i + 1;
  write(folder / "b", {}, folder / "a", vectors.size() + 1, all);
  const auto segment = Segment::open(folder / "b");
  ASSERT_TRUE(segment) << segment.error().message();
  EXPECT_EQ(segment->size(), 0U);
  EXPECT_TRUE(segment->search(vectors.front(), 10, 100, {}).empty());
}

TEST_F(SegmentTest, TheSameVectorsGiveTheSameBytes) {
  const Vectors vectors = repeated_texts(5);
  write(folder / "a", vectors);
  write(folder / "b", vectors);
  for (const char* file : {"header.bin", "data_level0.bin", "link_lists.bin", "length.bin"}) {
    EXPECT_EQ(*sha256_of_file(folder / "a" / file), *sha256_of_file(folder / "b" / file)) << file;
  }
}

TEST_F(SegmentTest, RefusesABaseWithNumbersWhoseSquaresAreInfinite) {
  const Vectors vectors = repeated_texts(5);
  const auto first = write(folder / "base", vectors);
  const auto sha256 = *std::ranges::find(first.files, folder / "base" / kLevel0File, &WrittenFile::path);
  const std::size_t row_bytes = SegmentHeader{.dimensions = kDimensions}.row_bytes();
  std::string content = must(read_file(folder / "base" / kLevel0File));
  for (std::size_t row = 0; row < vectors.size(); row += 3) {
    content[row * row_bytes + kVectorOffset + 3] ^= 0x40;  // the highest bit of the first number's exponent
  }
  must(replace_file(folder / "base" / kLevel0File, as_bytes(content)));
  must(make_folders(folder / "next"));
  const Vectors added = repeated_texts(8);
  std::string rows;
  for (const auto& vector : added) {
    rows.append(reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float));
  }
  must(replace_file(folder / "rows", as_bytes(rows)));
  const auto refused = write_segment({.base = folder / "base",
                                      .base_checksum = sha256.checksum,
                                      .new_vectors = folder / "rows",
                                      .new_hashes = hashes_of(added),
                                      .first_new_label = vectors.size() + 1,
                                      .dimensions = kDimensions},
                                     settings, folder / "next");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::corrupt) << refused.error().message();
}

TEST_F(SegmentTest, FindsDamageInAnyPartOfItsBaseWithAChecksumOfEitherForm) {
  const Vectors vectors = repeated_texts(150);
  const Vectors added = repeated_texts(20);
  write(folder / "base", vectors);
  const Path file = folder / "base" / kLevel0File;
  const std::string content = must(read_file(file));
  ASSERT_GT(content.size(), 2 * kChecksumPartBytes);
  for (const auto form : {ChecksumForm::by_parts, ChecksumForm::by_sha256_parts, ChecksumForm::whole}) {
    const SegmentChange change{.base = folder / "base",
                               .base_checksum = must(checksum_of_file(must(File::open_read(file)), form, 1)),
                               .first_new_label = vectors.size() + 1};
    settings.threads = 1;
    const auto with_one = write(folder / "next", added, change).files;
    settings.threads = 3;
    EXPECT_EQ(write(folder / "next", added, change).files.front().checksum, with_one.front().checksum);
    EXPECT_EQ(must(checksum_of_file(must(File::open_read(folder / "next" / kLevel0File)), ChecksumForm::by_parts, 1)),
              with_one.front().checksum);
    for (std::size_t place = kVectorOffset + 1; place < content.size(); place += kChecksumPartBytes) {
      std::string damaged = content;
      const std::size_t row_bytes = SegmentHeader{.dimensions = kDimensions}.row_bytes();
      const std::size_t in_a_vector = place / row_bytes * row_bytes + kVectorOffset;  // its first number's last bits
      damaged[in_a_vector] = static_cast<char>(damaged[in_a_vector] ^ 1);
      must(replace_file(file, as_bytes(damaged)));
      SegmentChange with_rows = change;
      with_rows.new_vectors = folder / "rows";
      with_rows.new_hashes = hashes_of(added);
      with_rows.dimensions = kDimensions;
      const auto refused = write_segment(with_rows, settings, folder / "next");
      ASSERT_FALSE(refused) << place;
      EXPECT_EQ(refused.error().code(), Code::corrupt);
      EXPECT_NE(refused.error().message().find("checksum"), std::string::npos) << refused.error().message();
    }
    must(replace_file(file, as_bytes(content)));
  }
}

TEST_F(SegmentTest, HasTheSameBytesWhereItsNewRowsLieInPlace) {
  const Vectors vectors = repeated_texts(200);
  ASSERT_GT(vectors.size() * kDimensions * sizeof(float), 3U << 20U) << "more than are written at once";
  write(folder / "a", vectors);
  const std::string no_links(kVectorOffset, '\0');
  const std::string no_label(sizeof(std::uint64_t), '\0');
  std::string rows;
  for (const auto& vector : vectors) {
    rows += no_links;
    rows.append(reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float));
    rows += no_label;
  }
  must(make_folders(folder / "b"));
  must(replace_file(folder / "b" / kLevel0File, as_bytes(rows)));
  const auto facts =
      must(write_segment({.new_hashes = hashes_of(vectors), .dimensions = kDimensions}, settings, folder / "b"));
  EXPECT_EQ(facts.elements, vectors.size());
  for (const char* file : {"header.bin", "data_level0.bin", "link_lists.bin", "length.bin"}) {
    EXPECT_EQ(*sha256_of_file(folder / "a" / file), *sha256_of_file(folder / "b" / file)) << file;
  }
}

TEST_F(SegmentTest, TakesFewerBitsWhereTheMemoryIsShortAndRefusesWhereOneIsTooMany) {
  settings.memory_bytes = 0;
  const Vectors vectors = repeated_texts(20);
  EXPECT_EQ(write(folder / "free", vectors).code_bits, 8U);
  std::size_t last_bits = 8;
  for (settings.memory_bytes = vectors.size() * 1024; last_bits > 1; settings.memory_bytes -= vectors.size() * 8) {
    const Path to = folder / std::to_string(settings.memory_bytes);
    const SegmentFacts facts = write(to, vectors);
    EXPECT_LE(facts.code_bits, last_bits);
    EXPECT_EQ(Segment::open(to)->unreachable(), 0U);
    last_bits = facts.code_bits;
  }
  settings.memory_bytes = vectors.size() * 8;
  const auto refused =
      write_segment({.new_vectors = folder / "rows", .new_hashes = hashes_of(vectors), .dimensions = kDimensions},
                    settings, folder / "free");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::limit_exceeded);
  EXPECT_NE(refused.error().message().find("--memory"), std::string::npos);
}

TEST_F(SegmentTest, ABuildThatIsToldToStopIsCancelled) {
  const Vectors vectors = repeated_texts(20);
  (void)write(folder / "whole", vectors);
  std::stop_source stop;
  stop.request_stop();
  const auto stopped =
      write_segment({.new_vectors = folder / "rows", .new_hashes = hashes_of(vectors), .dimensions = kDimensions},
                    settings, folder / "whole", stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Code::cancelled);
}

TEST_F(SegmentTest, SearchesOnlyWhatIsAccepted) {
  const Vectors vectors = repeated_texts(20);
  write(folder / "a", vectors);
  const auto segment = Segment::open(folder / "a");
  for (const auto& hit : segment->search(vectors[0], 10, 100, [](std::uint64_t label) { return label % 2 == 0; })) {
    EXPECT_EQ(hit.label % 2, 0U);
  }
  const std::vector<std::uint64_t> labels = {3, 5, 8};
  EXPECT_EQ(segment->scan(vectors[0], 10, labels).size(), 3U);
}

TEST_F(SegmentTest, AsksAboutTheNearestOnlyAndWidensTheSearchUntilEnoughAreWanted) {
  const Vectors vectors = repeated_texts(150);
  write(folder / "a", vectors);
  const auto segment = Segment::open(folder / "a");
  for (const std::uint64_t every : std::vector<std::uint64_t>{1, 2, 20}) {
    std::size_t asked = 0;
    std::size_t found = 0;
    std::size_t wanted = 0;
    std::vector<std::uint64_t> labels;
    for (std::uint64_t label = every; label <= vectors.size(); label += every) labels.push_back(label);
    for (std::size_t i = 0; i < vectors.size(); i += 41) {
      const auto hits = segment->search_wanted(vectors[i], 10, 100, 10'000, [&](std::span<const std::uint64_t> some) {
        asked += some.size();
        std::vector<bool> flags;
        for (const std::uint64_t label : some) flags.push_back(label % every == 0);
        return Result<std::vector<bool>>(std::move(flags));
      });
      ASSERT_TRUE(hits && *hits);
      ASSERT_EQ((*hits)->size(), 10U);
      const float limit = segment->scan(vectors[i], 10, labels).back().distance + 1e-5F;
      for (const SegmentHit& hit : **hits) {
        EXPECT_EQ(hit.label % every, 0U);
        found += hit.distance <= limit ? 1 : 0;
      }
      wanted += 10;
    }
    EXPECT_GE(static_cast<double>(found), 0.98 * static_cast<double>(wanted)) << "one in " << every;
    if (every == 2) {
      EXPECT_LE(asked, 10 * wanted) << "far fewer than the search has met";
    }
  }
}

TEST_F(SegmentTest, FindsNothingWhereTooFewAreWantedAndPassesErrorsOn) {
  const Vectors vectors = repeated_texts(20);
  write(folder / "a", vectors);
  const auto segment = Segment::open(folder / "a");
  const auto few = [](std::span<const std::uint64_t> labels) -> Result<std::vector<bool>> {
    std::vector<bool> flags;
    for (const std::uint64_t label : labels) flags.push_back(label <= 3);
    return flags;
  };
  for (const std::size_t compared_max : {100U, 500U, 1'000'000U}) {
    const auto hits = segment->search_wanted(vectors[0], 10, 100, compared_max, few);
    ASSERT_TRUE(hits) << hits.error().message();
    EXPECT_FALSE(*hits) << compared_max;
  }
  const auto broken = [](std::span<const std::uint64_t>) -> Result<std::vector<bool>> {
    return fail(Code::corrupt, "the records are broken");
  };
  const auto failed = segment->search_wanted(vectors[0], 10, 100, 1'000, broken);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::corrupt);
}

TEST_F(SegmentTest, ComparesTheLabelsThatAreLeftWhereOthersWereRemoved) {
  const Vectors vectors = repeated_texts(20);
  write(folder / "a", vectors);
  std::vector<std::uint64_t> removed;
  for (std::uint64_t label = 5; label < vectors.size(); label += label % 3 + 1) removed.push_back(label);
  settings.dead_share_max = 0.2;  // less than are removed: their elements go, and labels have gaps
  write(folder / "b", {}, folder / "a", vectors.size() + 1, removed);
  const auto segment = Segment::open(folder / "b");
  ASSERT_TRUE(segment) << segment.error().message();
  std::vector<std::uint64_t> labels;
  for (std::uint64_t label = 1; label <= vectors.size() + 20; ++label) {
    labels.push_back(label);
    const bool is_there = label <= vectors.size() && !std::ranges::binary_search(removed, label);
    const auto vector = segment->vector_of(label);
    ASSERT_EQ(vector.has_value(), is_there) << label;
    if (is_there) {
      EXPECT_EQ(*vector, vectors[label - 1]) << label;
      EXPECT_EQ(segment->scan(vectors[0], 1, std::vector{label}).at(0).label, label);
    }
  }
  EXPECT_EQ(segment->scan(vectors[0], labels.size(), labels).size(), vectors.size() - removed.size());
}

TEST_F(SegmentTest, NamesTornFiles) {
  write(folder / "a", repeated_texts(2));
  std::filesystem::resize_file(folder / "a" / "data_level0.bin", 1000);
  const auto torn = Segment::open(folder / "a");
  ASSERT_FALSE(torn);
  EXPECT_EQ(torn.error().code(), Code::corrupt);
  EXPECT_NE(torn.error().message().find("data_level0.bin"), std::string::npos);
}

TEST_F(SegmentTest, NamesATornFileOfUpperLevels) {
  write(folder / "a", repeated_texts(2));
  const Path lists = folder / "a" / "link_lists.bin";
  std::filesystem::resize_file(lists, std::filesystem::file_size(lists) - 2);
  const auto torn = Segment::open(folder / "a");
  ASSERT_FALSE(torn);
  EXPECT_NE(torn.error().message().find("link_lists.bin"), std::string::npos);
}

TEST_F(SegmentTest, FindsTheNearestWithoutItsUpperLevelsToo) {
  const Vectors vectors = repeated_texts(150);
  write(folder / "a", vectors);
  const Path lists = folder / "a" / "link_lists.bin";
  std::string bytes = *read_file(lists);
  bytes[0] = 0x7f;  // a size that cannot be
  EXPECT_TRUE(replace_file(lists, as_bytes(bytes)));
  const auto segment = Segment::open(folder / "a");
  ASSERT_TRUE(segment) << segment.error().message();
  EXPECT_GE(recall(*segment, Vectors(vectors.begin(), vectors.begin() + 100)), 0.9);
}

TEST_F(SegmentTest, GivesTheSameAnswersToThreadsThatAskAtOnce) {
  const Vectors vectors = repeated_texts(100);
  write(folder / "a", vectors);
  const auto segment = Segment::open(folder / "a");
  const auto answers = [&] {
    std::vector<std::uint64_t> labels;
    for (std::size_t i = 0; i < vectors.size(); i += 7) {
      for (const SegmentHit& hit : segment->search(vectors[i], 10, 100, {})) labels.push_back(hit.label);
    }
    return labels;
  };
  const auto expected = answers();
  std::array<std::vector<std::uint64_t>, 4> got;
  {
    std::vector<std::jthread> threads;
    threads.reserve(got.size());
    for (auto& mine : got) threads.emplace_back([&] { mine = answers(); });
  }
  for (const auto& mine : got) EXPECT_EQ(mine, expected);
}

TEST_F(SegmentTest, FindsTheNearestOfManyAndOfFewMatches) {
  const Vectors vectors = repeated_texts(400);
  write(folder / "a", vectors);
  const auto segment = Segment::open(folder / "a");
  ASSERT_GT(vectors.size(), 2 * kScanMax) << "so many that half of them are looked for in the graph";
  for (const std::uint64_t every : std::vector<std::uint64_t>{1, 2, 50, 3'000}) {
    std::vector<std::uint64_t> labels;
    for (std::uint64_t label = every; label <= vectors.size(); label += every) labels.push_back(label);
    std::size_t found = 0;
    std::size_t wanted = 0;
    for (std::size_t i = 0; i < vectors.size(); i += 101) {
      const auto exact = segment->scan(vectors[i], 10, labels);
      const auto near = *nearest_among(*segment, labels, vectors[i], 10);
      for (const SegmentHit& hit : near) EXPECT_EQ(hit.label % every, 0U);
      wanted += exact.size();
      found += static_cast<std::size_t>(std::ranges::count_if(
          near, [&](const SegmentHit& hit) { return hit.distance <= exact.back().distance + 1e-5F; }));
    }
    EXPECT_GE(static_cast<double>(found), 0.97 * static_cast<double>(wanted)) << "one in " << every;
  }
}

}  // namespace
}  // namespace tillite::testing
