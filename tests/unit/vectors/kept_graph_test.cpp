#include "vectors/hnsw/kept_graph.h"

#include <gtest/gtest.h>

#include <random>

#include "segment_fixture.h"
#include "support/must.h"
#include "vectors/files/file_checksum.h"

namespace tillite::testing {
namespace {

class KeptGraphTest : public SegmentFixture {
 protected:
  Vectors vectors = repeated_texts(60);
  const std::size_t half = vectors.size() / 2;

  /// A segment with its kept graph.
  SegmentFacts write_kept(const Path& to, const Vectors& added, const std::optional<Path>& base = std::nullopt,
                          std::uint64_t first_label = 1, std::vector<std::uint64_t> removed = {}) {
    SegmentChange change;
    change.base = base;
    if (base && std::filesystem::exists(kept_of(*base))) change.base_graph = kept_of(*base);
    change.removed = std::move(removed);
    change.first_new_label = first_label;
    change.kept_graph = kept_of(to);
    return write(to, added, std::move(change));
  }
  static Path kept_of(const Path& segment) { return segment.string() + ".kept"; }

  [[nodiscard]] Vectors first_half() const { return {vectors.begin(), vectors.begin() + static_cast<long>(half)}; }
  [[nodiscard]] Vectors second_half() const { return {vectors.begin() + static_cast<long>(half), vectors.end()}; }

  /// What makes a segment as good as any: all vectors, all reachable, and what is near is found.
  void expect_whole(const Path& written) {
    const auto segment = must(Segment::open(written));
    EXPECT_EQ(segment.size(), vectors.size());
    EXPECT_EQ(segment.unreachable(), 0U);
    for (std::uint64_t label = 1; label <= vectors.size(); ++label) {
      ASSERT_EQ(segment.vector_of(label), vectors[label - 1]) << label;
    }
    Vectors queries;
    for (std::size_t i = 0; i < vectors.size(); i += 7) queries.push_back(vectors[i]);
    EXPECT_GE(recall(segment, queries), 0.98);
    for (const auto& query : queries) EXPECT_NEAR(segment.search(query, 1, 100, {}).front().distance, 0, 1e-5);
  }

