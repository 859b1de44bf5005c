#include "app/tasks/command_task.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <thread>

#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

class CommandTaskTest : public ::testing::Test {
 protected:
  TempFolder folder;
  std::vector<std::string> log;
  CommandTask task{folder.path(),
                   Logger::to([this](std::string_view line) { log.emplace_back(line); }, LogLevel::info)};

  /// A program of the folder.
  std::string program(const std::string& script) {
    const Path file = folder / "program";
    must(replace_file(file, as_bytes("#!/bin/sh\n" + script + "\n")));
    ::chmod(file.c_str(), 0755);
    return "command:" + file.string();
  }
  Result<Json> run(const std::string& resource, const Json& payload = Json::object()) {
    return task.run({.resource = resource, .payload = payload, .execution_id = "execution-1"});
  }
  /// "name: cause" of an error.
  static std::string text_of(const Result<Json>& failed) {
    EXPECT_FALSE(failed);
    return failed ? "" : failed.error().name() + ": " + failed.error().message();
  }
};

TEST_F(CommandTaskTest, GivesTheInputToAProgramAndTakesItsOutputAsTheResult) {
  const Json payload = {{"a", {1, "é", nullptr}}};
  EXPECT_EQ(must(run("command:cat", payload)), payload);
  EXPECT_EQ(must(run(program(R"(printf '{"words": "%s %s", "execution": "%s"}' "$1" "$2" "$TILLITE_EXECUTION_ID")") +
                     " 'one two' three")),
            (Json{{"words", "one two three"}, {"execution", "execution-1"}}));
}

TEST_F(CommandTaskTest, WorksInItsFolder) {
  EXPECT_EQ(must(run(program(R"sh(printf '"%s"' "$(pwd)")sh"))), std::filesystem::canonical(folder.path()).string());
}

TEST_F(CommandTaskTest, DoesNotHandOnWhatIsWithheld) {
  ::setenv("TILLITE_TEST_KEY", "hidden", 1);
  const CommandTask discreet(folder.path(), Logger::none(), {"TILLITE_TEST_KEY"});
  const std::string resource = program(R"sh(printf '"%s"' "$TILLITE_TEST_KEY")sh");
  EXPECT_EQ(must(discreet.run({.resource = resource, .payload = {}, .execution_id = "e"})), "");
  EXPECT_EQ(must(run(resource)), "hidden");
  ::unsetenv("TILLITE_TEST_KEY");
}

TEST_F(CommandTaskTest, NoOutputIsNull) {
  EXPECT_EQ(must(run("command:true")), Json(nullptr));
  EXPECT_EQ(must(run("command:echo")), Json(nullptr));
}

TEST_F(CommandTaskTest, AProgramNamesItsErrorInTheLastLineOfStandardError) {
  const auto failed = run(program(R"(echo working >&2
echo '{"errorType": "NoTea", "errorMessage": "all cups are empty"}' >&2
echo >&2
exit 1)"));
  EXPECT_EQ(text_of(failed), "NoTea: all cups are empty");
  ASSERT_EQ(log.size(), 3U) << "what it says is logged";
  EXPECT_EQ(Json::parse(log[0]).at("message"), "working");
}

TEST_F(CommandTaskTest, AnyOtherFailureIsNamedCommandFailedWithTheEndOfStandardError) {
  const std::string name = (folder / "program").string();
  EXPECT_EQ(text_of(run(program("echo no tea >&2; exit 3"))),
            "Command.Failed: " + name + " ended with status 3: no tea\n");
  EXPECT_EQ(text_of(run(program("exit 3"))), "Command.Failed: " + name + " ended with status 3");
  EXPECT_EQ(text_of(run(program("kill -KILL $$"))), "Command.Failed: " + name + " was ended by signal 9");
  EXPECT_EQ(text_of(run(program("echo '{\"errorType\": 5}' >&2; exit 1"))).substr(0, 14), "Command.Failed");
  EXPECT_LT(text_of(run(program("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1"))).size(), 5000U);
}

TEST_F(CommandTaskTest, ASuccessIsOneWhateverStandsOnStandardError) {
  EXPECT_EQ(must(run(program("echo '{\"errorType\": \"NoTea\"}' >&2; echo 5"))), 5);
}

TEST_F(CommandTaskTest, OutputThatIsNoJsonIsAnError) {
  EXPECT_EQ(text_of(run("command:echo tea")).substr(0, 22), "Command.InvalidOutput:");
  EXPECT_EQ(text_of(run("command:echo 1 2")).substr(0, 22), "Command.InvalidOutput:");
}

TEST_F(CommandTaskTest, ResultsAreLimitedAsStatesAre) {
  const std::string string_of = R"(printf '"'; head -c $1 /dev/zero | tr '\0' x; printf '"')";
  EXPECT_EQ(must(run(program(string_of) + " 262142")).get<std::string>().size(), 262'142U);
  EXPECT_EQ(run(program(string_of) + " 262143").error().name(), "States.DataLimitExceeded");
}

TEST_F(CommandTaskTest, EndsWhenItsTimeIsUp) {
  const auto failed =
      task.run({.resource = "command:sleep 1000", .payload = {}, .execution_id = "e", .timeout_ms = 20});
  EXPECT_EQ(failed.error().name(), "States.Timeout");
}

TEST_F(CommandTaskTest, StoppedItIsCancelledForTheExecutionGoesOnLater) {
  std::stop_source stop;
  std::jthread stopper([&] {
    while (!std::filesystem::exists(folder / "begun")) std::this_thread::yield();
    stop.request_stop();
  });
  const auto stopped = task.run(
      {.resource = program("touch begun; sleep 1000"), .payload = {}, .execution_id = "e", .stop = stop.get_token()});
  EXPECT_EQ(stopped.error().code(), Code::cancelled);
}

TEST_F(CommandTaskTest, AProgramThatIsNotThereIsNamed) {
  EXPECT_EQ(text_of(run("command:/no/such/program")).substr(0, 19), "Command.NotStarted:");
  EXPECT_EQ(text_of(run("command:/proc/version")).substr(0, 19), "Command.NotStarted:");
  EXPECT_EQ(run("command:").error().code(), Code::invalid_input);
  EXPECT_EQ(run("command:echo 'a").error().code(), Code::invalid_input);
  EXPECT_EQ(run("http://127.0.0.1/").error().code(), Code::invalid_input);
}

TEST(CommandWords, ArePartedByBlanksAndHeldTogetherByQuotes) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(must(command_words("a b\tc")), (Words{"a", "b", "c"}));
  EXPECT_EQ(must(command_words("  a  b  ")), (Words{"a", "b"}));
  EXPECT_EQ(must(command_words(R"('a b' "c 'd" e'f g'h)")), (Words{"a b", "c 'd", "ef gh"}));
  EXPECT_EQ(must(command_words(R"(a '' "")")), (Words{"a", "", ""}));
  EXPECT_EQ(must(command_words(R"(a\ b $c *)")), (Words{"a\\", "b", "$c", "*"})) << "nothing else means anything";
  for (const char* text : {"", "  ", "'a", "a\"b"}) {
    EXPECT_EQ(command_words(text).error().code(), Code::invalid_input) << text;
  }
}

}  // namespace
}  // namespace tillite::testing
