// Tasks that start executions: arn:aws:states:::states:startExecution and its patterns.
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "adapters/local/sqlite_execution_store.h"
#include "support/dying_store.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"
#include "workflow/engine.h"

namespace tillite::testing {
namespace {

Value value(std::string_view text) { return must(parse_value(text, "a value")); }

/// Functions that answer what they are given, and count.
class EchoingTasks final : public TaskRunner {
 public:
  Result<Json> run(const Call& call) override {
    const std::scoped_lock lock(mutex_);
    ++calls_;
    tokens_.push_back(call.token);
    return call.payload;
  }
  int calls() {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

 private:
  std::mutex mutex_;
  int calls_ = 0;
  std::vector<std::string> tokens_;
};

constexpr const char* kWorks =
    R"({"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:x:1:function:f","End":true}}})";
constexpr const char* kFails = R"({"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Mine","Cause":"because"}}})";
constexpr const char* kWaits = R"({"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":600,"End":true}}})";

/// A machine with one task that starts another machine; `more`: of the task's parameters; `beside`: of its fields.
std::string starter(const std::string& pattern, const std::string& machine, const std::string& more = "",
                    const std::string& beside = "") {
  return R"({"StartAt":"Start","States":{"Start":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution)" +
         pattern + R"(","Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:)" +
         machine + "\"" + more + "}," + beside + R"("End":true}}})";
}

class NestedExecutions : public ::testing::Test {
 protected:
  NestedExecutions() {
    for (const auto& [name, definition] : {std::pair("works", kWorks), {"fails", kFails}, {"waits", kWaits}})
      must(store->put_machine({.name = name, .type = "STANDARD", .definition = definition}));
    must(store->put_machine({.name = "quick", .type = "EXPRESS", .definition = kWorks}));
  }

  Engine engine_on(ExecutionStore& of) { return Engine(of, clock, random, tasks, Logger::none(), {.threads_max = 2}); }

  StateMachine machine_of(const std::string& definition) { return must(StateMachine::parse("starter", definition)); }

  Execution run(const std::string& definition, std::string_view input = "{}") {
    Engine engine = engine_on(*store);
    Execution ended = must(engine.run(machine_of(definition), value(input), {}, "first"));
    last = ended.id;
    return ended;
  }

  std::vector<HistoryEvent> history() { return must(engine_on(*store).history(last)); }

  /// The only execution of a machine.
  Execution only(const std::string& machine) {
    Engine engine = engine_on(*store);
    const auto listed = must(engine.list(machine, std::nullopt, 10)).executions;
    EXPECT_EQ(listed.size(), 1U);
    return must(engine.describe(listed.at(0).id));
  }

