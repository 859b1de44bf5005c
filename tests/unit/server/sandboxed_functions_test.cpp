#include "server/sandbox/sandboxed_functions.h"

#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <thread>

#include "adapters/local/system_clock.h"
#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

/// Real processes that do what their events say.
class SandboxedFunctionsTest : public ::testing::Test {
 protected:
  SandboxedFunctions make(SandboxedFunctions::Limits limits = {}) {
    surroundings.scratch = folder.path();
    return SandboxedFunctions({{.info = {.name = "other", .memory_mb = 128, .timeout_s = 60}, .words = {kProgram}},
                               {.info = probe, .words = {kProgram}}},
                              surroundings, limits, stop.get_token());
  }
  EndedFunction invoke(SandboxedFunctions& functions, Json event, const std::string& name = "probe") {
    return functions.invoke({.function_name = name, .event = std::move(event), .request_id = "r-1"});
  }
  static std::string error_of(const EndedFunction& ended) {
    return ended.result ? "none" : ended.result.error().name() + ": " + ended.result.error().message();
  }

  static constexpr const char* kProgram = TILLITE_SCRIPTED_BOOTSTRAP;
  SystemClock clock;
  SystemRandom random;
  TempFolder folder;
  SandboxSurroundings surroundings{.clock = clock, .random = random, .place = {}};
  FunctionInfo probe{.name = "probe", .memory_mb = 64, .timeout_s = 60};
  std::stop_source stop;
};

TEST_F(SandboxedFunctionsTest, AFunctionRunsAndItsProcessIsUsedAgain) {
  SandboxedFunctions functions = make();
  const Json first = must(invoke(functions, {{"a", "ä"}}).result);
  EXPECT_EQ(first.at("event"), (Json{{"a", "ä"}}));
  EXPECT_EQ(first.at("arn"), "arn:aws:lambda:us-east-1:000000000000:function:probe");
  const Json second = must(invoke(functions, Json::object()).result);
  EXPECT_EQ(second.at("pid"), first.at("pid")) << "a warm start";
  EXPECT_EQ(second.at("invocations"), 2);
  EXPECT_NE(must(invoke(functions, Json::object(), "other").result).at("pid"), first.at("pid"));
  EXPECT_EQ(functions.count().started, 2);
  EXPECT_EQ(functions.count().idle, 2);
}

