#include <map>

#include "support/program.h"
#include "vectors/chroma/chroma_directory.h"
#include "written_directory.h"

// A newer Chroma server than the one that our directories are modelled on opens them, goes on writing, and is read.

namespace tillite {
namespace {

using testing::ChromaRelease;
using testing::ChromaServer;
using testing::must;
using testing::Program;

class NewerChroma : public testing::WrittenDirectory {
 protected:
  void SetUp() override {
    testing::WrittenDirectory::SetUp();
    if (!ChromaServer::available(ChromaRelease::newer)) {
      GTEST_SKIP() << "no newer Chroma server, or no newer C library for it: run scripts/setup test";
    }
    ::setenv("EMBEDDING_DIMENSIONS", std::to_string(kDimensions).c_str(), 1);
  }
  void TearDown() override { ::unsetenv("EMBEDDING_DIMENSIONS"); }

  Program program{room.path(), room.path() / "home"};

  Json answer(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    const auto outcome = program.run(std::move(arguments));
    EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
    return outcome.json();
  }
};

TEST_F(NewerChroma, OpensWhatWeWriteGoesOnWritingAndIsReadInReturn) {
  {
    auto server = serve();
    must(server.ask({{"op", "create"}, {"collection", "receipt_lines"}}));
    write(server, "add", "receipt_lines", 0, 300, 1);
  }
  answer({"snapshot", "import", folder.string()});
  const Path exported = room.path() / "exported";
  answer({"snapshot", "export", "receipt_lines", exported.string()});
  Json served = Json::object();
  {
    auto server = must(ChromaServer::start(exported, ChromaRelease::newer));
    EXPECT_EQ(must(server.ask({{"op", "count"}, {"collection", "receipt_lines"}})), 300);
    // Enough for the server to save its segment anew; the rest stays in its queue.
    for (int i = 200; i < 1'400; i += 300) write(server, "upsert", "receipt_lines", i, i + 300, 2);
    must(server.ask({{"op", "delete"}, {"collection", "receipt_lines"}, {"ids", ids(0, 50)}}));
    must(server.ask({{"op", "update"},
                     {"collection", "receipt_lines"},
                     {"ids", {id_of(60)}},
                     {"metadatas", {{{"tags", {"green", "black"}}, {"cups", {1, 2}}}}}}));
    const Json got = must(server.ask(
        {{"op", "get"}, {"collection", "receipt_lines"}, {"include", {"metadatas", "documents"}}, {"limit", 2'000}}));
    for (std::size_t i = 0; i < got.at("ids").size(); ++i) {
      served[got.at("ids")[i].get<std::string>()] = {got.at("metadatas")[i], got.at("documents")[i]};
    }
  }
  EXPECT_EQ(served.size(), 1'350U);
  EXPECT_EQ(answer({"snapshot", "verify", exported.string()}).at("findings"), Json::array());

  Json read = Json::object();
  auto directory = must(ChromaDirectory::open(exported, room.path()));
  must(directory.for_each(must(directory.collection("receipt_lines")), [&](ChromaRecord&& record) -> Result<void> {
    read[record.id] = {record.metadata, record.document};
    return {};
  }));
  EXPECT_EQ(read, served);
  EXPECT_EQ(read.at(id_of(60))[0].at("tags"), Json({"green", "black"}));

  const Json again = answer({"snapshot", "import", exported.string()});
  EXPECT_EQ(again.at("added"), 1'100);
  EXPECT_EQ(again.at("changed"), 101);
  EXPECT_EQ(again.at("unchanged"), 149);
}

}  // namespace
}  // namespace tillite
