#include "workflow/machine_validation.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "workflow/expression_validation.h"

namespace tillite {
namespace {

constexpr std::size_t kNameMax = 80;   // characters of a state's name
constexpr std::size_t kDepthMax = 32;  // of machines in machines

/// Where a state leads, and the place of the field that says so.
struct Transition {
  std::string target;
  std::string place;
};

std::vector<Transition> transitions_of(const Value& state, const std::string& location) {
  std::vector<Transition> transitions;
  const auto add = [&](const Value& holder, const char* field, const std::string& place) {
    const Value* target = holder.find(field);
    if (target != nullptr && target->is_string()) transitions.push_back({target->string(), below(place, field)});
  };
  add(state, "Next", location);
  for (const char* list : {"Choices", "Catch"}) {
    const Value* entries = state.find(list);
    if (entries == nullptr || !entries->is_array()) continue;
    for (std::size_t i = 0; i < entries->array().size(); ++i)
      add(entries->array()[i], "Next", fmt::format("{}/{}[{}]", location, list, i));
  }
  add(state, "Default", location);
  return transitions;
}

bool is_terminal(const Value& state) {
  const Value* type = state.find("Type");
  const Value* end = state.find("End");
  return (type != nullptr && (*type == Value("Succeed") || *type == Value("Fail"))) ||
         (end != nullptr && *end == Value(true));
}

std::size_t characters_of(std::string_view text) { return is_utf8(text) ? code_points(text).size() : text.size(); }

}  // namespace

bool MachineValidator::check_object(const Value& value, const std::string& location) {
  if (!value.is_object()) schema_.schema("Expected value of type [OBJECT]", location);
  return value.is_object();
}

void MachineValidator::check_required(const Value& value, std::initializer_list<std::string_view> names,
                                      const std::string& location) {
  std::vector<std::string_view> missing;
  for (const std::string_view name : names) {
    if (value.find(name) == nullptr) missing.push_back(name);
  }
  if (!missing.empty())
    schema_.schema(fmt::format("These fields are required: [{}]", fmt::join(missing, ", ")), location);
}

void MachineValidator::check_one_of(const Value& value, std::initializer_list<std::string_view> names, bool required,
                                    const std::string& location) {
  const auto count = std::ranges::count_if(names, [&](std::string_view name) { return value.find(name) != nullptr; });
  if (count > 1)
    schema_.schema(fmt::format("There should only be one of the following fields: [{}]", fmt::join(names, ", ")),
                   location);
  if (count == 0 && required)
    schema_.schema(
        fmt::format("This object should have only one of the following fields: [{}]", fmt::join(names, ", ")),
        location);
}

void MachineValidator::check_choice_of(const Value& value, std::initializer_list<std::string_view> allowed,
                                       const std::string& location) {
  if (!check_text(value, location, schema_)) return;
  if (std::ranges::find(allowed, value.string()) == allowed.end())
    schema_.schema(fmt::format("Value should be one of the following: [{}]", fmt::join(allowed, ", ")), location);
}

void MachineValidator::refuse_field(std::string_view name, const std::string& location) {
  schema_.schema(fmt::format("Field '{}' is not supported", name), location);
}

void MachineValidator::check_fields_of_machine(const Value& machine, Role role, const std::string& location) {
  const std::string place = location.empty() ? "/" : location;
  check_required(machine, {"States", "StartAt"}, place);
  for (const auto& [name, value] : machine.object()) {
    const std::string here = below(location, name);
    if (name == "StartAt" || name == "Comment") {
      check_text(value, here, schema_);
    } else if (name == "States") {
      if (check_object(value, here) && value.object().empty()) schema_.schema("Value cannot be empty", here);
    } else if (name == "ProcessorConfig" && role == Role::processor) {
      continue;  // the Map's
    } else if (name == "QueryLanguage" && role == Role::whole) {
      check_choice_of(value, {"JSONPath", "JSONata"}, here);
    } else if (name == "Version" && role == Role::whole) {
      check_choice_of(value, {"1.0"}, here);
    } else if (name == "TimeoutSeconds" && role == Role::whole) {
      if (!value.is_integer()) {
        schema_.schema("Expected value of type Integer", here);
      } else if (value.integer() < 0 || value.integer() > 99'999'999) {
        schema_.schema(value.integer() < 0 ? "Minimum value is 0" : "Maximum value is 99999999", here);
      }
    } else {
      refuse_field(name, place);
    }
  }
}

void MachineValidator::check_name(const std::string& name, const std::string& location) {
  if (name.empty()) transitions_.add("INVALID_STATE_NAME", "State name cannot be empty", location);
  if (characters_of(name) > kNameMax) {
    transitions_.add("INVALID_STATE_NAME", fmt::format("State name is longer than {} characters", kNameMax), location);
  }
  if (!names_.insert(name).second)
    transitions_.add("DUPLICATE_STATE_NAME", fmt::format("Duplicate state name: {}", name), location);
}

void MachineValidator::check_machine(const Value& machine, Role role, MachineType type, const std::string& location) {
  if (!check_object(machine, location)) return;
  if (++depth_ > kDepthMax) {
    schema_.schema(fmt::format("States are nested more than {} times", kDepthMax), location);
  } else {
    check_fields_of_machine(machine, role, location);
    if (const Value* states = machine.find("States"); states != nullptr && states->is_object()) {
      for (const auto& [name, state] : states->object()) {
        const std::string place = fmt::format("{}/States/{}", location, name);
        check_name(name, place);
        check_state(state, type, place);
      }
      check_transitions(machine, location);
    }
  }
  --depth_;
}

void MachineValidator::check_transitions(const Value& machine, const std::string& location) {
  const Value* start = machine.find("StartAt");
  const Value& states = *machine.find("States");
  if (start == nullptr || !start->is_string() || states.object().empty()) return;

  const auto missing = [&](const Transition& transition) {
    transitions_.add("MISSING_TRANSITION_TARGET", fmt::format("Missing 'Next' target: {}", transition.target),
                     transition.place);
  };
  std::set<std::string, std::less<>> reached;
  std::vector<std::string> open;
  const auto reach = [&](const Transition& transition) {
    if (states.find(transition.target) != nullptr && reached.insert(transition.target).second)
      open.push_back(transition.target);
  };
  const Transition first{start->string(), location + "/StartAt"};
  if (states.find(first.target) == nullptr) missing(first);
  reach(first);
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    for (const Transition& transition : transitions_of(*states.find(name), "")) reach(transition);
  }
  bool has_end = false;
  for (const auto& [name, state] : states.object()) {
    const std::string place = fmt::format("{}/States/{}", location, name);
    for (const Transition& transition : transitions_of(state, place)) {
      if (states.find(transition.target) == nullptr) missing(transition);
    }
    if (!reached.contains(name))
      transitions_.add("MISSING_TRANSITION_TARGET", fmt::format("State \"{}\" is not reachable.", name), place);
    has_end = has_end || is_terminal(state);
  }
  if (!has_end) transitions_.add("MISSING_END_STATE", "Workflow has no terminal state", "");
}

}  // namespace tillite
