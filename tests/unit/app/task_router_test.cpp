#include "app/tasks/task_router.h"

#include <gtest/gtest.h>

#include "support/http_server.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

/// Answers with what it was called for.
class EchoingSteps final : public TaskRunner {
 public:
  Result<Json> run(const Call& call) override { return Json{{"step", call.function_name}}; }
};

class TaskRouterTest : public ::testing::Test {
 protected:
  EchoingSteps steps;
  VirtualClock clock;
  SeededRandom random;
  AwsTask services{clock, random};
  HttpServer server{[](const HttpServer::Request& request) -> HttpServer::Answer {
    return {.body = to_text({{"target", request.target}, {"body", request.body}})};
  }};

  Result<Json> run(const TaskSettings& settings, const TaskRunner::Call& call) {
    TaskRouter router(steps, services, settings, Logger::none());
    return router.run(call);
  }
};

TEST_F(TaskRouterTest, RunsStepsByTheirFunctionNames) {
  EXPECT_EQ(
      must(run({},
               {.function_name = "embedding-line-find", .payload = {}, .resource = "arn:aws:states:::lambda:invoke"})),
      (Json{{"step", "embedding-line-find"}}));
}

TEST_F(TaskRouterTest, RunsProgramsAndEndpointsByTheirResources) {
  EXPECT_EQ(must(run({}, {.payload = 5, .resource = "command:cat"})), 5);
  EXPECT_EQ(must(run({}, {.payload = 5, .resource = server.url("/task")})), (Json{{"target", "/task"}, {"body", "5"}}));
}

TEST_F(TaskRouterTest, CallsFunctionsAtALambdaEndpointIfThereIsOne) {
  const TaskSettings settings{.lambda_endpoint = server.url()};
  EXPECT_EQ(must(run(settings, {.function_name = "f", .payload = 5, .resource = "arn:aws:states:::lambda:invoke"})),
            (Json{{"target", "/2015-03-31/functions/f/invocations"}, {"body", "5"}}));
}

TEST_F(TaskRouterTest, SaysWhatIsNotAvailableHere) {
  const auto refused = run({}, {.payload = {}, .resource = "arn:aws:states:::sns:publish"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::unsupported);
  EXPECT_NE(refused.error().message().find("'arn:aws:states:::sns:publish' is not available here"), std::string::npos);
}

TEST_F(TaskRouterTest, RefusesCommandsWhereTheyAreNotAllowed) {
  const auto refused = run({.commands_allowed = false}, {.payload = {}, .resource = "command:cat"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().name(), "Command.NotAllowed");
}

TEST_F(TaskRouterTest, ReadsItsSettingsFromTheEnvironment) {
  const TaskSettings settings = read_task_settings([](const std::string& name) -> std::optional<std::string> {
    if (name == "AWS_ENDPOINT_URL_LAMBDA") return "http://127.0.0.1:9001";
    if (name == "SSL_CERT_FILE") return "/etc/certificates.pem";
    return std::nullopt;
  });
  EXPECT_EQ(settings.lambda_endpoint, "http://127.0.0.1:9001");
  EXPECT_EQ(settings.certificates_file, "/etc/certificates.pem");
  EXPECT_TRUE(settings.commands_allowed);
  EXPECT_EQ(settings.withheld, (std::set<std::string>{"OPENAI_API_KEY"}));
}

TEST_F(TaskRouterTest, CommandsGetKeysOnlyWhereTheSettingsSaySo) {
  const TaskSettings settings = read_task_settings([](const std::string& name) -> std::optional<std::string> {
    if (name == "TILLITE_COMMANDS_GET_KEYS") return "true";
    return std::nullopt;
  });
  EXPECT_TRUE(settings.withheld.empty());
}

}  // namespace
}  // namespace tillite::testing
