#include "workflow/state_machine.h"

#include <algorithm>
#include <map>
#include <set>

#include "workflow/choice.h"
#include "workflow/json_path.h"
#include "workflow/payload_template.h"

namespace tillite {
namespace {

constexpr std::size_t kDefinitionBytesMax = std::size_t{1} << 20;
constexpr std::size_t kNameMax = 80;

using Fields = std::set<std::string, std::less<>>;

/// What may stand in a state of each type; all else is not known and refused.
const std::map<std::string, Fields, std::less<>>& fields_of_types() {
  static const std::map<std::string, Fields, std::less<>> fields = {
      {"Pass", {"Type", "Comment", "Next", "End", "InputPath", "OutputPath", "ResultPath", "Parameters", "Result"}},
      {"Task",
       {"Type", "Comment", "Next", "End", "InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector",
        "Resource", "Retry", "Catch", "TimeoutSeconds"}},
      {"Map",
       {"Type", "Comment", "Next", "End", "InputPath", "OutputPath", "ResultPath", "ResultSelector", "ItemsPath",
        "ItemSelector", "Parameters", "ItemProcessor", "Iterator", "MaxConcurrency", "MaxConcurrencyPath", "Retry",
        "Catch"}},
      {"Choice", {"Type", "Comment", "InputPath", "OutputPath", "Choices", "Default"}},
      {"Wait",
       {"Type", "Comment", "Next", "End", "InputPath", "OutputPath", "Seconds", "SecondsPath", "Timestamp",
        "TimestampPath"}},
      {"Succeed", {"Type", "Comment", "InputPath", "OutputPath"}},
      {"Fail", {"Type", "Comment", "Error", "Cause", "ErrorPath", "CausePath"}},
  };
  return fields;
}

/// Checks a definition and everything in it; `place` leads to what is being checked.
class Checker {
 public:
  Result<void> machine(const Json& machine, const std::string& place) {
    if (!machine.is_object()) return wrong(place, "must be an object");
    if (find_field(machine, "QueryLanguage") != nullptr && machine.at("QueryLanguage") != Json("JSONPath")) {
      return wrong(place + "QueryLanguage", "only JSONPath is supported");
    }
    const auto states = object_field(machine, "States");
    if (!states) return wrong(place + "States", states.error().message());
    const auto start = string_field(machine, "StartAt");
    if (!start) return wrong(place + "StartAt", start.error().message());
    if (!states->contains(*start)) return wrong(place + "StartAt", fmt::format("there is no state '{}'", *start));
    for (const auto& [name, definition] : states->items()) {
      const std::string state_place = fmt::format("{}States.{}", place, name);
      if (name.empty() || name.size() > kNameMax) return wrong(state_place, "a name has 1 to 80 characters");
      if (!names_.insert(name).second) return wrong(state_place, "another state has this name");
      TRY(state(definition, *states, state_place));
    }
    return {};
  }

 private:
  static std::unexpected<Error> wrong(std::string_view place, std::string_view reason) {
    return fail(Code::invalid_input, "{}: {}", place, reason);
  }

  /// An error of one of the checks below, with the place before it.
  static Result<void> at(const std::string& place, const Result<void>& checked) {
    return checked ? checked : Result<void>(wrong(place, checked.error().message()));
  }

  Result<void> state(const Json& state, const Json& siblings, const std::string& place) {
    const auto type = string_field(state, "Type");
    if (!type) return wrong(place + ".Type", type.error().message());
    const auto known = fields_of_types().find(*type);
    if (known == fields_of_types().end())
      return wrong(place + ".Type", fmt::format("states of type '{}' are not supported", *type));
    for (const auto& [name, value] : state.items()) {
      if (!known->second.contains(name))
        return wrong(fmt::format("{}.{}", place, name), fmt::format("a {} state has no such field here", *type));
    }
    TRY(transition(state, *type, siblings, place));
    TRY(data_flow(state, place));
    TRY(handlers(state, siblings, place));
    if (*type == "Task") TRY(task(state, place));
    if (*type == "Map") TRY(map(state, place));
    if (*type == "Choice") TRY(choice(state, siblings, place));
    if (*type == "Wait") TRY(wait(state, place));
    return {};
  }

