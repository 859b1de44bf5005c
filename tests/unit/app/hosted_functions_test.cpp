#include "app/functions/hosted_functions.h"

#include <gtest/gtest.h>

#include <set>

#include "steps/simple_steps.h"
#include "steps/step.h"
#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

std::string refused(const Json& function) {
  const auto functions = parse_functions(to_text({{"functions", {function}}}), "/folder");
  if (functions) return "taken";
  EXPECT_EQ(functions.error().code(), Code::invalid_input);
  return functions.error().message();
}

TEST(HostedFunctionsTest, EachStepIsAFunctionWithItsHandlerType) {
  const auto functions = must(functions_of_steps("/opt/bootstrap"));
  EXPECT_EQ(functions.size(), all_steps().size());
  for (const SandboxedFunction& function : functions) {
    EXPECT_EQ(function.words, std::vector<std::string>{"/opt/bootstrap"});
    EXPECT_EQ(function.info.environment.at("HANDLER_TYPE"), must(step_of_function(function.info.name)).handler_type);
    EXPECT_GT(function.info.timeout_s, 0);
  }
}

TEST(HostedFunctionsTest, TheStepsOfTheZipsProgramAreThoseThatAreDeployedInZips) {
  std::set<std::string> simple;
  for (const NamedStep& named : simple_steps()) simple.insert(std::string(named.function_name));
  for (const SandboxedFunction& function : must(functions_of_steps("/opt/bootstrap"))) {
    EXPECT_EQ(simple.contains(function.info.name), !function.info.is_container) << function.info.name;
  }
}

TEST(HostedFunctionsTest, AFunctionOfAFileHasLambdasDefaults) {
  const auto functions = must(parse_functions(
      R"({"functions": [{"name": "a", "command": ["./b/bootstrap", "x"]},
                        {"name": "c", "command": ["node", "c.js"], "memory_mb": 256, "timeout_s": 60, "storage_mb": 1024,
                         "environment": {"A": "1"}}]})",
      "/folder"));
  ASSERT_EQ(functions.size(), 2);
  EXPECT_EQ(functions[0].words, (std::vector<std::string>{"/folder/b/bootstrap", "x"})) << "as seen from the folder";
  EXPECT_EQ(functions[0].info.memory_mb, 128);
  EXPECT_EQ(functions[0].info.timeout_s, 3);
  EXPECT_EQ(functions[0].info.storage_mb, 512);
  EXPECT_EQ(functions[1].words.front(), "node") << "looked up in PATH";
  EXPECT_EQ(functions[1].info.memory_mb, 256);
  EXPECT_EQ(functions[1].info.timeout_s, 60);
  EXPECT_EQ(functions[1].info.storage_mb, 1024);
  EXPECT_EQ(functions[1].info.environment.at("A"), "1");
}

TEST(HostedFunctionsTest, WhatIsWrongIsNamed) {
  const Json good = {{"name", "a"}, {"command", {"b"}}};
  EXPECT_EQ(refused(good), "taken");
  for (const auto& [field, value] :
       std::vector<std::pair<std::string, Json>>{{"name", ""},
                                                 {"name", "a/b"},
                                                 {"name", 5},
                                                 {"command", Json::array()},
                                                 {"command", {5}},
                                                 {"command", "b"},
                                                 {"command", {""}},
                                                 {"command", {std::string("b\0", 2)}},
                                                 {"memory_mb", 1},
                                                 {"memory_mb", 10'241},
                                                 {"timeout_s", 0},
                                                 {"timeout_s", 901},
                                                 {"storage_mb", 1},
                                                 {"environment", {{"A", 1}}},
                                                 {"environment", {{"A=B", "1"}}},
                                                 {"environment", {{"A", std::string("1\0", 2)}}}}) {
    Json bad = good;
    bad[field] = value;
    const std::string message = refused(bad);
    EXPECT_TRUE(message.starts_with("function 1: ")) << message;
    EXPECT_NE(message.find(field == "environment" ? "A" : field), std::string::npos) << message;
  }
}

TEST(HostedFunctionsTest, ANameMayNotBeThereTwice) {
  const auto functions =
      parse_functions(R"({"functions": [{"name": "a", "command": ["b"]}, {"name": "a", "command": ["c"]}]})", "/");
  ASSERT_FALSE(functions);
  EXPECT_EQ(functions.error().message(), "function 2: 'a' is there twice");
}

TEST(HostedFunctionsTest, AFileIsNamedInItsErrors) {
  const TempFolder folder;
  EXPECT_EQ(functions_of_file(folder / "none").error().code(), Code::not_found);
  must(replace_file(folder / "functions.json", as_bytes("{}")));
  const auto functions = functions_of_file(folder / "functions.json");
  ASSERT_FALSE(functions);
  EXPECT_TRUE(functions.error().message().starts_with((folder / "functions.json").string()))
      << functions.error().message();
}

TEST(HostedFunctionsTest, VariablesAreNamesWithValues) {
  EXPECT_EQ(must(parse_variables({"A=1", "B=", "C=x=y"})),
            (std::map<std::string, std::string>{{"A", "1"}, {"B", ""}, {"C", "x=y"}}));
  EXPECT_EQ(parse_variables({"A"}).error().code(), Code::usage);
  EXPECT_EQ(parse_variables({"=1"}).error().code(), Code::usage);
}

}  // namespace
}  // namespace tillite::testing
