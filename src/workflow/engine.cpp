#include "workflow/engine.h"

#include <algorithm>
#include <array>

#include "base/process_identity.h"
#include "base/uuid.h"
#include "workflow/durable/driver.h"

namespace tillite {
namespace {

constexpr std::size_t kInputBytesMax = 262'144;
constexpr std::int64_t kStopPatienceMs = 3'000;  ///< for whoever walks it to see that it is to stop
constexpr std::int64_t kStopLookMs = 20;
constexpr std::size_t kBlocksAtOnce = 16;
constexpr std::array<std::string_view, 5> kStatusNames = {"RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"};

Result<ExecutionStatus> parse_status(std::string_view name) {
  const auto found = std::ranges::find(kStatusNames, name);
  if (found == kStatusNames.end())
    return fail(Code::corrupt, "an execution has the unknown status '{}'", name.substr(0, 64));
  return static_cast<ExecutionStatus>(found - kStatusNames.begin());
}

Result<Execution> execution_of(const ExecutionRow& row) {
  const ExecutionStatus status = TRY(parse_status(row.status));
  Execution execution{.id = ExecutionId(row.id),
                      .state_machine = row.machine,
                      .name = row.name,
                      .type = row.type == "EXPRESS" ? MachineType::express : MachineType::standard,
                      .status = status,
                      .started_ms = row.started_ms,
                      .stopped_ms = row.stopped_ms,
                      .error = row.error.value_or(""),
                      .cause = row.cause,
                      .redrives = row.redrives,
                      .redriven_ms = row.redriven_ms,
                      .map_run = row.map_run,
                      .definition = row.definition};
  if (!row.input.empty()) execution.input = TRY(parse_value(row.input, "the input of the execution " + row.id));
  if (row.output) execution.output = TRY(parse_value(*row.output, "the output of the execution " + row.id));
  return execution;
}

}  // namespace

std::string_view execution_status_name(ExecutionStatus status) {
  return kStatusNames.at(static_cast<std::size_t>(status));
}

struct Engine::Parts {
  Parts(ExecutionStore& executions, Clock& time, Random& chance, TaskRunner& tasks, Logger logger, Settings how)
      : store(executions),
        clock(time),
        random(chance),
        log(std::move(logger)),
        settings(std::move(how)),
        driver(executions, time, chance, tasks, log, settings) {}

  Result<ExecutionRow> record(const StateMachine& machine, const Value& input, const std::string& name,
                              const std::string& owner) {
    std::string text = to_text(input);
    if (text.size() > kInputBytesMax) {
      return fail(Code::invalid_input, "the input has {} bytes, at most {} are allowed", text.size(), kInputBytesMax);
    }
    ExecutionRow row{.machine = machine.name(),
                     .name = name.empty() ? uuid4(random.bytes()) : name,
                     .type = machine.type() == MachineType::express ? "EXPRESS" : "STANDARD",
                     .started_ms = clock.now_ms(),
                     .definition = machine.definition(),
                     .input = std::move(text),
                     .owner = owner,
                     .lease_until_ms = owner.empty() ? 0 : clock.now_ms() + settings.lease_ms};
    row.id = fmt::format("{}:{}", row.machine, row.name);
    TRY(store.create(row));
    return row;
  }

  Result<ExecutionRow> row_of(const std::string& id) {
    auto row = TRY(store.execution(id));
    if (!row) return fail(Code::not_found, "there is no execution {}", id);
    return *std::move(row);
  }

  Result<void> task_news(const std::string& token, News news) {
    const auto place = driver.tokens().find(token);
    if (!place) return fail(Code::not_found, "no task waits for this token");
    if (news.kind != News::Kind::heartbeat) driver.tokens().remove(token);
    driver.tell(place->execution, place->request, std::move(news));
    return {};
  }

