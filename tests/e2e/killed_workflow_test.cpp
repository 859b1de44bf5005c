#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "support/must.h"
#include "support/program.h"
#include "support/temp_folder.h"

// The program, killed in the middle of a large Map and resumed: every item's task that had finished ran once.

namespace tillite::testing {
namespace {

constexpr int kItems = 1'000;
constexpr std::size_t kKilledAfter = 300;

/// How often each item's task ran, of the lines that the tasks wrote.
std::map<std::string, int> runs_of(const Path& log) {
  std::map<std::string, int> runs;
  std::ifstream file(log);
  for (std::string line; std::getline(file, line);) ++runs[line];
  return runs;
}

TEST(KilledWorkflow, ResumesAMapOfAThousandItemsAndRepeatsNoTaskThatHadFinished) {
  TempFolder folder;
  const Path log = folder / "log";
  // A task that began when the program was killed may get no item any more: it did nothing then.
  const std::string script = "#!/bin/sh\nread -r item\n[ -n \"$item\" ] || exit 1\necho \"$item\" >> '" + log.string() +
                             "'\nprintf '%s' \"$item\"\n";
  must(replace_file(folder / "work.sh", as_bytes(script)));
  std::filesystem::permissions(folder / "work.sh", std::filesystem::perms::owner_all);
  const Json task = {{"Type", "Task"}, {"Resource", "command:" + (folder / "work.sh").string()}, {"End", true}};
  const Json definition = {
      {"StartAt", "Each"},
      {"States",
       {{"Each",
         {{"Type", "Map"}, {"ItemProcessor", {{"StartAt", "Work"}, {"States", {{"Work", task}}}}}, {"End", true}}}}}};
  must(replace_file(folder / "thousand.asl.json", as_bytes(definition.dump())));
  Json items = Json::array();
  for (int i = 0; i < kItems; ++i) items.push_back(i);

  const Program program(folder.path(), folder / "home");
  const pid_t child =
      program.start({"workflow", "start", (folder / "thousand.asl.json").string(), "--input", items.dump()});
  for (int waited = 0; runs_of(log).size() < kKilledAfter && waited < 6'000; ++waited)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ::kill(child, SIGKILL);
  ASSERT_EQ(program.wait(child).status, 128 + SIGKILL) << "it was at work when it was killed";

  const std::string id = program.run({"--json", "workflow", "list"}).json().at("executions").at(0).at("execution_id");
  std::set<std::string> finished;
  const Json before = program.run({"--json", "workflow", "history", id}).json();
  for (const Json& event : before.at("events")) {
    if (event.at("type") == "TaskSucceeded") finished.insert(event.at("details").at("output").dump());
  }
  EXPECT_GE(finished.size(), kKilledAfter - 50) << "what a task came to is written soon";

  const std::size_t unrecorded = runs_of(log).size() - finished.size();

  const auto resumed = program.run({"--json", "workflow", "resume", id});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(resumed.json().at("output"), items);
  std::size_t repeated = 0;
  const auto runs = runs_of(log);
  EXPECT_EQ(runs.size(), static_cast<std::size_t>(kItems));
  for (const auto& [item, times] : runs) {
    EXPECT_TRUE(times == 1 || !finished.contains(item)) << "item " << item << " had finished, and ran again";
    repeated += static_cast<std::size_t>(times - 1);
  }
  EXPECT_LE(repeated, unrecorded) << "only what was cut off, or not yet written, ran again";
}

}  // namespace
}  // namespace tillite::testing
