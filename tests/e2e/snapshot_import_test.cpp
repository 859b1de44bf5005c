#include "imported_directory.h"
#include "vectors/hnsw/segment_files.h"

// What a real Chroma wrote goes into a home, and what comes out of that is what it wrote.

namespace tillite {
namespace {

using testing::ChromaServer;
using testing::must;

class SnapshotImportTest : public testing::ImportedDirectory {
 protected:
  void expect_clean(const std::string& what) {
    const Json verified = answer({"snapshot", "verify", what}, 0);
    EXPECT_EQ(verified.at("findings"), Json::array());
  }

  static Json all_of(ChromaServer& server, const std::string& collection) {
    const Json got =
        must(server.ask({{"op", "get"}, {"collection", collection}, {"include", {"metadatas", "documents"}}}));
    Json records = Json::object();
    for (std::size_t i = 0; i < got.at("ids").size(); ++i) {
      records[got.at("ids")[i].get<std::string>()] = {got.at("metadatas")[i], got.at("documents")[i]};
    }
    return records;
  }
};

TEST_F(SnapshotImportTest, TakesInWhatAServerWroteOnceHoweverOftenItIsRepeated) {
  Json written;
  {
    auto server = serve();
    must(server.ask({{"op", "create"}, {"collection", "receipt_lines"}}));
    must(server.ask({{"op", "create"}, {"collection", "other-teas"}}));
    for (int i = 0; i < 1'200; i += 300) write(server, "add", "receipt_lines", i, i + 300, 1);
    must(server.ask({{"op", "delete"}, {"collection", "receipt_lines"}, {"ids", ids(1'100, 1'160)}}));
    must(server.ask({{"op", "delete"}, {"collection", "receipt_lines"}, {"ids", ids(0, 950)}}));
    written = all_of(server, "receipt_lines");
  }
  expect_clean(folder.string());
  const Json first = answer({"snapshot", "import", folder.string()}, 0);
  EXPECT_EQ(first.at("added"), written.size());
  EXPECT_EQ(first.at("compacted").at("total_embeddings"), written.size());
  const Json again = answer({"snapshot", "import", folder.string()}, 0);
  EXPECT_EQ(again.at("unchanged"), written.size());
  EXPECT_EQ(again.at("deltas"), 0);
  expect_clean("receipt_lines");

  const Path exported = room.path() / "exported";
  answer({"snapshot", "export", "receipt_lines", exported.string()}, 0);
  expect_clean(exported.string());
  auto server = must(ChromaServer::start(exported));
  EXPECT_EQ(all_of(server, "receipt_lines"), written);
}

TEST_F(SnapshotImportTest, TakesInWhatWasChangedSinceAndListsWhatHasNoDirection) {
  {
    auto server = serve();
    must(server.ask({{"op", "create"}, {"collection", "teas"}, {"space", "l2"}}));
    write(server, "add", "teas", 0, 40, 1);
    must(server.ask({{"op", "add"},
                     {"collection", "teas"},
                     {"ids", {"nowhere"}},
                     {"embeddings", {std::vector<float>(kDimensions, 0.0F)}},
                     {"documents", {"nothing"}}}));
  }
  const std::vector<std::string> import = {"snapshot", "import", folder.string(), "--into", "receipt_words"};
  const Json first = answer(import, 3);
  EXPECT_EQ(first.at("added"), 40);
  ASSERT_EQ(first.at("bad_records").size(), 1U);
  EXPECT_EQ(first.at("bad_records")[0].at("id"), "nowhere");
  {
    auto server = serve();
    write(server, "upsert", "teas", 35, 45, 2);
  }
  const Json second = answer(import, 3);
  EXPECT_EQ(second.at("added"), 5);
  EXPECT_EQ(second.at("changed"), 5);
  EXPECT_EQ(second.at("unchanged"), 35);
  const auto refused = program.run({"snapshot", "import", folder.string()});
  EXPECT_EQ(refused.status, 4);
  EXPECT_NE(refused.err.find("say --into"), std::string::npos) << refused.err;
  expect_clean("receipt_words");
}

TEST_F(SnapshotImportTest, NamesATornPickleAndTakesNothingIn) {
  const auto pickle = [&] {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.is_directory()) return entry.path() / kPickleFile;
    }
    return Path();
  };
  {
    auto server = serve();
    must(server.ask({{"op", "create"}, {"collection", "receipt_lines"}}));
    for (int i = 0; i < 1'000; i += 250) write(server, "add", "receipt_lines", i, i + 250, 1);
  }
  const Path old = room.path() / "old.pickle";
  must(clone_file(pickle(), old));
  {
    auto server = serve();
    for (int i = 1'000; i < 2'000; i += 250) write(server, "add", "receipt_lines", i, i + 250, 1);
  }
  expect_clean(folder.string());
  must(clone_file(old, pickle()));
  const Json verified = answer({"snapshot", "verify", folder.string()}, 10);
  EXPECT_NE(to_text(verified.at("findings")).find("older than the vectors"), std::string::npos) << verified;

  must(replace_file(pickle(), as_bytes(must(read_file(old)).substr(0, 5'000))));
  const Json torn = answer({"snapshot", "verify", folder.string()}, 10);
  EXPECT_NE(to_text(torn.at("findings")).find("index_metadata.pickle at byte 4"), std::string::npos) << torn;
  const auto refused = program.run({"snapshot", "import", folder.string()});
  EXPECT_EQ(refused.status, 10);
  EXPECT_NE(refused.err.find("it is torn"), std::string::npos) << refused.err;
  EXPECT_EQ(program.run({"snapshot", "verify", "receipt_lines"}).status, 5) << "nothing was published";
}

}  // namespace
}  // namespace tillite
