#include "workflow/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "adapters/local/folder_object_store.h"
#include "adapters/local/sqlite_execution_store.h"
#include "support/dying_store.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

/// Tasks that tests script: each function has a list of answers, the last of which stays; none: what it was given.
class ScriptedTasks final : public TaskRunner {
 public:
  std::map<std::string, std::vector<Result<Json>>> answers;

  Result<Json> run(const Call& call) override {
    const std::scoped_lock lock(mutex_);
    const int number = calls_[call.function_name]++;
    payloads_.push_back(call.payload);
    const auto& list = answers[call.function_name];
    if (list.empty()) return call.payload;
    return list[std::min(static_cast<std::size_t>(number), list.size() - 1)];
  }
  int calls(const std::string& function) {
    const std::scoped_lock lock(mutex_);
    return calls_[function];
  }
  std::vector<Json> payloads() {
    const std::scoped_lock lock(mutex_);
    return payloads_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> calls_;
  std::vector<Json> payloads_;
};

Value value(std::string_view text) { return must(parse_value(text, "a value")); }

StateMachine machine_of(const std::string& definition) { return must(StateMachine::parse("machine", definition)); }

class EngineTest : public ::testing::Test {
 protected:
  Engine engine_on(ExecutionStore& of) {
    Engine::Settings settings{.threads_max = 2};
    settings.buckets = {{"things", objects.get()}};
    return Engine(of, clock, random, tasks, Logger::none(), settings);
  }

  Execution run(const std::string& definition, std::string_view input = "{}") {
    Engine engine = engine_on(*store);
    Execution ended = must(engine.run(machine_of(definition), value(input), {}));
    last = ended.id;
    return ended;
  }

  std::vector<std::string> event_types(const ExecutionId& id) {
    std::vector<std::string> types;
    for (const HistoryEvent& event : must(engine_on(*store).history(id))) types.push_back(event.type);
    return types;
  }

  TempFolder folder;
  VirtualClock clock;
  SeededRandom random;
  ScriptedTasks tasks;
  std::unique_ptr<SqliteExecutionStore> store = must(SqliteExecutionStore::open(folder / "workflows.sqlite3"));
  std::unique_ptr<FolderObjectStore> objects = must(FolderObjectStore::open(folder / "objects"));
  ExecutionId last;
};

std::string task(const std::string& more) {
  return R"({"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload.$":"$"},"OutputPath":"$.Payload",)" +
         more + R"("End":true},"Rescue":{"Type":"Pass","End":true}}})";
}

TEST_F(EngineTest, PassesDataThroughPathsTemplatesAndIntrinsics) {
  const auto ended = run(
      R"asl({"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"sum.$":"States.MathAdd($.a, $.b)","all.$":"$.list[*].n","name.$":"$$.StateMachine.Name"},"ResultPath":"$.made","Next":"B"},"B":{"Type":"Succeed","OutputPath":"$.made"}}})asl",
      R"({"a":1,"b":2,"list":[{"n":1},{"n":2}]})");
  ASSERT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause.value_or("");
  EXPECT_EQ(to_text(ended.output), R"({"sum":3,"all":[1,2],"name":"machine"})");
}

TEST_F(EngineTest, RetriesWithGrowingDelaysUntilTheAttemptsAreUsedUp) {
  tasks.answers["f"] = {std::unexpected(Error(Code::unavailable, "busy"))};
  const auto ended = run(task(
      R"("Retry":[{"ErrorEquals":["Tillite.Unavailable"],"IntervalSeconds":1,"BackoffRate":2,"MaxAttempts":3}],)"));
  EXPECT_EQ(ended.status, ExecutionStatus::failed);
  EXPECT_EQ(ended.error, "Tillite.Unavailable");
  EXPECT_EQ(ended.cause, R"({"errorMessage":"busy","errorType":"Tillite.Unavailable"})");
  EXPECT_EQ(tasks.calls("f"), 4);
  std::vector<std::int64_t> scheduled_ms;
  for (const HistoryEvent& event : must(engine_on(*store).history(last))) {
    if (event.type == "TaskScheduled") scheduled_ms.push_back(event.timestamp_ms - ended.started_ms);
  }
  EXPECT_EQ(scheduled_ms, (std::vector<std::int64_t>{0, 1000, 3000, 7000}));
}

TEST_F(EngineTest, TheCauseOfAFunctionThatCouldNotBeCalledIsAsTheServiceWordsIt) {
  const Error missing = Error(Code::failed, "Function not found: f").named("Lambda.ResourceNotFoundException");
  tasks.answers["f"] = {std::unexpected(missing)};
  const auto ended = run(task(""));
  EXPECT_EQ(ended.error, "Lambda.ResourceNotFoundException");
  EXPECT_EQ(ended.cause, "Function not found: f");
}