  Result<void> transition(const Json& state, const std::string& type, const Json& siblings, const std::string& place) {
    if (type == "Choice" || type == "Succeed" || type == "Fail") return {};
    const bool ends = state.value("End", Json(false)) == Json(true);
    if (ends == state.contains("Next")) return wrong(place, "needs either Next or End");
    return ends ? Result<void>() : next(state, siblings, place);
  }

  Result<void> next(const Json& holder, const Json& siblings, const std::string& place) {
    const auto name = string_field(holder, "Next");
    if (!name) return wrong(place + ".Next", name.error().message());
    if (!siblings.contains(*name)) return wrong(place + ".Next", fmt::format("there is no state '{}'", *name));
    return {};
  }

  Result<void> data_flow(const Json& state, const std::string& place) {
    for (const char* name : {"InputPath", "OutputPath", "ItemsPath", "SecondsPath", "TimestampPath",
                             "MaxConcurrencyPath", "ErrorPath", "CausePath"}) {
      const Json* path = find_field(state, name);
      if (path == nullptr) continue;
      if (!path->is_string()) return wrong(fmt::format("{}.{}", place, name), "must be a path");
      TRY(at(fmt::format("{}.{}", place, name), check_expression(path->get<std::string>())));
    }
    if (const Json* path = find_field(state, "ResultPath")) TRY(reference(*path, place + ".ResultPath"));
    for (const char* name : {"Parameters", "ResultSelector", "ItemSelector"}) {
      if (const Json* payload = find_field(state, name))
        TRY(at(fmt::format("{}.{}", place, name), check_template(*payload)));
    }
    return {};
  }

  static Result<void> reference(const Json& path, const std::string& place) {
    if (!path.is_string()) return wrong(place, "must be a path");
    const auto parsed = JsonPath::parse(path.get<std::string>());
    if (!parsed) return wrong(place, parsed.error().message());
    if (!parsed->is_reference()) return wrong(place, "must name one place");
    return {};
  }

  Result<void> handlers(const Json& state, const Json& siblings, const std::string& place) {
    for (const char* kind : {"Retry", "Catch"}) {
      const Json* list = find_field(state, kind);
      if (list == nullptr) continue;
      if (!list->is_array()) return wrong(fmt::format("{}.{}", place, kind), "must be a list");
      for (std::size_t i = 0; i < list->size(); ++i) {
        const Json& handler = (*list)[i];
        const std::string handler_place = fmt::format("{}.{}[{}]", place, kind, i);
        const auto errors = array_field(handler, "ErrorEquals");
        if (!errors || errors->empty()) return wrong(handler_place + ".ErrorEquals", "must be a list of error names");
        for (const Json& error : *errors) {
          if (!error.is_string()) return wrong(handler_place + ".ErrorEquals", "must be a list of error names");
        }
        if (std::string_view(kind) == "Catch") {
          TRY(next(handler, siblings, handler_place));
          if (const Json* path = find_field(handler, "ResultPath"))
            TRY(reference(*path, handler_place + ".ResultPath"));
        } else {
          TRY(retrier(handler, handler_place));
        }
      }
    }
    return {};
  }

  static Result<void> retrier(const Json& retrier, const std::string& place) {
    const auto in_range = [&](const char* name, double least, double most) -> Result<void> {
      const auto number = optional_number(retrier, name);
      if (!number) return wrong(place + "." + name, number.error().message());
      if (*number && !(**number >= least && **number <= most)) {
        return wrong(fmt::format("{}.{}", place, name), fmt::format("must be from {} to {}", least, most));
      }
      return {};
    };
    TRY(in_range("IntervalSeconds", 1, 99'999'999));
    TRY(in_range("MaxAttempts", 0, 99'999'999));
    TRY(in_range("BackoffRate", 1, 1000));
    TRY(in_range("MaxDelaySeconds", 1, 31'622'400));
    const Json jitter = retrier.value("JitterStrategy", Json("NONE"));
    if (jitter != Json("NONE") && jitter != Json("FULL"))
      return wrong(place + ".JitterStrategy", "must be NONE or FULL");
    return {};
  }

