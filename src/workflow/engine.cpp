#include "workflow/engine.h"

#include <algorithm>
#include <array>
#include <thread>

#include "base/process_identity.h"
#include "base/time.h"
#include "base/uuid.h"
#include "workflow/history.h"
#include "workflow/interpreter.h"

namespace tillite {
namespace {

constexpr std::size_t kInputBytesMax = 262'144;
constexpr std::array<std::string_view, 5> kStatusNames = {"RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"};

std::string machine_partition(const std::string& machine) { return fmt::format("EXECUTION#{}", machine); }
std::string running_partition(const std::string& machine) { return fmt::format("RUNNING#{}", machine); }

Result<ExecutionStatus> parse_status(std::string_view name) {
  const auto found = std::ranges::find(kStatusNames, name);
  if (found == kStatusNames.end())
    return fail(Code::corrupt, "an execution has the unknown status '{}'", name.substr(0, 64));
  return static_cast<ExecutionStatus>(found - kStatusNames.begin());
}

/// The row alone: input and output are in the first and last event.
Result<Execution> parse_row(const Item& row) {
  Execution execution{.id = ExecutionId(TRY(string_field(row, "execution_id"))),
                      .state_machine = TRY(string_field(row, "state_machine")),
                      .status = TRY(parse_status(TRY(string_field(row, "status")))),
                      .started_ms = TRY(int_field(row, "started_ms"))};
  execution.stopped_ms = TRY(optional_int(row, "stopped_ms")).value_or(0);
  execution.error = TRY(optional_string(row, "error")).value_or("");
  execution.cause = TRY(optional_string(row, "cause")).value_or("");
  return execution;
}

}  // namespace

std::string_view execution_status_name(ExecutionStatus status) {
  return kStatusNames.at(static_cast<std::size_t>(status));
}

struct Engine::Parts {
  Table& table;
  Clock& clock;
  Random& random;
  TaskRunner& tasks;
  Logger log;
  Settings settings;

  Result<Item> row_of(const ExecutionId& id) const {
    auto row = TRY(table.get(execution_key(id)));
    if (!row) return fail(Code::not_found, "there is no execution {}", id.str());
    return *std::move(row);
  }

  std::string new_owner() const { return fmt::format("{}/{}", process_identity(), uuid4(random.bytes())); }

  /// Writes the row and the first event of a new execution. Without an owner anybody may walk it.
  Result<ExecutionId> record(const StateMachine& machine, const Json& input, const std::string& owner) const {
    if (to_text(input).size() > kInputBytesMax) {
      return fail(Code::invalid_input, "the input has {} bytes, at most {} are allowed", to_text(input).size(),
                  kInputBytesMax);
    }
    ExecutionId id(fmt::format("{}:{}", machine.name(), uuid4(random.bytes())));
    const std::int64_t now_ms = clock.now_ms();
    const ItemKey key = execution_key(id);
    const std::string order = iso_time(now_ms) + "#" + id.str();
    Item row = {{"PK", key.pk},         {"SK", key.sk},
                {"TYPE", "EXECUTION"},  {"GSI1PK", "EXECUTION"},
                {"GSI1SK", order},      {"GSI2PK", machine_partition(machine.name())},
                {"GSI2SK", order},      {"GSI3PK", running_partition(machine.name())},
                {"GSI3SK", order},      {"execution_id", id.str()},
                {"status", "RUNNING"},  {"state_machine", machine.name()},
                {"started_ms", now_ms}, {"events", 1}};
    if (!owner.empty()) row.update({{"owner", owner}, {"lease_until_ms", now_ms + settings.lease_ms}});
    Item first = {{"PK", key.pk},
                  {"SK", fmt::format("EVENT#{:010}", 1)},
                  {"TYPE", "EXECUTION_EVENT"},
                  {"event_id", 1},
                  {"previous_id", 0},
                  {"type", "ExecutionStarted"},
                  {"timestamp_ms", now_ms},
                  {"details", {{"input", input}}}};
    TRY(table.transact({Put{std::move(row), {absent("PK")}}, Put{std::move(first), {absent("PK")}}}));
    return id;
  }

  /// Becomes the owner of a running execution, if nobody else is at work.
  Result<std::string> take_lease(const Item& row, const ExecutionId& id) const {
    const std::string holder = TRY(optional_string(row, "owner")).value_or("");
    const auto until_ms = TRY(optional_int(row, "lease_until_ms")).value_or(0);
    if (!holder.empty() && clock.now_ms() < until_ms && !is_gone(holder)) {
      return fail(Code::lock_held, "the execution {} is being walked by {}", id.str(), holder);
    }
    std::string owner = new_owner();
    const auto taken = table.write(
        Update{.key = execution_key(id),
               .set = {{"owner", owner}, {"lease_until_ms", clock.now_ms() + settings.lease_ms}},
               .condition = {equal("status", "RUNNING"), holder.empty() ? absent("owner") : equal("owner", holder)}});
    if (!taken && taken.error().code() == Code::conflict) {
      return fail(Code::lock_held, "the execution {} was taken by another process just now", id.str());
    }
    if (!taken) return std::unexpected(taken.error());
    return owner;
  }

  void renew_lease(const ExecutionId& id, const std::string& owner, const std::stop_token& end) const {
    while (clock.sleep(settings.lease_ms / 3, end)) {
      const auto renewed = table.write(Update{.key = execution_key(id),
                                              .set = {{"lease_until_ms", clock.now_ms() + settings.lease_ms}},
                                              .condition = {equal("owner", owner)}});
      if (!renewed && renewed.error().code() == Code::conflict) return;  // the next event finds that out
    }
  }