TEST_F(EngineTest, CatchesAnErrorAndPutsItWhereResultPathSays) {
  tasks.answers["f"] = {std::unexpected(Error(Code::invalid_input, "no good"))};
  const auto ended =
      run(task(R"("Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.error","Next":"Rescue"}],)"), R"({"kept":1})");
  ASSERT_EQ(ended.status, ExecutionStatus::succeeded);
  EXPECT_EQ(ended.output.find("kept")->integer(), 1);
  EXPECT_EQ(*ended.output.find("error")->find("Error"), Value("Tillite.InvalidInput"));
}

TEST_F(EngineTest, AResultThatHasNoPlaceInTheInputFailsAsOnAws) {
  const auto ended =
      run(R"({"StartAt":"P","States":{"P":{"Type":"Pass","Result":1,"ResultPath":"$.a","End":true}}})", R"("text")");
  EXPECT_EQ(ended.error, "States.ReferencePathConflict");
  EXPECT_EQ(ended.cause, R"(Unable to apply step "a" to input "text")");
}

TEST_F(EngineTest, MapsItemsInOrderAndGivesEachItsIndex) {
  const auto ended = run(
      R"({"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrencyPath":"$.n","ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value"},"ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:eu-west-1:1:function:f","End":true}}},"End":true}}})",
      R"({"items":["a","b","c"],"n":2})");
  ASSERT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause.value_or("");
  EXPECT_EQ(ended.output, value(R"([{"i":0,"v":"a"},{"i":1,"v":"b"},{"i":2,"v":"c"}])"));
}

TEST_F(EngineTest, WaitsAndFailsAsItIsTold) {
  const auto before = clock.now_ms();
  const auto ended = run(
      R"({"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"Next":"F"},"F":{"Type":"Fail","Error":"Mine","Cause":"because"}}})");
  EXPECT_GE(clock.now_ms() - before, 60'000);
  EXPECT_EQ(ended.status, ExecutionStatus::failed);
  EXPECT_EQ(ended.error, "Mine");
  EXPECT_EQ(ended.cause, "because");
}

TEST_F(EngineTest, AnExecutionThatTakesTooLongTimesOut) {
  const auto ended =
      run(R"({"TimeoutSeconds":5,"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}})");
  EXPECT_EQ(ended.status, ExecutionStatus::timed_out);
  EXPECT_EQ(ended.error, "States.Timeout");
  EXPECT_EQ(ended.stopped_ms - ended.started_ms, 5000);
}

