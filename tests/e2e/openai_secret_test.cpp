// The key of the provider's API is nowhere but in the program's memory: whatever happened, no log, database, history,
// error or core file has it.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "base/base64.h"
#include "e2e/openai_home.h"

namespace tillite::testing {
namespace {

/// The files below a folder that have a text in them.
std::vector<std::string> files_with(const Path& folder, std::string_view text) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    if (must(read_file(entry.path())).find(text) != std::string::npos) found.push_back(entry.path().string());
  }
  return found;
}

void expect_no_key(const Path& folder, const std::string& key) {
  EXPECT_EQ(files_with(folder, key), std::vector<std::string>());
  // Not in another form either, nor most of it.
  EXPECT_EQ(files_with(folder, base64_of(as_bytes(key))), std::vector<std::string>());
  EXPECT_EQ(files_with(folder, key.substr(key.size() / 2)), std::vector<std::string>());
}

TEST(OpenAiSecret, TheKeyIsInNoFileAfterRunsThatWentWellAndBadly) {
  TempFolder folder;
  OpenAiEmulator openai(folder.path(), {.faults = "5xx=0.05,cut=0.05,line-400=0.05,expire=0.1"});
  OpenAiHome home(folder.path(), openai.environment(), {{"BATCH_ITEMS_MAX", "4"}});
  home.import_all(receipts_of_distinct_lines(5, 4));
  const std::vector<std::vector<std::string>> commands = {{"--log-level", "debug", "run"},
                                                          {"-v", "--log-level", "debug", "run"},
                                                          {"batches", "reconcile"},
                                                          {"query", "article 1 of shop 2"},
                                                          {"backup", (folder / "backup").string()}};
  int number = 0;
  for (const auto& command : commands) {
    const std::string name = fmt::format("command-{}", ++number);  // each one's output is kept
    const auto ended = home.program().wait(home.program().start(command, name), name);
    EXPECT_LT(ended.status, 128) << name;
  }
  expect_no_key(folder.path(), OpenAiEmulator::kKey);
}

TEST(OpenAiSecret, AKeyThatIsRefusedIsNotRepeatedToAnybody) {
  const std::string key = "sk-refused-5f2b8c1d9e7a4630b1c2d3e4f5a69788";
  TempFolder folder;
  OpenAiEmulator openai(folder.path(), {});
  OpenAiHome home(folder.path(), {{"OPENAI_BASE_URL", openai.url() + "/v1"}, {"OPENAI_API_KEY", key}});
  home.import_all(receipts_of_distinct_lines(1, 4));
  const auto refused = home.program().run({"--json", "--log-level", "debug", "run", "--no-wait"});
  expect_no_key(folder.path(), key);
  EXPECT_NE(files_with(home.home(), "permission").size() + refused.err.size(), 0U);
}

TEST(OpenAiSecret, AProgramThatHasTheKeyLeavesNoCoreFile) {
  rlimit core{};
  ASSERT_EQ(::getrlimit(RLIMIT_CORE, &core), 0);
  core.rlim_cur = core.rlim_max;
  if (core.rlim_max == 0) GTEST_SKIP() << "core files cannot be allowed here: the hard limit is 0";
  ASSERT_EQ(::setrlimit(RLIMIT_CORE, &core), 0);
  TempFolder folder;
  OpenAiEmulator openai(folder.path(), {.latency = "in-progress=60s"});
  OpenAiHome home(folder.path(), openai.environment());
  home.import_all(receipts_of_distinct_lines(1, 4));
  const pid_t child = home.program().start({"run", "--entity", "line"}, "crashing");
  for (int tries = 0; tries < 3000 && openai.stats().at("batches").at("created") == 0; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::kill(child, SIGABRT);
  const auto ended = home.program().wait(child, "crashing");
  EXPECT_EQ(ended.status, 128 + SIGABRT);
  EXPECT_FALSE(ended.left_core);
  expect_no_key(folder.path(), OpenAiEmulator::kKey);
}

}  // namespace
}  // namespace tillite::testing
