#pragma once

#include <string>
#include <vector>

#include "ports/function_log.h"
#include "server/arn.h"
#include "server/aws_service.h"

namespace tillite {

/// CloudWatch Logs over what functions logged, for reading: FilterLogEvents, GetLogEvents, DescribeLogGroups and
/// DescribeLogStreams.
class LogsService final : public AwsService {
 public:
  /// `groups` are there even if nothing was logged yet. `log` must outlive the service.
  LogsService(FunctionLog& log, std::vector<std::string> groups, AwsPlace place)
      : log_(log), groups_(std::move(groups)), place_(std::move(place)) {}

  [[nodiscard]] std::string_view target() const override { return "Logs_20140328"; }
  void handle(AwsCall call) override;

 private:
  [[nodiscard]] Result<std::vector<std::string>> groups();
  [[nodiscard]] Result<std::string> group_of(const Json& parameters);

  Result<Json> filter_log_events(const Json& parameters);
  Result<Json> get_log_events(const Json& parameters);
  Result<Json> describe_log_groups(const Json& parameters);
  Result<Json> describe_log_streams(const Json& parameters);

  FunctionLog& log_;
  std::vector<std::string> groups_;
  AwsPlace place_;
};

}  // namespace tillite
