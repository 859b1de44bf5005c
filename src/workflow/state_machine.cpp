#include "workflow/state_machine.h"

#include <array>
#include <map>
#include <set>

namespace tillite {
namespace {

constexpr std::size_t kDefinitionBytesMax = std::size_t{1} << 20;
constexpr std::size_t kNameMax = 80;
constexpr std::array<std::string_view, 8> kTypes = {"Pass",    "Task", "Choice",   "Wait",
                                                    "Succeed", "Fail", "Parallel", "Map"};

/// A part of a definition under its place, as errors name it.
class Part {
 public:
  Part(const Value& value, std::string place, QueryLanguage language)
      : value_(value), place_(std::move(place)), language_(language) {}

  [[nodiscard]] const Value& value() const { return value_; }
  [[nodiscard]] QueryLanguage language() const { return language_; }
  [[nodiscard]] Part in(QueryLanguage language) const { return Part(value_, place_, language); }
  [[nodiscard]] const Value* find(std::string_view name) const { return value_.find(name); }
  [[nodiscard]] std::string place_of(std::string_view name) const {
    return place_.empty() ? std::string(name) : fmt::format("{}.{}", place_, name);
  }
  [[nodiscard]] std::unexpected<Error> wrong(std::string_view name, std::string_view reason) const {
    return fail(Code::invalid_input, "{}: {}", name.empty() ? place_ : place_of(name), reason);
  }
  template <typename T>
  [[nodiscard]] Result<T> at(std::string_view name, Result<T> result) const {
    if (!result) return wrong(name, result.error().message());
    return result;
  }

  [[nodiscard]] Result<Part> object(std::string_view name) const {
    const Value* field = find(name);
    if (field == nullptr || !field->is_object()) return wrong(name, "must be an object");
    return Part(*field, place_of(name), language_);
  }
  [[nodiscard]] Result<std::string> text(std::string_view name) const {
    const Value* field = find(name);
    if (field == nullptr || !field->is_string()) return wrong(name, "must be a text");
    return field->string();
  }
  [[nodiscard]] Result<std::optional<double>> number(std::string_view name, double least, double most) const {
    const Value* field = find(name);
    if (field == nullptr) return std::nullopt;
    if (!field->is_number() || !(field->number() >= least && field->number() <= most))
      return wrong(name, fmt::format("must be a number from {} to {}", least, most));
    return field->number();
  }
  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view name) const {
    const Value* field = find(name);
    std::vector<std::string> texts;
    if (field == nullptr || !field->is_array()) return wrong(name, "must be a list of texts");
    for (const Value& item : field->array()) {
      if (!item.is_string()) return wrong(name, "must be a list of texts");
      texts.push_back(item.string());
    }
    return texts;
  }
  /// Parts of a list, each under its number.
  [[nodiscard]] Result<std::vector<Part>> list(std::string_view name) const {
    const Value* field = find(name);
    std::vector<Part> parts;
    if (field == nullptr) return parts;
    if (!field->is_array()) return wrong(name, "must be a list");
    for (std::size_t i = 0; i < field->array().size(); ++i) {
      if (!field->array()[i].is_object()) return wrong(name, "must be a list of objects");
      parts.emplace_back(field->array()[i], fmt::format("{}[{}]", place_of(name), i), language_);
    }
    return parts;
  }
  [[nodiscard]] Result<std::optional<Template>> expressions(const std::string& name) const {
    const Value* field = find(name);
    if (field == nullptr) return std::nullopt;
    return TRY(at(name, Template::parse(*field, language_, name)));
  }
  [[nodiscard]] Result<std::optional<Field>> field(const std::string& name) const {
    return at(name, Field::parse(value_, name, language_));
  }
  [[nodiscard]] Result<std::optional<PathExpression>> path(const std::string& name) const {
    const Value* field = find(name);
    if (field == nullptr || field->is_null()) return std::nullopt;
    if (!field->is_string()) return wrong(name, "must be a path");
    return TRY(at(name, PathExpression::parse(field->string())));
  }

