#include "workflow/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>

#include "adapters/local/sqlite_table.h"
#include "support/seeded_random.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

/// Tasks that tests script: each function has a list of answers, the last of which stays.
class ScriptedTasks final : public TaskRunner {
 public:
  std::map<std::string, std::vector<Result<Json>>> answers;

  Result<Json> run(const Call& call) override {
    const std::scoped_lock lock(mutex_);
    const int number = calls_[call.function_name]++;
    payloads.push_back(call.payload);
    const auto& list = answers.at(call.function_name);
    if (list.empty()) return call.payload;
    return list[std::min(static_cast<std::size_t>(number), list.size() - 1)];
  }
  int calls(const std::string& function) {
    const std::scoped_lock lock(mutex_);
    return calls_[function];
  }
  std::vector<Json> payloads;

 private:
  std::mutex mutex_;
  std::map<std::string, int> calls_;
};

/// A table whose writes fail from the n-th on: a process that dies there.
class DyingTable final : public Table {
 public:
  DyingTable(Table& table, int writes_left) : table_(table), writes_left_(writes_left) {}
  Result<std::optional<Item>> get(const ItemKey& key) override { return table_.get(key); }
  Result<void> write(const Write& write) override { return dies() ? dead() : table_.write(write); }
  Result<void> transact(const std::vector<Write>& writes) override { return dies() ? dead() : table_.transact(writes); }
  Result<std::vector<bool>> write_each(const std::vector<Write>& writes) override { return table_.write_each(writes); }
  Result<Page> query(const Query& query) override { return table_.query(query); }
  Result<std::uint64_t> count(const Query& query) override { return table_.count(query); }
  [[nodiscard]] bool died() const { return writes_left_ < 0; }

 private:
  bool dies() { return --writes_left_ < 0; }
  static Result<void> dead() { return fail(Code::unavailable, "the process is dead"); }
  Table& table_;
  int writes_left_;
};

/// A table after each of whose writes another process looks at it.
class WatchedTable final : public Table {
 public:
  WatchedTable(Table& table, std::function<void()> after_write) : table_(table), after_write_(std::move(after_write)) {}
  Result<std::optional<Item>> get(const ItemKey& key) override { return table_.get(key); }
  Result<void> write(const Write& write) override { return watched(table_.write(write)); }
  Result<void> transact(const std::vector<Write>& writes) override { return watched(table_.transact(writes)); }
  Result<std::vector<bool>> write_each(const std::vector<Write>& writes) override { return table_.write_each(writes); }
  Result<Page> query(const Query& query) override { return table_.query(query); }
  Result<std::uint64_t> count(const Query& query) override { return table_.count(query); }

 private:
  Result<void> watched(Result<void> written) {
    after_write_();
    return written;
  }
  Table& table_;
  std::function<void()> after_write_;
};

class EngineTest : public ::testing::Test {
 protected:
  Engine engine_on(Table& table_of_engine) {
    return Engine(table_of_engine, clock, random, tasks, Logger::none(), {.threads_max = 1});
  }

  Execution run(const std::string& definition, const Json& input = Json::object()) {
    auto machine = StateMachine::parse("machine", definition);
    EXPECT_TRUE(machine) << (machine ? "" : machine.error().message());
    Engine engine = engine_on(*table);
    const auto started = engine.start(*machine, input);
    EXPECT_TRUE(started);
    auto ended = engine.walk(*machine, started->id, {});
    EXPECT_TRUE(ended) << (ended ? "" : ended.error().message());
    last = started->id;
    return *ended;
  }

  TempFolder folder;
  VirtualClock clock;
  SeededRandom random;
  ScriptedTasks tasks;
  std::unique_ptr<SqliteTable> table = *SqliteTable::open(folder / "executions.sqlite3");
  ExecutionId last;
};

std::string task(const std::string& more) {
  return R"({"StartAt":"Call","States":{"Call":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload.$":"$"},"OutputPath":"$.Payload",)" +
         more + R"("End":true},"Rescue":{"Type":"Pass","End":true}}})";
}

TEST_F(EngineTest, PassesDataThroughPathsTemplatesAndIntrinsics) {
  const auto ended = run(
      R"asl({"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"sum.$":"States.MathAdd($.a, $.b)","all.$":"$.list[*].n","name.$":"$$.StateMachine.Name"},"ResultPath":"$.made","Next":"B"},"B":{"Type":"Succeed","OutputPath":"$.made"}}})asl",
      {{"a", 1}, {"b", 2}, {"list", {{{"n", 1}}, {{"n", 2}}}}});
  ASSERT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause;
  EXPECT_EQ(ended.output, Json({{"sum", 3}, {"all", {1, 2}}, {"name", "machine"}}));
}

