#include "lambda/embedded_metrics.h"

#include <array>
#include <string_view>

namespace tillite {
namespace {

constexpr const char* kNamespace = "EmbeddingWorkflow";

/// A number of a step's result (docs/steps.md) and the metric that it counts for.
struct ResultMetric {
  std::string_view field;
  std::string_view metric;
};
constexpr std::array kResultMetrics = {
    ResultMetric{"batches_total", "Batches"},     ResultMetric{"pending_total", "Batches"},
    ResultMetric{"batches_completed", "Batches"}, ResultMetric{"items_total", "Items"},
    ResultMetric{"results_count", "Items"},       ResultMetric{"items_completed", "Items"},
    ResultMetric{"embedding_count", "Vectors"},   ResultMetric{"embeddings_processed", "Vectors"},
    ResultMetric{"deltas_consumed", "Deltas"},    ResultMetric{"deltas_total", "Deltas"},
};

}  // namespace

std::string embedded_metrics_line(const StepMeasurement& measurement) {
  Json line = measurement.properties;
  Json metrics = Json::array();
  const auto add = [&](std::string_view name, std::string_view unit, Json value) {
    metrics.push_back({{"Name", name}, {"Unit", unit}});
    line[std::string(name)] = std::move(value);
  };
  add("Duration", "Milliseconds", measurement.duration_ms);
  add("Errors", "Count", measurement.result == nullptr ? 1 : 0);
  add("ColdStarts", "Count", measurement.is_cold_start ? 1 : 0);
  for (const ResultMetric& counted : kResultMetrics) {
    if (measurement.result == nullptr) break;
    const Json* const number = find_field(*measurement.result, counted.field);
    if (number != nullptr && number->is_number()) add(counted.metric, "Count", *number);
  }
  line["Step"] = measurement.step;
  if (!measurement.function_name.empty()) line["FunctionName"] = measurement.function_name;
  const Json directive = {
      {"Namespace", kNamespace}, {"Dimensions", Json::array({Json::array({"Step"})})}, {"Metrics", metrics}};
  line["_aws"] = {{"Timestamp", measurement.timestamp_ms}, {"CloudWatchMetrics", Json::array({directive})}};
  return to_text(line);
}

}  // namespace tillite
