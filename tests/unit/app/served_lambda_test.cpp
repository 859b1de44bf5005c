#include <gtest/gtest.h>

#include <thread>

#include "app/tasks/lambda_task.h"
#include "base/http_server.h"
#include "server/aws_endpoint.h"
#include "server/lambda_service.h"
#include "support/must.h"
#include "support/scripted_functions.h"
#include "support/seeded_random.h"

namespace tillite::testing {
namespace {

/// The client against the service, over a connection.
class ServedLambdaTest : public ::testing::Test {
 protected:
  ScriptedFunctions functions;
  LambdaService lambda{functions, {}};
  SeededRandom random;
  AwsEndpoint endpoint{{&lambda}, std::nullopt, random, Logger::none()};
  std::unique_ptr<tillite::HttpServer> server = must(tillite::HttpServer::listen(
      0, [this](const ServerRequest& request, ServerAnswer answer) { endpoint.handle(request, std::move(answer)); },
      {}));
  std::jthread serving{[this](const std::stop_token& stop) { server->run(stop); }};
  HttpClient client{{}};
  LambdaTask task{client, fmt::format("http://127.0.0.1:{}/", server->port())};

  Result<Json> run(const std::string& function, Json payload = Json::object()) {
    return task.run({.function_name = function, .payload = std::move(payload)});
  }
};

TEST_F(ServedLambdaTest, AFunctionsResultComesBack) {
  EXPECT_EQ(must(run("f", {{"text", "ä"}})), (Json{{"text", "ä"}}));
  EXPECT_EQ(must(run("arn:aws:lambda:eu-west-1:1:function:f:$LATEST", 5)), 5);
}

TEST_F(ServedLambdaTest, AFunctionsErrorHasItsNameAndItsAnswerAsCause) {
  functions.work = [](const Json&) { return fail(Code::conflict, "somebody was first"); };
  const auto failed = run("f");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().name(), "Tillite.Conflict");
  EXPECT_EQ(failed.error().message(), R"({"errorMessage":"somebody was first","errorType":"Tillite.Conflict"})");
}

TEST_F(ServedLambdaTest, TheServicesErrorsAreTold) {
  const auto missing = run("g");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().name(), "Lambda.ResourceNotFoundException");
  EXPECT_TRUE(missing.error().message().starts_with(
      "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g (Service: AWSLambda; Status Code: 404; "
      "Error Code: ResourceNotFoundException; Request ID: "))
      << missing.error().message();
  functions.work = [](const Json&) { return fail(Code::cancelled, "stopped"); };
  EXPECT_EQ(run("f").error().name(), "Lambda.ServiceException");
}

}  // namespace
}  // namespace tillite::testing
