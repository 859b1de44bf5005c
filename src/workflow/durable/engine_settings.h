#pragma once

#include <map>
#include <string>

#include "ports/object_store.h"
#include "workflow/interpreter.h"

namespace tillite {

struct EngineSettings {
  std::int64_t lease_ms = 10'000;
  std::size_t threads_max = 8;  ///< tasks that run at the same time
  /// How many calls of a function run at the same time (those of a provider, say), by function name.
  std::map<std::string, std::size_t> function_limits;
  Interpreter::Limits limits{.children_max = 100};
  bool keeps_history = true;  ///< false: no events are kept; executions are as durable as with them
  std::string region = "us-east-1";
  std::string account = "000000000000";
  /// Where ItemReader and ResultWriter find their buckets.
  std::map<std::string, ObjectStore*> buckets;
};

}  // namespace tillite
