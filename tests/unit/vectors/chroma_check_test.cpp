#include "damaged_directory.h"

namespace tillite {
namespace {

class ChromaCheckTest : public DamagedDirectory {
 protected:
  void expect_one_finding(const std::string& file, const std::string& what) {
    const auto found = findings();
    ASSERT_EQ(found.size(), 1U) << (found.size() > 1 ? found[1].what : "");
    EXPECT_TRUE(found.front().file.ends_with(file)) << found.front().file;
    EXPECT_NE(found.front().what.find(what), std::string::npos) << found.front().what;
  }
};

TEST_F(ChromaCheckTest, FindsNothingInWhatWeWrite) {
  const auto check = must(check_chroma_directory(folder, room.path(), {}));
  EXPECT_TRUE(check.findings.empty());
  ASSERT_EQ(check.collections.size(), 1U);
  EXPECT_EQ(check.collections.front().records, 20U);
  EXPECT_EQ(check.collections.front().elements, 20U);
}

TEST_F(ChromaCheckTest, NamesFilesThatAreCutOff) {
  change(kLengthFile, [](std::string& bytes) { bytes.resize(70); });
  expect_one_finding(kLengthFile, "too few for 20 elements");
}

TEST_F(ChromaCheckTest, NamesTornVectors) {
  change(kLevel0File, [](std::string& bytes) { bytes.resize(bytes.size() - 1); });
  const auto found = findings();
  ASSERT_FALSE(found.empty());
  EXPECT_NE(found.front().what.find("data_level0.bin has"), std::string::npos) << found.front().what;
}

TEST_F(ChromaCheckTest, NamesATornHeader) {
  change(kHeaderFile, [](std::string& bytes) { bytes.resize(60); });
  const auto found = findings();
  ASSERT_FALSE(found.empty());
  EXPECT_NE(found.front().what.find("header.bin: it does not have 100 bytes"), std::string::npos) << found.front().what;
}

TEST_F(ChromaCheckTest, NamesTornLinkLists) {
  change(kLinkListsFile, [](std::string& bytes) { bytes.resize(bytes.size() - 2); });
  expect_one_finding(kLinkListsFile, "it is torn");
}

TEST_F(ChromaCheckTest, FindsVectorsWithoutUnitLength) {
  change(kLevel0File, [](std::string& bytes) {
    const float two = 2;
    bytes.replace(3 * row_bytes() + kVectorOffset, sizeof two, reinterpret_cast<const char*>(&two), sizeof two);
  });
  expect_one_finding(kLevel0File, "1 vectors are not of unit length");
}

TEST_F(ChromaCheckTest, FindsElementsThatNoSearchReaches) {
  change(kLevel0File, [](std::string& bytes) {
    for (std::size_t element = 0; element < kRecords; ++element) bytes.replace(element * row_bytes(), 2, 2, '\0');
  });
  expect_one_finding(kLevel0File, "19 live elements cannot be reached");
}

TEST_F(ChromaCheckTest, FindsDocumentsThatTheFullTextLacks) {
  sql("DELETE FROM embedding_fulltext_search WHERE rowid = 7");
  expect_one_finding("chroma.sqlite3", "1, as 'record-06'");
}

TEST_F(ChromaCheckTest, FindsRowsOfTheFullTextThatAreOfNoDocument) {
  sql("INSERT INTO embedding_fulltext_search (rowid, string_value) VALUES (77, 'nobody')");
  expect_one_finding("chroma.sqlite3", "of no document: 1, as '77'");
}

TEST_F(ChromaCheckTest, FindsSequenceNumbersThatWouldLoseChanges) {
  sql("UPDATE max_seq_id SET seq_id = 12");
  expect_one_finding("chroma.sqlite3", "would acknowledge the next 12 changes");
}

TEST_F(ChromaCheckTest, FindsRecordsWithoutAVectorAndVectorsWithoutARecord) {
  sql("UPDATE embeddings SET embedding_id = 'stranger' WHERE id = 3");
  const auto found = findings();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NE(found[0].what.find("without a vector: 1, as 'stranger'"), std::string::npos) << found[0].what;
  EXPECT_NE(found[1].what.find("without a record: 1, as 'record-02'"), std::string::npos) << found[1].what;
}

TEST_F(ChromaCheckTest, NamesAPickleThatIsGone) {
  std::filesystem::remove(segment / kPickleFile);
  const auto found = findings();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NE(found[0].what.find("without a vector: 20"), std::string::npos) << found[0].what;
  EXPECT_TRUE(found[1].file.ends_with(kPickleFile)) << found[1].file;
}

TEST_F(ChromaCheckTest, RunsNothingThatSomebodyPutIntoTheDatabase) {
  sql("CREATE TRIGGER surprise AFTER DELETE ON embeddings BEGIN DELETE FROM collections; END");
  const auto found = findings();
  ASSERT_FALSE(found.empty());
  EXPECT_NE(found.front().what.find("trigger 'surprise'"), std::string::npos) << found.front().what;
}

TEST_F(ChromaCheckTest, SaysThatAFolderIsNoChromaDirectory) {
  EXPECT_EQ(check_chroma_directory(room.path(), room.path(), {}).error().code(), Code::not_found);
}

}  // namespace
}  // namespace tillite