TEST_F(SandboxedFunctionsTest, EachInvocationHasItsOwnDeadline) {
  SandboxedFunctions functions = make();
  const std::int64_t before_ms = clock.now_ms();
  const auto deadline_ms = must(invoke(functions, Json::object()).result).at("deadline_ms").get<std::int64_t>();
  EXPECT_GE(deadline_ms, before_ms + 60'000);
  EXPECT_LE(deadline_ms, clock.now_ms() + 60'000);
  EXPECT_GE(must(invoke(functions, Json::object()).result).at("deadline_ms").get<std::int64_t>(), deadline_ms);
}

TEST_F(SandboxedFunctionsTest, TheProcessHasLambdasVariablesAndNoneOfThisProcess) {
  probe.environment = {{"HANDLER_TYPE", "probe"}, {"AWS_LAMBDA_FUNCTION_NAME", "another"}};
  surroundings.environment = {{"TILLITE_HOME", "/home"}, {"HANDLER_TYPE", "shared"}};
  SandboxedFunctions functions = make();
  const Json variables = must(invoke(functions, {{"do", "environment"}}).result).at("environment");
  EXPECT_EQ(variables.at("AWS_LAMBDA_FUNCTION_NAME"), "probe");
  EXPECT_EQ(variables.at("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), "64");
  EXPECT_EQ(variables.at("AWS_LAMBDA_FUNCTION_VERSION"), "$LATEST");
  EXPECT_EQ(variables.at("AWS_LAMBDA_LOG_GROUP_NAME"), "/aws/lambda/probe");
  EXPECT_EQ(variables.at("LAMBDA_TASK_ROOT"), Path(kProgram).parent_path().string());
  EXPECT_EQ(variables.at("HANDLER_TYPE"), "probe") << "the function's own stand above all functions'";
  EXPECT_EQ(variables.at("TILLITE_HOME"), "/home");
  EXPECT_TRUE(variables.at("AWS_LAMBDA_RUNTIME_API").get<std::string>().starts_with("127.0.0.1:"));
  EXPECT_FALSE(variables.contains("HOME"));
}

TEST_F(SandboxedFunctionsTest, TheLogHasStartEndAndReport) {
  SandboxedFunctions functions = make();
  const std::string cold = invoke(functions, {{"do", "log"}, {"line", "a line"}}).log;
  EXPECT_TRUE(cold.starts_with(
      "START RequestId: r-1 Version: $LATEST\na line\nEND RequestId: r-1\nREPORT RequestId: r-1\tDuration: "))
      << cold;
  EXPECT_NE(cold.find("Memory Size: 64 MB\tMax Memory Used: "), std::string::npos) << cold;
  EXPECT_NE(cold.find("Init Duration: "), std::string::npos) << cold;
  const std::string warm = invoke(functions, Json::object()).log;
  EXPECT_EQ(warm.find("Init Duration: "), std::string::npos) << warm;
  EXPECT_EQ(warm.find("a line"), std::string::npos) << warm;
}

TEST_F(SandboxedFunctionsTest, AFunctionsErrorHasItsType) {
  SandboxedFunctions functions = make();
  EXPECT_EQ(error_of(invoke(functions, {{"do", "error"}})), "Probe.Failed: as I was told");
  EXPECT_EQ(must(invoke(functions, Json::object()).result).at("invocations"), 2) << "the process goes on";
}

TEST_F(SandboxedFunctionsTest, AFunctionThatTakesTooLongIsKilled) {
  probe.timeout_s = 1;
  SandboxedFunctions functions = make();
  const EndedFunction ended = invoke(functions, {{"do", "sleep"}, {"ms", 600'000}});
  EXPECT_EQ(error_of(ended), "Sandbox.Timedout: RequestId: r-1 Error: Task timed out after 1.00 seconds");
  EXPECT_NE(ended.log.find("Status: timeout"), std::string::npos) << ended.log;
  EXPECT_EQ(must(invoke(functions, Json::object()).result).at("invocations"), 1) << "the next one has a new process";
}

TEST_F(SandboxedFunctionsTest, AProcessThatTakesTooMuchMemoryIsKilled) {
  SandboxedFunctions functions = make();
  const EndedFunction ended = invoke(functions, {{"do", "allocate"}, {"mb", 2000}});
  EXPECT_EQ(error_of(ended), "Runtime.ExitError: RequestId: r-1 Error: Runtime exited with error: signal: killed");
  EXPECT_NE(ended.log.find("Error Type: Runtime.OutOfMemory"), std::string::npos) << ended.log;
  EXPECT_TRUE(invoke(functions, {{"do", "allocate"}, {"mb", 1}}).result);
}

TEST_F(SandboxedFunctionsTest, AProcessThatNeverStopsWritingIsKilledForItsMemoryAllTheSame) {
  // So slowly that there always is another line.
  surroundings.on_line = [](std::string_view) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); };
  probe.timeout_s = 20;
  SandboxedFunctions functions = make();
  const EndedFunction ended = invoke(functions, {{"do", "allocate and write"}});
  EXPECT_NE(ended.log.find("Error Type: Runtime.OutOfMemory"), std::string::npos) << error_of(ended);
}

TEST_F(SandboxedFunctionsTest, AProcessThatEndsDuringAnInvocationIsItsError) {
  SandboxedFunctions functions = make();
  EXPECT_EQ(error_of(invoke(functions, {{"do", "exit"}, {"status", 3}})),
            "Runtime.ExitError: RequestId: r-1 Error: Runtime exited with error: exit status 3");
  EXPECT_EQ(error_of(invoke(functions, {{"do", "exit"}, {"status", 0}})),
            "Runtime.ExitError: RequestId: r-1 Error: Runtime exited without providing a reason");
}

TEST_F(SandboxedFunctionsTest, AProcessThatIsGoneBetweenTwoInvocationsIsReplaced) {
  SandboxedFunctions functions = make();
  const auto pid = must(invoke(functions, Json::object()).result).at("pid").get<pid_t>();
  ::kill(pid, SIGKILL);
  while (functions.count().started == 1) {
    // Until the process is gone it may be given an invocation, which then is an error.
    const EndedFunction ended = invoke(functions, Json::object());
    EXPECT_TRUE(!ended.result || ended.result->at("pid").get<pid_t>() != pid);
  }
}

TEST_F(SandboxedFunctionsTest, WhatFailsAtItsStartIsTheFirstInvocationsError) {
  probe.environment = {{"AT_START", "error"}};
  SandboxedFunctions failing = make();
  EXPECT_EQ(error_of(invoke(failing, Json::object())), "Probe.NotReady: something is missing");
  probe.environment = {{"AT_START", "exit"}};
  SandboxedFunctions exiting = make();
  EXPECT_EQ(error_of(invoke(exiting, Json::object())),
            "Runtime.ExitError: RequestId: r-1 Error: Runtime exited with error: exit status 3");
  probe.environment = {{"AT_START", "sleep"}};
  surroundings.init_ms_max = 50;
  SandboxedFunctions sleeping = make();
  EXPECT_TRUE(error_of(invoke(sleeping, Json::object())).starts_with("Sandbox.Timedout: "));
}

TEST_F(SandboxedFunctionsTest, AResultThatIsTooLargeIsRefusedWithStatus413) {
  probe.memory_mb = 512;
  SandboxedFunctions functions = make();
  EXPECT_TRUE(invoke(functions, {{"do", "large"}, {"bytes", 6'000'000}}).result);
  EXPECT_TRUE(
      error_of(invoke(functions, {{"do", "large"}, {"bytes", 6'300'000}})).starts_with("Tillite.LimitExceeded"));
  EXPECT_TRUE(error_of(invoke(functions, {{"do", "no json"}})).starts_with("Runtime.InvalidResponse"));
}

TEST_F(SandboxedFunctionsTest, SeveralRunAtOnceUpToALimit) {
  SandboxedFunctions functions = make({.at_once_max = 2});
  const auto slow = [&] { return invoke(functions, {{"do", "sleep"}, {"ms", 300}}); };
  auto first = std::async(std::launch::async, slow);
  auto second = std::async(std::launch::async, slow);
  while (functions.count().running < 2) std::this_thread::yield();
  EXPECT_TRUE(invoke(functions, Json::object()).is_throttled);
  const EndedFunction waited =
      functions.invoke({.function_name = "probe", .event = Json::object(), .request_id = "r-2", .may_wait = true});
  EXPECT_TRUE(waited.result) << "who may wait has its turn later";
  EXPECT_NE(must(first.get().result).at("pid"), must(second.get().result).at("pid"));
}

TEST_F(SandboxedFunctionsTest, AnIdleProcessMakesRoomForAnotherFunction) {
  SandboxedFunctions functions = make({.at_once_max = 1});
  must(invoke(functions, Json::object()).result);
  must(invoke(functions, Json::object(), "other").result);
  EXPECT_EQ(functions.count().idle, 1);
}

TEST_F(SandboxedFunctionsTest, AProcessThatIsIdleForLongIsEnded) {
  SandboxedFunctions functions = make({.idle_ms = 1});
  must(invoke(functions, Json::object()).result);
  while (functions.count().idle > 0) std::this_thread::yield();
  EXPECT_EQ(must(invoke(functions, Json::object()).result).at("invocations"), 1);
}

TEST_F(SandboxedFunctionsTest, WhenTheHostStopsInvocationsAreCancelled) {
  SandboxedFunctions functions = make();
  auto slow = std::async(std::launch::async, [&] { return invoke(functions, {{"do", "sleep"}, {"ms", 600'000}}); });
  while (functions.count().running == 0) std::this_thread::yield();
  stop.request_stop();
  EXPECT_EQ(slow.get().result.error().code(), Code::cancelled);
  EXPECT_EQ(invoke(functions, Json::object()).result.error().code(), Code::cancelled);
}

TEST_F(SandboxedFunctionsTest, AProgramThatIsNotThereIsAnErrorOfTheInvocation) {
  surroundings.scratch = folder.path();
  SandboxedFunctions functions({{.info = probe, .words = {"/nowhere/bootstrap"}}}, surroundings, {}, stop.get_token());
  EXPECT_TRUE(error_of(invoke(functions, Json::object())).starts_with("Runtime.InvalidEntrypoint: "));
}

}  // namespace
}  // namespace tillite::testing
