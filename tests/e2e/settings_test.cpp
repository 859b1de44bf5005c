// Variables of docs/settings.md, as a user sets them: each changes what the program does. Those of functions and of
// parts on AWS are tried by lambda_host.py, parts_on_moto.py and step_functions.py, those of the provider by
// openai_*_test.cpp.
#include <gtest/gtest.h>

#include "support/must.h"
#include "support/sample_home.h"
#include "support/tls_server.h"

namespace tillite::testing {
namespace {

class SettingsOfTheProgram : public ::testing::Test {
 protected:
  using Variables = std::map<std::string, std::string>;

  /// A program with these variables, and a home of its own with a few receipts, imported under them.
  Program with(const Variables& variables) {
    const std::string name = std::to_string(++homes_);
    must(make_folders(folder / name));
    Program program(folder / name, folder / name / "home", variables);
    EXPECT_EQ(program.run({"import", sample_file(folder, 2)}).status, 0);
    return program;
  }
  Path home() const { return folder / std::to_string(homes_) / "home"; }

  static Json ask(const Program& program, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    const auto outcome = program.run(arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.json();
  }

  /// The lines of a run's log with this message.
  static std::vector<Json> logged(const Program& program, const std::string& message) {
    const auto run = program.run({"--json", "run"});
    EXPECT_EQ(run.status, 0) << run.err;
    std::vector<Json> found;
    std::istringstream lines(run.err);
    for (std::string text; std::getline(lines, text);) {
      Json line = must(parse_json(text, "a line of the log"));
      if (line.at("message") == message) found.push_back(std::move(line));
    }
    return found;
  }

  static std::uint64_t files_below(const Path& place) {
    std::uint64_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(place)) files += entry.is_regular_file();
    return files;
  }

  TempFolder folder;

