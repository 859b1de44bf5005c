// The cases that were recorded from AWS, if they are there: executions, calls of TestState, validations.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "support/must.h"
#include "workflow/cases/case_file.h"

namespace tillite::testing {
namespace {

namespace fs = std::filesystem;

std::optional<Path> cases_folder() {
  const char* const named = std::getenv("TILLITE_SHARED");
  const Path shared = named != nullptr ? Path(named) : Path(TILLITE_SOURCE_DIR) / ".." / "shared";
  if (!fs::exists(shared / "data" / "asl" / "execution")) return std::nullopt;
  return shared / "data" / "asl";
}

struct Share {
  int passed = 0;
  int all = 0;
};

/// Runs all cases of a kind, prints the share that passes by feature, and expects all but `known` to pass: each of
/// those is in docs/conformance.md with its reason, and one that passes by now has to leave the list.
void expect_all_but(const std::string& kind, const std::vector<std::string>& known) {
  const auto folder = cases_folder();
  if (!folder) GTEST_SKIP() << "no recorded cases: they are looked for in ../shared or $TILLITE_SHARED";
  std::vector<Path> files;
  for (const auto& entry : fs::directory_iterator(*folder / kind)) files.push_back(entry.path());
  std::ranges::sort(files);
  std::map<std::string, Share> shares;
  for (const Path& file : files) {
    const auto result = must(run_case(must(parse_value(must(read_file(file)), file.string()))));
    const bool is_known = std::ranges::find(known, result.name) != known.end();
    EXPECT_EQ(result.passed(), !is_known) << result.name << ": " << result.difference;
    std::vector<std::string> features = result.features;
    features.emplace_back("all");
    for (const std::string& feature : features) {
      ++shares[feature].all;
      shares[feature].passed += result.passed() ? 1 : 0;
    }
  }
  for (const auto& [feature, share] : shares) fmt::print("{:>4} of {:>4}  {}\n", share.passed, share.all, feature);
}

TEST(RecordedExecutions, RunAsTheyRanOnAws) { expect_all_but("execution", {}); }
TEST(RecordedValidations, AreJudgedAsAwsDoes) {
  // Opinions of linters that AWS does not share, or that concern what it does not look at.
  expect_all_but(
      "validation",
      {"asl-validator/invalid-math-add", "asl-validator/valid-cfn-definition-substitutions",
       "asl-validator/valid-map-with-item-batcher-jsonata", "asl-validator/valid-path-array-context",
       "asl-validator/valid-task-credentials", "asl-validator/valid-task-intrisic-function",
       "asl-validator/valid-task-parameters", "statelint/backoff-with-backoffrate-decimal",
       "statelint/backoff-with-backoffrate-integer", "statelint/states-array-intrinsic-functions",
       "statelint/states-array-invocation", "statelint/states-hash-intrinsic-functions",
       "statelint/states-math-intrinsic-functions", "statelint/states-uuid-intrinsic-functions",
       "statelint/task-with-credentials", "statelint/task-with-dynamic-timeouts", "statelint/task-with-resultpath"});
}
TEST(RecordedTestStates, AnswerAsAwsDid) { expect_all_but("teststate", {}); }

}  // namespace
}  // namespace tillite::testing
