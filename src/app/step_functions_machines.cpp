// The state machines on Step Functions, seen as those of the built-in engine.
#include <algorithm>
#include <map>
#include <utility>

#include "adapters/aws/step_functions_client.h"
#include "adapters/local/system_clock.h"
#include "app/embedded_definitions.h"
#include "app/parts/aws_clients.h"
#include "app/state_machines.h"
#include "base/uuid.h"
#include "workflow/durable/task_calls.h"

namespace tillite {
namespace {

constexpr std::int64_t kFirstPauseMs = 200;
constexpr std::int64_t kPauseMsMax = 5'000;
constexpr std::int64_t kPatienceMs = 5 * 60'000;  // without an answer, while an execution goes on
constexpr std::int64_t kSettlingMs = 10'000;  // what was done may not be seen at once: reads are eventually consistent

ExecutionStatus status_of(RemoteStatus status) {
  switch (status) {
    case RemoteStatus::succeeded:
      return ExecutionStatus::succeeded;
    case RemoteStatus::failed:
      return ExecutionStatus::failed;
    case RemoteStatus::timed_out:
      return ExecutionStatus::timed_out;
    case RemoteStatus::aborted:
      return ExecutionStatus::aborted;
    case RemoteStatus::running:
    case RemoteStatus::pending_redrive:
      break;
  }
  return ExecutionStatus::running;
}

std::optional<RemoteStatus> remote_status(std::optional<ExecutionStatus> status) {
  if (!status) return std::nullopt;
  switch (*status) {
    case ExecutionStatus::running:
      return RemoteStatus::running;
    case ExecutionStatus::succeeded:
      return RemoteStatus::succeeded;
    case ExecutionStatus::failed:
      return RemoteStatus::failed;
    case ExecutionStatus::timed_out:
      return RemoteStatus::timed_out;
    case ExecutionStatus::aborted:
      return RemoteStatus::aborted;
  }
  return std::nullopt;
}

/// What was sent as a text of JSON; a text that is none, because AWS has cut it, stays one.
Value value_of(const std::string& text) {
  auto value = parse_value(text, "a text of Step Functions");
  return value ? *std::move(value) : Value(text);
}

Execution execution_of(const RemoteExecution& remote) {
  Execution execution;
  execution.id = ExecutionId(remote.arn);
  execution.state_machine = remote.machine_arn.substr(remote.machine_arn.rfind(':') + 1);
  execution.name = remote.name;
  execution.status = status_of(remote.status);
  execution.started_ms = remote.start_ms;
  execution.stopped_ms = remote.stop_ms.value_or(0);
  if (!remote.input.empty()) execution.input = value_of(remote.input);
  if (remote.output) execution.output = value_of(*remote.output);
  execution.error = remote.error.value_or("");
  execution.cause = remote.cause;
  execution.redrives = remote.redrive_count;
  return execution;
}

HistoryEvent event_of(const RemoteEvent& remote) {
  Value::Object details;
  for (const auto& [name, value] : remote.details.items()) {
    const bool is_json = (name == "input" || name == "output" || name == "parameters") && value.is_string();
    details.set(name, is_json ? value_of(value.get<std::string>()) : to_value(value));
  }
  return {.id = remote.id,
          .previous_id = remote.previous_id,
          .type = remote.type,
          .timestamp_ms = remote.time_ms,
          .details = Value(std::move(details))};
}

/// Tells a Progress what the steps of an execution came to, as its history has it.
class StepReader {
 public:
  StepReader(Progress& progress, std::string_view suffix) : progress_(progress), suffix_(suffix) {}