TEST_F(EngineTest, RefusesAResultAboveTheLimit) {
  tasks.answers["f"] = {Json(std::string(300'000, 'x'))};
  EXPECT_EQ(run(task("")).error, "States.DataLimitExceeded");
}

TEST_F(EngineTest, EndsAnExecutionWhoseHistoryIsFull) {
  const auto ended = run(R"({"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"}}})");
  EXPECT_EQ(ended.status, ExecutionStatus::failed);
  EXPECT_NE(ended.cause->find("maximum number of history events (25000)"), std::string::npos) << *ended.cause;
  EXPECT_EQ(must(engine_on(*store).history(last)).size(), 25'000U);
}

constexpr const char* kThreeSteps =
    R"({"StartAt":"One","States":{"One":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"one","Payload.$":"$"},"ResultPath":"$.one","Next":"M"},"M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":1,"ItemProcessor":{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"each","Payload.$":"$"},"OutputPath":"$.Payload","End":true}}},"ResultPath":"$.each","Next":"Two"},"Two":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"two","Payload":{}},"ResultPath":"$.two","End":true}}})";

TEST_F(EngineTest, ResumedAfterADeathAtAnyWriteItEndsTheSameAndRepeatsNoFinishedTask) {
  const Value input = value(R"({"items":[1,2,3]})");
  const Value expected = run(kThreeSteps, to_text(input)).output;
  const auto history = event_types(last);
  const auto machine = machine_of(kThreeSteps);
  bool died = true;
  for (int writes = 0; died; ++writes) {
    SCOPED_TRACE(writes);
    const auto started = must(engine_on(*store).start(machine, input));
    const int calls_before = tasks.calls("one") + tasks.calls("each") + tasks.calls("two");
    DyingStore dying(*store, writes);
    static_cast<void>(engine_on(dying).walk(started.id, {}));
    died = dying.has_died();
    clock.advance(60'000);
    const auto ended = must(engine_on(*store).walk(started.id, {}));
    EXPECT_EQ(ended.status, ExecutionStatus::succeeded);
    EXPECT_EQ(ended.output, expected);
    EXPECT_EQ(event_types(started.id), history);
    EXPECT_LE(tasks.calls("one") + tasks.calls("each") + tasks.calls("two") - calls_before, 5 + 1)
        << "only the task that was cut off runs again";
    ASSERT_LT(writes, 100);
  }
}

TEST_F(EngineTest, AnExecutionIsWalkedByOneAtATimeAndTakenOverWhenItsLeaseRanOut) {
  Engine engine = engine_on(*store);
  const auto started = must(engine.start(machine_of(task("")), value("{}")));
  must(store->take(started.id.str(), "", "elsewhere/boot/1/2/x", clock.now_ms() + 10'000));
  EXPECT_EQ(engine.walk(started.id, {}).error().code(), Code::lock_held);
  clock.advance(10'001);
  EXPECT_EQ(must(engine.walk(started.id, {})).status, ExecutionStatus::succeeded);
}

TEST_F(EngineTest, AnExecutionThatIsRunBelongsToItsStarterFromItsFirstMoment) {
  Engine other = engine_on(*store);
  int met = 0;
  DyingStore watched(*store, [&]() -> Result<void> {
    for (const Execution& running : must(other.list("machine", ExecutionStatus::running, 10)).executions) {
      EXPECT_EQ(other.walk(running.id, {}).error().code(), Code::lock_held);
      ++met;
    }
    return {};
  });
  EXPECT_EQ(must(engine_on(watched).run(machine_of(task("")), value("{}"), {})).status, ExecutionStatus::succeeded);
  EXPECT_GE(met, 2);
}

TEST_F(EngineTest, AWalkerWhoLostItsLeaseWritesNothingMore) {
  Engine engine = engine_on(*store);
  const auto started = must(engine.start(machine_of(kThreeSteps), value(R"({"items":[1]})")));
  int writes = 0;
  DyingStore stolen(*store, [&]() -> Result<void> {
    if (++writes == 3) must(store->take(started.id.str(), must(store->execution(started.id.str()))->owner, "thief", 1));
    return {};
  });
  EXPECT_EQ(engine_on(stolen).walk(started.id, {}).error().code(), Code::lost_lease);
  EXPECT_EQ(must(store->execution(started.id.str()))->owner, "thief");
  clock.advance(60'000);
  EXPECT_EQ(must(engine.walk(started.id, {})).status, ExecutionStatus::succeeded);
}

TEST_F(EngineTest, AStopOfTheProcessLeavesTheExecutionRunningForALaterWalk) {
  Engine engine = engine_on(*store);
  const auto started = must(engine.start(machine_of(task("")), value("{}")));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(engine.walk(started.id, stop.get_token()).error().code(), Code::cancelled);
  EXPECT_EQ(must(engine.describe(started.id)).status, ExecutionStatus::running);
  EXPECT_EQ(must(engine.walk(started.id, {})).status, ExecutionStatus::succeeded);
  EXPECT_TRUE(must(engine.list("machine", ExecutionStatus::running, 10)).executions.empty());
}

TEST_F(EngineTest, StopsAnExecutionThatNobodyWalks) {
  Engine engine = engine_on(*store);
  const auto started = must(engine.start(
      machine_of(R"({"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":99,"End":true}}})"), value("{}")));
  const auto stopped = must(engine.stop(started.id, "Enough", "it was too long"));
  EXPECT_EQ(stopped.status, ExecutionStatus::aborted);
  EXPECT_EQ(stopped.error, "Enough");
  EXPECT_EQ(stopped.cause, "it was too long");
  EXPECT_EQ(event_types(started.id).back(), "ExecutionAborted");
}

TEST_F(EngineTest, ARedriveGoesOnWhereItFailedAndRepeatsNothingThatSucceeded) {
  tasks.answers["two"] = {std::unexpected(Error(Code::invalid_input, "not yet")), Json("done")};
  Engine engine = engine_on(*store);
  const auto failed = must(engine.run(machine_of(kThreeSteps), value(R"({"items":[1,2]})"), {}));
  ASSERT_EQ(failed.status, ExecutionStatus::failed);
  EXPECT_EQ(must(engine.redrive(failed.id)).status, ExecutionStatus::running);
  const auto ended = must(engine.walk(failed.id, {}));
  EXPECT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause.value_or("");
  EXPECT_EQ(*ended.output.find("two")->find("Payload"), Value("done"));
  EXPECT_EQ(ended.redrives, 1);
  EXPECT_EQ(tasks.calls("one"), 1);
  EXPECT_EQ(tasks.calls("each"), 2);
  EXPECT_EQ(tasks.calls("two"), 2);
  EXPECT_EQ(std::ranges::count(event_types(failed.id), "ExecutionRedriven"), 1);
  EXPECT_EQ(engine.redrive(failed.id).error().code(), Code::conflict) << "it succeeded";
}

TEST_F(EngineTest, AnExecutionThatWasStoppedCanBeRedriven) {
  Engine engine = engine_on(*store);
  const auto started = must(engine.start(
      machine_of(R"({"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":99,"End":true}}})"), value("{}")));
  ASSERT_EQ(must(engine.stop(started.id, "", "")).status, ExecutionStatus::aborted);
  must(engine.redrive(started.id));
  EXPECT_EQ(must(engine.walk(started.id, {})).status, ExecutionStatus::succeeded);
}

TEST_F(EngineTest, ARedriveOfAMapWalksOnlyTheItemsThatFailed) {
  const std::string map =
      R"({"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":1,"ItemProcessor":{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:x:1:function:f","End":true}}},"End":true}}})";
  tasks.answers["f"] = {Json(1), Json(2), std::unexpected(Error(Code::invalid_input, "the third")), Json(3), Json(4)};
  Engine engine = engine_on(*store);
  const auto failed = must(engine.run(machine_of(map), value("[1,2,3,4]"), {}));
  ASSERT_EQ(failed.status, ExecutionStatus::failed);
  must(engine.redrive(failed.id));
  EXPECT_EQ(must(engine.walk(failed.id, {})).output, value("[1,2,3,4]"));
  EXPECT_EQ(tasks.calls("f"), 5);
}

constexpr const char* kDistributed =
    R"({"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:x:1:function:f","End":true}}},"End":true}}})";

TEST_F(EngineTest, ADistributedMapWalksItsItemsAsExecutionsOfTheirOwn) {
  const auto ended = run(kDistributed, R"(["a","b","c"])");
  ASSERT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause.value_or("");
  EXPECT_EQ(ended.output, value(R"(["a","b","c"])"));
  Engine engine = engine_on(*store);
  const auto runs = must(engine.map_runs(last));
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].status, "SUCCEEDED");
  EXPECT_EQ(runs[0].total, 3);
  EXPECT_EQ(runs[0].succeeded, 3);
  const auto children = must(engine.children(runs[0].id, std::nullopt, 10)).executions;
  ASSERT_EQ(children.size(), 3U);
  EXPECT_EQ(must(engine.describe(children[1].id)).output, Value("b"));
  EXPECT_EQ(event_types(children[1].id).front(), "ExecutionStarted");
  EXPECT_EQ(must(engine.list("machine", std::nullopt, 10)).executions.size(), 1U) << "children are not listed";
}

