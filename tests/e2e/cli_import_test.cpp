// What import, delete and their dry runs do with odd files.
#include <gtest/gtest.h>

#include "receipts/receipt_reader.h"
#include "receipts/sample.h"
#include "support/program.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

class Importing : public ::testing::Test {
 protected:
  Path file(const std::string& name, const std::string& content) const {
    Path path = folder / name;
    EXPECT_TRUE(replace_file(path, as_bytes(content)));
    return path;
  }
  Path receipts() const { return file("receipts.jsonl", to_text(receipt_json(sample_receipt(1, 0))) + "\n"); }

  TempFolder folder;
  Path home = folder / "home";
  Program program{folder.path(), home};
};

TEST_F(Importing, AFileWithoutReceiptsIsReportedAndTheOthersGoIn) {
  const auto imported = program.run({"--json", "import", file("empty.jsonl", ""), receipts()});
  EXPECT_EQ(imported.status, 3);
  EXPECT_EQ(imported.json().at("receipts"), 1);
  ASSERT_EQ(imported.json().at("bad_receipts").size(), 1U);
  EXPECT_TRUE(imported.json().at("bad_receipts")[0].at("file").get<std::string>().ends_with("empty.jsonl"));
  EXPECT_EQ(program.run({"import", file("blank.jsonl", "\n \n")}).status, 3);
}

TEST_F(Importing, AMissingFileEndsItBeforeAnythingIsWritten) {
  EXPECT_EQ(program.run({"import", receipts(), folder / "nowhere.jsonl"}).status, 5);
  EXPECT_FALSE(std::filesystem::exists(home));
}

TEST_F(Importing, AFolderIsNoFile) {
  const auto refused = program.run({"import", folder.path()});
  EXPECT_EQ(refused.status, 4);
  EXPECT_NE(refused.err.find("is a folder"), std::string::npos) << refused.err;
}

TEST_F(Importing, ADryRunWithoutAHomeLeavesNone) {
  const auto dry = program.run({"--json", "import", "--dry-run", receipts()});
  EXPECT_EQ(dry.status, 0) << dry.err;
  EXPECT_EQ(dry.json().at("new"), 1);
  EXPECT_FALSE(std::filesystem::exists(home));
}

TEST_F(Importing, ADryRunTellsWhatAnImportWouldChange) {
  ASSERT_EQ(program.run({"import", receipts()}).status, 0);
  EXPECT_EQ(program.run({"--json", "import", "--dry-run", receipts()}).json().at("unchanged"), 1);
}

TEST_F(Importing, AReceiptIsDeletedByItsIdInEitherCase) {
  ASSERT_EQ(program.run({"import", receipts()}).status, 0);
  std::string image = sample_receipt(1, 0).image_id.str();
  std::ranges::transform(image, image.begin(), [](unsigned char c) { return std::toupper(c); });
  EXPECT_EQ(program.run({"delete", "--receipt", "no-uuid", "1"}).status, 4);
  EXPECT_EQ(program.run({"delete", "--receipt", image, "1"}).status, 0);
}

}  // namespace
}  // namespace tillite::testing
