#include "base/subprocess.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <charconv>
#include <fstream>
#include <thread>

#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

class SubprocessTest : public ::testing::Test {
 protected:
  TempFolder folder;

  static SubprocessCall shell(const std::string& script) { return {.words = {"/bin/sh", "-c", script}}; }
  static Result<SubprocessOutcome> run(const SubprocessCall& call) { return run_subprocess(call, {}); }

  /// The number that a script has written to a file of the folder.
  pid_t number_in(const char* name) {
    const std::string text = must(read_file(folder / name));
    pid_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }
  void wait_for(const char* name) {
    while (!std::filesystem::exists(folder / name)) std::this_thread::yield();
  }
  /// Whether the process is gone, or dead and not yet fetched by whoever inherited it.
  static bool has_ended(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    if (!std::getline(file, text)) return true;
    return text.at(text.rfind(')') + 2) == 'Z';
  }
  static void wait_for_end(pid_t pid) {
    while (!has_ended(pid)) std::this_thread::yield();
  }
};

TEST_F(SubprocessTest, HandsInputInAndOutputAndErrorsOut) {
  SubprocessCall call = shell("cat; echo one >&2; printf two >&2");
  call.input = "input";
  std::vector<std::string> lines;
  call.on_error_line = [&](std::string_view line) { lines.emplace_back(line); };
  const auto outcome = must(run(call));
  EXPECT_EQ(outcome.exit_status, 0);
  EXPECT_EQ(outcome.output, "input");
  EXPECT_EQ(outcome.error_tail, "one\ntwo");
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
}

TEST_F(SubprocessTest, HandsOnNothingElseThatIsOpen) {
  const int inherited = ::dup(STDERR_FILENO);  // without close-on-exec, as some libraries open theirs
  const auto outcome = must(run(shell(fmt::format("test -e /proc/self/fd/{} && echo open || echo closed", inherited))));
  ::close(inherited);
  EXPECT_EQ(outcome.output, "closed\n");
}

TEST_F(SubprocessTest, MovesMoreThanPipesHold) {
  SubprocessCall call = shell("cat");
  call.input = std::string(10 << 20, 'x');
  call.output_bytes_max = call.input.size();
  EXPECT_EQ(must(run(call)).output, call.input);
}

TEST_F(SubprocessTest, WordsReachTheProgramAsTheyAre) {
  EXPECT_EQ(must(run({.words = {"printf", "%s|", "a b", "$HOME", "*", ""}})).output, "a b|$HOME|*||");
}

TEST_F(SubprocessTest, AProgramNeedNotReadItsInput) {
  SubprocessCall call = shell("exec 0<&-; echo done");
  call.input = std::string(1 << 20, 'x');
  EXPECT_EQ(must(run(call)).output, "done\n");
}

TEST_F(SubprocessTest, TellsTheExitStatusAndTheSignal) {
  EXPECT_EQ(must(run(shell("exit 7"))).exit_status, 7);
  EXPECT_EQ(must(run(shell("kill -TERM $$"))).exit_status, 128 + SIGTERM);
}

TEST_F(SubprocessTest, AddsToTheEnvironmentAndWorksInAFolder) {
  SubprocessCall call = shell("echo $ONE $HOME; pwd");
  call.environment = {{"ONE", "1"}, {"HOME", "/nowhere"}};
  call.folder = folder.path();
  EXPECT_EQ(must(run(call)).output, "1 /nowhere\n" + std::filesystem::canonical(folder.path()).string() + "\n");
}

TEST_F(SubprocessTest, KeepsTheEndOfStandardErrorAndCutsItsLines) {
  SubprocessCall call = shell("head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2");
  call.error_tail_bytes = 100;
  std::vector<std::string> lines;
  call.on_error_line = [&](std::string_view line) { lines.emplace_back(line); };
  const auto outcome = must(run(call));
  EXPECT_EQ(outcome.error_tail.size(), 100U);
  EXPECT_TRUE(outcome.error_tail.ends_with("x\nend\n"));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].size(), 8U * 1024);
}

