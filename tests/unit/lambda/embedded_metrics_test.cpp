#include "lambda/embedded_metrics.h"

#include <gtest/gtest.h>

#include "support/must.h"

namespace tillite::testing {
namespace {

Json line_of(const StepMeasurement& measurement) {
  const std::string line = embedded_metrics_line(measurement);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  return must(parse_json(line, "the line"));
}

std::map<std::string, std::string> metrics_of(const Json& line) {
  std::map<std::string, std::string> units;
  for (const Json& metric : line.at("_aws").at("CloudWatchMetrics").at(0).at("Metrics")) {
    units[metric.at("Name").get<std::string>()] = metric.at("Unit").get<std::string>();
    EXPECT_TRUE(line.at(metric.at("Name").get<std::string>()).is_number()) << "each metric has its value in the line";
  }
  return units;
}

TEST(EmbeddedMetricsTest, AStepsNumbersAreMetricsOfItsStep) {
  const Json result = {{"batches_total", 3}, {"items_total", 900}, {"more", false}, {"collection", "receipt_lines"}};
  const Json line = line_of({.step = "find_unembedded",
                             .function_name = "embedding-line-find",
                             .timestamp_ms = 1'700'000'000'000,
                             .duration_ms = 12,
                             .is_cold_start = true,
                             .result = &result,
                             .properties = {{"request_id", "r-1"}}});
  EXPECT_EQ(metrics_of(line), (std::map<std::string, std::string>{{"Duration", "Milliseconds"},
                                                                  {"Errors", "Count"},
                                                                  {"ColdStarts", "Count"},
                                                                  {"Batches", "Count"},
                                                                  {"Items", "Count"}}));
  EXPECT_EQ(line.at("Duration"), 12);
  EXPECT_EQ(line.at("Errors"), 0);
  EXPECT_EQ(line.at("ColdStarts"), 1);
  EXPECT_EQ(line.at("Batches"), 3);
  EXPECT_EQ(line.at("Items"), 900);
  EXPECT_EQ(line.at("Step"), "find_unembedded");
  EXPECT_EQ(line.at("request_id"), "r-1") << "a property, no dimension";
  EXPECT_EQ(line.at("_aws").at("Timestamp"), 1'700'000'000'000);
  const Json& directive = line.at("_aws").at("CloudWatchMetrics").at(0);
  EXPECT_EQ(directive.at("Namespace"), "EmbeddingWorkflow");
  EXPECT_EQ(directive.at("Dimensions"), Json::parse(R"([["Step"]])"));
}

TEST(EmbeddedMetricsTest, AFailureIsCountedWithoutNumbersOfAResult) {
  const Json line = line_of({.step = "compaction", .duration_ms = 5});
  EXPECT_EQ(line.at("Errors"), 1);
  EXPECT_FALSE(metrics_of(line).contains("Vectors"));
}

TEST(EmbeddedMetricsTest, WhatIsNoNumberIsNoMetric) {
  const Json result = {{"embedding_count", 7}, {"results_count", nullptr}, {"deltas_total", "5"}};
  const auto metrics = metrics_of(line_of({.step = "line_polling", .result = &result}));
  EXPECT_TRUE(metrics.contains("Vectors"));
  EXPECT_FALSE(metrics.contains("Items"));
  EXPECT_FALSE(metrics.contains("Deltas"));
}

}  // namespace
}  // namespace tillite::testing