TEST_F(EngineTest, ResumedAfterADeathAtAnyWriteADistributedMapRepeatsNoFinishedChild) {
  const auto machine = machine_of(kDistributed);
  bool died = true;
  for (int writes = 0; died; ++writes) {
    SCOPED_TRACE(writes);
    const auto started = must(engine_on(*store).start(machine, value("[1,2,3,4]")));
    const int before = tasks.calls("f");
    DyingStore dying(*store, writes);
    static_cast<void>(engine_on(dying).walk(started.id, {}));
    died = dying.has_died();
    clock.advance(60'000);
    EXPECT_EQ(must(engine_on(*store).walk(started.id, {})).output, value("[1,2,3,4]"));
    EXPECT_LE(tasks.calls("f") - before, 4 + 4) << "those that ran when the process died run again";
    ASSERT_LT(writes, 100);
  }
}

TEST_F(EngineTest, ADistributedMapReadsItsItemsFromAnObjectAndWritesItsResultsToObjects) {
  must(objects->create(ObjectKey("in/items.jsonl"), as_bytes(std::string_view("{\"n\":1}\n{\"n\":2}\n"))));
  const auto ended = run(
      R"({"StartAt":"M","States":{"M":{"Type":"Map","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"JSONL"},"Parameters":{"Bucket":"things","Key":"in/items.jsonl"}},"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"things","Prefix":"out"}},"End":true}}})");
  ASSERT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause.value_or("");
  const Value* details = ended.output.find("ResultWriterDetails");
  ASSERT_NE(details, nullptr) << to_text(ended.output);
  const Value manifest = value(must(read_object(*objects, ObjectKey(details->find("Key")->string()))));
  const Value& file = manifest.find("ResultFiles")->find("SUCCEEDED")->array().at(0);
  const Value results = value(must(read_object(*objects, ObjectKey(file.find("Key")->string()))));
  ASSERT_EQ(results.array().size(), 2U);
  EXPECT_EQ(*results.array()[1].find("Output"), Value(R"({"n":2})"));
}

