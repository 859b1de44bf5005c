#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"

namespace tillite {

/// What one call of a step came to.
struct StepMeasurement {
  std::string step;           ///< "find_unembedded"
  std::string function_name;  ///< empty: not in Lambda
  std::int64_t timestamp_ms = 0;
  std::int64_t duration_ms = 0;
  bool is_cold_start = false;
  const Json* result = nullptr;      ///< nullptr: the step failed
  Json properties = Json::object();  ///< request_id and the like: searchable, no dimensions
};

/// The measurement as one line of CloudWatch's embedded metric format ("Specification: Embedded metric format",
/// CloudWatch User Guide), namespace EmbeddingWorkflow, by step: Duration, Errors, ColdStarts, and Batches, Items and
/// Vectors where the step's result has such a number. CloudWatch makes metrics of the lines of a function's log.
[[nodiscard]] std::string embedded_metrics_line(const StepMeasurement& measurement);

}  // namespace tillite
