#include <gtest/gtest.h>

#include "base/sqlite.h"
#include "chroma_server.h"
#include "vectors/chroma/chroma_template.h"

namespace tillite::testing {
namespace {

/// Everything that a server compares, and all rows that it starts with.
std::vector<std::string> schema_and_migrations(const Path& file) {
  SQLite::Database database(file.string());
  std::vector<std::string> rows;
  for (const char* query :
       {"SELECT type || '|' || name || '|' || coalesce(sql, '') FROM sqlite_master ORDER BY type, name",
        "SELECT dir || '|' || version || '|' || filename || '|' || hash || '|' || sql FROM migrations ORDER BY dir, "
        "version",
        "SELECT id FROM tenants", "SELECT id || '|' || name || '|' || tenant_id FROM databases"}) {
    SQLite::Statement statement(database, query);
    while (statement.executeStep()) rows.push_back(statement.getColumn(0).getString());
  }
  return rows;
}

class RealChroma : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!ChromaServer::available()) GTEST_SKIP() << ChromaServer::how_to_get();
  }

  Result<ChromaServer> serve() { return ChromaServer::start(folder.path()); }

  ScratchFolder folder = *ScratchFolder::create(Path(::testing::TempDir()) / "tillite-tests");
};

TEST_F(RealChroma, AnswersThroughItsOwnClient) {
  auto server = serve();
  ASSERT_TRUE(server) << server.error().message();
  ASSERT_TRUE(server->ask({{"op", "create"}, {"collection", "teas"}}));
  ASSERT_TRUE(server->ask({{"op", "add"},
                           {"collection", "teas"},
                           {"ids", {"green", "black"}},
                           {"embeddings", {{1, 0}, {0, 1}}},
                           {"documents", {"green tea", "black tea"}},
                           {"metadatas", {{{"cups", 1}}, {{"cups", 2}}}}}));

  EXPECT_EQ(server->ask({{"op", "list"}}), Json({"teas"}));
  EXPECT_EQ(server->ask({{"op", "count"}, {"collection", "teas"}}), Json(2));
  const auto nearest =
      server->ask({{"op", "query"}, {"collection", "teas"}, {"queryEmbeddings", {{0.1, 1}}}, {"nResults", 1}});
  ASSERT_TRUE(nearest) << nearest.error().message();
  EXPECT_EQ(nearest->at("ids"), Json::parse(R"([["black"]])"));
  const auto many = server->ask({{"op", "get"}, {"collection", "teas"}, {"where", {{"cups", {{"$lt", 2}}}}}});
  ASSERT_TRUE(many) << many.error().message();
  EXPECT_EQ(many->at("documents"), Json({"green tea"}));
}

TEST_F(RealChroma, KeepsWhatItWasToldOverARestart) {
  {
    auto server = serve();
    ASSERT_TRUE(server) << server.error().message();
    ASSERT_TRUE(server->ask({{"op", "create"}, {"collection", "teas"}}));
    ASSERT_TRUE(server->ask({{"op", "upsert"}, {"collection", "teas"}, {"ids", {"a"}}, {"embeddings", {{1, 0}}}}));
  }
  auto server = serve();
  ASSERT_TRUE(server) << server.error().message();
  EXPECT_EQ(server->ask({{"op", "count"}, {"collection", "teas"}}), Json(1));
}

TEST_F(RealChroma, SaysWhatItsClientRefuses) {
  auto server = serve();
  ASSERT_TRUE(server) << server.error().message();
  const auto answer = server->ask({{"op", "count"}, {"collection", "nothing-here"}});
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message().find("ChromaNotFoundError"), std::string::npos) << answer.error().message();
}

TEST_F(RealChroma, MakesTheTemplateOfSnapshotsAgain) {
  const Path embedded = folder.path() / "embedded.sqlite3";
  ASSERT_TRUE(replace_file(embedded, chroma_template()));
  std::filesystem::create_directory(folder.path() / "served");
  {
    auto server = ChromaServer::start(folder.path() / "served");
    ASSERT_TRUE(server) << server.error().message();
  }
  const auto expected = schema_and_migrations(embedded);
  EXPECT_GT(expected.size(), 16U);
  EXPECT_EQ(schema_and_migrations(folder.path() / "served/chroma.sqlite3"), expected);
}

}  // namespace
}  // namespace tillite::testing