constexpr const char* kWaitingChildren =
    R"({"StartAt":"M","States":{"M":{"Type":"Map","Label":"M","MaxConcurrency":1,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"W","States":{"W":{"Type":"Task","Resource":"arn:aws:states:x:1:activity:work","End":true}}},"End":true}}})";

TEST_F(EngineTest, AMapRunUnderWayGetsOtherLimitsAndKeepsThemThroughACrash) {
  const auto machine = machine_of(kWaitingChildren);
  Engine first = engine_on(*store);
  const auto started = must(first.start(machine, value("[1,2,3,4]")));
  const auto run_of = [&](Engine& engine) {
    std::vector<MapRunRow> runs;
    while (runs.empty()) runs = must(engine.map_runs(started.id));
    return runs[0];
  };
  const auto children = [&](Engine& engine, const std::string& run) {
    return must(engine.children(run, std::nullopt, 10)).executions.size();
  };
  {
    std::jthread serving([&](const std::stop_token& stop) { must(first.serve(stop)); });
    const MapRunRow run = run_of(first);
    EXPECT_EQ(run.limits, (MapRunLimits{.concurrency_max = 1}));
    while (children(first, run.id) < 1) std::this_thread::yield();
    must(first.change_map_run(run.id, {.concurrency_max = 3}));
    while (children(first, run.id) < 3) std::this_thread::yield();
  }
  Engine second = engine_on(*store);
  const std::string run = run_of(second).id;
  must(second.change_map_run(run, {.tolerated_failure_count = 1}));  // while nobody walks it
  EXPECT_EQ(run_of(second).limits, (MapRunLimits{.concurrency_max = 3, .tolerated_failure_count = 1}));
  std::jthread serving([&](const std::stop_token& stop) { must(second.serve(stop)); });
  const auto fail_one = [&] {
    std::optional<Engine::ActivityTask> task;
    while (!task) task = second.activity_task("work", "me");
    must(second.task_failed(task->token, "Mine", ""));
  };
  fail_one();
  while (children(second, run) < 4) std::this_thread::yield();
  EXPECT_EQ(must(second.describe(started.id)).status, ExecutionStatus::running) << "one failure is tolerated";
  fail_one();
  while (must(second.describe(started.id)).status == ExecutionStatus::running) std::this_thread::yield();
  EXPECT_EQ(must(second.describe(started.id)).error, "States.ExceedToleratedFailureThreshold");
  EXPECT_EQ(second.change_map_run(run, {.concurrency_max = 1}).error().code(), Code::conflict);
  EXPECT_EQ(second.change_map_run("no/such:run", {}).error().code(), Code::not_found);
}

/// A Distributed Map that passes its items on, the third of which fails; `writer`: its ResultWriter.
std::string written_map(const std::string& writer) {
  return R"({"StartAt":"M","States":{"M":{"Type":"Map","Label":"M","ToleratedFailureCount":1,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Variable":"$","IsString":true,"Next":"F"}],"Default":"P"},"P":{"Type":"Pass","End":true},"F":{"Type":"Fail","Error":"Text","Cause":"no text"}}},"ResultWriter":)" +
         writer + R"(,"End":true}}})";
}

TEST_F(EngineTest, AResultWriterWithoutAResourceShapesWhatIsReturned) {
  constexpr const char* kItems = R"([{"n":1},[2,[3]],"x"])";
  const auto returned = [&](const std::string& how) {
    const auto ended =
        run(written_map(R"({"WriterConfig":{"Transformation":")" + how + R"(","OutputType":"JSON"}})"), kItems);
    EXPECT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause.value_or("");
    return ended.output;
  };
  EXPECT_EQ(returned("COMPACT"), value(R"([{"n":1},[2,[3]]])"));
  EXPECT_EQ(returned("FLATTEN"), value(R"([{"n":1},2,[3]])"));
  const Value all = returned("NONE");
  ASSERT_EQ(all.array().size(), 3U);
  const Value& first = all.array()[0];
  EXPECT_EQ(*first.find("Output"), Value(R"({"n":1})"));
  EXPECT_EQ(*first.find("StateMachineArn"), Value("arn:aws:states:us-east-1:000000000000:stateMachine:machine/M"));
  EXPECT_TRUE(
      first.find("ExecutionArn")->string().starts_with("arn:aws:states:us-east-1:000000000000:execution:machine/M:"));
  EXPECT_EQ(*all.array()[2].find("Error"), Value("Text"));
}

