#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "expressions/choice_rule.h"
#include "workflow/template.h"

namespace tillite {

struct State;

/// States, and the one to begin with: a whole definition, a branch of a Parallel, the processor of a Map's items.
struct States {
  std::vector<State> states;
  std::size_t start = 0;  ///< index into `states`, as every transition is
};

struct Retrier {
  std::vector<std::string> errors;
  double interval_s = 1;
  std::int64_t attempts_max = 3;
  double backoff_rate = 2;
  std::optional<double> delay_s_max;
  bool full_jitter = false;
};

/// Where a result is put into a state's input.
struct ResultPath {
  bool discards = false;         ///< "ResultPath": null
  std::optional<JsonPath> path;  ///< absent: the result replaces the input
};

struct Catcher {
  std::vector<std::string> errors;
  std::size_t next = 0;
  ResultPath result_path;
  std::optional<Template> output;
  std::optional<Template> assign;
};

struct PassState {
  std::optional<Value> result;
};

struct TaskState {
  std::string resource;
  std::optional<Field> timeout_s;
  std::optional<Field> heartbeat_s;
  std::optional<Template> credentials;
};

struct ChoiceState {
  struct Rule {
    std::variant<ChoiceRule, Field> condition;  ///< by query language
    std::size_t next = 0;
    std::optional<Template> output;
    std::optional<Template> assign;
  };
  std::vector<Rule> rules;
  std::optional<std::size_t> otherwise;
};

struct WaitState {
  std::optional<Field> seconds;
  std::optional<Field> timestamp;
};

struct SucceedState {};

struct FailState {
  std::optional<Field> error;
  std::optional<Field> cause;
};

struct ParallelState {
  std::vector<States> branches;
};

/// Where a Distributed Map's items come from.
struct ItemReader {
  enum class Format { json, json_lines, csv, manifest, objects };  ///< `objects`: a listing
  std::string resource;
  std::optional<Template> parameters;  ///< Bucket, Key, Prefix
  Format format = Format::json;
  std::string items_pointer;  ///< RFC 6901: where the items are in a JSON file; empty: they are all of it
  bool headers_in_first_row = true;
  std::vector<std::string> headers;
  char delimiter = ',';
  std::optional<Field> items_max;
};

struct ItemBatcher {
  std::optional<Field> items_max;
  std::optional<Field> input_bytes_max;
  std::optional<Template> batch_input;
};

struct ResultWriter {
  std::string resource;  ///< empty: the result is only formatted
  std::optional<Template> parameters;
  bool as_json_lines = false;
  enum class Transformation { none, compact, flatten } transformation = Transformation::none;
};

struct MapState {
  States processor;
  bool distributed = false;
  bool express = false;  ///< of a Distributed Map's children
  std::string label;     ///< of the map run; the state's name if the definition gives none
  std::optional<PathExpression> items_path;
  std::optional<Field> items;
  std::optional<Template> item_selector;
  std::optional<Field> concurrency_max;
  std::optional<Field> tolerated_failure_count;
  std::optional<Field> tolerated_failure_percentage;
  std::optional<ItemReader> reader;
  std::optional<ItemBatcher> batcher;
  std::optional<ResultWriter> writer;
};

/// One state, its expressions parsed. What both query languages have is here, what a type has alone in `kind`.
struct State {
  std::string name;
  QueryLanguage language = QueryLanguage::jsonpath;
  std::optional<std::size_t> next;  ///< none: the end

  // JSONPath's flow of data. A path that is "null" stands for an empty object.
  std::optional<PathExpression> input_path;
  std::optional<PathExpression> output_path;
  bool discards_input = false;
  bool discards_output = false;
  std::optional<Template> parameters;
  std::optional<Template> result_selector;
  ResultPath result_path;

  // JSONata's.
  std::optional<Template> arguments;
  std::optional<Template> output;

  std::optional<Template> assign;
  std::vector<Retrier> retriers;
  std::vector<Catcher> catchers;

  std::variant<PassState, TaskState, ChoiceState, WaitState, SucceedState, FailState, ParallelState, MapState> kind;

  [[nodiscard]] std::string_view type() const;  ///< "Pass", "Task", ...
};

enum class MachineType { standard, express };

/// A definition in Amazon States Language, parsed once and walked often. Immutable; any thread.
class StateMachine {
 public:
  /// `invalid_input` names the place ("States.PollBatches.ItemProcessor.States.PollBatch.Next") and the reason.
  [[nodiscard]] static Result<StateMachine> parse(std::string name, std::string_view definition,
                                                  MachineType type = MachineType::standard);

  [[nodiscard]] const std::string& name() const { return content_->name; }
  [[nodiscard]] const std::string& definition() const { return content_->definition; }  ///< as it was given
  [[nodiscard]] MachineType type() const { return content_->type; }
  [[nodiscard]] const States& states() const { return content_->states; }
  [[nodiscard]] std::optional<std::int64_t> timeout_s() const { return content_->timeout_s; }

 private:
  struct Content {
    std::string name;
    std::string definition;
    MachineType type;
    States states;
    std::optional<std::int64_t> timeout_s;
  };
  explicit StateMachine(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

/// The states of a definition, a branch or a processor. Errors as those of StateMachine::parse.
[[nodiscard]] Result<States> parse_states(const Value& definition, QueryLanguage language);
/// One state by itself, the first of what is returned. Where it goes on to there are states of those names which end at
/// once. Errors as those of StateMachine::parse.
[[nodiscard]] Result<States> parse_state(const Value& definition, const std::string& name);

}  // namespace tillite