 private:
  int homes_ = 0;
};

TEST_F(SettingsOfTheProgram, TheLogHasWhatItsLevelAsksFor) {
  EXPECT_FALSE(logged(with({{"LOG_LEVEL", "DEBUG"}}), "step done").empty());
  EXPECT_TRUE(logged(with({{"LOG_LEVEL", "INFO"}}), "step done").empty());
  EXPECT_EQ(with({{"LOG_LEVEL", "ERROR"}}).run({"run"}).err, "");
}

TEST_F(SettingsOfTheProgram, ANewCollectionHasAsManyShardsAsAreAskedFor) {
  const Program program = with({{"TILLITE_SHARDS", "3"}});
  ASSERT_EQ(program.run({"run"}).status, 0);
  EXPECT_EQ(ask(program, {"status"}).at("entities").at(0).at("snapshot_shards"), 3);
}

TEST_F(SettingsOfTheProgram, ANewCollectionHasTheFormatsThatAreAskedFor) {
  const Program program = with({{"EMBEDDING_FORMAT_LINE", "line/rows/1"}, {"EMBEDDING_FORMAT_WORD", "word/tagged/1"}});
  ASSERT_EQ(program.run({"run"}).status, 0);
  const Json listed = ask(program, {"generations", "list"}).at("generations");
  EXPECT_EQ(listed.at(0).at("binding").at("input_format"), "line/rows/1");
  EXPECT_EQ(listed.at(1).at("binding").at("input_format"), "word/tagged/1");
}

TEST_F(SettingsOfTheProgram, ABatchHasAsManyItemsAndTokensAsItMay) {
  const auto submitted = [&](const Variables& variables) {
    return ask(with(variables), {"run", "--entity", "line"}).at("batches_submitted").get<int>();
  };
  EXPECT_EQ(submitted({}), 1);
  EXPECT_GT(submitted({{"BATCH_ITEMS_MAX", "30"}}), 1);
  EXPECT_GT(submitted({{"BATCH_TOKENS_MAX", "200"}}), 1);
}

TEST_F(SettingsOfTheProgram, AFewItemsAreAskedForAtOnceWhereThatIsAllowed) {
  EXPECT_GT(ask(with({}), {"run"}).at("batches_submitted"), 0);
  const Json direct = ask(with({{"DIRECT_ITEMS_MAX", "2048"}}), {"run"});
  EXPECT_EQ(direct.at("batches_submitted"), 0);
  EXPECT_GT(direct.at("items_embedded"), 0);
}

TEST_F(SettingsOfTheProgram, VectorsAreKeptAsFarAsTheirRoomGoes) {
  const Program all = with({});
  const Program some = with({{"TILLITE_CACHE_BYTES", "300K"}});
  for (const Program* program : {&all, &some}) ASSERT_EQ(program->run({"run"}).status, 0);
  const Json kept = ask(some, {"cache", "status"});
  EXPECT_EQ(kept.at("bytes_max"), 300 * 1024);
  EXPECT_LE(kept.at("bytes"), 300 * 1024);
  EXPECT_LT(kept.at("vectors"), ask(all, {"cache", "status"}).at("vectors"));
}

TEST_F(SettingsOfTheProgram, FilesOfTheProviderStayWhereTheyAreToBeKept) {
  ASSERT_EQ(with({}).run({"run"}).status, 0);
  const std::uint64_t removed = files_below(home() / "provider");
  ASSERT_EQ(with({{"PROVIDER_FILES_DELETE", "never"}}).run({"run"}).status, 0);
  EXPECT_GE(files_below(home() / "provider"), removed + 4) << "input and output of a batch of lines and one of words";
}

TEST_F(SettingsOfTheProgram, AMergeUsesTheMemoryAndTheThreadsThatItMay) {
  const auto merge = [&](const Variables& variables) {
    const std::vector<Json> published = logged(with(variables), "published a version");
    EXPECT_FALSE(published.empty());
    return published.at(0);
  };
  EXPECT_EQ(merge({{"TILLITE_MEMORY_BYTES", "600M"}}).at("memory_bytes"), std::uint64_t{600} << 20);
  EXPECT_EQ(merge({{"USE_SEQUENTIAL_PROCESSING", "true"}}).at("graph_threads"), 1);
  EXPECT_NE(merge({{"USE_SEQUENTIAL_PROCESSING", "false"}}).at("graph_threads"), 1);
}

TEST_F(SettingsOfTheProgram, IntermediateFilesLieWhereTheyAreToldTo) {
  const Path work = folder / "work";
  ASSERT_EQ(with({{"CHROMA_PERSIST_DIRECTORY", work.string()}}).run({"run"}).status, 0);
  EXPECT_TRUE(std::filesystem::is_directory(work / "scratch"));
  const Program nowhere(folder.path(), home(), {{"CHROMA_PERSIST_DIRECTORY", "/proc/nowhere"}});
  const auto refused = nowhere.run({"run"});
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(refused.err.find("the variable CHROMA_PERSIST_DIRECTORY"), std::string::npos) << refused.err;
}

TEST_F(SettingsOfTheProgram, AServersCertificateIsTrustedWhereItIsNamed) {
  const TlsServer server(folder);
  const auto asked = [&](Variables variables) {
    variables.insert(
        {{"OPENAI_BASE_URL", server.url() + "v1"}, {"OPENAI_API_KEY", "sk-any"}, {"NO_PROXY", "127.0.0.1"}});
    return with(variables).run({"batches", "reconcile", "--dry-run"});
  };
  const auto stranger = asked({});
  EXPECT_EQ(stranger.status, 14);
  EXPECT_NE(stranger.err.find("SSL_CERT_FILE"), std::string::npos) << stranger.err;
  const auto trusted = asked({{"SSL_CERT_FILE", server.certificate().string()}});
  EXPECT_NE(trusted.status, 14) << "it answers, though it is no OpenAI: " << trusted.err;
  EXPECT_EQ(trusted.err.find("SSL_CERT_FILE"), std::string::npos) << trusted.err;
}

TEST_F(SettingsOfTheProgram, AProgramOfAStateMachineHasTheKeyOnlyWhereItMay) {
  const Path machine = folder / "key.asl.json";
  must(replace_file(machine,
                    as_bytes(to_text({{"StartAt", "Key"},
                                      {"States",
                                       {{"Key",
                                         {{"Type", "Task"},
                                          {"Resource", R"(command:bash -c 'echo "\"${OPENAI_API_KEY:-none}\""')"},
                                          {"End", true}}}}}}))));
  const auto told = [&](Variables variables) {
    variables["OPENAI_API_KEY"] = "sk-any";
    return ask(Program(folder.path(), folder / "any", variables), {"workflow", "start", machine.string()}).at("output");
  };
  EXPECT_EQ(told({}), "none");
  EXPECT_EQ(told({{"TILLITE_COMMANDS_GET_KEYS", "true"}}), "sk-any");
}

}  // namespace
}  // namespace tillite::testing
