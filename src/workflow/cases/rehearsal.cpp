#include "workflow/cases/rehearsal.h"

#include "base/time.h"
#include "workflow/item_files.h"
#include "workflow/resource.h"

namespace tillite {
namespace {

constexpr std::string_view kAccount = "111111111111";

std::string text_of(const Value& object, std::string_view field) {
  const Value* value = object.find(field);
  if (value == nullptr || value->is_null()) return "";
  return value->is_string() ? value->string() : to_text(*value);
}

News failed(std::string error, std::optional<std::string> cause) {
  return {.kind = News::Kind::failed, .failure = {.error = std::move(error), .cause = std::move(cause)}};
}

/// How long a payload is in an answer of the recorded functions, which are Python's: blanks behind ',' and ':', other
/// characters than ASCII's as \uXXXX.
std::size_t python_bytes(const Value& value) {
  std::size_t bytes = 2;
  if (value.is_array()) {
    for (const Value& item : value.array()) bytes += python_bytes(item);
    return bytes + (value.array().empty() ? 0 : 2 * (value.array().size() - 1));
  }
  if (value.is_object()) {
    for (const auto& [name, field] : value.object()) bytes += python_bytes(Value(name)) + 2 + python_bytes(field);
    return bytes + (value.object().empty() ? 0 : 2 * (value.object().size() - 1));
  }
  return to_json(value).dump(-1, ' ', true).size();
}

/// An answer of lambda:invoke says how long its payload is.
Value with_content_length(const Value& value, const std::string& length) {
  if (value.is_array()) return Value(Value::Array{Value(length)});
  if (!value.is_object()) return Value(length);
  Value::Object object;
  for (const auto& [name, field] : value.object()) {
    const bool holds =
        name == "SdkHttpMetadata" || name == "AllHttpHeaders" || name == "HttpHeaders" || name == "Content-Length";
    object.set(name, holds ? with_content_length(field, length) : field);
  }
  return Value(std::move(object));
}

}  // namespace

/// The execution or a child of it.
class Rehearsal::Run final : public Interpreter::Listener {
 public:
  Run(Rehearsal& rehearsal, const States& states, Interpreter::Identity identity, Interpreter::Options options,
      Run* parent, std::int64_t request)
      : rehearsal_(rehearsal),
        parent_(parent),
        request_(request),
        interpreter_(states, std::move(identity), options, *this) {}

  void recorded(HistoryEvent event) override { rehearsal_.events_.push_back(std::move(event)); }
  void requested(Request request) override { requests_.push_back(std::move(request)); }
  void withdrawn(std::int64_t /*request*/) override {}
  void map_run_began(const std::string& /*run*/, const MapRunLimits& /*limits*/) override {}
  void map_run_ended(const std::string& /*run*/, bool /*succeeded*/) override {}

  Interpreter& interpreter() { return interpreter_; }

  /// Hands over what was asked for, and tells the parent of the end.
  void settle() {
    for (const Request& request : std::exchange(requests_, {})) rehearsal_.answer(*this, request);
    if (parent_ == nullptr || !interpreter_.end()) return;
    const ExecutionEnd& end = *interpreter_.end();
    News news{.kind = end.kind == ExecutionEnd::Kind::succeeded ? News::Kind::succeeded : News::Kind::failed,
              .output = end.output,
              .failure = end.failure};
    rehearsal_.answers_.push_back({std::exchange(parent_, nullptr), request_, std::move(news)});
  }

 private:
  Rehearsal& rehearsal_;
  Run* parent_;
  std::int64_t request_;
  std::vector<Request> requests_;
  Interpreter interpreter_;
};

Rehearsal::Rehearsal(const StateMachine& machine, World world) : machine_(machine), world_(std::move(world)) {}
Rehearsal::~Rehearsal() = default;

Result<ExecutionEnd> Rehearsal::run(Value input, bool stops) {
  const bool express = machine_.type() == MachineType::express;
  const std::string name = "rehearsal";
  runs_.push_back(std::make_unique<Run>(
      *this, machine_.states(),
      Interpreter::Identity{
          .execution_arn =
              fmt::format("arn:aws:states:us-east-1:{}:{}:{}:{}{}", kAccount, express ? "express" : "execution",
                          machine_.name(), name, express ? ":00000000-0000-0000-0000-000000000000" : ""),
          .execution_name = name,
          .machine_arn = fmt::format("arn:aws:states:us-east-1:{}:stateMachine:{}", kAccount, machine_.name()),
          .machine_name = machine_.name(),
          .role_arn = world_.role_arn,
          .account = std::string(kAccount)},
      world_.options, nullptr, 0));
  Run& whole = *runs_.front();
  whole.interpreter().start(std::move(input), now_ms_, machine_.timeout_s());
  whole.settle();
  while (!whole.interpreter().end()) {
    if (!answers_.empty()) {
      Answer next = std::move(answers_.front());
      answers_.pop_front();
      next.run->interpreter().tell(next.request, std::move(next.news), now_ms_);
      next.run->settle();
      continue;
    }
    if (stops) {
      whole.interpreter().stop("", "", now_ms_);
      break;
    }
    // Nothing is left to happen now: on to the next moment at which something does.
    std::optional<std::int64_t> next_ms;
    if (!later_.empty()) next_ms = later_.begin()->first;
    for (const auto& run : runs_) {
      const auto wake_ms = run->interpreter().next_wake_ms();
      if (wake_ms && (!next_ms || *wake_ms < *next_ms)) next_ms = *wake_ms;
    }
    if (!next_ms) return fail(Code::failed, "the execution waits for something that never comes");
    now_ms_ = std::max(now_ms_, *next_ms);
    while (!later_.empty() && later_.begin()->first <= now_ms_)
      answers_.push_back(std::move(later_.extract(later_.begin()).mapped()));
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      runs_[i]->interpreter().advance(now_ms_);
      runs_[i]->settle();
    }
  }
  return *whole.interpreter().end();
}

