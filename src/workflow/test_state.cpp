#include "workflow/test_state.h"

#include <algorithm>

#include "base/check.h"
#include "workflow/durable/task_calls.h"
#include "workflow/item_files.h"
#include "workflow/resource.h"
#include "workflow/trial.h"

namespace tillite {
namespace {

constexpr const char* kLoneState = "StateName";  // what AWS calls a state that is given without a name

template <typename... Args>
std::unexpected<Error> refused(std::string_view exception, fmt::format_string<Args...> message, Args&&... args) {
  return std::unexpected(
      Error(Code::invalid_input, fmt::format(message, std::forward<Args>(args)...)).named(std::string(exception)));
}
template <typename... Args>
std::unexpected<Error> invalid(fmt::format_string<Args...> message, Args&&... args) {
  return refused("ValidationException", message, std::forward<Args>(args)...);
}

/// The state that is tested, among those it lies with.
struct Place {
  const States* states = nullptr;
  std::size_t number = 0;

  [[nodiscard]] const State& state() const { return states->states[number]; }
};

std::vector<const States*> inner_states(const State& state) {
  std::vector<const States*> inner;
  if (const auto* map = std::get_if<MapState>(&state.kind)) inner.push_back(&map->processor);
  if (const auto* parallel = std::get_if<ParallelState>(&state.kind)) {
    for (const States& branch : parallel->branches) inner.push_back(&branch);
  }
  return inner;
}

std::optional<Place> find_state(const States& states, const std::string& name) {
  for (std::size_t i = 0; i < states.states.size(); ++i) {
    if (states.states[i].name == name) return Place{&states, i};
    for (const States* inner : inner_states(states.states[i])) {
      if (auto found = find_state(*inner, name)) return found;
    }
  }
  return std::nullopt;
}

Result<States> parse_definition(const TestStateRequest& request) {
  if (!request.state_name && request.definition.find("States") != nullptr)
    return refused("InvalidDefinition",
                   "the definition is a state machine's: stateName must say which state is tested");
  auto states = request.state_name ? parse_states(request.definition, QueryLanguage::jsonpath)
                                   : parse_state(request.definition, kLoneState);
  if (!states) return refused("InvalidDefinition", "{}", states.error().message());
  return states;
}

Result<void> check_mocked_result(const State& state, const Value& result) {
  if (const auto* map = std::get_if<MapState>(&state.kind)) {
    const bool writes = map->writer && !map->writer->resource.empty();
    if (writes && !result.is_object()) return invalid("Mocked result must be a JSON object.");
    if (!writes && !result.is_array()) return invalid("Mocked result must be an array.");
  }
  if (const auto* parallel = std::get_if<ParallelState>(&state.kind)) {
    if (!result.is_array()) return invalid("Mocked result must be an array.");
    if (result.array().size() != parallel->branches.size())
      return invalid("Mocked result must contain the same number of items as number of Parallel branches.");
  }
  return {};
}

/// What the API allows for a state of this type.
Result<void> check_request(const TestStateRequest& request, const State& state, const TestStateSurroundings& around) {
  const auto* task = std::get_if<TaskState>(&state.kind);
  const bool branches =
      std::holds_alternative<MapState>(state.kind) || std::holds_alternative<ParallelState>(state.kind);
  if (!request.mock) {
    if (branches) {
      return refused("InvalidDefinition",
                     "TestState API does not support Map or Parallel states. Supported state types include: [Task, "
                     "Wait, Pass, Succeed, Fail, Choice]");
    }
    if (task == nullptr) return {};
    const Resource resource(task->resource);
    if (resource.gives_token() || task->resource.ends_with(".sync") || task->resource.ends_with(".sync:2"))
      return invalid("a Task with the resource {} is tested with a mock only: give it a result or an error",
                     task->resource.substr(0, 200));
    if (around.tasks == nullptr)
      return fail(Code::unsupported, "nobody runs tasks here: give the state {} a mocked result or error", state.name);
    return {};
  }
  if (task == nullptr && !branches)
    return invalid("State type '{}' is not supported when a mock is specified", state.type());
  if (request.mock->result.has_value() == request.mock->error.has_value())
    return invalid("A test mock should have only one of the following fields: [result, errorOutput].");
  if (request.reveals_secrets) return invalid("TestState does not support RevealSecrets when a mock is specified.");
  if (request.mock->result) TRY(check_mocked_result(state, *request.mock->result));
  if (const auto& cause = request.configuration.error_state) {
    const auto inner = inner_states(state);
    if (std::ranges::none_of(inner, [&](const States* states) { return find_state(*states, *cause).has_value(); }))
      return invalid("errorCausedByState: there is no state '{}' inside the state {}", *cause, state.name);
  }
  return {};
}

/// Who visits the state, and answers what it asks.
class Visitor final : public Interpreter::Listener {
 public:
  Visitor(const TestStateRequest& request, const TestStateSurroundings& around, const States& states)
      : request_(request), around_(around), interpreter_(states, identity(), options(), *this) {
    trial_.context = request.context;
    trial_.variables = request.variables;
    trial_.retries = request.configuration.retries;
    trial_.iterations_failed = request.configuration.iterations_failed;
    if (request.mock) trial_.branches = mocked();
  }