TEST_F(EngineTest, RetriesWithGrowingDelaysUntilTheAttemptsAreUsedUp) {
  tasks.answers["f"] = {std::unexpected(Error(Code::unavailable, "busy"))};
  const auto ended = run(task(
      R"("Retry":[{"ErrorEquals":["Tillite.Unavailable"],"IntervalSeconds":1,"BackoffRate":2,"MaxAttempts":3}],)"));
  EXPECT_EQ(ended.status, ExecutionStatus::failed);
  EXPECT_EQ(ended.error, "Tillite.Unavailable");
  EXPECT_EQ(tasks.calls("f"), 4);
  std::vector<std::int64_t> delays = clock.slept_ms();
  std::erase_if(delays, [](std::int64_t ms) { return ms == 3333; });  // renewals of the lease
  EXPECT_EQ(delays, (std::vector<std::int64_t>{1000, 2000, 4000}));
}

TEST_F(EngineTest, CatchesAnErrorAndPutsItWhereResultPathSays) {
  tasks.answers["f"] = {std::unexpected(Error(Code::invalid_input, "no good"))};
  const auto ended =
      run(task(R"("Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.error","Next":"Rescue"}],)"), {{"kept", 1}});
  ASSERT_EQ(ended.status, ExecutionStatus::succeeded);
  EXPECT_EQ(ended.output, Json({{"kept", 1}, {"error", {{"Error", "Tillite.InvalidInput"}, {"Cause", "no good"}}}}));
}

TEST_F(EngineTest, MapsItemsInOrderAndGivesEachItsIndex) {
  tasks.answers["f"] = {};
  const auto ended = run(
      R"({"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrencyPath":"$.n","ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value"},"ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:eu-west-1:1:function:f","End":true}}},"End":true}}})",
      {{"items", {"a", "b", "c"}}, {"n", 2}});
  ASSERT_EQ(ended.status, ExecutionStatus::succeeded) << ended.cause;
  EXPECT_EQ(ended.output, Json({{{"i", 0}, {"v", "a"}}, {{"i", 1}, {"v", "b"}}, {{"i", 2}, {"v", "c"}}}));
}