 private:
  const Value& value_;
  std::string place_;
  QueryLanguage language_;
};

Result<QueryLanguage> language_of(const Part& part) {
  const Value* name = part.find("QueryLanguage");
  if (name == nullptr) return part.language();
  if (*name == Value("JSONPath")) return QueryLanguage::jsonpath;
  if (*name == Value("JSONata")) return QueryLanguage::jsonata;
  return part.wrong("QueryLanguage", "must be JSONPath or JSONata");
}

/// Parses what is in one definition: names are unique in all of it.
class Parser {
 public:
  Result<States> states(const Part& machine) {
    if (!machine.value().is_object()) return machine.wrong("", "must be an object");
    const Part all = TRY(machine.object("States"));
    if (all.value().object().empty()) return machine.wrong("States", "must hold a state");
    Siblings siblings;
    for (const auto& [name, state] : all.value().object()) siblings.numbers.emplace(name, siblings.numbers.size());
    States states;
    for (const auto& [name, state] : all.value().object()) {
      if (name.empty() || name.size() > kNameMax)
        return all.wrong(name.substr(0, kNameMax), "a name has 1 to 80 characters");
      if (!names_.insert(name).second) return all.wrong(name, "another state has this name");
      states.states.push_back(TRY(this->state(Part(state, all.place_of(name), machine.language()), name, siblings)));
    }
    states.start = TRY(transition(machine, "StartAt", siblings));
    return states;
  }

  Result<States> lone_state(const Part& declared, const std::string& name) {
    Siblings siblings{.numbers = {{name, 0}}, .are_made_up = true};
    names_.insert(name);
    States states;
    states.states.push_back(TRY(state(declared, name, siblings)));
    states.states.resize(siblings.numbers.size(), State{.kind = SucceedState{}});
    for (const auto& [sibling, number] : siblings.numbers) states.states[number].name = sibling;
    return states;
  }

 private:
  /// The states that a state may go on to, by name.
  struct Siblings {
    std::map<std::string, std::size_t, std::less<>> numbers;
    bool are_made_up = false;  ///< whatever is named is there
  };

  static Result<std::size_t> transition(const Part& part, std::string_view field, Siblings& siblings) {
    const std::string name = TRY(part.text(field));
    if (siblings.are_made_up) siblings.numbers.emplace(name, siblings.numbers.size());
    const auto found = siblings.numbers.find(name);
    if (found == siblings.numbers.end()) return part.wrong(field, fmt::format("there is no state '{}'", name));
    return found->second;
  }

  Result<State> state(const Part& declared, const std::string& name, Siblings& siblings) {
    if (!declared.value().is_object()) return declared.wrong("", "must be an object");
    const Part part = declared.in(TRY(language_of(declared)));
    State state{.name = name, .language = part.language()};
    const std::string type = TRY(part.text("Type"));
    if (type != "Choice" && type != "Succeed" && type != "Fail") {
      const bool ends = part.find("End") != nullptr && *part.find("End") == Value(true);
      if (ends == (part.find("Next") != nullptr)) return part.wrong("", "needs either Next or End");
      if (!ends) state.next = TRY(transition(part, "Next", siblings));
    }
    TRY(data_flow(part, state));
    state.assign = TRY(part.expressions("Assign"));
    for (const Part& retrier : TRY(part.list("Retry"))) state.retriers.push_back(TRY(this->retrier(retrier)));
    for (const Part& catcher : TRY(part.list("Catch"))) state.catchers.push_back(TRY(this->catcher(catcher, siblings)));
    if (type == "Pass") {
      PassState pass;
      if (const Value* result = part.find("Result")) pass.result = *result;
      state.kind = std::move(pass);
    } else if (type == "Task") {
      state.kind = TRY(task(part));
    } else if (type == "Choice") {
      state.kind = TRY(choice(part, siblings));
    } else if (type == "Wait") {
      WaitState wait;
      wait.seconds = TRY(part.field("Seconds"));
      wait.timestamp = TRY(part.field("Timestamp"));
      if (wait.seconds.has_value() == wait.timestamp.has_value())
        return part.wrong("", "needs one of Seconds, SecondsPath, Timestamp and TimestampPath");
      state.kind = std::move(wait);
    } else if (type == "Succeed") {
      state.kind = SucceedState{};
    } else if (type == "Fail") {
      FailState failing;
      failing.error = TRY(part.field("Error"));
      failing.cause = TRY(part.field("Cause"));
      state.kind = std::move(failing);
    } else if (type == "Parallel") {
      ParallelState parallel;
      for (const Part& branch : TRY(part.list("Branches"))) parallel.branches.push_back(TRY(states(branch)));
      if (parallel.branches.empty()) return part.wrong("Branches", "must hold a branch");
      state.kind = std::move(parallel);
    } else if (type == "Map") {
      state.kind = TRY(map(part, name));
    } else {
      return part.wrong("Type", fmt::format("there is no type '{}' of states", type.substr(0, 80)));
    }
    return state;
  }