  /// Visits the state up to its end or the wait for its next attempt.
  void visit(std::size_t state) {
    interpreter_.try_state(state, trial_, request_.input, around_.now_ms);
    std::int64_t now_ms = around_.now_ms;
    while (!interpreter_.end() && (asked_ || !is_retriable())) {
      if (!asked_) {
        const auto wake_ms = interpreter_.next_wake_ms();
        check(wake_ms.has_value(), "a state that was asked for nothing waits for a moment");
        now_ms = std::max(now_ms, *wake_ms);
        interpreter_.advance(now_ms);
        continue;
      }
      const Request asked = *std::exchange(asked_, std::nullopt);
      interpreter_.tell(asked.id, answer(asked), now_ms);
    }
  }

  void recorded(HistoryEvent /*event*/) override {}
  void requested(Request request) override { asked_ = std::move(request); }
  void withdrawn(std::int64_t /*request*/) override {}
  void map_run_began(const std::string& /*run*/, const MapRunLimits& /*limits*/) override {}
  void map_run_ended(const std::string& /*run*/, bool /*succeeded*/) override {}

  [[nodiscard]] bool is_retriable() const { return seen().find("retryBackoffIntervalSeconds") != nullptr; }
  [[nodiscard]] const std::optional<ExecutionEnd>& end() const { return interpreter_.end(); }
  [[nodiscard]] const Value::Object& seen() const { return trial_.seen; }
  [[nodiscard]] const Variables& variables() const { return trial_.variables; }

 private:
  [[nodiscard]] Interpreter::Identity identity() const {
    const std::string machine = "test-" + around_.execution_name;
    return {
        .execution_arn = fmt::format("arn:aws:states:{}:{}:express:{}:{}", around_.region, around_.account, machine,
                                     around_.execution_name),
        .execution_name = around_.execution_name,
        .machine_arn = fmt::format("arn:aws:states:{}:{}:stateMachine:{}", around_.region, around_.account, machine),
        .machine_name = machine,
        .role_arn = request_.role_arn.empty() ? fmt::format("arn:aws:iam::{}:role/TestState", around_.account)
                                              : request_.role_arn,
        .region = around_.region,
        .account = around_.account};
  }
  static Interpreter::Options options() { return {.keeps_history = false, .shows_redrive_count = false}; }

  [[nodiscard]] Outcome mocked() const {
    return request_.mock->error ? Outcome(std::unexpected(*request_.mock->error)) : Outcome(*request_.mock->result);
  }
  static News news_of(Outcome outcome) {
    if (outcome) return {.output = *std::move(outcome)};
    return {.kind = News::Kind::failed, .failure = std::move(outcome).error()};
  }
  News answer(const Request& asked) {
    if (const auto* items = std::get_if<ItemsToRead>(&asked.what)) {
      const auto& text = request_.configuration.items_text;
      const Outcome read = text ? items_in(*items->reader, *text, items->items_max) : Outcome(Value(Value::Array()));
      if (read && !items->reader->items_pointer.empty()) trial_.seen.set("afterItemsPointer", *read);
      return news_of(read);
    }
    if (request_.mock) return news_of(mocked());
    const auto told = call_task(*around_.tasks, std::get<TaskCall>(asked.what), around_.execution_name, around_.stop);
    return told ? *told : News{.kind = News::Kind::failed, .failure = {.error = errors::kTimeout}};
  }

