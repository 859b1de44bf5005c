#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "workflow/failure.h"
#include "workflow/state_machine.h"

namespace tillite {

/// An event of an execution's history, as AWS names and numbers them (GetExecutionHistory).
struct HistoryEvent {
  std::int64_t id = 0;  ///< from 1
  std::int64_t previous_id = 0;
  std::string type;  ///< "ExecutionStarted", "TaskStateEntered", ...
  std::int64_t timestamp_ms = 0;
  Value details;  ///< the event's "...EventDetails"; input, output and parameters as values, not as texts
};

/// What a Task state calls.
struct TaskCall {
  std::string resource;
  Value payload;
  std::string state_name;
  std::string token;  ///< what SendTaskSuccess and its like name it by
  Value credentials;
};

/// The items of a Distributed Map that lie in objects.
struct ItemsToRead {
  const ItemReader* reader = nullptr;
  Value parameters;
  std::int64_t items_max = 0;  ///< 0: all
};

/// One child of a Distributed Map: an execution of its own.
struct ChildExecution {
  const MapState* map = nullptr;
  std::string map_run;  ///< name of the map run
  std::int64_t index = 0;
  std::int64_t redrive = 0;  ///< of the parent: a child that failed before it is another one
  std::int64_t total = 0;    ///< children of the run
  Value input;
  bool wants_output = true;  ///< false: the outputs go into objects, the answer needs none
};

/// The results of a Distributed Map's children, which go into objects. The answer: {Bucket, Key} of their manifest.
struct ResultsToWrite {
  const ResultWriter* writer = nullptr;
  Value parameters;
  std::string map_run;
};

/// What a walk needs from outside. `id` counts from 1 in each walk; it names the answer.
struct Request {
  std::int64_t id = 0;
  std::variant<TaskCall, ItemsToRead, ChildExecution, ResultsToWrite> what;
};

/// An answer to a request. A task may start, be submitted (one that waits for its token), send heartbeats, and end
/// once.
struct News {
  enum class Kind { started, submitted, heartbeat, succeeded, failed };
  Kind kind = Kind::succeeded;
  Value output;        ///< of `submitted` and `succeeded`
  Failure failure;     ///< of `failed`
  std::string worker;  ///< of `started`: an activity's worker
};

}  // namespace tillite