  static Result<void> data_flow(const Part& part, State& state) {
    if (part.language() == QueryLanguage::jsonata) {
      state.arguments = TRY(part.expressions("Arguments"));
      state.output = TRY(part.expressions("Output"));
      return {};
    }
    state.input_path = TRY(part.path("InputPath"));
    state.output_path = TRY(part.path("OutputPath"));
    state.discards_input = part.find("InputPath") != nullptr && part.find("InputPath")->is_null();
    state.discards_output = part.find("OutputPath") != nullptr && part.find("OutputPath")->is_null();
    state.parameters = TRY(part.expressions("Parameters"));
    state.result_selector = TRY(part.expressions("ResultSelector"));
    state.result_path = TRY(result_path(part));
    return {};
  }

  static Result<ResultPath> result_path(const Part& part) {
    const Value* field = part.find("ResultPath");
    if (field == nullptr) return ResultPath{};
    if (field->is_null()) return ResultPath{.discards = true};
    if (!field->is_string()) return part.wrong("ResultPath", "must be a path");
    JsonPath path = TRY(part.at("ResultPath", JsonPath::parse(field->string())));
    if (!path.is_reference()) return part.wrong("ResultPath", "must name one place");
    return ResultPath{.path = std::move(path)};
  }

  static Result<Retrier> retrier(const Part& part) {
    Retrier retrier{.errors = TRY(part.texts("ErrorEquals"))};
    if (const auto interval_s = TRY(part.number("IntervalSeconds", 1, 99'999'999))) retrier.interval_s = *interval_s;
    if (const auto attempts = TRY(part.number("MaxAttempts", 0, 99'999'999)))
      retrier.attempts_max = static_cast<std::int64_t>(*attempts);
    if (const auto rate = TRY(part.number("BackoffRate", 1, 1000))) retrier.backoff_rate = *rate;
    retrier.delay_s_max = TRY(part.number("MaxDelaySeconds", 1, 31'622'400));
    if (const Value* jitter = part.find("JitterStrategy")) {
      if (*jitter != Value("NONE") && *jitter != Value("FULL"))
        return part.wrong("JitterStrategy", "must be NONE or FULL");
      retrier.full_jitter = *jitter == Value("FULL");
    }
    return retrier;
  }

  static Result<Catcher> catcher(const Part& part, Siblings& siblings) {
    Catcher catcher;
    catcher.errors = TRY(part.texts("ErrorEquals"));
    catcher.next = TRY(transition(part, "Next", siblings));
    catcher.assign = TRY(part.expressions("Assign"));
    if (part.language() == QueryLanguage::jsonata) {
      catcher.output = TRY(part.expressions("Output"));
    } else {
      catcher.result_path = TRY(result_path(part));
    }
    return catcher;
  }

  static Result<TaskState> task(const Part& part) {
    TaskState task;
    task.resource = TRY(part.text("Resource"));
    task.timeout_s = TRY(part.field("TimeoutSeconds"));
    task.heartbeat_s = TRY(part.field("HeartbeatSeconds"));
    task.credentials = TRY(part.expressions("Credentials"));
    return task;
  }

  static Result<std::variant<ChoiceRule, Field>> condition(const Part& rule) {
    if (rule.language() == QueryLanguage::jsonpath) return TRY(rule.at("", ChoiceRule::parse(rule.value())));
    auto condition = TRY(rule.field("Condition"));
    if (!condition) return rule.wrong("Condition", "is missing");
    return *std::move(condition);
  }

