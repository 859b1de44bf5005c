// What the program answers to mistakes on its command line, and where its answers go.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <sstream>

#include "receipts/receipt_reader.h"
#include "receipts/sample.h"
#include "support/program.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

class CommandLine : public ::testing::Test {
 protected:
  /// Imports a sample receipt, so that there is a home.
  void make_home() { ASSERT_EQ(program.run({"import", receipts()}).status, 0); }

  Path receipts() const {
    Path file = folder / "receipts.jsonl";
    EXPECT_TRUE(replace_file(file, as_bytes(to_text(receipt_json(sample_receipt(1, 0))) + "\n")));
    return file;
  }

  /// The status of a shell command in which $tillite is the program with its home.
  int shell(const std::string& command) const {
    const std::string script =
        std::string("exec 2>/dev/null; tillite='") + TILLITE_PROGRAM + " --home " + home.string() + "'; " + command;
    const int status = std::system(script.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  TempFolder folder;
  Path home = folder / "home";
  Program program{folder.path(), home};
};

TEST_F(CommandLine, AnUnknownCommandIsNamedWithThoseThatThereAre) {
  const auto unknown = program.run({"frobnicate"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_TRUE(unknown.err.starts_with("tillite: there is no command 'frobnicate': there are sample, import, "))
      << unknown.err;
  const auto below = program.run({"snapshot", "frobnicate"});
  EXPECT_EQ(below.status, 2);
  EXPECT_TRUE(below.err.starts_with("tillite: there is no command 'frobnicate': there are list, export, import, "))
      << below.err;
  EXPECT_TRUE(program.run({}).err.starts_with("tillite: a command is missing: there are sample, ")) << "none at all";
}

TEST_F(CommandLine, AMemoryThatIsNoSizeOrTooSmallIsRefused) {
  for (const auto& [size, reason] : {std::pair("7T", "is no size"), std::pair("1M", "at least 64M")}) {
    const auto refused = program.run({"--memory", size, "status"});
    EXPECT_NE(refused.status, 0);
    EXPECT_NE(refused.err.find("--memory"), std::string::npos) << refused.err;
    EXPECT_NE(refused.err.find(reason), std::string::npos) << refused.err;
  }
}

TEST_F(CommandLine, AMistakeSaysWhereHelpIs) {
  const auto bad = program.run({"query", "milk", "-k", "0"});
  EXPECT_EQ(bad.status, 2);
  EXPECT_NE(bad.err.find("tillite query --help"), std::string::npos) << bad.err;
  EXPECT_NE(program.run({"workflow", "start"}).err.find("tillite workflow start --help"), std::string::npos);
}

TEST_F(CommandLine, AMistakeIsOneJsonValueIfJsonWasAskedFor) {
  for (const char* place : {"before", "behind"}) {
    const auto bad =
        std::string(place) == "before" ? program.run({"--json", "frobnicate"}) : program.run({"query", "--json"});
    EXPECT_EQ(bad.status, 2);
    const Json error = Json::parse(bad.err, nullptr, false);
    ASSERT_TRUE(error.is_object()) << bad.err;
    EXPECT_EQ(error.at("error"), "Tillite.Usage") << place;
    EXPECT_EQ(bad.out, "");
  }
}

TEST_F(CommandLine, NumbersOutOfRangeAreRefused) {
  EXPECT_EQ(program.run({"sample", "--receipts", "-1"}).status, 2);
  EXPECT_EQ(program.run({"sample", "--receipts", "1.5"}).status, 2);
  EXPECT_EQ(program.run({"sample", "--receipts", "1", "--seed", "-1"}).status, 2);
  EXPECT_EQ(program.run({"query", "milk", "-k", "1000000000000"}).status, 2);
}

TEST_F(CommandLine, AnEmptyHomeIsRefusedAndAnEmptyVariableIsNone) {
  EXPECT_EQ(shell("'" TILLITE_PROGRAM "' --home '' status"), 2);
  EXPECT_EQ(shell("cd '" + folder.path().string() + "' && TILLITE_HOME= '" TILLITE_PROGRAM "' status"), 5);
}

TEST_F(CommandLine, ABadLogLevelOfTheEnvironmentNamesTheVariable) {
  EXPECT_EQ(shell("LOG_LEVEL=LOUD $tillite status 2>&1 | grep -q 'variable LOG_LEVEL'"), 0);
  EXPECT_EQ(program.run({"--log-level", "LOUD", "status"}).status, 2);
}

TEST_F(CommandLine, AHomeMayHaveBlanksAndAnyLetters) {
  const Program elsewhere(folder.path(), folder / "Mein Ordner é 票");
  EXPECT_EQ(elsewhere.run({"import", receipts()}).status, 0);
  EXPECT_EQ(elsewhere.run({"status"}).status, 0);
}

TEST_F(CommandLine, AnAnswerThatCannotBeWrittenIsAFailure) {
  make_home();
  EXPECT_EQ(shell("$tillite status >/dev/full"), 7);
  EXPECT_EQ(shell("$tillite --json status >/dev/full"), 7);
  EXPECT_EQ(shell("$tillite --help >/dev/full"), 7);
}

TEST_F(CommandLine, AClosedStandardOutputIsNotTakenForAFileOfTheHome) {
  make_home();
  EXPECT_EQ(shell("$tillite status >&-"), 7);
  EXPECT_EQ(shell("$tillite run >&- <&- 2>&-"), 7);
  EXPECT_EQ(program.run({"status"}).status, 0) << "nothing was written into it";
  EXPECT_EQ(program.run({"query", "total"}).status, 0);
}

TEST_F(CommandLine, TheTextOfAQueryIsChecked) {
  make_home();
  EXPECT_EQ(program.run({"query", ""}).status, 2);
  EXPECT_EQ(program.run({"query", " \t"}).status, 2);
  EXPECT_EQ(program.run({"query", "\xff"}).status, 2);
  EXPECT_EQ(program.run({"query", std::string(5000, 'a')}).status, 2);
}

TEST_F(CommandLine, AWorkflowOfOursTakesJsonAndMakesNoHome) {
  EXPECT_EQ(program.run({"workflow", "start", "create-batches-sf"}).status, 5);
  EXPECT_FALSE(std::filesystem::exists(home));
  make_home();
  EXPECT_EQ(program.run({"workflow", "start", "create-batches-sf", "--input", "{"}).status, 4);
}

TEST_F(CommandLine, AStateIsTestedWithoutAHome) {
  const Path state = folder / "state.asl.json";
  ASSERT_TRUE(replace_file(state, as_bytes(std::string_view(R"({"Type": "Task", "Next": "B",
    "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "ResultPath": "$.a"})"))));
  const auto tested =
      program.run({"--json", "workflow", "test-state", state.string(), "--input", "{\"b\": 1}", "--mock-result", "2"});
  EXPECT_EQ(tested.status, 0) << tested.err;
  EXPECT_EQ(tested.json(), Json::parse(R"({"status": "SUCCEEDED", "output": {"a": 2, "b": 1}, "nextState": "B"})"));
  const auto failed = program.run({"--json", "workflow", "test-state", state.string(), "--mock-error", "E",
                                   "--mock-cause", "why", "--level", "DEBUG"});
  EXPECT_EQ(failed.json().at("status"), "FAILED");
  EXPECT_EQ(failed.json().at("inspectionData").at("afterParameters").at("FunctionName"), "f");
  EXPECT_EQ(program.run({"workflow", "test-state", state.string(), "--level", "ALL", "--mock-result", "2"}).status, 4);
  EXPECT_FALSE(std::filesystem::exists(home));
}

TEST_F(CommandLine, LogsAreJsonLinesThatBelongTogether) {
  make_home();
  const auto run = program.run({"--log-level", "DEBUG", "run"});
  ASSERT_EQ(run.status, 0) << run.err;
  std::istringstream lines(run.err);
  std::set<std::string> requests;
  std::size_t steps_done = 0;
  for (std::string line; std::getline(lines, line);) {
    const Json entry = Json::parse(line, nullptr, false);
    ASSERT_TRUE(entry.is_object()) << line;
    for (const char* field : {"timestamp", "level", "logger", "message"}) EXPECT_TRUE(entry.contains(field)) << line;
    requests.insert(entry.at("request_id"));
    if (entry.at("message") != "step done") continue;
    ++steps_done;
    EXPECT_TRUE(entry.contains("execution") && entry.contains("duration_ms")) << line;
  }
  EXPECT_EQ(requests.size(), 1U);
  EXPECT_GT(steps_done, 0U);
}

TEST_F(CommandLine, ABackupIntoTheHomeItselfIsRefused) {
  make_home();
  EXPECT_EQ(program.run({"backup", (home / "copy").string()}).status, 4);
  EXPECT_FALSE(std::filesystem::exists(home / "copy"));
}

TEST_F(CommandLine, GetKeepsTheOrderAndListsWhatIsMissing) {
  make_home();
  ASSERT_EQ(program.run({"run"}).status, 0);
  const Receipt receipt = sample_receipt(1, 0);
  const std::string line = line_record_id(receipt.image_id, 1, 1).str();
  const std::string word = word_record_id(receipt.image_id, 1, 1, 1).str();
  const std::string absent = line_record_id(receipt.image_id, 1, 99'999).str();
  const auto got = program.run({"--json", "get", word, absent, line, word});
  EXPECT_EQ(got.status, 3);
  ASSERT_EQ(got.json().at("records").size(), 3U);
  EXPECT_EQ(got.json().at("records")[0].at("id"), word);
  EXPECT_EQ(got.json().at("records")[1].at("id"), line);
  EXPECT_EQ(got.json().at("missing"), Json::array({absent}));
  EXPECT_NE(program.run({"get", absent}).out.find(absent), std::string::npos);
}

}  // namespace
}  // namespace tillite::testing