  /// The segment is as without the kept graph, and one is kept for the next change.
  void expect_passed_over(std::string_view why) {
    const auto facts = write_kept(folder / "b", second_half(), folder / "a", half + 1);
    EXPECT_FALSE(facts.continued);
    EXPECT_NE(facts.not_continued.find(why), std::string::npos) << facts.not_continued;
    expect_whole(folder / "b");
    must(read_kept_graph(kept_of(folder / "b")));
  }
};

TEST_F(KeptGraphTest, GoesOnAndIsAsGoodAsAGraphThatIsReadFromTheSegment) {
  EXPECT_FALSE(write_kept(folder / "a", first_half()).continued);
  const auto facts = write_kept(folder / "b", second_half(), folder / "a", half + 1);
  EXPECT_TRUE(facts.continued) << facts.not_continued;
  expect_whole(folder / "b");
}

TEST_F(KeptGraphTest, GoesOnManyTimesInSmallSteps) {
  constexpr std::size_t kStep = 50;
  write_kept(folder / "0", first_half());
  std::size_t versions = 0;
  for (std::size_t begin = half; begin < vectors.size(); begin += kStep, ++versions) {
    const std::size_t end = std::min(begin + kStep, vectors.size());
    const Vectors some(vectors.begin() + static_cast<long>(begin), vectors.begin() + static_cast<long>(end));
    const auto facts =
        write_kept(folder / std::to_string(versions + 1), some, folder / std::to_string(versions), begin + 1);
    EXPECT_TRUE(facts.continued) << facts.not_continued;
  }
  expect_whole(folder / std::to_string(versions));
}

TEST_F(KeptGraphTest, HoldsTheSameElementsAndLinksAsItsSegment) {
  write_kept(folder / "a", first_half());
  write_kept(folder / "b", second_half(), folder / "a", half + 1);
  const auto kept = must(read_kept_graph(kept_of(folder / "b")));
  ASSERT_EQ(kept.elements.size(), vectors.size());
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    EXPECT_EQ(kept.elements[i].label, i + 1);
    EXPECT_EQ(kept.hashes[kept.elements[i].node], vector_hash(vectors[i]));
  }
}

TEST_F(KeptGraphTest, AnEmptyChangeChangesNoByte) {
  write_kept(folder / "a", vectors);
  const auto facts = write_kept(folder / "b", {}, folder / "a", vectors.size() + 1);
  EXPECT_TRUE(facts.continued) << facts.not_continued;
  for (const char* file : {"header.bin", "data_level0.bin", "link_lists.bin", "length.bin"}) {
    EXPECT_EQ(must(sha256_of_file(folder / "a" / file)), must(sha256_of_file(folder / "b" / file))) << file;
  }
}

TEST_F(KeptGraphTest, TheSameChangeGivesTheSameBytesWithAnyNumberOfThreads) {
  write_kept(folder / "a", first_half());
  settings.threads = 1;
  write_kept(folder / "b", second_half(), folder / "a", half + 1);
  settings.threads = 2;
  write_kept(folder / "c", second_half(), folder / "a", half + 1);
  EXPECT_EQ(must(sha256_of_file(folder / "b" / "data_level0.bin")),
            must(sha256_of_file(folder / "c" / "data_level0.bin")));
  EXPECT_EQ(must(sha256_of_file(kept_of(folder / "b"))), must(sha256_of_file(kept_of(folder / "c"))));
}

TEST_F(KeptGraphTest, TellsTheHashOfEveryFileThatIsWritten) {
  write_kept(folder / "a", first_half());
  const auto facts = write_kept(folder / "b", second_half(), folder / "a", half + 1);
  EXPECT_EQ(facts.files.size(), 5U);
  for (const auto& [path, sha256] : facts.files)
    EXPECT_EQ(must(checksum_of_file(must(File::open_read(path)), ChecksumForm::by_parts, 1)), sha256) << path;
}

TEST_F(KeptGraphTest, RemembersWhatWasRemovedAndLetsEqualVectorsFindTheirCopies) {
  write_kept(folder / "a", first_half());
  const auto removing = write_kept(folder / "b", {}, folder / "a", half + 1, {1, 2, 3});
  EXPECT_EQ(removing.deleted, 3U);
  const Vectors again = {vectors[0], vectors[10], vectors[10]};
  const auto facts = write_kept(folder / "c", again, folder / "b", half + 1);
  EXPECT_TRUE(facts.continued) << facts.not_continued;
  EXPECT_EQ(facts.deleted, 3U);
  const auto segment = must(Segment::open(folder / "c"));
  EXPECT_EQ(segment.size(), half);
  EXPECT_EQ(segment.unreachable(), 0U);
  EXPECT_FALSE(segment.vector_of(1));
  const auto hits = segment.search(vectors[0], 1, 100, {});
  EXPECT_NEAR(hits.front().distance, 0, 1e-5);
  const auto kept = must(read_kept_graph(kept_of(folder / "c")));
  EXPECT_EQ(kept.elements[half].node, kept.elements[0].node) << "equal vectors share a node";
}

TEST_F(KeptGraphTest, TheSpaceOfTheDeadIsReclaimed) {
  write_kept(folder / "a", first_half());
  std::vector<std::uint64_t> removed;
  for (std::uint64_t label = 1; label <= half / 2; ++label) removed.push_back(label);
  const auto facts = write_kept(folder / "b", second_half(), folder / "a", half + 1, removed);
  EXPECT_TRUE(facts.rebuilt);
  EXPECT_EQ(facts.elements, vectors.size() - removed.size());
  EXPECT_EQ(must(read_kept_graph(kept_of(folder / "b"))).elements.size(), facts.elements);
  const auto segment = must(Segment::open(folder / "b"));
  EXPECT_EQ(segment.unreachable(), 0U);
  EXPECT_EQ(segment.vector_of(vectors.size()), vectors.back()) << "labels stay";
}

TEST_F(KeptGraphTest, ABaseWithoutOneGainsOne) {
  write(folder / "a", first_half());
  const auto facts = write_kept(folder / "b", {}, folder / "a", half + 1);
  EXPECT_FALSE(facts.continued);
  EXPECT_EQ(facts.not_continued, "");
  EXPECT_TRUE(write_kept(folder / "c", second_half(), folder / "b", half + 1).continued);
  expect_whole(folder / "c");
}

TEST_F(KeptGraphTest, OtherSettingsPassItOver) {
  write_kept(folder / "a", first_half());
  settings.code_bits = 4;
  expect_passed_over("8 bits");
}

TEST_F(KeptGraphTest, ACentreOfFarFewerVectorsIsChosenAnew) {
  write_kept(folder / "a", {vectors.begin(), vectors.begin() + 10});
  const Vectors most(vectors.begin() + 10, vectors.end());
  write_kept(folder / "b", most, folder / "a", 11);
  const auto facts = write_kept(folder / "c", {}, folder / "b", vectors.size() + 1);
  EXPECT_NE(facts.not_continued.find("centre"), std::string::npos) << facts.not_continued;
  expect_whole(folder / "c");
}

TEST_F(KeptGraphTest, OneOfAnotherVersionIsPassedOver) {
  write_kept(folder / "a", first_half());
  std::string content = must(read_file(kept_of(folder / "a")));
  content.replace(0, 16, "tillite-graph/2\n");
  must(replace_file(kept_of(folder / "a"), as_bytes(content)));
  expect_passed_over("version 1");
}

TEST_F(KeptGraphTest, OneOfAnotherSegmentIsPassedOver) {
  write_kept(folder / "other", vectors);
  write_kept(folder / "a", first_half());
  std::filesystem::rename(kept_of(folder / "other"), kept_of(folder / "a"));
  expect_passed_over("elements");
}

TEST_F(KeptGraphTest, ADamagedOneIsPassedOverWhereverItIsCut) {
  write_kept(folder / "a", first_half());
  const std::string content = must(read_file(kept_of(folder / "a")));
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{100}, content.size() - 1}) {
    must(replace_file(kept_of(folder / "a"), as_bytes(content).first(size)));
    expect_passed_over("graph");
  }
}

TEST_F(KeptGraphTest, EveryNumberOfItsTablesIsChecked) {
  write_kept(folder / "a", first_half());
  const std::string content = must(read_file(kept_of(folder / "a")));
  std::mt19937_64 random(1);
  std::size_t refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string damaged = content;
    const std::size_t place = random() % damaged.size();
    for (std::size_t at = place; at < std::min(place + 8, damaged.size()); ++at) damaged[at] = static_cast<char>(0xff);
    must(replace_file(kept_of(folder / "a"), as_bytes(damaged)));
    const auto kept = read_kept_graph(kept_of(folder / "a"));
    if (kept) {
      Graph graph(kept->centre, kept->nodes.size(), settings);
      if (graph.take_over(*kept, 1)) continue;
    }
    ++refused;
  }
  EXPECT_GT(refused, 0U);
}

}  // namespace
}  // namespace tillite::testing
