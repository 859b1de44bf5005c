#include "workflow/interpreter.h"

#include <algorithm>
#include <thread>

#include "base/time.h"
#include "workflow/choice.h"
#include "workflow/json_path.h"
#include "workflow/retry_policy.h"

namespace tillite {
namespace {

constexpr std::size_t kPayloadBytesMax = 262'144;  // as AWS has it
constexpr std::int64_t kEventsOfAState = 100;  // room that is left for the last states of an execution that is too long
constexpr std::string_view kInvoke = "arn:aws:states:::lambda:invoke";

Failure failure_of(const Error& error) { return {error.name(), error.message()}; }

/// A value that an expression gave, or the failure that its error is.
Outcome outcome_of(Result<Json> result) {
  if (result) return *std::move(result);
  return std::unexpected(failure_of(result.error()));
}

Outcome within_limit(Json value) {
  if (to_text(value).size() <= kPayloadBytesMax) return value;
  return std::unexpected(
      Failure{"States.DataLimitExceeded",
              "The state returned a result with a size exceeding the maximum number of bytes service limit."});
}

/// InputPath and OutputPath: null means an empty object, absent the whole.
Outcome apply_path(const Json& state, const char* name, const Json& value, const Json& context, Random& random) {
  const auto path = state.find(name);
  if (path == state.end()) return value;
  if (path->is_null()) return Json::object();
  return outcome_of(evaluate(path->get<std::string>(), {value, context, random}));
}

/// "embedding-line-find" of a name or an ARN.
std::string function_name_of(const std::string& name) {
  if (!name.starts_with("arn:")) return name;
  const std::size_t mark = name.find(":function:");
  const std::string rest = mark == std::string::npos ? name : name.substr(mark + 10);
  return rest.substr(0, rest.find(':'));
}

Json error_output(const Failure& failure) { return {{"Error", failure.error}, {"Cause", failure.cause}}; }

}  // namespace

/// One visit of a state in this walk.
struct Interpreter::Visit {
  const Json& state;
  std::string name;
  std::string type;
  std::string place;
  Json context;
};

/// Where the walk goes on: the next state's name, empty at the end.
struct Interpreter::Transition {
  Json output;
  std::string next;
};

Result<Outcome> Interpreter::machine(const Json& definition, Json input, const std::string& place,
                                     const Json& context) {
  std::map<std::string, int> visits;
  for (std::string name = definition.at("StartAt").get<std::string>(); !name.empty();) {
    const Json& state = definition.at("States").at(name);
    const std::string here = fmt::format("{}{}#{}", place, name, visits[name]++);
    if (const auto ended = history_.ended(here)) {
      input = ended->at("output");
      name = ended->at("next").get<std::string>();
      continue;
    }
    if (stop_.stop_requested()) return fail(Code::cancelled, "stopped before the state {}", name);
    if (history_.size() > History::kEventsMax - kEventsOfAState) {
      return Outcome(std::unexpected(
          Failure{"States.Runtime", "The execution reached the maximum number of history events (25000)."}));
    }
    Visit visit{state, name, state.at("Type").get<std::string>(), here, context};
    const std::int64_t entered_ms = history_.entered_ms(here).value_or(clock_.now_ms());
    visit.context["State"] = {{"Name", name}, {"EnteredTime", iso_time(entered_ms)}, {"RetryCount", 0}};
    if (!history_.entered_ms(here)) history_.add(visit.type + "StateEntered", {{"name", name}, {"input", input}}, here);

    auto ended = TRY(this->state(visit, input));
    if (!ended) return Outcome(std::unexpected(std::move(ended).error()));
    history_.add(visit.type + "StateExited", {{"name", name}, {"output", ended->output}}, here,
                 {{"output", ended->output}, {"next", ended->next}});
    TRY(history_.flush());
    input = std::move(ended->output);
    name = ended->next;
  }
  return Outcome(std::move(input));
}

Result<Interpreter::Ended> Interpreter::state(Visit& visit, const Json& raw_input) {
  const Json& state = visit.state;
  if (visit.type == "Fail") {
    const auto text = [&](const char* fixed, const char* path) -> Outcome {
      if (!state.contains(path)) return Json(state.value(fixed, ""));
      return outcome_of(evaluate(state.at(path).get<std::string>(), {raw_input, visit.context, random_}));
    };
    const auto error = text("Error", "ErrorPath");
    const auto cause = text("Cause", "CausePath");
    if (!error || !cause) return Ended(std::unexpected(!error ? error.error() : cause.error()));
    const auto plain = [](const Json& value) { return value.is_string() ? value.get<std::string>() : to_text(value); };
    return Ended(std::unexpected(Failure{plain(*error), plain(*cause)}));
  }
  const auto input = apply_path(state, "InputPath", raw_input, visit.context, random_);
  if (!input) return Ended(std::unexpected(input.error()));
  if (visit.type == "Choice") return choice(visit, *input);

  const std::string next = state.value("Next", "");
  while (true) {
    visit.context["State"]["RetryCount"] = history_.failures(visit.place).size();
    auto outcome = TRY(work(visit, *input));
    if (outcome) outcome = with_result(visit, raw_input, *outcome);
    if (outcome) return Ended(Transition{*std::move(outcome), next});

    const Failure failure = outcome.error();
    history_.add(visit.type == "Map" ? "MapStateFailed" : "TaskFailed",
                 {{"error", failure.error}, {"cause", failure.cause}}, visit.place);
    TRY(history_.flush());
    if (state.contains("Retry")) {
      if (const auto delay_ms = retry_delay_ms(state.at("Retry"), history_.failures(visit.place), random_)) {
        TRY(clock_.sleep(*delay_ms, stop_));
        continue;
      }
    }
    for (const Json& catcher : state.value("Catch", Json::array())) {
      if (!names_error(catcher.at("ErrorEquals"), failure.error)) continue;
      const auto path = JsonPath::parse(catcher.value("ResultPath", "$"));
      const auto output = outcome_of(path->put(raw_input, error_output(failure)));
      if (!output) return Ended(std::unexpected(Failure{"States.ResultPathMatchFailure", output.error().cause}));
      return Ended(Transition{*output, catcher.at("Next").get<std::string>()});
    }
    return Ended(std::unexpected(failure));
  }
}

/// ResultSelector, ResultPath and OutputPath.
Outcome Interpreter::with_result(const Visit& visit, const Json& raw_input, const Json& result) {
  const Json& state = visit.state;
  Json selected = result;
  if (state.contains("ResultSelector")) {
    auto filled = outcome_of(fill_template(state.at("ResultSelector"), {result, visit.context, random_}));
    if (!filled) return filled;
    selected = *std::move(filled);
  }
  Json output = std::move(selected);
  if (state.contains("ResultPath")) {
    if (state.at("ResultPath").is_null()) {
      output = raw_input;
    } else {
      const auto put = JsonPath::parse(state.at("ResultPath").get<std::string>())->put(raw_input, std::move(output));
      if (!put) return std::unexpected(Failure{"States.ResultPathMatchFailure", put.error().message()});
      output = *put;
    }
  }
  auto shown = apply_path(state, "OutputPath", output, visit.context, random_);
  return shown ? within_limit(*std::move(shown)) : shown;
}

/// What a state does with its input, before its result is put in place.
Result<Outcome> Interpreter::work(Visit& visit, const Json& input) {
  if (visit.type == "Task") return task(visit, input);
  if (visit.type == "Map") return map(visit, input);
  if (visit.type == "Wait") return wait(visit, input);
  if (visit.type == "Pass") {
    if (visit.state.contains("Result")) return Outcome(visit.state.at("Result"));
    if (visit.state.contains("Parameters")) {
      return outcome_of(fill_template(visit.state.at("Parameters"), {input, visit.context, random_}));
    }
  }
  return Outcome(input);  // Pass without either, Succeed
}

Result<Outcome> Interpreter::task(Visit& visit, const Json& input) {
  auto parameters = input;
  if (visit.state.contains("Parameters")) {
    auto filled = outcome_of(fill_template(visit.state.at("Parameters"), {input, visit.context, random_}));
    if (!filled) return filled;
    parameters = *std::move(filled);
  }
  const std::string resource = visit.state.at("Resource").get<std::string>();
  if (resource != kInvoke) {
    return call(visit, {function_name_of(resource), std::move(parameters), execution_.str(), stop_});
  }
  const Json function = parameters.value("FunctionName", Json());
  if (!function.is_string()) return Outcome(std::unexpected(Failure{"States.Runtime", "FunctionName must be a text"}));
  auto outcome = TRY(call(visit, {function_name_of(function.get<std::string>()),
                                  parameters.value("Payload", Json::object()), execution_.str(), stop_}));
  if (!outcome) return outcome;
  return Outcome(Json{{"ExecutedVersion", "$LATEST"}, {"Payload", *std::move(outcome)}, {"StatusCode", 200}});
}

Result<Outcome> Interpreter::call(Visit& visit, TaskRunner::Call call) {
  history_.add("TaskScheduled",
               {{"resourceType", "lambda"},
                {"resource", "invoke"},
                {"functionName", call.function_name},
                {"parameters", call.payload}},
               visit.place);
  history_.add("TaskStarted", {{"resourceType", "lambda"}, {"resource", "invoke"}}, visit.place);
  const double timeout_s = visit.state.value("TimeoutSeconds", 0.0);
  std::stop_source stop;
  const std::stop_callback forward(stop_, [&] { stop.request_stop(); });
  std::atomic<bool> timed_out = false;
  std::jthread timer;
  if (timeout_s > 0) {
    timer = std::jthread([&, timeout_s](const std::stop_token& done) {
      if (!clock_.sleep(static_cast<std::int64_t>(timeout_s * 1000), done)) return;
      timed_out = true;
      stop.request_stop();
    });
  }
  call.stop = stop.get_token();
  auto result = tasks_.run(call);
  timer = {};
  if (!result && result.error().code() == Code::cancelled) {
    if (timed_out && !stop_.stop_requested())
      return Outcome(std::unexpected(Failure{"States.Timeout", result.error().message()}));
    return std::unexpected(result.error());
  }
  auto outcome = outcome_of(std::move(result));
  if (outcome) outcome = within_limit(*std::move(outcome));
  if (outcome)
    history_.add("TaskSucceeded", {{"resourceType", "lambda"}, {"resource", "invoke"}, {"output", *outcome}},
                 visit.place);
  return outcome;
}

Result<Outcome> Interpreter::map(Visit& visit, const Json& input) {
  const Json& state = visit.state;
  const auto items =
      state.contains("ItemsPath")
          ? outcome_of(evaluate(state.at("ItemsPath").get<std::string>(), {input, visit.context, random_}))
          : Outcome(input);
  if (!items) return items;
  if (!items->is_array())
    return Outcome(std::unexpected(Failure{"States.Runtime", "the items of a Map must be a list"}));
  std::size_t concurrency = state.value("MaxConcurrency", std::size_t{0});
  if (state.contains("MaxConcurrencyPath")) {
    const auto path =
        outcome_of(evaluate(state.at("MaxConcurrencyPath").get<std::string>(), {input, visit.context, random_}));
    if (!path) return path;
    if (!path->is_number_integer() || path->get<std::int64_t>() < 0) {
      return Outcome(
          std::unexpected(Failure{"States.Runtime", "MaxConcurrencyPath must lead to a whole number from 0 up"}));
    }
    concurrency = path->get<std::size_t>();
  }
  const std::size_t threads =
      std::min({concurrency == 0 ? threads_max_ : concurrency, threads_max_, std::max<std::size_t>(items->size(), 1)});
  history_.add("MapStateStarted", {{"length", items->size()}}, visit.place);

  std::vector<std::optional<Result<Outcome>>> outcomes(items->size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> over = false;  // one iteration failed: no further one begins
  const auto work = [&] {
    for (std::size_t index = next++; index < items->size() && !over; index = next++) {
      outcomes[index] = iteration(visit, input, (*items)[index], index);
      if (!*outcomes[index] || !**outcomes[index]) over = true;
    }
  };
  {
    std::vector<std::jthread> workers;
    for (std::size_t i = 1; i < threads; ++i) workers.emplace_back(work);
    work();
  }
  Json results = Json::array();
  for (const auto& outcome : outcomes) {
    if (outcome && !*outcome) return std::unexpected(outcome->error());
  }
  for (auto& outcome : outcomes) {
    if (outcome && !**outcome) return **std::move(outcome);
    if (outcome) results.push_back(***std::move(outcome));
  }
  history_.add("MapStateSucceeded", nullptr, visit.place);
  return Outcome(std::move(results));
}

Result<Outcome> Interpreter::iteration(Visit& visit, const Json& input, const Json& item, std::size_t index) {
  // A retried Map begins anew: its attempt is part of the place.
  const std::string place = fmt::format("{}.{}[{}]/", visit.place, history_.failures(visit.place).size(), index);
  if (const auto ended = history_.ended(place)) return Outcome(ended->at("output"));
  Json context = visit.context;
  context["Map"] = {{"Item", {{"Index", index}, {"Value", item}}}};
  Json iteration_input = item;
  for (const char* name : {"ItemSelector", "Parameters"}) {
    if (!visit.state.contains(name)) continue;
    auto filled = outcome_of(fill_template(visit.state.at(name), {input, context, random_}));
    if (!filled) return filled;
    iteration_input = *std::move(filled);
    break;
  }
  const Json details = {{"name", visit.name}, {"index", index}};
  history_.add("MapIterationStarted", details, place);
  const Json& processor =
      visit.state.contains("ItemProcessor") ? visit.state.at("ItemProcessor") : visit.state.at("Iterator");
  auto outcome = TRY(machine(processor, std::move(iteration_input), place, context));
  if (outcome) {
    history_.add("MapIterationSucceeded", details, place, {{"output", *outcome}});
  } else {
    history_.add("MapIterationFailed", details, place);
  }
  return outcome;
}

Result<Interpreter::Ended> Interpreter::choice(Visit& visit, const Json& input) {
  const auto output = apply_path(visit.state, "OutputPath", input, visit.context, random_);
  if (!output) return Ended(std::unexpected(output.error()));
  for (const Json& rule : visit.state.at("Choices")) {
    const auto holds = choice_holds(rule, {input, visit.context, random_});
    if (!holds) return Ended(std::unexpected(failure_of(holds.error())));
    if (*holds) return Ended(Transition{*output, rule.at("Next").get<std::string>()});
  }
  if (visit.state.contains("Default")) return Ended(Transition{*output, visit.state.at("Default").get<std::string>()});
  return Ended(
      std::unexpected(Failure{"States.NoChoiceMatched", fmt::format("no rule of the choice {} matched", visit.name)}));
}

Result<Outcome> Interpreter::wait(Visit& visit, const Json& input) {
  const Json& state = visit.state;
  TRY(history_.flush());  // a resumed walk waits from the moment that is recorded here
  const std::int64_t entered_ms = history_.entered_ms(visit.place).value_or(clock_.now_ms());
  Outcome value = Json();
  for (const char* name : {"Seconds", "Timestamp"}) {
    const std::string path = std::string(name) + "Path";
    if (state.contains(name)) value = state.at(name);
    if (state.contains(path))
      value = outcome_of(evaluate(state.at(path).get<std::string>(), {input, visit.context, random_}));
  }
  if (!value) return value;
  std::int64_t until_ms = 0;
  if (value->is_number()) {
    until_ms = entered_ms + static_cast<std::int64_t>(value->get<double>() * 1000);
  } else {
    const auto time = value->is_string() ? parse_iso_time(value->get<std::string>())
                                         : Result<std::int64_t>(fail(Code::invalid_input, "not a time"));
    if (!time)
      return Outcome(std::unexpected(
          Failure{"States.Runtime", fmt::format("the state {} cannot wait for {}", visit.name, to_text(*value))}));
    until_ms = *time;
  }
  if (const std::int64_t left_ms = until_ms - clock_.now_ms(); left_ms > 0) TRY(clock_.sleep(left_ms, stop_));
  return Outcome(input);
}

}  // namespace tillite
