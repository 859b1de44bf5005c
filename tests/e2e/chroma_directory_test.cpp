#include "vectors/chroma/chroma_directory.h"

#include <gtest/gtest.h>

#include <map>

#include "vectors/records/record.h"
#include "written_directory.h"

// A directory that a real Chroma wrote is read as the server itself answers.

namespace tillite {
namespace {

using testing::ChromaServer;
using testing::must;

class ChromaDirectoryTest : public testing::WrittenDirectory {
 protected:
  std::map<std::string, ChromaRecord> read(const std::string& collection) {
    auto directory = must(ChromaDirectory::open(folder, room.path()));
    std::map<std::string, ChromaRecord> records;
    must(directory.for_each(must(directory.collection(collection)), [&](ChromaRecord&& record) -> Result<void> {
      EXPECT_FALSE(records.contains(record.id)) << record.id;
      records[record.id] = std::move(record);
      return {};
    }));
    return records;
  }

  /// What is read is what the server answers; its vectors have the length that they were given with.
  static void expect_as_served(ChromaServer& server, const std::string& collection,
                               const std::map<std::string, ChromaRecord>& records, bool unit_length) {
    std::size_t seen = 0;
    for (int offset = 0;; offset += 300) {
      const Json page = must(server.ask({{"op", "get"},
                                         {"collection", collection},
                                         {"include", {"metadatas", "documents", "embeddings"}},
                                         {"limit", 300},
                                         {"offset", offset}}));
      if (page.at("ids").empty()) break;
      for (std::size_t i = 0; i < page.at("ids").size(); ++i) {
        const auto id = page.at("ids")[i].get<std::string>();
        ASSERT_TRUE(records.contains(id)) << id;
        const ChromaRecord& record = records.at(id);
        EXPECT_EQ(record.metadata, page.at("metadatas")[i]) << id;
        EXPECT_EQ(page.at("documents")[i], record.document) << id;
        auto vector = page.at("embeddings")[i].get<std::vector<float>>();
        if (unit_length) must(normalise(vector));
        ASSERT_EQ(record.vector.size(), vector.size()) << id;
        for (std::size_t d = 0; d < vector.size(); ++d) EXPECT_NEAR(record.vector[d], vector[d], 1e-5) << id;
        ++seen;
      }
    }
    EXPECT_EQ(seen, records.size());
  }
};

TEST_F(ChromaDirectoryTest, HasWhatIsSavedAndWhatIsInTheQueueOnly) {
  {
    auto server = serve();
    must(server.ask({{"op", "create"}, {"collection", "teas"}}));
    // The server saves a segment with every thousandth change; what comes behind is in its queue only.
    for (int i = 0; i < 1'500; i += 500) write(server, "add", "teas", i, i + 500, 1);
    write(server, "upsert", "teas", 100, 160, 2);
    write(server, "upsert", "teas", 1'490, 1'510, 2);
    write(server, "add", "teas", 200, 210, 3);  // is there already: the server changes nothing
    must(server.ask({{"op", "delete"}, {"collection", "teas"}, {"ids", ids(0, 20)}}));
    must(server.ask({{"op", "delete"}, {"collection", "teas"}, {"ids", ids(1'400, 1'410)}}));
    write(server, "add", "teas", 10, 15, 4);  // comes back
    must(server.ask({{"op", "update"},
                     {"collection", "teas"},
                     {"ids", {id_of(300), id_of(1'450)}},
                     {"metadatas", {{{"n", -1}, {"extra", "new"}}, {{"n", -2}}}}}));
    must(server.ask({{"op", "update"}, {"collection", "teas"}, {"ids", {id_of(301)}}, {"embeddings", {any_vector()}}}));
  }
  const auto records = read("teas");
  EXPECT_EQ(records.size(), 1'485U);
  EXPECT_EQ(records.at(id_of(300)).metadata,
            Json({{"n", -1}, {"extra", "new"}, {"share", 300.5}, {"even", true}, {"name", id_of(300)}}));
  auto server = serve();
  expect_as_served(server, "teas", records, true);
}

TEST_F(ChromaDirectoryTest, IsReadInEverySpaceAndCollectionByCollection) {
  {
    auto server = serve();
    for (const char* space : {"cosine", "l2", "ip"}) {
      must(server.ask({{"op", "create"}, {"collection", space + std::string("-teas")}, {"space", space}}));
      for (int i = 0; i < 1'200; i += 400) write(server, "add", space + std::string("-teas"), i, i + 400, 1);
      write(server, "upsert", space + std::string("-teas"), 1'190, 1'205, 2);
    }
    must(server.ask({{"op", "create"}, {"collection", "nothing-in-it"}}));
  }
  std::map<std::string, std::map<std::string, ChromaRecord>> all;
  auto directory = must(ChromaDirectory::open(folder, room.path()));
  for (const ChromaCollection& collection : directory.collections()) {
    if (collection.name != "nothing-in-it") {
      EXPECT_EQ(collection.space + "-teas", collection.name);
    }
    all[collection.name] = read(collection.name);
  }
  EXPECT_TRUE(all.at("nothing-in-it").empty());
  EXPECT_EQ(directory.collection("coffee").error().code(), Code::not_found);
  EXPECT_NE(directory.collection("coffee").error().message().find("cosine-teas, ip-teas, l2-teas, nothing-in-it"),
            std::string::npos);

  auto server = serve();
  expect_as_served(server, "cosine-teas", all.at("cosine-teas"), true);
  expect_as_served(server, "l2-teas", all.at("l2-teas"), false);
  expect_as_served(server, "ip-teas", all.at("ip-teas"), false);
}

TEST_F(ChromaDirectoryTest, IsReadAfterAServerThatWasKilled) {
  {
    auto server = serve();
    must(server.ask({{"op", "create"}, {"collection", "teas"}}));
    for (int i = 0; i < 1'500; i += 500) write(server, "add", "teas", i, i + 500, 1);
    server.kill();
  }
  const auto records = read("teas");
  auto server = serve();
  expect_as_served(server, "teas", records, true);
}

}  // namespace
}  // namespace tillite
