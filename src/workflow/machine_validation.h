#pragma once

#include <set>
#include <string>

#include "expressions/value.h"
#include "workflow/diagnostics.h"
#include "workflow/state_fields.h"

namespace tillite {

/// Checks a machine and those inside of its Map and Parallel states. For one machine of one definition.
class MachineValidator {
 public:
  enum class Role { whole, branch, processor };

  MachineValidator(bool jsonata, Diagnostics& schema, Diagnostics& transitions)
      : jsonata_(jsonata), schema_(schema), transitions_(transitions) {}

  /// `location` is empty for the whole definition.
  void check_machine(const Value& machine, Role role, MachineType type, const std::string& location);

 private:
  /// A state that is being checked.
  struct State {
    const Value& value;
    StateType type;
    bool jsonata;
    MachineType machine_type;
    std::string location;
  };

  // machine_validation.cpp
  void check_fields_of_machine(const Value& machine, Role role, const std::string& location);
  void check_name(const std::string& name, const std::string& location);
  void check_transitions(const Value& machine, const std::string& location);

  // state_validation.cpp
  void check_state(const Value& value, MachineType machine_type, const std::string& location);
  [[nodiscard]] bool language_of(const Value& value, const std::string& location, bool& is_refused);
  void check_field(const State& state, const StateField& field, const Value& value);
  void check_number(const State& state, const StateField& field, const Value& value, const std::string& location);
  void check_groups(const State& state);
  void check_retry(const Value& value, const std::string& location);
  void check_catch(const State& state, const Value& value, const std::string& location);
  void check_error_equals(const Value& entry, bool last, const std::string& location);

  // task_validation.cpp
  void check_resource(const State& state, const Value& value, const std::string& location);
  void check_credentials(const State& state, const Value& value, const std::string& location);

  // map_validation.cpp
  void check_branches(const State& state, const Value& value, const std::string& location);
  void check_processor(const State& state, const Value& value, const std::string& location);
  void check_item_reader(const State& state, const Value& value, const std::string& location);
  void check_item_batcher(const State& state, const Value& value, const std::string& location);
  void check_result_writer(const State& state, const Value& value, const std::string& location);
  void check_data_source(const State& state, const Value& value, std::string_view resources,
                         const std::string& location);
  void check_label(const Value& value, const std::string& location);

  // Of any object: what must be there, and what may stand beside what.
  bool check_object(const Value& value, const std::string& location);
  void check_required(const Value& value, std::initializer_list<std::string_view> names, const std::string& location);
  void check_one_of(const Value& value, std::initializer_list<std::string_view> names, bool required,
                    const std::string& location);
  void check_choice_of(const Value& value, std::initializer_list<std::string_view> allowed,
                       const std::string& location);
  void refuse_field(std::string_view name, const std::string& location);

  bool jsonata_;
  Diagnostics& schema_;
  Diagnostics& transitions_;
  std::set<std::string, std::less<>> names_;
  std::size_t depth_ = 0;
};

}  // namespace tillite