  const TestStateRequest& request_;
  const TestStateSurroundings& around_;
  Trial trial_;
  std::optional<Request> asked_;
  Interpreter interpreter_;
};

/// What AWS shows of the data in a state of this kind.
std::vector<std::string_view> shown_data(const State& state) {
  const bool jsonata = state.language == QueryLanguage::jsonata;
  if (std::holds_alternative<TaskState>(state.kind)) {
    if (jsonata) return {"afterArguments", "result"};
    return {"afterInputPath", "afterParameters", "result", "afterResultSelector", "afterResultPath"};
  }
  if (std::holds_alternative<MapState>(state.kind)) {
    std::vector<std::string_view> names = {"afterItemsPointer", "afterItemSelector",     "afterItemBatcher",
                                           "maxConcurrency",    "toleratedFailureCount", "toleratedFailurePercentage"};
    if (!jsonata)
      names.insert(names.end(), {"afterInputPath", "afterItemsPath", "afterResultSelector", "afterResultPath"});
    return names;
  }
  if (jsonata) return {};
  if (std::holds_alternative<ParallelState>(state.kind)) return {"afterResultSelector", "afterResultPath"};
  if (const auto* pass = std::get_if<PassState>(&state.kind)) {
    if (pass->result) return {"result", "afterResultSelector", "afterResultPath"};
    return {"afterInputPath", "afterParameters", "afterResultSelector", "afterResultPath"};
  }
  return {"afterInputPath"};
}

Value::Object fields_of(const Value::Object& seen, const std::vector<std::string_view>& names) {
  Value::Object fields;
  for (const std::string_view name : names) {
    if (const Value* value = seen.find(name)) fields.set(name, *value);
  }
  return fields;
}

Value inspection_data(const TestStateRequest& request, const State& state, const Visitor& visit) {
  Value::Object data = fields_of(visit.seen(), shown_data(state));
  data.set("input", request.input);
  Value::Object details = fields_of(visit.seen(), {"catchIndex", "retryIndex", "retryBackoffIntervalSeconds"});
  if (!details.empty()) data.set("errorDetails", std::move(details));
  if (!visit.variables().empty()) {
    Value::Object variables;
    for (const auto& [name, value] : visit.variables()) variables.set(name, value);
    data.set("variables", std::move(variables));
  }
  return Value(std::move(data));
}

Value answer_of(const TestStateRequest& request, const State& state, const Visitor& visit) {
  Value::Object answer;
  if (!visit.end()) {
    answer = fields_of(visit.seen(), {"error", "cause"});
    answer.set("status", "RETRIABLE");
  } else if (visit.end()->kind != ExecutionEnd::Kind::succeeded) {
    const Failure& failure = visit.end()->failure;
    answer.set("status", "FAILED");
    if (!failure.error.empty()) answer.set("error", failure.error);
    if (failure.cause) answer.set("cause", *failure.cause);
  } else {
    const bool caught = visit.seen().find("catchIndex") != nullptr;
    if (caught) answer = fields_of(visit.seen(), {"error", "cause"});
    answer.set("status", caught ? "CAUGHT_ERROR" : "SUCCEEDED");
    answer.set("output", visit.end()->output);
    if (const Value* next = visit.seen().find("nextState")) answer.set("nextState", *next);
  }
  if (request.level != TestStateRequest::InspectionLevel::info)
    answer.set("inspectionData", inspection_data(request, state, visit));
  return Value(std::move(answer));
}

}  // namespace

Result<Value> test_state(const TestStateRequest& request, const TestStateSurroundings& surroundings) {
  const States states = TRY(parse_definition(request));
  const auto place = request.state_name ? find_state(states, *request.state_name) : Place{&states, 0};
  if (!place) return invalid("stateName: there is no state '{}' in the definition", *request.state_name);
  TRY(check_request(request, place->state(), surroundings));
  Visitor visitor(request, surroundings, *place->states);
  visitor.visit(place->number);
  return answer_of(request, place->state(), visitor);
}

}  // namespace tillite
