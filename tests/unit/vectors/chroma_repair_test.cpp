#include "vectors/chroma/chroma_repair.h"

#include "damaged_directory.h"
#include "vectors/hnsw/hnsw_files.h"

namespace tillite {
namespace {

class ChromaRepairTest : public DamagedDirectory {
 protected:
  Path target = room.path() / "mended";
  std::map<std::string, std::vector<float>> before = vectors_in(folder, room.path());

  Result<ChromaRepair> repair() { return repair_chroma_directory(folder, target, {}); }

  static std::map<std::string, std::vector<float>> vectors_in(const Path& directory, const Path& scratch) {
    auto opened = must(ChromaDirectory::open(directory, scratch));
    std::map<std::string, std::vector<float>> vectors;
    const ChromaCollection collection = opened.collections().front();
    must(opened.for_each(collection, [&](ChromaRecord&& record) -> Result<void> {
      vectors[record.id] = std::move(record.vector);
      return {};
    }));
    return vectors;
  }

  /// The mended copy is clean and has the records that were there before the damage; the damaged one is as it was.
  void expect_mended(const std::string& file) {
    const auto damage = findings().size();
    const auto repaired = must(repair());
    ASSERT_FALSE(repaired.repaired.empty());
    EXPECT_TRUE(repaired.repaired.front().file.ends_with(file)) << repaired.repaired.front().file;
    EXPECT_TRUE(must(check_chroma_directory(target, room.path(), {})).findings.empty());
    EXPECT_EQ(vectors_in(target, room.path()), before);
    EXPECT_EQ(findings().size(), damage);
  }
};

TEST_F(ChromaRepairTest, WritesNothingWhereNothingIsWrong) {
  EXPECT_TRUE(must(repair()).found.empty());
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(ChromaRepairTest, MakesThePickleAnewFromTheTables) {
  change(kPickleFile, [](std::string& bytes) { bytes.resize(200); });
  expect_mended(kPickleFile);
}

TEST_F(ChromaRepairTest, MakesAPickleThatIsGone) {
  std::filesystem::remove(segment / kPickleFile);
  expect_mended(kPickleFile);
}

TEST_F(ChromaRepairTest, LinksElementsThatNoSearchReaches) {
  change(kLevel0File, [](std::string& bytes) {
    for (std::size_t element = 0; element < kRecords; ++element) bytes.replace(element * row_bytes(), 2, 2, '\0');
  });
  expect_mended(kLevel0File);
}

TEST_F(ChromaRepairTest, WritesTheLengthsAnew) {
  std::filesystem::remove(segment / kLengthFile);
  expect_mended(kLengthFile);
}

TEST_F(ChromaRepairTest, BringsTheFullTextToTheDocuments) {
  sql("DELETE FROM embedding_fulltext_search WHERE rowid = 7");
  sql("UPDATE embedding_fulltext_search SET string_value = 'something else' WHERE rowid = 8");
  sql("INSERT INTO embedding_fulltext_search (rowid, string_value) VALUES (77, 'nobody')");
  expect_mended("chroma.sqlite3");
}

TEST_F(ChromaRepairTest, AnchorsTheSequenceNumbers) {
  sql("UPDATE max_seq_id SET seq_id = 12");
  expect_mended("chroma.sqlite3");
}

TEST_F(ChromaRepairTest, RefusesAPickleThatNothingDetermines) {
  sql("UPDATE embeddings SET created_at = '2026-01-01 00:00:00'");  // a server was here
  change(kPickleFile, [](std::string& bytes) { bytes.resize(200); });
  const auto refused = repair();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::corrupt);
  EXPECT_NE(refused.error().message().find("cannot be repaired without loss"), std::string::npos)
      << refused.error().message();
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(ChromaRepairTest, RefusesATargetThatIsInUse) {
  must(make_folders(target));
  must(replace_file(target / "mine", as_bytes("mine")));
  sql("UPDATE max_seq_id SET seq_id = 12");
  EXPECT_EQ(repair().error().code(), Code::conflict);
}

}  // namespace
}  // namespace tillite
