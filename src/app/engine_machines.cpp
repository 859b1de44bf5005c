// The state machines that the built-in engine walks in a home.
#include "app/embedded_definitions.h"
#include "app/state_machines.h"
#include "base/file.h"

namespace tillite {
namespace {

/// A machine of ours by its name, or a file's, called like the file.
Result<StateMachine> machine_named(const std::string& name) {
  if (!name.ends_with(".json")) return load_state_machine(name);
  std::string called = Path(name).filename().string();
  for (const char* end : {".json", ".asl"}) {
    if (called.ends_with(end)) called.resize(called.size() - std::string_view(end).size());
  }
  return StateMachine::parse(std::move(called), TRY(read_file(Path(name))));
}

class EngineMachines final : public StateMachines {
 public:
  EngineMachines(std::unique_ptr<Engine> engine, std::stop_token stop)
      : engine_(std::move(engine)), stop_(std::move(stop)) {}

  Result<Execution> run(const std::string& name, const Value& input) override {
    return engine_->run(TRY(machine_named(name)), input, stop_);
  }
  Result<Execution> finish(const ExecutionId& id) override { return engine_->walk(id, stop_); }
  Result<Execution> describe(const ExecutionId& id) override { return engine_->describe(id); }
  Result<std::vector<Execution>> list(const std::string& name, std::optional<ExecutionStatus> status,
                                      std::size_t count_max) override {
    ExecutionPage page = TRY(engine_->list(name, status, count_max));
    return std::move(page.executions);
  }
  Result<std::vector<HistoryEvent>> history(const ExecutionId& id) override { return engine_->history(id); }
  Result<Execution> stop(const ExecutionId& id) override { return engine_->stop(id, "", ""); }
  Result<Execution> redrive(const ExecutionId& id) override {
    TRY(engine_->redrive(id));
    return engine_->walk(id, stop_);
  }

 private:
  std::unique_ptr<Engine> engine_;
  std::stop_token stop_;
};

}  // namespace

std::unique_ptr<StateMachines> engine_machines(PipelineHost& host, std::stop_token stop, Progress* progress) {
  return std::make_unique<EngineMachines>(host.engine(progress), std::move(stop));
}

}  // namespace tillite
