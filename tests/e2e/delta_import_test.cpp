#include <cstdlib>

#include "imported_directory.h"

// Deltas as a real Chroma leaves them: folders, and archives that tar made of them.

namespace tillite {
namespace {

using testing::must;

class DeltaImportTest : public testing::ImportedDirectory {
 protected:
  Path deltas = room.path() / "lines/delta";

  /// A delta with the records `first` to `end - 1` and what makes this version of them another.
  Path write_delta(const std::string& name, int first, int end, int version) {
    folder = deltas / name;
    auto server = serve();
    must(server.ask({{"op", "create"}, {"collection", "receipt_lines"}}));
    for (int i = first; i < end; i += 300) write(server, "add", "receipt_lines", i, std::min(i + 300, end), version);
    return folder;
  }

  /// Puts an archive in the place of the folder.
  static Path pack(const Path& folder) {
    const std::string archive = folder.string() + ".tar.gz";
    EXPECT_EQ(
        std::system(fmt::format("tar -C {} -czf {} . && rm -r {}", folder.string(), archive, folder.string()).c_str()),
        0);
    return archive;
  }
};

TEST_F(DeltaImportTest, TakesFoldersAndArchivesInOnceHoweverOftenItIsRepeated) {
  write_delta("3b0c", 0, 1'200, 1);            // more than a server keeps in its queue
  pack(write_delta("91d4", 1'200, 1'250, 1));  // in its queue only
  const Json first = answer({"delta", "import", deltas.string()}, 0);
  EXPECT_EQ(first.at("deltas"), 2);
  EXPECT_EQ(first.at("collections").at(0).at("added"), 1'250);
  EXPECT_EQ(first.at("collections").at(0).at("compacted").at("total_embeddings"), 1'250);

  const Json again = answer({"delta", "import", deltas.string()}, 0);
  EXPECT_EQ(again.at("collections").at(0).at("unchanged"), 1'250);
  EXPECT_EQ(again.at("collections").at(0).at("deltas"), 0);
  answer({"snapshot", "verify", "receipt_lines"}, 0);
}

TEST_F(DeltaImportTest, FindsThemInTheStoreOfTheHome) {
  const Path archive = pack(write_delta("91d4", 0, 50, 1));
  write_delta("3b0c", 50, 80, 1);
  EXPECT_EQ(answer({"delta", "import"}, 0).at("deltas"), 0);
  const Path store = room.path() / "home/vectors/objects";
  ASSERT_TRUE(std::filesystem::is_directory(store));
  std::filesystem::copy(room.path() / "lines", store / "lines", std::filesystem::copy_options::recursive);
  const Json report = answer({"delta", "import"}, 0);
  EXPECT_EQ(report.at("deltas"), 2);
  EXPECT_EQ(report.at("collections").at(0).at("added"), 80);
}

TEST_F(DeltaImportTest, RefusesADamagedOneAndTakesTheOthers) {
  write_delta("3b0c", 0, 40, 1);
  const Path archive = pack(write_delta("91d4", 40, 80, 1));
  const std::string whole = must(read_file(archive));
  must(replace_file(archive, as_bytes(whole).first(whole.size() - 100)));
  const Json report = answer({"delta", "import", deltas.string()}, 3);
  EXPECT_EQ(report.at("deltas"), 1);
  ASSERT_EQ(report.at("refused").size(), 1U);
  EXPECT_EQ(report.at("refused")[0].at("delta"), archive.string());
  EXPECT_EQ(report.at("collections").at(0).at("added"), 40);
}

}  // namespace
}  // namespace tillite
