#pragma once

#include "base/json.h"
#include "server/step_functions_backend.h"

namespace tillite {

/// The member of a HistoryEvent that holds the details of events of this type: "stateEnteredEventDetails" for
/// "PassStateEntered". Empty for types without details, and for unknown ones.
[[nodiscard]] std::string_view details_member(std::string_view event_type);

/// An event as GetExecutionHistory shows it. Without `with_data` inputs, outputs and parameters are left out.
[[nodiscard]] Json json_of(const ExecutionEvent& event, bool with_data);

/// Milliseconds since the epoch as AWS's JSON has times: seconds, with a fraction.
[[nodiscard]] Json json_time(std::int64_t epoch_ms);

}  // namespace tillite