  static Result<ChoiceState::Rule> choice_rule(const Part& part, Siblings& siblings) {
    ChoiceState::Rule rule{.condition = TRY(condition(part))};
    rule.next = TRY(transition(part, "Next", siblings));
    if (part.language() == QueryLanguage::jsonata) rule.output = TRY(part.expressions("Output"));
    rule.assign = TRY(part.expressions("Assign"));
    return rule;
  }

  static Result<ChoiceState> choice(const Part& part, Siblings& siblings) {
    ChoiceState choice;
    for (const Part& rule : TRY(part.list("Choices"))) choice.rules.push_back(TRY(choice_rule(rule, siblings)));
    if (choice.rules.empty()) return part.wrong("Choices", "must hold a rule");
    if (part.find("Default") != nullptr) choice.otherwise = TRY(transition(part, "Default", siblings));
    return choice;
  }

  Result<MapState> map(const Part& part, const std::string& name) {
    const char* const processor_name = part.find("ItemProcessor") != nullptr ? "ItemProcessor" : "Iterator";
    const Part processor = TRY(part.object(processor_name));
    MapState map{.processor = TRY(states(processor))};
    if (const Value* config = processor.find("ProcessorConfig")) {
      const Value* mode = config->find("Mode");
      map.distributed = mode != nullptr && *mode == Value("DISTRIBUTED");
      const Value* type = config->find("ExecutionType");
      map.express = type != nullptr && *type == Value("EXPRESS");
    }
    map.label = part.find("Label") == nullptr ? name : TRY(part.text("Label"));
    if (part.language() == QueryLanguage::jsonata) {
      map.items = TRY(part.field("Items"));
    } else {
      map.items_path = TRY(part.path("ItemsPath"));
    }
    map.item_selector = TRY(part.expressions("ItemSelector"));
    if (!map.item_selector && part.language() == QueryLanguage::jsonpath)
      map.item_selector = TRY(part.expressions("Parameters"));
    map.concurrency_max = TRY(part.field("MaxConcurrency"));
    map.tolerated_failure_count = TRY(part.field("ToleratedFailureCount"));
    map.tolerated_failure_percentage = TRY(part.field("ToleratedFailurePercentage"));
    if (part.find("ItemReader") != nullptr) map.reader = TRY(item_reader(TRY(part.object("ItemReader"))));
    if (part.find("ItemBatcher") != nullptr) {
      const Part batcher = TRY(part.object("ItemBatcher"));
      map.batcher.emplace();
      map.batcher->items_max = TRY(batcher.field("MaxItemsPerBatch"));
      map.batcher->input_bytes_max = TRY(batcher.field("MaxInputBytesPerBatch"));
      map.batcher->batch_input = TRY(batcher.expressions("BatchInput"));
    }
    if (part.find("ResultWriter") != nullptr) map.writer = TRY(result_writer(TRY(part.object("ResultWriter"))));
    return map;
  }

  /// Of a reader or writer.
  static Result<std::optional<Template>> parameters(const Part& part) {
    return part.expressions(part.language() == QueryLanguage::jsonata ? "Arguments" : "Parameters");
  }