  ExecutionStore& store;
  Clock& clock;
  Random& random;
  Logger log;
  Settings settings;
  Driver driver;
};

Engine::Engine(ExecutionStore& store, Clock& clock, Random& random, TaskRunner& tasks, Logger log, Settings settings)
    : parts_(std::make_unique<Parts>(store, clock, random, tasks, std::move(log), std::move(settings))) {}
Engine::~Engine() = default;

Result<Execution> Engine::start(const StateMachine& machine, const Value& input, const std::string& name) {
  const ExecutionRow row = TRY(parts_->record(machine, input, name, ""));
  parts_->driver.offer();
  return execution_of(row);
}

Result<Execution> Engine::run(const StateMachine& machine, const Value& input, std::stop_token stop,
                              const std::string& name) {
  const ExecutionRow row = TRY(parts_->record(machine, input, name, parts_->driver.owner()));
  parts_->log.info("started an execution", {{"execution", row.id}});
  TRY(parts_->driver.walk_to_end(row.id, stop));
  return describe(ExecutionId(row.id));
}

Result<Execution> Engine::walk(const ExecutionId& id, std::stop_token stop) {
  const ExecutionRow row = TRY(parts_->row_of(id.str()));
  if (row.status != "RUNNING") return execution_of(row);
  TRY(parts_->driver.take_lease(row));
  TRY(parts_->driver.walk_to_end(row.id, stop));
  return describe(id);
}

Result<void> Engine::serve(std::stop_token stop) { return parts_->driver.serve(stop); }

Result<Execution> Engine::stop(const ExecutionId& id, const std::string& error, const std::string& cause) {
  const ExecutionRow row = TRY(parts_->row_of(id.str()));
  if (row.status != "RUNNING") return execution_of(row);
  TRY(parts_->store.request_stop(row.id, to_text(Value::Object{{"error", error}, {"cause", cause}})));
  parts_->driver.look_for_stop_requests();
  const bool nobodys = row.owner.empty() || is_gone(row.owner) || parts_->clock.now_ms() >= row.lease_until_ms;
  if (nobodys && parts_->driver.take_lease(row)) {
    TRY(parts_->driver.walk_to_end(row.id, {}));
    return describe(id);
  }
  for (std::int64_t waited_ms = 0; waited_ms < kStopPatienceMs; waited_ms += kStopLookMs) {
    Execution execution = TRY(describe(id));
    if (execution.status != ExecutionStatus::running) return execution;
    TRY(parts_->clock.sleep(kStopLookMs, {}));
  }
  return describe(id);
}

Result<Execution> Engine::redrive(const ExecutionId& id) {
  ExecutionRow row = TRY(parts_->row_of(id.str()));
  if (row.status == "RUNNING" || row.status == "SUCCEEDED" || row.type == "EXPRESS") {
    return fail(Code::conflict, "the execution {} is {}: only one that failed, timed out or was aborted is redriven",
                row.id, row.type == "EXPRESS" ? row.type : row.status);
  }
  row.status = "RUNNING";
  row.stopped_ms = 0;
  row.error.reset();
  row.cause.reset();
  row.redriven_ms = parts_->clock.now_ms();
  ++row.redrives;
  // Who walks it next sees that the row counts a redrive more than the journal, and tells it so.
  const auto batch = TRY(parts_->store.begin(""));
  TRY(batch->update(row));
  TRY(batch->commit());
  parts_->driver.offer();
  return describe(id);
}

Result<Execution> Engine::describe(const ExecutionId& id) { return execution_of(TRY(parts_->row_of(id.str()))); }

namespace {

Result<ExecutionPage> page_of(const Result<ExecutionStore::Page>& listed) {
  if (!listed) return std::unexpected(listed.error());
  ExecutionPage page{.next = listed->next};
  for (const ExecutionRow& row : listed->rows) page.executions.push_back(TRY(execution_of(row)));
  return page;
}

std::optional<std::string> name_of(std::optional<ExecutionStatus> status) {
  return status ? std::optional(std::string(execution_status_name(*status))) : std::nullopt;
}

}  // namespace

Result<ExecutionPage> Engine::list(const std::string& state_machine, std::optional<ExecutionStatus> status,
                                   std::size_t limit, const std::string& after) {
  return page_of(
      parts_->store.list({.machine = state_machine, .status = name_of(status), .after = after, .limit = limit}));
}

Result<ExecutionPage> Engine::children(const std::string& map_run, std::optional<ExecutionStatus> status,
                                       std::size_t limit, const std::string& after) {
  return page_of(parts_->store.list({.map_run = map_run, .status = name_of(status), .after = after, .limit = limit}));
}

Result<std::vector<HistoryEvent>> Engine::history(const ExecutionId& id, std::int64_t first, bool newest_first,
                                                  std::size_t limit) {
  const ExecutionRow row = TRY(parts_->row_of(id.str()));
  if (newest_first && first <= 0) first = row.events;
  std::vector<HistoryEvent> events;
  while (events.size() < limit && first >= 1) {
    const auto blocks = TRY(parts_->store.events(id.str(), first, newest_first, kBlocksAtOnce));
    std::vector<HistoryEvent> found;
    for (const ExecutionStore::Block& block : blocks) {
      std::vector<HistoryEvent> of_block;
      for (std::string_view lines = block.lines; !lines.empty();) {
        const std::string_view line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
        of_block.push_back(TRY(parse_event(line)));
      }
      if (newest_first) std::ranges::reverse(of_block);
      std::ranges::move(of_block, std::back_inserter(found));
    }
    std::erase_if(found, [&](const HistoryEvent& event) { return newest_first ? event.id > first : event.id < first; });
    if (found.empty()) break;
    first = newest_first ? found.back().id - 1 : found.back().id + 1;
    for (HistoryEvent& event : found) {
      if (events.size() < limit) events.push_back(std::move(event));
    }
  }
  return events;
}

Result<std::optional<MapRunRow>> Engine::map_run(const std::string& id) { return parts_->store.map_run(id); }

Result<void> Engine::change_map_run(const std::string& id, const MapRunChange& change) {
  const auto row = TRY(parts_->store.map_run(id));
  if (!row) return fail(Code::not_found, "there is no map run '{}'", id);
  MapRunLimits limits = row->limits;
  if (change.concurrency_max) limits.concurrency_max = *change.concurrency_max;
  if (change.tolerated_failure_count) limits.tolerated_failure_count = change.tolerated_failure_count;
  if (change.tolerated_failure_percentage) limits.tolerated_failure_percentage = change.tolerated_failure_percentage;
  if (!TRY(parts_->store.limit_map_run(id, limits)))
    return fail(Code::conflict, "the map run '{}' is {}: only one that runs can be changed", id, row->status);
  parts_->driver.look_for_stop_requests();
  return {};
}

Result<std::vector<MapRunRow>> Engine::map_runs(const ExecutionId& id) { return parts_->store.map_runs(id.str()); }

std::optional<Engine::ActivityTask> Engine::activity_task(const std::string& activity, const std::string& worker) {
  auto taken = parts_->driver.tokens().take(activity);
  if (!taken) return std::nullopt;
  parts_->driver.tell(taken->place.execution, taken->place.request, {.kind = News::Kind::started, .worker = worker});
  return ActivityTask{std::move(taken->token), std::move(taken->input)};
}

Result<void> Engine::task_succeeded(const std::string& token, const Value& output) {
  return parts_->task_news(token, {.kind = News::Kind::succeeded, .output = output});
}

Result<void> Engine::task_failed(const std::string& token, const std::string& error, const std::string& cause) {
  News news{.kind = News::Kind::failed, .failure = {.error = error}};
  if (!cause.empty()) news.failure.cause = cause;
  return parts_->task_news(token, std::move(news));
}

Result<void> Engine::task_beats(const std::string& token) {
  return parts_->task_news(token, {.kind = News::Kind::heartbeat});
}

Result<std::int64_t> Engine::forget_older_than(std::int64_t age_ms) {
  const std::int64_t before_ms = parts_->clock.now_ms() - age_ms;
  std::int64_t removed = 0;
  while (true) {
    const std::int64_t now = TRY(parts_->store.remove_stopped_before(before_ms, 100));
    if (now == 0) return removed;
    removed += now;
  }
}

}  // namespace tillite