TEST_F(EngineTest, ChoosesTheFirstRuleThatHolds) {
  const std::string machine =
      R"({"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericGreaterThan":5,"Next":"Many"},{"And":[{"Variable":"$.n","IsPresent":true},{"Variable":"$.n","NumericEquals":0}],"Next":"None"}],"Default":"Some"},"Many":{"Type":"Pass","Result":"many","End":true},"None":{"Type":"Pass","Result":"none","End":true},"Some":{"Type":"Pass","Result":"some","End":true}}})";
  EXPECT_EQ(run(machine, {{"n", 6}}).output, "many");
  EXPECT_EQ(run(machine, {{"n", 0}}).output, "none");
  EXPECT_EQ(run(machine, {{"n", 3}}).output, "some");
  const auto missing = run(machine, {{"x", 3}});
  EXPECT_EQ(missing.error, "States.Runtime");
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

TEST_F(EngineTest, RefusesAResultAboveTheLimit) {
  tasks.answers["f"] = {Json(std::string(300'000, 'x'))};
  EXPECT_EQ(run(task("")).error, "States.DataLimitExceeded");
}

TEST_F(EngineTest, ResumedAfterADeathAtAnyWriteItEndsTheSameAndRepeatsNoFinishedTask) {
  const std::string definition =
      R"({"StartAt":"One","States":{"One":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"one","Payload.$":"$"},"ResultPath":"$.one","Next":"M"},"M":{"Type":"Map","ItemsPath":"$.items","ItemProcessor":{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"each","Payload.$":"$"},"OutputPath":"$.Payload","End":true}}},"ResultPath":"$.each","Next":"Two"},"Two":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"two","Payload":{}},"ResultPath":"$.two","End":true}}})";
  const Json input = {{"items", {1, 2, 3}}};
  for (const char* name : {"one", "each", "two"}) tasks.answers[name] = {};
  const Json expected = run(definition, input).output;
  const auto machine = *StateMachine::parse("machine", definition);
  bool died = true;
  for (int writes = 0; died; ++writes) {
    SCOPED_TRACE(writes);
    Engine starter = engine_on(*table);
    const auto started = *starter.start(machine, input);
    const int each_before = tasks.calls("each");
    DyingTable dying(*table, writes);
    static_cast<void>(engine_on(dying).walk(machine, started.id, {}));
    died = dying.died();
    clock.advance(60'000);
    const auto ended = engine_on(*table).walk(machine, started.id, {});
    ASSERT_TRUE(ended) << ended.error().message();
    EXPECT_EQ(ended->status, ExecutionStatus::succeeded);
    EXPECT_EQ(ended->output, expected);
    EXPECT_LE(tasks.calls("each") - each_before, 3 + 1) << "only the task that was cut off runs again";
    ASSERT_LT(writes, 100);
  }
}

TEST_F(EngineTest, AnExecutionIsWalkedByOneAtATimeAndTakenOverWhenItsLeaseRanOut) {
  tasks.answers["f"] = {};
  const auto machine = *StateMachine::parse("machine", task(""));
  Engine engine = engine_on(*table);
  const auto started = *engine.start(machine, Json::object());
  ASSERT_TRUE(
      table->write(Update{.key = {"EXECUTION#" + started.id.str(), "EXECUTION"},
                          .set = {{"owner", "elsewhere/boot/1/2/x"}, {"lease_until_ms", clock.now_ms() + 10'000}}}));
  EXPECT_EQ(engine.walk(machine, started.id, {}).error().code(), Code::lock_held);
  clock.advance(10'001);
  EXPECT_EQ(engine.walk(machine, started.id, {})->status, ExecutionStatus::succeeded);
}

TEST_F(EngineTest, AnExecutionThatIsRunBelongsToItsStarterFromItsFirstMoment) {
  tasks.answers["f"] = {};
  const auto machine = *StateMachine::parse("machine", task(""));
  Engine other = engine_on(*table);
  int met = 0;
  WatchedTable watched(*table, [&] {
    const auto listed = *other.list("machine", ExecutionStatus::running, 10);
    for (const Execution& running : listed) {
      EXPECT_EQ(other.walk(machine, running.id, {}).error().code(), Code::lock_held);
      ++met;
    }
  });
  EXPECT_EQ(engine_on(watched).run(machine, Json::object(), {})->status, ExecutionStatus::succeeded);
  EXPECT_GE(met, 2);
}

TEST_F(EngineTest, AStopLeavesTheExecutionRunningForALaterWalk) {
  tasks.answers["f"] = {};
  const auto machine = *StateMachine::parse("machine", task(""));
  Engine engine = engine_on(*table);
  const auto started = *engine.start(machine, Json::object());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(engine.walk(machine, started.id, stop.get_token()).error().code(), Code::cancelled);
  EXPECT_EQ(engine.describe(started.id)->status, ExecutionStatus::running);
  EXPECT_EQ(engine.list("machine", ExecutionStatus::running, 10)->size(), 1U);
  EXPECT_EQ(engine.walk(machine, started.id, {})->status, ExecutionStatus::succeeded);
  EXPECT_TRUE(engine.list("machine", ExecutionStatus::running, 10)->empty());
}

TEST(StateMachine, NamesThePlaceAndTheReasonOfWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"States":{}})", "StartAt"},
      {R"({"StartAt":"B","States":{"A":{"Type":"Succeed"}}})", "StartAt: there is no state 'B'"},
      {R"({"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"}}})", "States.A.Next: there is no state 'B'"},
      {R"({"StartAt":"A","States":{"A":{"Type":"Pass"}}})", "States.A: needs either Next or End"},
      {R"({"StartAt":"A","States":{"A":{"Type":"Jump","End":true}}})", "States.A.Type: states of type 'Jump'"},
      {R"({"StartAt":"A","States":{"A":{"Type":"Pass","Colour":1,"End":true}}})", "States.A.Colour"},
      {R"({"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"x.$":"$["},"End":true}}})", "States.A.Parameters"},
      {R"({"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:x","End":true}}})", "States.A.Resource"},
      {R"({"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Succeed"}}})", "QueryLanguage"},
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
    const auto text = read_file(Path(TILLITE_SOURCE_DIR) / "workflows" / (std::string(name) + ".asl.json"));
    ASSERT_TRUE(text);
    const auto machine = StateMachine::parse(name, *text);
    EXPECT_TRUE(machine) << machine.error().message();
  }
}

}  // namespace
}  // namespace tillite::testing
