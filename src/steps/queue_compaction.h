#pragma once

#include "steps/step.h"

namespace tillite {

/// Whether a message queue called: every record's `eventSource` is aws:sqs.
[[nodiscard]] bool is_queue_event(const Json& event);

/// Works on messages of the queue, {"Records": [{"messageId", "body", ...}]}: compacts each collection that they name
/// if its outstanding deltas have reached a threshold, or a message asks for everything; in rounds of up to 25 deltas,
/// until none is left, each of which completes its batches. Below the thresholds one delayed message is on its way at a
/// time, until the oldest delta is old enough. Another publisher at work is no failure: it, or a later message, does
/// what is left.
///
/// The answer, {"batchItemFailures": [{"itemIdentifier"}]}, names the messages that cannot be read, and only those. A
/// collection that cannot be compacted is an error, which is raised when the others had their turn.
[[nodiscard]] Result<Json> compact_for_queue(const Json& event, const Ports& ports, const StepContext& context);

}  // namespace tillite