TEST_F(EngineTest, AResultWriterWritesLinesAndOnlyOutputsIfItIsToldTo) {
  const auto files = [&](const std::string& config) {
    const auto ended = run(
        written_map(
            R"({"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"things","Prefix":"out"},"WriterConfig":)" +
            config + "}"),
        R"([{"n":1},[2,[3]],"x"])");
    EXPECT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause.value_or("");
    const std::string key = ended.output.find("ResultWriterDetails")->find("Key")->string();
    const Value manifest = value(must(read_object(*objects, ObjectKey(key))));
    std::vector<std::string> texts;
    for (const char* status : {"SUCCEEDED", "FAILED"}) {
      const Value& file = manifest.find("ResultFiles")->find(status)->array().at(0);
      texts.push_back(must(read_object(*objects, ObjectKey(file.find("Key")->string()))));
      const bool lines = config.find("JSONL") != std::string::npos;
      EXPECT_TRUE(file.find("Key")->string().ends_with(lines ? "_0.jsonl" : "_0.json"));
    }
    return texts;
  };
  const auto lines = files(R"({"Transformation":"FLATTEN","OutputType":"JSONL"})");
  EXPECT_EQ(lines[0], "{\"n\":1}\n2\n[3]\n");
  EXPECT_EQ(*value(lines[1]).find("Error"), Value("Text")) << "what failed stays as it is";
  EXPECT_EQ(files(R"({"Transformation":"COMPACT"})")[0], R"([{"n":1},[2,[3]]])");
  EXPECT_EQ(value(files(R"({"Transformation":"NONE","OutputType":"JSON"})")[0]).array().size(), 2U);
}

TEST_F(EngineTest, ADistributedMapReadsTheFilesThatAnInventoryNames) {
  const auto put = [&](const char* key, std::string_view text) {
    must(objects->create(ObjectKey(key), as_bytes(text)));
  };
  put("inventory/manifest.json",
      R"({"destinationBucket":"arn:aws:s3:::things","fileFormat":"CSV","fileSchema":"Bucket, Key, Size","files":[{"key":"data/1.csv"},{"key":"data/2.csv"}]})");
  put("data/1.csv", "\"b\",\"one\",\"1\"\n\"b\",\"two\",\"2\"\n");
  put("data/2.csv", "\"b\",\"three\",\"3\"\n\"b\",\"four\",\"4\"\n");
  const auto ended = run(
      R"({"StartAt":"M","States":{"M":{"Type":"Map","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"MANIFEST","MaxItems":3},"Parameters":{"Bucket":"things","Key":"inventory/manifest.json"}},"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"P","States":{"P":{"Type":"Pass","InputPath":"$.Key","End":true}}},"End":true}}})");
  EXPECT_EQ(to_text(ended.output), R"(["one","two","three"])") << ended.cause.value_or("");
}

/// Calls that wait for one another as far as their limits let them, and say how many ran at once.
class CountingTasks final : public TaskRunner {
 public:
  Result<Json> run(const Call& call) override {
    const int running = ++running_;
    most_ = std::max(most_.load(), running);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    --running_;
    return call.payload;
  }
  [[nodiscard]] int most() const { return most_; }

 private:
  std::atomic<int> running_ = 0;
  std::atomic<int> most_ = 0;
};

TEST_F(EngineTest, FunctionsOfAGroupShareItsLimit) {
  CountingTasks counting;
  Engine engine(
      *store, clock, random, counting, Logger::none(),
      {.threads_max = 8, .function_groups = {{.name = "provider", .functions = {"poll", "submit"}, .calls_max = 3}}});
  const auto ended = must(engine.run(
      machine_of(
          R"({"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:x:1:function:poll","End":true}}},"End":true}}},{"StartAt":"N","States":{"N":{"Type":"Map","ItemProcessor":{"StartAt":"S","States":{"S":{"Type":"Task","Resource":"arn:aws:lambda:x:1:function:submit","End":true}}},"End":true}}}],"End":true}}})"),
      value("[1,2,3,4,5,6,7,8,9,10]"), {}));
  ASSERT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause.value_or("");
  EXPECT_LE(counting.most(), 3);
}