  static Result<ItemReader> item_reader(const Part& part) {
    ItemReader reader;
    reader.resource = TRY(part.text("Resource"));
    reader.parameters = TRY(parameters(part));
    const bool lists = reader.resource.ends_with("listObjectsV2");
    if (lists) reader.format = ItemReader::Format::objects;
    if (part.find("ReaderConfig") == nullptr) return reader;
    const Part config = TRY(part.object("ReaderConfig"));
    reader.items_max = TRY(config.field("MaxItems"));
    if (lists || config.find("InputType") == nullptr) return reader;
    const std::string type = TRY(config.text("InputType"));
    if (type == "JSON") {
      reader.format = ItemReader::Format::json;
    } else if (type == "JSONL") {
      reader.format = ItemReader::Format::json_lines;
    } else if (type == "CSV") {
      reader.format = ItemReader::Format::csv;
    } else if (type == "MANIFEST") {
      reader.format = ItemReader::Format::manifest;
      if (config.find("ManifestType") != nullptr && TRY(config.text("ManifestType")) != "S3_INVENTORY")
        return config.wrong("ManifestType", "must be S3_INVENTORY: manifests of others cannot be read here");
      if (config.find("Transformation") != nullptr && TRY(config.text("Transformation")) != "NONE")
        return config.wrong("Transformation", "must be NONE: objects that an inventory names are not loaded here");
    } else {
      return config.wrong("InputType", fmt::format("'{}' is not supported", type.substr(0, 80)));
    }
    if (config.find("ItemsPointer") != nullptr) {
      reader.items_pointer = TRY(config.text("ItemsPointer"));
      if (!reader.items_pointer.empty() && !reader.items_pointer.starts_with('/'))
        return config.wrong("ItemsPointer", "must be a JSON pointer, as in \"/data/items\"");
    }
    if (config.find("CSVHeaderLocation") != nullptr)
      reader.headers_in_first_row = TRY(config.text("CSVHeaderLocation")) != "GIVEN";
    if (config.find("CSVHeaders") != nullptr) reader.headers = TRY(config.texts("CSVHeaders"));
    if (config.find("CSVDelimiter") != nullptr) {
      static const std::map<std::string, char, std::less<>> delimiters = {
          {"COMMA", ','}, {"PIPE", '|'}, {"SEMICOLON", ';'}, {"SPACE", ' '}, {"TAB", '\t'}};
      const auto delimiter = delimiters.find(TRY(config.text("CSVDelimiter")));
      if (delimiter == delimiters.end())
        return config.wrong("CSVDelimiter", "must be COMMA, PIPE, SEMICOLON, SPACE or TAB");
      reader.delimiter = delimiter->second;
    }
    return reader;
  }

  static Result<ResultWriter> result_writer(const Part& part) {
    ResultWriter writer{.parameters = TRY(parameters(part))};
    if (part.find("Resource") != nullptr) writer.resource = TRY(part.text("Resource"));
    if (part.find("WriterConfig") == nullptr) return writer;
    const Part config = TRY(part.object("WriterConfig"));
    if (config.find("OutputType") != nullptr) writer.as_json_lines = TRY(config.text("OutputType")) == "JSONL";
    if (writer.resource.empty()) writer.transformation = ResultWriter::Transformation::compact;  // as without a writer
    if (config.find("Transformation") != nullptr) {
      const std::string transformation = TRY(config.text("Transformation"));
      writer.transformation = transformation == "COMPACT"   ? ResultWriter::Transformation::compact
                              : transformation == "FLATTEN" ? ResultWriter::Transformation::flatten
                                                            : ResultWriter::Transformation::none;
    }
    return writer;
  }

  std::set<std::string, std::less<>> names_;
};

}  // namespace

std::string_view State::type() const { return kTypes.at(kind.index()); }

Result<States> parse_states(const Value& definition, QueryLanguage language) {
  const Part part(definition, "", language);
  return Parser().states(part.in(TRY(language_of(part))));
}

Result<States> parse_state(const Value& definition, const std::string& name) {
  return Parser().lone_state(Part(definition, name, QueryLanguage::jsonpath), name);
}

Result<StateMachine> StateMachine::parse(std::string name, std::string_view definition, MachineType type) {
  if (definition.size() > kDefinitionBytesMax)
    return fail(Code::invalid_input, "the state machine {} has {} bytes, at most {} are allowed", name,
                definition.size(), kDefinitionBytesMax);
  const Value value = TRY(parse_value(definition, "the state machine " + name));
  auto states = parse_states(value, QueryLanguage::jsonpath);
  if (!states) return pass_on(states, "the state machine " + name);
  const Part part(value, "", QueryLanguage::jsonpath);
  const auto timeout_s = part.number("TimeoutSeconds", 1, 99'999'999);
  if (!timeout_s) return pass_on(timeout_s, "the state machine " + name);
  return StateMachine(std::make_shared<const Content>(
      Content{std::move(name), std::string(definition), type, *std::move(states),
              *timeout_s ? std::optional(static_cast<std::int64_t>(**timeout_s)) : std::nullopt}));
}

}  // namespace tillite