  void read(const RemoteEvent& remote) {
    const HistoryEvent event = event_of(remote);
    if (event.type == "TaskScheduled") {
      const Value* parameters = event.details.find("parameters");
      if (parameters != nullptr) functions_[event.id] = function_in(*parameters);
      return;
    }
    const auto scheduled = functions_.find(event.previous_id);
    if (scheduled == functions_.end()) return;
    const std::string function = scheduled->second;
    if (event.type == "TaskStarted") {
      functions_[event.id] = function;
    } else if (event.type == "TaskSucceeded") {
      const Value* output = event.details.find("output");
      const Value* payload = output == nullptr ? nullptr : output->find("Payload");
      if (payload != nullptr) progress_.step_ended(function, to_json(*payload));
    } else if (event.type == "TaskFailed") {
      const std::string error = text_in(event.details, "error");
      progress_.step_ended(function, fail(code_named(error), "{}: {}: {}", function, error,
                                          message_of_cause(text_in(event.details, "cause"))));
    }
  }

 private:
  static std::string text_in(const Value& details, std::string_view name) {
    const Value* text = details.find(name);
    return text != nullptr && text->is_string() ? text->string() : "";
  }
  [[nodiscard]] std::string function_in(const Value& parameters) const {
    TaskCall call;
    call.resource = "arn:aws:states:::lambda:invoke";
    call.payload = parameters;
    std::string name = function_of(call);
    if (name.ends_with(suffix_)) name.resize(name.size() - suffix_.size());
    return name;
  }

  Progress& progress_;
  std::string_view suffix_;
  std::map<std::int64_t, std::string> functions_;  ///< by the event that a call's end may follow
};

class StepFunctionsMachines final : public StateMachines {
 public:
  StepFunctionsMachines(const Environment& environment, std::stop_token stop, Progress* progress)
      : suffix_(environment("TILLITE_MACHINES_SUFFIX").value_or("")), stop_(std::move(stop)), progress_(progress) {
    if (!suffix_.empty()) suffix_.insert(0, 1, '-');
  }

  Result<void> connect(const Environment& environment, const Logger& log) {
    const AwsClients clients = TRY(AwsClients::open(environment, clock_, random_, log));
    client_.emplace(clients.of(AwsApi::step_functions), random_);
    return {};
  }

  Result<Execution> run(const std::string& name, const Value& input) override {
    if (name.ends_with(".json")) {
      return fail(Code::invalid_input, "{} is a file: on Step Functions a machine is started by its name", name);
    }
    const std::string machine = TRY(client_->find_machine(name_there(name), stop_));
    const std::string arn = TRY(client_->start(machine, uuid4(random_.bytes()), to_text(input), stop_));
    return watch(arn, /*redrives_min=*/0);
  }

  Result<Execution> finish(const ExecutionId& id) override {
    TRY(client_->describe(id.str(), stop_));  // one that is not there is not waited for
    return watch(id.str(), /*redrives_min=*/0);
  }

  Result<Execution> describe(const ExecutionId& id) override {
    return execution_of(TRY(client_->describe(id.str(), stop_)));
  }

  Result<std::vector<Execution>> list(const std::string& name, std::optional<ExecutionStatus> status,
                                      std::size_t count_max) override {
    std::vector<Execution> all;
    if (!name.empty()) {
      TRY(add_executions(name_there(name), status, count_max, all));
      return all;
    }
    Result<void> none_there = {};
    bool any_there = false;
    for (const std::string_view ours : state_machine_names()) {
      const auto added = add_executions(name_there(std::string(ours)), status, count_max, all);
      if (!added && added.error().code() != Code::not_found) return std::unexpected(added.error());
      if (added) any_there = true;
      if (!added && none_there) none_there = added;
    }
    if (!any_there) TRY(std::move(none_there));
    std::ranges::stable_sort(all, std::ranges::greater(), &Execution::started_ms);
    if (all.size() > count_max) all.resize(count_max);
    return all;
  }

  Result<std::vector<HistoryEvent>> history(const ExecutionId& id) override {
    std::vector<HistoryEvent> events;
    TRY(read_history(id.str(), [&](const RemoteEvent& event) { events.push_back(event_of(event)); }));
    return events;
  }

