#include "workflow/task_resources.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace tillite {
namespace {

using Kind = TaskResource::Kind;
using Pattern = TaskResource::Pattern;

constexpr std::string_view kSync = ".sync";
constexpr std::string_view kSync2 = ".sync:2";
constexpr std::string_view kToken = ".waitForTaskToken";

/// An optimized integration and the patterns that it has besides waiting for the answer.
struct Integration {
  std::string_view api;
  bool sync = false;
  bool token = false;
};

/// https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
constexpr std::array kIntegrations = {
    Integration{"lambda:invoke", false, true},
    Integration{"apigateway:invoke", false, true},
    Integration{"athena:getQueryExecution"},
    Integration{"athena:getQueryResults"},
    Integration{"athena:startQueryExecution", true},
    Integration{"athena:stopQueryExecution"},
    Integration{"batch:submitJob", true},
    Integration{"bedrock:createModelCustomizationJob", true},
    Integration{"bedrock:invokeModel", false, true},
    Integration{"bedrock-agentcore:invokeHarness"},
    Integration{"codebuild:batchDeleteBuilds"},
    Integration{"codebuild:batchGetReports"},
    Integration{"codebuild:deleteBuildBatch"},
    Integration{"codebuild:retryBuildBatch", true},
    Integration{"codebuild:startBuild", true},
    Integration{"codebuild:startBuildBatch", true},
    Integration{"codebuild:stopBuild"},
    Integration{"codebuild:stopBuildBatch"},
    Integration{"databrew:startJobRun", true},
    Integration{"dynamodb:deleteItem"},
    Integration{"dynamodb:getItem"},
    Integration{"dynamodb:putItem"},
    Integration{"dynamodb:updateItem"},
    Integration{"ecs:runTask", true, true},
    Integration{"eks:call"},
    Integration{"eks:createCluster", true},
    Integration{"eks:createFargateProfile", true},
    Integration{"eks:createNodegroup", true},
    Integration{"eks:deleteCluster", true},
    Integration{"eks:deleteFargateProfile", true},
    Integration{"eks:deleteNodegroup", true},
    Integration{"eks:runJob", true},
    Integration{"elasticmapreduce:addStep", true},
    Integration{"elasticmapreduce:cancelStep"},
    Integration{"elasticmapreduce:createCluster", true},
    Integration{"elasticmapreduce:modifyInstanceFleetByName"},
    Integration{"elasticmapreduce:modifyInstanceGroupByName"},
    Integration{"elasticmapreduce:setClusterTerminationProtection"},
    Integration{"elasticmapreduce:terminateCluster", true},
    Integration{"emr-containers:createVirtualCluster"},
    Integration{"emr-containers:deleteVirtualCluster", true},
    Integration{"emr-containers:startJobRun", true},
    Integration{"emr-serverless:cancelJobRun", true},
    Integration{"emr-serverless:createApplication", true},
    Integration{"emr-serverless:deleteApplication", true},
    Integration{"emr-serverless:startApplication", true},
    Integration{"emr-serverless:startJobRun", true},
    Integration{"emr-serverless:stopApplication", true},
    Integration{"events:putEvents", false, true},
    Integration{"glue:startJobRun", true},
    Integration{"http:invoke"},
    Integration{"mediaconvert:createJob", true},
    Integration{"sagemaker:createEndpoint"},
    Integration{"sagemaker:createEndpointConfig"},
    Integration{"sagemaker:createHyperParameterTuningJob", true},
    Integration{"sagemaker:createLabelingJob", true},
    Integration{"sagemaker:createModel"},
    Integration{"sagemaker:createProcessingJob", true},
    Integration{"sagemaker:createTrainingJob", true},
    Integration{"sagemaker:createTransformJob", true},
    Integration{"sagemaker:updateEndpoint"},
    Integration{"sns:publish", false, true},
    Integration{"sqs:sendMessage", false, true},
    Integration{"states:startExecution", true, true},
};

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(':');
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool take_end(std::string_view& text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return true;
}

/// "SERVICE:API" with or without a pattern, or "aws-sdk:SERVICE:ACTION".
TaskResource integration(std::string_view api) {
  TaskResource resource{Kind::integration, Pattern::request};
  const bool second = take_end(api, kSync2);
  if (second || take_end(api, kSync)) {
    resource.pattern = Pattern::sync;
  } else if (take_end(api, kToken)) {
    resource.pattern = Pattern::wait_for_task_token;
  }
  if (api.starts_with("aws-sdk:")) {
    const auto parts = parts_of(api);
    const bool known = parts.size() == 3 && is_name(parts[1]) && is_name(parts[2]) && parts[2][0] >= 'a' &&
                       parts[2][0] <= 'z' && resource.pattern != Pattern::sync;
    return known ? resource : TaskResource();
  }
  const auto known = std::ranges::find(kIntegrations, api, &Integration::api);
  if (known == kIntegrations.end() || (resource.pattern == Pattern::sync && !known->sync) ||
      (resource.pattern == Pattern::wait_for_task_token && !known->token) || (second && api != "states:startExecution"))
    return {};
  return resource;
}

}  // namespace

TaskResource task_resource(std::string_view resource) {
  for (const std::string_view own : {"command:", "http://", "https://"}) {
    if (resource.starts_with(own)) return {resource.size() > own.size() ? Kind::own : Kind::none, Pattern::request};
  }
  const auto parts = parts_of(resource);
  if (parts.size() < 7 || parts[0] != "arn" || !parts[1].starts_with("aws")) return {};
  if (parts[2] == "lambda" && parts[5] == "function") {
    const bool known =
        is_name(parts[6]) && (parts.size() == 7 || (parts.size() == 8 && (parts[7] == "$LATEST" || is_name(parts[7]))));
    return {known ? Kind::function : Kind::none, Pattern::request};
  }
  if (parts[2] != "states") return {};
  if (parts[5] == "activity" && parts.size() == 7 && !parts[3].empty() && !parts[4].empty())
    return {is_name(parts[6]) ? Kind::activity : Kind::none, Pattern::request};
  if (!parts[3].empty() || !parts[4].empty()) return {};
  return integration(resource.substr(static_cast<std::size_t>(parts[5].data() - resource.data())));
}

}  // namespace tillite