  static Result<void> task(const Json& state, const std::string& place) {
    const auto resource = string_field(state, "Resource");
    if (!resource) return wrong(place + ".Resource", resource.error().message());
    if (*resource == "arn:aws:states:::lambda:invoke") {
      const Json parameters = state.value("Parameters", Json::object());
      if (!parameters.contains("FunctionName") && !parameters.contains("FunctionName.$")) {
        return wrong(place + ".Parameters", "needs a FunctionName");
      }
    } else if (!resource->starts_with("arn:aws:lambda:")) {
      return wrong(
          place + ".Resource",
          fmt::format("'{}' is not supported: use arn:aws:states:::lambda:invoke or a function's ARN", *resource));
    }
    const auto timeout = optional_number(state, "TimeoutSeconds");
    if (!timeout || (*timeout && !(**timeout >= 1)))
      return wrong(place + ".TimeoutSeconds", "must be a number from 1 up");
    return {};
  }

  Result<void> map(const Json& state, const std::string& place) {
    const char* const name = state.contains("ItemProcessor") ? "ItemProcessor" : "Iterator";
    const auto processor = object_field(state, name);
    if (!processor) return wrong(fmt::format("{}.{}", place, name), processor.error().message());
    const Json config = processor->value("ProcessorConfig", Json::object());
    if (config.value("Mode", "INLINE") != "INLINE")
      return wrong(place + ".ItemProcessor.ProcessorConfig.Mode", "only INLINE is supported");
    const auto concurrency = optional_int(state, "MaxConcurrency");
    if (!concurrency || (*concurrency && **concurrency < 0))
      return wrong(place + ".MaxConcurrency", "must be a whole number from 0 up");
    return machine(*processor, fmt::format("{}.{}.", place, name));
  }

  Result<void> choice(const Json& state, const Json& siblings, const std::string& place) {
    const auto choices = array_field(state, "Choices");
    if (!choices || choices->empty()) return wrong(place + ".Choices", "must be a list of rules");
    for (std::size_t i = 0; i < choices->size(); ++i) {
      const std::string rule_place = fmt::format("{}.Choices[{}]", place, i);
      TRY(at(rule_place, check_choice((*choices)[i], false)));
      TRY(next((*choices)[i], siblings, rule_place));
    }
    if (!state.contains("Default")) return {};
    const auto fallback = string_field(state, "Default");
    if (!fallback || !siblings.contains(*fallback)) return wrong(place + ".Default", "there is no such state");
    return {};
  }

  static Result<void> wait(const Json& state, const std::string& place) {
    int ways = 0;
    for (const char* name : {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"})
      ways += state.contains(name) ? 1 : 0;
    if (ways != 1) return wrong(place, "needs one of Seconds, SecondsPath, Timestamp and TimestampPath");
    return {};
  }

  std::set<std::string> names_;  // unique in the whole definition, nested machines included
};

}  // namespace

Result<StateMachine> StateMachine::parse(std::string name, std::string_view definition) {
  if (definition.size() > kDefinitionBytesMax) {
    return fail(Code::limit_exceeded, "the definition {} has {} bytes, at most {} are allowed", name, definition.size(),
                kDefinitionBytesMax);
  }
  Json json = TRY(parse_json(definition, fmt::format("the definition {}", name)));
  const auto checked = Checker().machine(json, "");
  if (!checked) return pass_on(checked, fmt::format("the definition {}", name));
  return StateMachine(std::move(name), std::move(json));
}

}  // namespace tillite