  Result<Execution> stop(const ExecutionId& id) override {
    TRY(client_->abort(id.str(), "", "", stop_));
    const std::int64_t begin_ms = clock_.steady_ms();
    while (true) {
      Execution execution = TRY(describe(id));
      if (execution.status != ExecutionStatus::running || clock_.steady_ms() - begin_ms >= kSettlingMs) {
        return execution;
      }
      TRY(clock_.sleep(kFirstPauseMs, stop_));
    }
  }

  Result<Execution> redrive(const ExecutionId& id) override {
    const RemoteExecution before = TRY(client_->describe(id.str(), stop_));
    TRY(client_->redrive(id.str(), stop_));
    return watch(id.str(), before.redrive_count + 1);
  }

 private:
  /// Ours have the stack's suffix behind their names.
  [[nodiscard]] std::string name_there(const std::string& name) const {
    const auto& ours = state_machine_names();
    return std::ranges::find(ours, name) != ours.end() ? name + suffix_ : name;
  }

  Result<void> add_executions(const std::string& machine, std::optional<ExecutionStatus> status, std::size_t count_max,
                              std::vector<Execution>& all) {
    const std::string arn = TRY(client_->find_machine(machine, stop_));
    for (const RemoteExecution& remote : TRY(client_->list(arn, remote_status(status), count_max, stop_))) {
      all.push_back(execution_of(remote));
    }
    return {};
  }

  /// Comes back when an execution has ended that was started or redriven just now, or before.
  Result<Execution> watch(const std::string& arn, std::int64_t redrives_min) {
    const auto ended = wait_for_end(arn, redrives_min);
    if (!ended) {
      return std::unexpected(
          ended.error().in(fmt::format("no longer watching {}, which goes on at AWS: tillite run --on-aws or tillite "
                                       "workflow resume {} watches on, tillite workflow stop {} ends it",
                                       arn, arn, arn)));
    }
    if (progress_ != nullptr) {
      StepReader reader(*progress_, suffix_);
      TRY(read_history(arn, [&](const RemoteEvent& event) { reader.read(event); }));
    }
    return execution_of(*ended);
  }

  Result<RemoteExecution> wait_for_end(const std::string& arn, std::int64_t redrives_min) {
    const std::int64_t begin_ms = clock_.steady_ms();
    std::int64_t last_answer_ms = begin_ms;
    for (std::int64_t pause_ms = kFirstPauseMs;; pause_ms = std::min(pause_ms * 2, kPauseMsMax)) {
      auto execution = client_->describe(arn, stop_);
      const std::int64_t now_ms = clock_.steady_ms();
      if (execution) last_answer_ms = now_ms;
      const bool may_settle = now_ms - begin_ms < kSettlingMs;
      if (!execution) {
        const bool may_appear = may_settle && execution.error().code() == Code::not_found;
        const bool may_pass = execution.error().retryable() && now_ms - last_answer_ms < kPatienceMs;
        if (!may_appear && !may_pass) return execution;
      }
      const bool is_old = execution && may_settle && execution->redrive_count < redrives_min;
      if (execution && has_ended(execution->status) && !is_old) return execution;
      TRY(clock_.sleep(pause_ms, stop_));
    }
  }

  template <typename Reader>
  Result<void> read_history(const std::string& arn, const Reader& reader) {
    std::string token;
    do {
      const RemoteEventPage page = TRY(client_->history(arn, token, stop_));
      for (const RemoteEvent& event : page.events) reader(event);
      token = page.next_token;
    } while (!token.empty());
    return {};
  }

  SystemClock clock_;
  SystemRandom random_;
  std::string suffix_;
  std::stop_token stop_;
  Progress* progress_;
  std::optional<StepFunctionsClient> client_;
};

}  // namespace

Result<std::unique_ptr<StateMachines>> step_functions_machines(const Environment& environment, const Logger& log,
                                                               std::stop_token stop, Progress* progress) {
  auto machines = std::make_unique<StepFunctionsMachines>(environment, std::move(stop), progress);
  TRY(machines->connect(environment, log));
  return std::unique_ptr<StateMachines>(std::move(machines));
}

}  // namespace tillite