TEST_F(SubprocessTest, EndsAProgramThatWritesTooMuch) {
  SubprocessCall call = shell("yes");
  call.output_bytes_max = 1000;
  EXPECT_EQ(run(call).error().code(), Code::limit_exceeded);
}

TEST_F(SubprocessTest, EndsAProgramWhenItsTimeIsUp) {
  SubprocessCall call = shell("sleep 1000 & wait");
  call.timeout_ms = 20;
  EXPECT_EQ(run(call).error().code(), Code::timed_out);
}

TEST_F(SubprocessTest, EndsAProgramWithAllOfItsGroupWhenItIsStopped) {
  SubprocessCall call = shell("sleep 1000 & echo $! >child.tmp; mv child.tmp child; wait");
  call.folder = folder.path();
  std::stop_source stop;
  std::jthread stopper([&] {
    wait_for("child");
    stop.request_stop();
  });
  EXPECT_EQ(run_subprocess(call, stop.get_token()).error().code(), Code::cancelled);
  wait_for_end(number_in("child"));
  EXPECT_EQ(run_subprocess(call, stop.get_token()).error().code(), Code::cancelled) << "not even started";
}

TEST_F(SubprocessTest, KillsAProgramThatDoesNotWantToEnd) {
  SubprocessCall call = shell("trap '' TERM; echo $$ >self.tmp; mv self.tmp self; while true; do sleep 1000; done");
  call.folder = folder.path();
  call.grace_ms = 20;
  std::stop_source stop;
  std::jthread stopper([&] {
    wait_for("self");
    stop.request_stop();
  });
  EXPECT_EQ(run_subprocess(call, stop.get_token()).error().code(), Code::cancelled);
  EXPECT_TRUE(has_ended(number_in("self")));
}

TEST_F(SubprocessTest, WhatAProgramLeavesBehindEndsWithItAndIsNotWaitedFor) {
  SubprocessCall call = shell("sleep 1000 & echo $! >child; echo done");  // which has standard output, too
  call.folder = folder.path();
  EXPECT_EQ(must(run(call)).output, "done\n");
  wait_for_end(number_in("child"));
}

TEST_F(SubprocessTest, SaysWhatCannotBeStarted) {
  EXPECT_EQ(run({}).error().code(), Code::invalid_input);
  EXPECT_EQ(run({.words = {""}}).error().code(), Code::invalid_input);
  EXPECT_EQ(run({.words = {"echo", std::string("a\0b", 3)}}).error().code(), Code::invalid_input);
  EXPECT_EQ(run({.words = {"echo"}, .environment = {{"A=B", "c"}}}).error().code(), Code::invalid_input);
  const auto absent = run({.words = {"/no/such/program"}});
  EXPECT_EQ(absent.error().code(), Code::not_found);
  EXPECT_NE(absent.error().message().find("/no/such/program"), std::string::npos);
  EXPECT_EQ(run({.words = {"no-such-program-in-the-path"}}).error().code(), Code::not_found);
  EXPECT_EQ(run({.words = {"/proc/version"}}).error().code(), Code::permission) << "a file, but no program";
  const Path text = folder / "text";
  must(replace_file(text, as_bytes("no program")));
  std::filesystem::permissions(text, std::filesystem::perms::all);
  EXPECT_EQ(run({.words = {text.string()}}).error().code(), Code::permission) << "nor is what only claims to be one";
  EXPECT_EQ(run({.words = {"pwd"}, .folder = "/no/such/folder"}).error().code(), Code::not_found);
}

TEST_F(SubprocessTest, ManyRunAtOnce) {
  std::vector<std::jthread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 5; ++j) {
        SubprocessCall call = shell("cat");
        call.input = std::to_string(i * 100 + j);
        if (must(run(call)).output == call.input) ++right;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(right, 40);
}

}  // namespace
}  // namespace tillite::testing
