#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace tillite {

// What Step Functions answers, as far as it matters here (AWS Step Functions API Reference). What is unknown is left
// aside; `corrupt` names what cannot be read. Times are milliseconds since the epoch.

enum class RemoteStatus { running, succeeded, failed, timed_out, aborted, pending_redrive };
/// "SUCCEEDED"
[[nodiscard]] std::string_view name_of(RemoteStatus status);
[[nodiscard]] bool has_ended(RemoteStatus status);

/// An execution of a state machine on AWS. A list leaves out input, output, error and cause.
struct RemoteExecution {
  std::string arn;
  std::string name;
  std::string machine_arn;
  RemoteStatus status = RemoteStatus::running;
  std::int64_t start_ms = 0;
  std::optional<std::int64_t> stop_ms;
  std::string input;                  ///< JSON, empty if it was left out
  std::optional<std::string> output;  ///< JSON
  std::optional<std::string> error;
  std::optional<std::string> cause;
  std::int64_t redrive_count = 0;
};

struct RemoteExecutionPage {
  std::vector<RemoteExecution> executions;  ///< newest first
  std::string next_token;                   ///< empty: this is the last page
};

/// One event of an execution's history.
struct RemoteEvent {
  std::int64_t id = 0;           ///< from 1
  std::int64_t previous_id = 0;  ///< of the event that led to it; 0: none
  std::int64_t time_ms = 0;
  std::string type;  ///< "TaskStateEntered"
  Json details;      ///< an object: that of "stateEnteredEventDetails", for one; empty if it has none
};

struct RemoteEventPage {
  std::vector<RemoteEvent> events;
  std::string next_token;
};

struct RemoteMachine {
  std::string arn;
  std::string name;
};

struct RemoteMachinePage {
  std::vector<RemoteMachine> machines;
  std::string next_token;
};

[[nodiscard]] Result<RemoteExecution> parse_execution(const Json& answer);
[[nodiscard]] Result<RemoteExecutionPage> parse_execution_page(const Json& answer);
[[nodiscard]] Result<RemoteEventPage> parse_event_page(const Json& answer);
[[nodiscard]] Result<RemoteMachinePage> parse_machine_page(const Json& answer);

}  // namespace tillite
