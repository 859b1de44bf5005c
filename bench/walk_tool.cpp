// walk_tool DEFINITION INPUT FOLDER [--no-history]: runs a state machine on the durable engine, and prints how many
// states it went through, how long that took, and its peak of memory. scripts/bench-workflow runs it beside others.
#include <span>

#include "adapters/local/sqlite_execution_store.h"
#include "adapters/local/system_clock.h"
#include "base/file.h"
#include "measure.h"
#include "workflow/engine.h"

namespace tillite::bench {
namespace {

class NoTasks final : public TaskRunner {
 public:
  Result<Json> run(const Call& call) override { return call.payload; }
};

Result<void> run(std::span<char*> arguments) {
  const bool keeps_history = arguments.size() < 5 || std::string(arguments[4]) != "--no-history";
  const StateMachine machine =
      TRY(StateMachine::parse("bench", TRY(read_file(Path(arguments[1]))), MachineType::express));
  const Value input = TRY(parse_value(TRY(read_file(Path(arguments[2]))), "the input"));
  const auto store = TRY(SqliteExecutionStore::open(Path(arguments[3]) / "workflows.sqlite3"));
  SystemClock clock;
  SystemRandom random;
  NoTasks tasks;
  Engine engine(*store, clock, random, tasks, Logger::none(), {.keeps_history = keeps_history});
  const auto start = std::chrono::steady_clock::now();
  const Execution ended = TRY(engine.run(machine, input, {}));
  const double seconds = seconds_since(start);
  if (ended.status != ExecutionStatus::succeeded)
    return fail(Code::failed, "{}: {}", ended.error, ended.cause.value_or(""));
  fmt::print(R"({{"seconds": {}, "peak_mb": {}, "output_items": {}}})"
             "\n",
             seconds, peak_mb(), ended.output.array().size());
  return {};
}

}  // namespace
}  // namespace tillite::bench

int main(int count, char** arguments) {
  tillite::bench::set_up_as_the_program();
  if (count < 4) {
    fmt::print(stderr, "usage: {} DEFINITION INPUT FOLDER [--no-history]\n", arguments[0]);
    return 2;
  }
  const auto ran = tillite::bench::run(std::span(arguments, static_cast<std::size_t>(count)));
  if (!ran) fmt::print(stderr, "{}\n", ran.error().message());
  return ran ? 0 : 1;
}
