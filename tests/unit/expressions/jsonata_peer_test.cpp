// Compares with the reference implementation, which scripts/setup test installs: tests/jsonata/cases has the
// expressions.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "expressions/jsonata.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

constexpr std::int64_t kNow_ms = 1'700'000'000'123;

Path tools() {
  const char* named = std::getenv("TILLITE_TOOLS");
  return named != nullptr ? Path(named) : Path(TILLITE_SOURCE_DIR) / "build/tools";
}

struct Case {
  std::string expression;
  std::optional<Value> input;
  std::string differs;  ///< why the answers are not the same
};

/// A file holds one expression a line. "input JSON" sets the input of those that follow, "differs REASON" says of the
/// next that its answer is another one.
std::vector<Case> read_cases(const Path& file) {
  std::vector<Case> cases;
  std::ifstream lines(file);
  std::optional<Value> input;
  std::string differs;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("input ")) {
      input = must(parse_value(line.substr(6), "the input"));
    } else if (line.starts_with("differs ")) {
      differs = line.substr(8);
    } else if (!line.empty()) {
      cases.push_back({line, input, std::exchange(differs, {})});
    }
  }
  return cases;
}

/// {"result"}, {} or {"code"}, as the peer answers, and our message beside the code.
Value answer_of(const Case& one) {
  SeededRandom random;
  const auto parsed = Jsonata::parse(one.expression);
  const auto failure = [](const Error& error) {
    return Value(Value::Object{{"code", error.message().substr(0, 5)}, {"message", error.message().substr(7)}});
  };
  if (!parsed) return failure(parsed.error());
  const auto result = parsed->evaluate(one.input, {}, {.now_ms = kNow_ms, .random = random});
  if (!result) return failure(result.error());
  return *result ? Value(Value::Object{{"result", **result}}) : Value(Value::Object{});
}

std::vector<Value> answers_of_peer(const std::vector<Case>& cases) {
  const TempFolder folder;
  std::string questions;
  for (const Case& one : cases) {
    Value::Object question{{"expression", Value(one.expression)}};
    if (one.input) question.set("input", *one.input);
    questions += to_text(question) + "\n";
  }
  std::ofstream(folder / "questions") << questions;
  const std::string command =
      fmt::format("'{}' '{}' '{}' {} <'{}' >'{}'", (tools() / "bin/node").string(),
                  (Path(TILLITE_SOURCE_DIR) / "tests/jsonata/peer.mjs").string(), (tools() / "jsonata").string(),
                  kNow_ms, (folder / "questions").string(), (folder / "answers").string());
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::vector<Value> answers;
  std::ifstream lines(folder / "answers");
  for (std::string line; std::getline(lines, line);) answers.push_back(must(parse_value(line, "the peer's answer")));
  return answers;
}

class JsonataPeerTest : public ::testing::TestWithParam<const char*> {};

TEST_P(JsonataPeerTest, GivesTheSameAnswers) {
  if (!std::filesystem::exists(tools() / "jsonata/node_modules/jsonata") ||
      !std::filesystem::exists(tools() / "bin/node"))
    GTEST_SKIP() << "no reference implementation of JSONata in " << tools().string() << ": run scripts/setup test";
  const std::vector<Case> cases = read_cases(Path(TILLITE_SOURCE_DIR) / "tests/jsonata/cases" / GetParam());
  ASSERT_FALSE(cases.empty());
  const std::vector<Value> expected = answers_of_peer(cases);
  ASSERT_EQ(expected.size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Value ours = answer_of(cases[i]);
    const bool is_same = ours == expected[i];
    if (is_same == cases[i].differs.empty()) continue;
    ADD_FAILURE() << cases[i].expression << "\n  input " << (cases[i].input ? to_text(*cases[i].input) : "undefined")
                  << "\n  peer  " << to_text(expected[i]) << "\n  ours  " << to_text(ours)
                  << (is_same ? "\n  should differ: " + cases[i].differs : "");
  }
}

INSTANTIATE_TEST_SUITE_P(All, JsonataPeerTest,
                         ::testing::Values("paths.txt", "operators.txt", "functions.txt", "dates.txt", "syntax.txt"),
                         [](const auto& file) { return Path(file.param).stem().string(); });

}  // namespace
}  // namespace tillite::testing