TEST_F(EngineTest, WithoutEventsAnExecutionIsAsDurable) {
  Engine without(*store, clock, random, tasks, Logger::none(), {.threads_max = 2, .keeps_history = false});
  const auto started = must(without.start(machine_of(kThreeSteps), value(R"({"items":[1,2]})")));
  DyingStore dying(*store, 4);
  Engine dies(dying, clock, random, tasks, Logger::none(), {.threads_max = 2, .keeps_history = false});
  EXPECT_FALSE(dies.walk(started.id, {}));
  clock.advance(60'000);
  EXPECT_EQ(must(without.walk(started.id, {})).status, ExecutionStatus::succeeded);
  EXPECT_LE(tasks.calls("one") + tasks.calls("each") + tasks.calls("two"), 4 + 1);
  EXPECT_TRUE(event_types(started.id).empty());
}

TEST_F(EngineTest, ARedriveOfAParallelWalksOnlyTheBranchThatFailed) {
  tasks.answers["good"] = {Json("kept")};
  tasks.answers["bad"] = {std::unexpected(Error(Code::invalid_input, "not yet")), Json("now")};
  // The branch that fails does so after the other has ended.
  const std::string parallel =
      R"({"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"G","States":{"G":{"Type":"Task","Resource":"arn:aws:lambda:x:1:function:good","End":true}}},{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":5,"Next":"B"},"B":{"Type":"Task","Resource":"arn:aws:lambda:x:1:function:bad","End":true}}}],"End":true}}})";
  Engine engine = engine_on(*store);
  const auto failed = must(engine.run(machine_of(parallel), value("{}"), {}));
  ASSERT_EQ(failed.status, ExecutionStatus::failed);
  EXPECT_EQ(tasks.calls("good"), 1);
  must(engine.redrive(failed.id));
  const auto ended = must(engine.walk(failed.id, {}));
  EXPECT_EQ(ended.output, value(R"(["kept","now"])")) << ended.cause.value_or("");
  EXPECT_EQ(tasks.calls("good"), 1) << "what succeeded is not walked again";
  EXPECT_EQ(tasks.calls("bad"), 2);
}

TEST_F(EngineTest, ARedriveOfADistributedMapWalksOnlyTheChildrenThatFailed) {
  const std::string map =
      R"({"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":1,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:x:1:function:f","End":true}}},"ToleratedFailureCount":1,"End":true}}})";
  const auto no = std::unexpected(Error(Code::invalid_input, "not yet"));
  tasks.answers["f"] = {Json(1), no, Json(3), no, Json(2), Json(4)};
  Engine engine = engine_on(*store);
  const auto failed = must(engine.run(machine_of(map), value("[1,2,3,4]"), {}));
  ASSERT_EQ(failed.error, "States.ExceedToleratedFailureThreshold");
  EXPECT_EQ(tasks.calls("f"), 4);
  must(engine.redrive(failed.id));
  const auto ended = must(engine.walk(failed.id, {}));
  EXPECT_EQ(ended.output, value("[1,2,3,4]")) << ended.cause.value_or("");
  EXPECT_EQ(tasks.calls("f"), 6) << "the two that failed, once more";
  const auto runs = must(engine.map_runs(failed.id));
  ASSERT_EQ(runs.size(), 1U) << "it goes on in the same map run";
  EXPECT_EQ(runs[0].status, "SUCCEEDED");
}

TEST_F(EngineTest, AnActivityIsDoneByItsWorkerAndEndsByItsToken) {
  Engine engine = engine_on(*store);
  std::jthread serving([&](const std::stop_token& stop) { must(engine.serve(stop)); });
  const auto started = must(engine.start(
      machine_of(
          R"({"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:x:1:activity:work","End":true}}})"),
      value(R"({"n":1})")));
  std::optional<Engine::ActivityTask> given;
  while (!given) given = engine.activity_task("work", "me");
  EXPECT_EQ(given->input, value(R"({"n":1})"));
  EXPECT_FALSE(engine.activity_task("work", "another")) << "one worker has it";
  EXPECT_EQ(engine.task_succeeded("no such token", Value(1)).error().code(), Code::not_found);
  must(engine.task_succeeded(given->token, Value("worked")));
  while (must(engine.describe(started.id)).status == ExecutionStatus::running) std::this_thread::yield();
  EXPECT_EQ(must(engine.describe(started.id)).output, Value("worked"));
  EXPECT_EQ(event_types(started.id),
            (std::vector<std::string>{"ExecutionStarted", "TaskStateEntered", "ActivityScheduled", "ActivityStarted",
                                      "ActivitySucceeded", "TaskStateExited", "ExecutionSucceeded"}));
}