void Rehearsal::answer(Run& run, const Request& request) {
  if (const auto* call = std::get_if<TaskCall>(&request.what)) {
    answer_task(run, request.id, *call);
  } else if (const auto* wanted = std::get_if<ItemsToRead>(&request.what)) {
    const Outcome items = read_items(*wanted);
    answers_.push_back({&run, request.id,
                        items ? News{.output = *items} : News{.kind = News::Kind::failed, .failure = items.error()}});
  } else if (const auto* child = std::get_if<ChildExecution>(&request.what)) {
    const std::string name = fmt::format("{}-{}", child->map_run, child->index);
    runs_.push_back(std::make_unique<Run>(
        *this, child->map->processor,
        Interpreter::Identity{.execution_arn = name, .execution_name = name, .account = std::string(kAccount)},
        Interpreter::Options{.keeps_history = false}, &run, request.id));
    runs_.back()->interpreter().start(child->input, now_ms_);
    runs_.back()->settle();
  } else {
    const auto& results = std::get<ResultsToWrite>(request.what);
    answers_.push_back(
        {&run, request.id,
         News{.output = Value::Object{{"Bucket", text_of(results.parameters, "Bucket")},
                                      {"Key", text_of(results.parameters, "Prefix") + "/manifest.json"}}}});
  }
}

void Rehearsal::answer_task(Run& run, std::int64_t request, const TaskCall& call) {
  const Resource resource(call.resource);
  const bool invokes = resource.type() == "lambda";
  const std::string function = invokes ? text_of(call.payload, "FunctionName") : "";
  const Value* task = world_.tasks.find(call.resource);
  if (task == nullptr && invokes) task = world_.tasks.find(function);
  const std::string name = task != nullptr && world_.tasks.find(call.resource) == task ? call.resource : function;
  answers_.push_back({&run, request, {.kind = News::Kind::started, .worker = world_.worker}});
  if (task == nullptr) {
    answers_.push_back({&run, request, failed("Rehearsal.UnknownTask", "no task is described for " + call.resource)});
    return;
  }
  const Value* const payload = invokes ? call.payload.find("Payload") : &call.payload;
  const auto result = [&](Value value) {
    if (const Value* wrapper = task->find("result_wrapper")) {
      Value::Object wrapped = with_content_length(*wrapper, std::to_string(python_bytes(value))).object();
      wrapped.set("Payload", std::move(value));
      value = std::move(wrapped);
    }
    answers_.push_back({&run, request, {.output = std::move(value)}});
  };
  const std::string behaviour = text_of(*task, "behaviour");
  if (behaviour == "echo") {
    result(payload == nullptr ? Value(Value::Object()) : *payload);
  } else if (behaviour == "return") {
    result(task->find("value") == nullptr ? Value() : *task->find("value"));
  } else if (behaviour == "return_repeated") {
    std::string text;
    for (std::int64_t i = 0; i < task->find("count")->integer(); ++i) text += task->find("unit")->string();
    result(std::move(text));
  } else if (behaviour == "raise") {
    answers_.push_back({&run, request, failed(text_of(*task, "errorType"), text_of(*task, "cause_text"))});
  } else if (behaviour == "sleep") {
    const auto seconds = task->find("seconds");
    later_.emplace(now_ms_ + static_cast<std::int64_t>(seconds->number() * 1000), Answer{&run, request, News{}});
  } else if (behaviour == "script") {
    const Value::Array& outcomes = task->find("outcomes")->array();
    const std::size_t turn = played_[name]++;
    if (turn >= outcomes.size()) {
      answers_.push_back({&run, request, failed("Rehearsal.NoOutcomeLeft", name)});
      return;
    }
    const Value& outcome = outcomes[turn];
    if (outcome.find("timeout") != nullptr) return;
    if (const Value* output = outcome.find("output")) {
      answers_.push_back({&run, request, {.output = *output}});
    } else {
      const Value* cause = outcome.find("cause");
      answers_.push_back(
          {&run, request,
           failed(text_of(outcome, "error"),
                  cause == nullptr || cause->is_null() ? std::nullopt : std::optional(text_of(outcome, "cause")))});
    }
  } else {
    answers_.push_back({&run, request, failed("Rehearsal.UnknownBehaviour", behaviour)});
  }
}

Outcome Rehearsal::read_items(const ItemsToRead& wanted) const {
  const std::string bucket = text_of(wanted.parameters, "Bucket");
  if (wanted.reader->format == ItemReader::Format::objects) {
    Value::Array items;
    for (const Value& object : world_.objects.is_array() ? world_.objects.array() : Value::Array()) {
      if (text_of(object, "Bucket") != bucket ||
          !text_of(object, "Key").starts_with(text_of(wanted.parameters, "Prefix")))
        continue;
      items.emplace_back(Value::Object{{"Etag", "\"0\""},
                                       {"Key", text_of(object, "Key")},
                                       {"LastModified", now_ms_ / 1000},
                                       {"Size", text_of(object, "Body").size()},
                                       {"StorageClass", "STANDARD"}});
    }
    return Value(std::move(items));
  }
  const std::string key = text_of(wanted.parameters, "Key");
  for (const Value& object : world_.objects.is_array() ? world_.objects.array() : Value::Array()) {
    if (text_of(object, "Bucket") == bucket && text_of(object, "Key") == key)
      return items_in(*wanted.reader, text_of(object, "Body"), wanted.items_max);
  }
  return std::unexpected(Failure{.error = errors::kItemReaderFailed, .cause = "The specified key does not exist."});
}

}  // namespace tillite
