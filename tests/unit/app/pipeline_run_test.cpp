#include "app/pipeline_run.h"

#include <gtest/gtest.h>

#include "support/pipeline.h"

namespace tillite::testing {
namespace {

/// Those of the engine, and one more execution that an earlier run left, which ends without success.
class WithOneThatFails final : public StateMachines {
 public:
  WithOneThatFails(std::unique_ptr<StateMachines> others, ExecutionStatus end) : others_(std::move(others)) {
    left_.id = ExecutionId("left by an earlier run");
    left_.state_machine = "create-batches-sf";
    left_.status = ExecutionStatus::running;
    end_ = end;
  }

  Result<Execution> run(const std::string& name, const Value& input) override { return others_->run(name, input); }
  Result<Execution> finish(const ExecutionId& id) override {
    if (id != left_.id) return others_->finish(id);
    left_.status = end_;
    left_.error = "Its.Error";
    left_.cause = "its cause";
    return left_;
  }
  Result<Execution> describe(const ExecutionId& id) override { return others_->describe(id); }
  Result<std::vector<Execution>> list(const std::string& name, std::optional<ExecutionStatus> status,
                                      std::size_t count_max) override {
    auto listed = others_->list(name, status, count_max);
    if (listed && name == left_.state_machine && left_.status == status) listed->push_back(left_);
    return listed;
  }
  Result<std::vector<HistoryEvent>> history(const ExecutionId& id) override { return others_->history(id); }
  Result<Execution> stop(const ExecutionId& id) override { return others_->stop(id); }
  Result<Execution> redrive(const ExecutionId& id) override { return others_->redrive(id); }

 private:
  std::unique_ptr<StateMachines> others_;
  Execution left_;
  ExecutionStatus end_ = ExecutionStatus::running;
};

TEST(PipelineRun, GoesOnBehindAnEarlierExecutionThatFailsAndLogsIt) {
  const TempFolder folder;
  std::vector<std::string> logged;
  const auto host = must(PipelineHost::open(
      {.home = folder / "home",
       .create = true,
       .log = Logger::to([&](std::string_view line) { logged.emplace_back(line); }, LogLevel::warning),
       .stop = {},
       .environment = [](const std::string&) { return std::nullopt; }}));
  must(import_receipt(receipt_with({"oat milk", "rye bread"}), false, host->ports(), host->context()));
  Progress progress(Progress::Form::silent, host->ports().clock);
  WithOneThatFails machines(engine_machines(*host, {}, &progress), ExecutionStatus::failed);

  const RunReport report = must(run_pipeline(*host, machines, {.entities = {Entity::line}}, progress));

  EXPECT_EQ(report.census.at(0).published, 2U);
  ASSERT_EQ(logged.size(), 1U);
  for (const char* said :
       {"create-batches-sf ended as FAILED: Its.Error: its cause", "tillite workflow history left by an earlier run"}) {
    EXPECT_NE(logged[0].find(said), std::string::npos) << logged[0];
  }
}

}  // namespace
}  // namespace tillite::testing
