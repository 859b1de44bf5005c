#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ports/execution_store.h"
#include "ports/object_store.h"
#include "workflow/interpreter.h"

namespace tillite {

/// Functions whose calls are limited together: those of a provider, say.
struct FunctionGroup {
  std::string name;
  std::set<std::string> functions;
  std::size_t calls_max = 1;  ///< that run at the same time
};

struct EngineSettings {
  std::int64_t lease_ms = 10'000;
  std::size_t threads_max = 8;                 ///< tasks that run at the same time
  std::vector<FunctionGroup> function_groups;  ///< a function is in one of them at most
  Interpreter::Limits limits{.children_max = 100};
  bool keeps_history = true;  ///< false: no events are kept; executions are as durable as with them
  std::string region = "us-east-1";
  std::string account = "000000000000";
  /// Where ItemReader and ResultWriter find their buckets.
  std::map<std::string, ObjectStore*> buckets;
  /// State machines that tasks may start besides those in the store, by name.
  std::function<std::optional<MachineRow>(const std::string& name)> machine;
};

}  // namespace tillite