  TempFolder folder;
  VirtualClock clock;
  SeededRandom random;
  EchoingTasks tasks;
  std::unique_ptr<SqliteExecutionStore> store = must(SqliteExecutionStore::open(folder / "workflows.sqlite3"));
  ExecutionId last;
};

TEST_F(NestedExecutions, SyncWaitsForTheEndAndShowsTheOutputAsAText) {
  const auto ended = run(starter(".sync", "works", R"(,"Name":"child","Input":{"n":1})"));
  ASSERT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause.value_or("");
  const Execution child = only("works");
  EXPECT_EQ(to_text(ended.output),
            fmt::format(R"({{"ExecutionArn":"arn:aws:states:us-east-1:000000000000:execution:works:child",)"
                        R"("Input":"{{\"n\":1}}","InputDetails":{{"Included":true}},"Name":"child",)"
                        R"("Output":"{{\"n\":1}}","OutputDetails":{{"Included":true}},"StartDate":{},)"
                        R"("StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:works",)"
                        R"("Status":"SUCCEEDED","StopDate":{}}})",
                        child.started_ms, child.stopped_ms));
}

TEST_F(NestedExecutions, TheHistoryOfATaskThatWaitsForAnExecutionIsThatOfAws) {
  run(starter(".sync:2", "works", R"(,"Name":"child","Input":null)"));
  const auto events = history();
  std::vector<std::string> types;
  for (const HistoryEvent& event : events) types.push_back(event.type);
  EXPECT_EQ(types,
            (std::vector<std::string>{"ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted",
                                      "TaskSubmitted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"}));
  EXPECT_EQ(
      to_text(events.at(2).details),
      R"({"parameters":{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:works","Name":"child","Input":null},"region":"us-east-1","resource":"startExecution.sync:2","resourceType":"states"})");
  for (const std::size_t place : {3U, 4U, 5U}) {
    EXPECT_EQ(*events.at(place).details.find("resource"), Value("startExecution.sync:2"));
    EXPECT_EQ(*events.at(place).details.find("resourceType"), Value("states"));
  }
  const Value& submitted = *events.at(4).details.find("output");
  EXPECT_EQ(*submitted.find("ExecutionArn"), Value("arn:aws:states:us-east-1:000000000000:execution:works:child"));
  EXPECT_EQ(*submitted.find("SdkHttpMetadata")->find("HttpStatusCode"), Value(200));
  EXPECT_EQ(*submitted.find("SdkHttpMetadata")->find("HttpHeaders")->find("x-amzn-RequestId"),
            *submitted.find("SdkResponseMetadata")->find("RequestId"));
  const Value& succeeded = *events.at(5).details.find("output");
  EXPECT_EQ(*succeeded.find("Input"), value("{}")) << "of .sync:2 it is a value";
  EXPECT_EQ(*succeeded.find("Output"), value("{}"));
}

TEST_F(NestedExecutions, AnExecutionThatFailsFailsTheTaskWithItsDescriptionAsCause) {
  const auto ended = run(starter(".sync:2", "fails", R"(,"Name":"child")"));
  EXPECT_EQ(ended.status, ExecutionStatus::failed);
  EXPECT_EQ(ended.error, "States.TaskFailed");
  const Value cause = value(ended.cause.value_or(""));
  EXPECT_EQ(*cause.find("Error"), Value("Mine"));
  EXPECT_EQ(*cause.find("Cause"), Value("because"));
  EXPECT_EQ(*cause.find("Status"), Value("FAILED"));
  EXPECT_EQ(*cause.find("Input"), Value("{}"));
  EXPECT_EQ(cause.find("Output"), nullptr);
}

TEST_F(NestedExecutions, WithoutAPatternTheTaskEndsWithTheStart) {
  const auto ended = run(starter("", "waits"));
  ASSERT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause.value_or("");
  EXPECT_EQ(*ended.output.find("ExecutionArn"),
            Value("arn:aws:states:us-east-1:000000000000:execution:" + only("waits").id.str()));
  EXPECT_EQ(only("waits").status, ExecutionStatus::running);
}

TEST_F(NestedExecutions, ATaskThatWaitsForItsTokenGivesItToTheExecution) {
  must(store->put_machine(
      {.name = "sends",
       .type = "STANDARD",
       .definition =
           R"({"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:x:1:function:f","End":true}}})"}));
  Engine engine = engine_on(*store);
  std::jthread serving([&](const std::stop_token& stop) { must(engine.serve(stop)); });
  const auto started = must(engine.start(
      machine_of(starter(".waitForTaskToken", "sends", R"(,"Input":{"token.$":"$$.Task.Token"})")), value("{}")));
  std::optional<Execution> child;
  while (!child) {
    const auto listed = must(engine.list("sends", ExecutionStatus::succeeded, 10)).executions;
    if (!listed.empty()) child = must(engine.describe(listed.front().id));
  }
  must(engine.task_succeeded(child->output.find("token")->string(), Value("sent")));
  while (must(engine.describe(started.id)).status == ExecutionStatus::running) std::this_thread::yield();
  EXPECT_EQ(must(engine.describe(started.id)).output, Value("sent"));
}

TEST_F(NestedExecutions, StoppingTheStarterStopsWhatItWaitsFor) {
  Engine engine = engine_on(*store);
  std::jthread serving([&](const std::stop_token& stop) { must(engine.serve(stop)); });
  const auto started = must(engine.start(machine_of(starter(".sync", "waits")), value("{}")));
  while (must(engine.list("waits", ExecutionStatus::running, 1)).executions.empty()) std::this_thread::yield();
  must(engine.stop(started.id, "Enough", ""));
  while (must(engine.describe(started.id)).status == ExecutionStatus::running) std::this_thread::yield();
  EXPECT_EQ(must(engine.describe(started.id)).status, ExecutionStatus::aborted);
  EXPECT_EQ(only("waits").status, ExecutionStatus::aborted);
}

TEST_F(NestedExecutions, ATaskThatTimesOutStopsWhatItWaitsFor) {
  EXPECT_EQ(run(starter(".sync", "waits", "", R"("TimeoutSeconds":5,)")).error, "States.Timeout");
  EXPECT_EQ(only("waits").status, ExecutionStatus::aborted);
}

TEST_F(NestedExecutions, WhatEndsAStarterRightAfterARestartStopsWhatItWaitsForToo) {
  for (const bool times_out : {false, true}) {
    SCOPED_TRACE(times_out);
    const std::string child = times_out ? "waits:second" : "waits:first";
    ExecutionId starting;
    {
      Engine before = engine_on(*store);
      std::jthread serving([&](const std::stop_token& stop) { must(before.serve(stop)); });
      starting = must(before.start(machine_of(starter(".sync", "waits", R"(,"Name":")" + child.substr(6) + "\"",
                                                      times_out ? R"("TimeoutSeconds":5,)" : "")),
                                   value("{}")))
                     .id;
      const auto submitted = [&] {
        const auto events = must(before.history(starting));
        return std::ranges::any_of(events, [](const HistoryEvent& event) { return event.type == "TaskSubmitted"; });
      };
      while (!submitted()) std::this_thread::yield();
    }
    Engine after = engine_on(*store);
    if (times_out) {
      clock.advance(6000);
    } else {
      must(after.stop(starting, "Enough", ""));
    }
    std::jthread serving([&](const std::stop_token& stop) { must(after.serve(stop)); });
    while (must(after.describe(ExecutionId(child))).status == ExecutionStatus::running) {
      clock.advance(500);  // stop requests are looked for twice a second; what nobody stops ends by itself
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(must(after.describe(ExecutionId(child))).status, ExecutionStatus::aborted);
    EXPECT_NE(must(after.describe(starting)).status, ExecutionStatus::running);
  }
}

TEST_F(NestedExecutions, ManyThatWaitNeedNoThread) {
  const auto ended = run(
      R"({"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"StartAt":"S","States":{"S":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2","Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:works","Input.$":"$"},"OutputPath":"$.Output","End":true}}},"End":true}}})",
      "[1,2,3,4,5,6,7,8]");
  EXPECT_EQ(to_text(ended.output), "[1,2,3,4,5,6,7,8]") << ended.cause.value_or("");
}

TEST_F(NestedExecutions, AnExpressMachineIsStarted) {
  const auto ended = run(starter(".sync:2", "quick", R"(,"Name":"child","Input":[7])"));
  ASSERT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause.value_or("");
  EXPECT_TRUE(ended.output.find("ExecutionArn")
                  ->string()
                  .starts_with("arn:aws:states:us-east-1:000000000000:express:quick:child:"));
}

TEST_F(NestedExecutions, RefusalsAreWordedAsAwsDoes) {
  const auto refused = [&](const std::string& definition) {
    const auto ended = must(engine_on(*store).run(machine_of(definition), value("{}"), {}));
    EXPECT_EQ(ended.status, ExecutionStatus::failed);
    return std::pair(ended.error, ended.cause.value_or(""));
  };
  const auto missing = refused(starter("", "no-such"));
  EXPECT_EQ(missing.first, "StepFunctions.StateMachineDoesNotExistException");
  EXPECT_TRUE(missing.second.starts_with(
      "State Machine Does Not Exist: 'arn:aws:states:us-east-1:000000000000:stateMachine:no-such' (Service: "
      "AWSStepFunctions; Status Code: 400; Error Code: StateMachineDoesNotExist; Request ID: "))
      << missing.second;
  EXPECT_EQ(refused(starter("", "works", R"(,"Name":"two words")")).first, "StepFunctions.InvalidNameException");
  EXPECT_EQ(refused(starter("", "works", R"(,"Input":"{")")).first, "StepFunctions.InvalidExecutionInputException");
  run(starter(".sync", "works", R"(,"Name":"taken")"));
  EXPECT_EQ(refused(starter(".sync", "works", R"(,"Name":"taken")")).first,
            "StepFunctions.ExecutionAlreadyExistsException");
}

TEST_F(NestedExecutions, ARedriveStartsAnotherExecutionForTheTaskThatFailed) {
  const auto failed = run(starter(".sync:2", "fails"));
  ASSERT_EQ(failed.error, "States.TaskFailed");
  must(store->put_machine({.name = "fails", .type = "STANDARD", .definition = kWorks}));
  Engine engine = engine_on(*store);
  must(engine.redrive(failed.id));
  EXPECT_EQ(must(engine.walk(failed.id, {})).status, ExecutionStatus::succeeded);
  EXPECT_EQ(must(engine.list("fails", std::nullopt, 10)).executions.size(), 2U);
}

TEST_F(NestedExecutions, AMachineThatStartsItselfForEverHoldsUpNobodyAndCanBeStopped) {
  must(store->put_machine({.name = "self", .type = "STANDARD", .definition = starter(".sync", "self")}));
  Engine engine = engine_on(*store);
  std::jthread serving([&](const std::stop_token& stop) { must(engine.serve(stop)); });
  const auto started = must(engine.start(must(StateMachine::parse("self", starter(".sync", "self"))), value("{}")));
  const auto other = must(engine.start(must(StateMachine::parse("works", kWorks)), value("{}")));
  while (must(engine.describe(other.id)).status == ExecutionStatus::running) std::this_thread::yield();
  must(engine.stop(started.id, "", ""));
  while (!must(engine.list("self", ExecutionStatus::running, 1)).executions.empty()) std::this_thread::yield();
}

TEST_F(NestedExecutions, AStarterThatDiedAtAnyWriteFindsItsExecutionAgainAndStartsNone) {
  bool died = true;
  for (int writes = 0; died; ++writes) {
    SCOPED_TRACE(writes);
    // Half of them with a name of their own, half with the one that is made up for them.
    const std::string named = writes % 2 == 0 ? "" : fmt::format(R"(,"Name":"child-{}")", writes);
    const auto machine = machine_of(starter(".sync:2", "works", named + R"(,"Input":{"n":1})"));
    const auto started = must(engine_on(*store).start(machine, value("{}")));
    const std::size_t before = must(engine_on(*store).list("works", std::nullopt, 100)).executions.size();
    DyingStore dying(*store, writes);
    static_cast<void>(engine_on(dying).walk(started.id, {}));
    died = dying.has_died();
    clock.advance(60'000);
    const auto ended = must(engine_on(*store).walk(started.id, {}));
    ASSERT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause.value_or("");
    EXPECT_EQ(*ended.output.find("Output"), value(R"({"n":1})"));
    EXPECT_EQ(must(engine_on(*store).list("works", std::nullopt, 100)).executions.size(), before + 1);
    ASSERT_LT(writes, 50);
  }
}

TEST_F(NestedExecutions, AnExecutionThatAnotherProcessWalksIsWaitedForToo) {
  Engine elsewhere = engine_on(*store);
  const auto child = must(elsewhere.start(must(StateMachine::parse("waits", kWaits)), value("{}"), "shared"));
  must(store->take(child.id.str(), "", "elsewhere/boot/1/2/x", clock.now_ms() + 100'000'000));
  Engine engine = engine_on(*store);
  std::jthread serving([&](const std::stop_token& stop) { must(engine.serve(stop)); });
  const auto started =
      must(engine.start(machine_of(starter(".sync", "waits", R"(,"Name":"shared","Input":{})")), value("{}")));
  const auto submitted = [&] {
    const auto events = must(engine.history(started.id));
    return std::ranges::any_of(events, [](const HistoryEvent& event) { return event.type == "TaskSubmitted"; });
  };
  while (!submitted()) std::this_thread::yield();
  auto row = *must(store->execution(child.id.str()));
  row.status = "SUCCEEDED";
  row.output = "\"done elsewhere\"";
  const auto batch = must(store->begin("elsewhere/boot/1/2/x"));
  must(batch->update(row));
  must(batch->commit());
  clock.advance(1000);  // it is looked for twice a second
  while (must(engine.describe(started.id)).status == ExecutionStatus::running) std::this_thread::yield();
  EXPECT_EQ(*must(engine.describe(started.id)).output.find("Output"), Value("\"done elsewhere\""));
}

}  // namespace
}  // namespace tillite::testing