  /// The walk goes on later: by anybody, at once.
  void give_lease_back(const ExecutionId& id, const std::string& owner) const {
    const auto given = table.write(
        Update{.key = execution_key(id), .remove = {"owner", "lease_until_ms"}, .condition = {equal("owner", owner)}});
    if (!given) log.warning("an execution's lease was not given back and has to run out", {{"execution", id.str()}});
  }

  Result<void> walk(const StateMachine& machine, const Execution& execution, const std::string& owner,
                    const std::stop_token& stop) const {
    History history(table, clock, execution.id, owner);
    TRY(history.load());
    const Json context = {{"Execution",
                           {{"Id", execution.id.str()},
                            {"Name", execution.id.str()},
                            {"Input", execution.input},
                            {"StartTime", iso_time(execution.started_ms)}}},
                          {"StateMachine", {{"Id", machine.name()}, {"Name", machine.name()}}}};
    Interpreter interpreter(history, tasks, clock, random, execution.id, settings.threads_max, stop);
    const auto outcome = TRY(interpreter.machine(machine.definition(), execution.input, "", context));
    Json end = {{"status", outcome ? "SUCCEEDED" : "FAILED"}, {"stopped_ms", clock.now_ms()}};
    if (outcome) {
      history.add("ExecutionSucceeded", {{"output", *outcome}});
    } else {
      history.add("ExecutionFailed", {{"error", outcome.error().error}, {"cause", outcome.error().cause}});
      end.update({{"error", outcome.error().error}, {"cause", outcome.error().cause}});
    }
    return history.finish(std::move(end));
  }

  /// walk() under the lease of `owner`, which is renewed meanwhile and given back if the walk did not come to an end.
  Result<void> walk_as(const std::string& owner, const StateMachine& machine, const Execution& execution,
                       const std::stop_token& stop) const {
    Result<void> walked;
    {
      const std::jthread renewal([&](const std::stop_token& end) { renew_lease(execution.id, owner, end); });
      walked = walk(machine, execution, owner, stop);
    }
    if (!walked && walked.error().code() != Code::lost_lease) give_lease_back(execution.id, owner);
    return walked;
  }
};

Engine::Engine(Table& executions, Clock& clock, Random& random, TaskRunner& tasks, Logger log, Settings settings)
    : parts_(std::unique_ptr<Parts>(new Parts{executions, clock, random, tasks, std::move(log), settings})) {}
Engine::~Engine() = default;

Result<Execution> Engine::start(const StateMachine& machine, const Json& input) {
  return describe(TRY(parts_->record(machine, input, "")));
}

Result<Execution> Engine::run(const StateMachine& machine, const Json& input, std::stop_token stop) {
  const std::string owner = parts_->new_owner();
  const ExecutionId id = TRY(parts_->record(machine, input, owner));
  parts_->log.info("started an execution", {{"execution", id.str()}});
  TRY(parts_->walk_as(owner, machine, TRY(describe(id)), stop));
  return describe(id);
}

Result<Execution> Engine::walk(const StateMachine& machine, const ExecutionId& id, std::stop_token stop) {
  Execution execution = TRY(describe(id));
  if (execution.status != ExecutionStatus::running) return execution;
  const std::string owner = TRY(parts_->take_lease(TRY(parts_->row_of(id)), id));
  TRY(parts_->walk_as(owner, machine, execution, stop));
  return describe(id);
}

Result<Execution> Engine::describe(const ExecutionId& id) {
  const Item row = TRY(parts_->row_of(id));
  Execution execution = TRY(parse_row(row));
  const auto event = [&](std::int64_t number) -> Result<Json> {
    const auto found = TRY(parts_->table.get({execution_key(id).pk, fmt::format("EVENT#{:010}", number)}));
    if (!found) return fail(Code::corrupt, "the execution {} lacks its event {}", id.str(), number);
    return object_field(*found, "details");
  };
  execution.input = TRY(event(1)).value("input", Json());
  if (execution.status == ExecutionStatus::succeeded) {
    execution.output = TRY(event(TRY(int_field(row, "events")))).value("output", Json());
  }
  return execution;
}

Result<std::vector<Execution>> Engine::list(const std::string& state_machine, std::optional<ExecutionStatus> status,
                                            std::size_t limit) {
  Query query{.newest_first = true};
  if (state_machine.empty()) {
    query.index = Index::gsi1;
    query.hash = "EXECUTION";
  } else if (status == ExecutionStatus::running) {
    query.index = Index::gsi3;
    query.hash = running_partition(state_machine);
  } else {
    query.index = Index::gsi2;
    query.hash = machine_partition(state_machine);
  }
  std::vector<Execution> executions;
  while (executions.size() < limit) {
    const Page page = TRY(parts_->table.query(query));
    for (const Item& row : page.items) {
      Execution execution = TRY(parse_row(row));
      if (executions.size() < limit && (!status || execution.status == *status))
        executions.push_back(std::move(execution));
    }
    if (page.next.empty()) break;
    query.start_after = page.next;
  }
  return executions;
}

Result<std::vector<HistoryEvent>> Engine::history(const ExecutionId& id) {
  TRY(parts_->row_of(id));
  std::vector<HistoryEvent> events;
  TRY(for_each_item(parts_->table, {.hash = execution_key(id).pk, .range_prefix = "EVENT#"},
                    [&](const Item& row) -> Result<void> {
                      events.push_back({.id = TRY(int_field(row, "event_id")),
                                        .previous_id = TRY(int_field(row, "previous_id")),
                                        .type = TRY(string_field(row, "type")),
                                        .timestamp_ms = TRY(int_field(row, "timestamp_ms")),
                                        .details = row.value("details", Json())});
                      return {};
                    }));
  return events;
}

}  // namespace tillite