TEST_F(EngineTest, ATaskThatWaitsForItsTokenIsSubmittedAndEndsLater) {
  Engine engine = engine_on(*store);
  std::jthread serving([&](const std::stop_token& stop) { must(engine.serve(stop)); });
  const auto started = must(engine.start(
      machine_of(
          R"({"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Parameters":{"FunctionName":"f","Payload":{"token.$":"$$.Task.Token"}},"End":true}}})"),
      value("{}")));
  while (tasks.payloads().empty()) std::this_thread::yield();
  const std::string token = tasks.payloads().front().at("token");
  must(engine.task_beats(token));
  must(engine.task_failed(token, "Mine", "no luck"));
  while (must(engine.describe(started.id)).status == ExecutionStatus::running) std::this_thread::yield();
  EXPECT_EQ(must(engine.describe(started.id)).error, "Mine");
}

TEST_F(EngineTest, AnExecutionWhoseJournalLeadsElsewhereFailsAndTheOthersGoOn) {
  Engine engine = engine_on(*store);
  const auto bent = must(engine.start(machine_of(task("")), value("{}"), "bent"));
  const auto batch = must(store->begin(""));
  must(batch->add_journal(bent.id.str(), {1, "{\"told\":\"start\",\"ms\":5}\n"}));
  must(batch->commit());  // and no events, as if another version had made none
  EXPECT_EQ(must(engine.walk(bent.id, {})).status, ExecutionStatus::failed);
  EXPECT_NE(must(engine.describe(bent.id)).cause->find("another version"), std::string::npos);
  EXPECT_EQ(must(engine.run(machine_of(task("")), value("{}"), {})).status, ExecutionStatus::succeeded);
}

TEST_F(EngineTest, ListsPagesNewestFirst) {
  Engine engine = engine_on(*store);
  for (int i = 0; i < 5; ++i) must(engine.start(machine_of(task("")), Value(i), fmt::format("number-{}", i)));
  EXPECT_EQ(engine.start(machine_of(task("")), Value(0), "number-3").error().code(), Code::conflict);
  const auto first = must(engine.list("machine", std::nullopt, 2));
  ASSERT_EQ(first.executions.size(), 2U);
  EXPECT_EQ(first.executions[0].name, "number-4");
  const auto second = must(engine.list("machine", std::nullopt, 9, first.next));
  EXPECT_EQ(second.executions.size(), 3U);
  EXPECT_EQ(second.next, "");
}

TEST_F(EngineTest, ForgetsExecutionsThatEndedLongAgo) {
  run(task(""));
  Engine engine = engine_on(*store);
  must(engine.start(machine_of(task("")), value("{}")));
  clock.advance(1'000'000);
  EXPECT_EQ(must(engine.forget_older_than(999'000)), 1);
  EXPECT_EQ(must(engine.list("", std::nullopt, 10)).executions.size(), 1U) << "the one that runs stays";
  EXPECT_EQ(engine.history(last).error().code(), Code::not_found);
}

TEST(StateMachine, NamesThePlaceAndTheReasonOfWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"States":{"A":{"Type":"Succeed"}}})", "StartAt"},
      {R"({"StartAt":"B","States":{"A":{"Type":"Succeed"}}})", "StartAt: there is no state 'B'"},
      {R"({"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"}}})", "States.A.Next: there is no state 'B'"},
      {R"({"StartAt":"A","States":{"A":{"Type":"Pass"}}})", "States.A: needs either Next or End"},
      {R"({"StartAt":"A","States":{"A":{"Type":"Jump","End":true}}})", "States.A.Type: there is no type 'Jump'"},
      {R"({"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"x.$":"$["},"End":true}}})", "States.A.Parameters"},
      {R"({"StartAt":"A","States":{"A":{"Type":"Wait","End":true}}})", "States.A: needs one of Seconds"},
      {"{", "not valid JSON"}};
  for (const auto& [definition, expected] : cases) {
    const auto machine = StateMachine::parse("m", definition);
    ASSERT_FALSE(machine) << definition;
    EXPECT_EQ(machine.error().code(), Code::invalid_input);
    EXPECT_NE(machine.error().message().find(expected), std::string::npos) << machine.error().message();
  }
}

TEST(StateMachine, KnowsThePipelinesDefinitions) {
  for (const char* name : {"create-batches-sf", "create-word-batches-sf", "poll-store-sf", "poll-word-embeddings-sf"}) {
    const auto text = must(read_file(Path(TILLITE_SOURCE_DIR) / "workflows" / (std::string(name) + ".asl.json")));
    EXPECT_TRUE(StateMachine::parse(name, text)) << name;
  }
}

}  // namespace
}  // namespace tillite::testing
