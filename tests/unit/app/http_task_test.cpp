// Tasks that are HTTP endpoints, and functions of a Lambda endpoint, against a server on the loopback.
#include "app/tasks/http_task.h"

#include <gtest/gtest.h>

#include <future>

#include "app/tasks/lambda_task.h"
#include "support/http_server.h"
#include "support/must.h"

namespace tillite::testing {
namespace {

/// A server that says what the test wants.
class TaskServer {
 public:
  HttpServer::Answer answer;
  HttpServer server{[this](const HttpServer::Request&) { return answer; }};

  HttpServer::Request last_request() { return server.requests().back(); }
  /// A URL where nobody listens.
  static std::string nowhere() {
    return HttpServer([](const auto&) { return HttpServer::Answer(); }).url();
  }
};

/// "name: cause" of an error.
std::string text_of(const Result<Json>& failed) {
  EXPECT_FALSE(failed);
  return failed ? "" : failed.error().name() + ": " + failed.error().message();
}

class HttpTaskTest : public ::testing::Test {
 protected:
  TaskServer tasks;
  HttpClient client;
  HttpTask task{client};

  Result<Json> run(const Json& payload = Json::object()) {
    return task.run({.resource = tasks.server.url("/task?a=b"), .payload = payload, .execution_id = "execution-1"});
  }
};

TEST_F(HttpTaskTest, PostsTheInputAndTakesTheBodyAsTheResult) {
  tasks.answer = {.status = 201, .body = R"({"b": 2})"};
  EXPECT_EQ(must(run({{"a", 1}})), (Json{{"b", 2}}));
  const auto request = tasks.last_request();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/task?a=b");
  EXPECT_EQ(request.body, R"({"a":1})");
  EXPECT_EQ(request.headers.at("content-type"), "application/json");
  EXPECT_EQ(request.headers.at("x-tillite-execution-id"), "execution-1");
}

TEST_F(HttpTaskTest, NeverGoesOverAConnectionOnWhichItMightBeSentTwice) {
  tasks.answer = {.body = "{}"};
  for (int i = 0; i < 3; ++i) must(run());
  EXPECT_EQ(tasks.server.connections(), 3);
}

TEST_F(HttpTaskTest, NoBodyIsNull) {
  tasks.answer = {.status = 204};
  EXPECT_EQ(must(run()), Json(nullptr));
}

TEST_F(HttpTaskTest, AnyOtherStatusIsAnErrorThatTheBodyMayName) {
  tasks.answer = {.status = 503, .body = "busy"};
  EXPECT_EQ(text_of(run()), "Http.Status.503: busy");
  tasks.answer = {.status = 404};
  EXPECT_EQ(text_of(run()), "Http.Status.404: ");
  tasks.answer = {.status = 302, .headers = {"Location: /elsewhere"}};
  EXPECT_EQ(run().error().name(), "Http.Status.302");
  tasks.answer = {.status = 400, .body = R"({"errorType": "NoTea", "errorMessage": "all cups are empty"})"};
  EXPECT_EQ(text_of(run()), "NoTea: all cups are empty");
  tasks.answer = {.status = 400, .body = R"({"errorType": 5})"};
  EXPECT_EQ(text_of(run()), R"(Http.Status.400: {"errorType": 5})");
  tasks.answer = {.status = 500, .body = std::string(100'000, 'x')};
  EXPECT_EQ(run().error().message().size(), 32'768U);
}

TEST_F(HttpTaskTest, ABodyThatIsNoJsonIsAnError) {
  tasks.answer = {.body = "<html>"};
  EXPECT_EQ(run().error().name(), "Http.InvalidBody");
}

TEST_F(HttpTaskTest, ResultsAreLimitedAsStatesAre) {
  tasks.answer = {.body = "\"" + std::string(262'142, 'x') + "\""};
  EXPECT_EQ(must(run()).get<std::string>().size(), 262'142U);
  tasks.answer = {.body = "\"" + std::string(262'143, 'x') + "\""};
  EXPECT_EQ(run().error().name(), "States.DataLimitExceeded");
}

TEST_F(HttpTaskTest, WithoutAConnectionItFailsByName) {
  const auto failed = task.run({.resource = TaskServer::nowhere(), .payload = {}, .execution_id = "e"});
  EXPECT_EQ(failed.error().name(), "Http.ConnectionFailed");
}

TEST_F(HttpTaskTest, EndsWhenItsTimeIsUpOrItIsStopped) {
  std::promise<void> end;
  std::promise<void> arrived;
  std::atomic<int> requests = 0;
  HttpServer slow([&, ended = end.get_future().share()](const HttpServer::Request&) {
    if (++requests == 2) arrived.set_value();
    ended.wait();
    return HttpServer::Answer();
  });
  const auto late = task.run({.resource = slow.url(), .payload = {}, .execution_id = "e", .timeout_ms = 20});
  EXPECT_EQ(late.error().name(), "States.Timeout");
  std::stop_source stop;
  std::jthread stopper([&] {
    arrived.get_future().wait();
    stop.request_stop();
  });
  const auto stopped = task.run({.resource = slow.url(), .payload = {}, .execution_id = "e", .stop = stop.get_token()});
  EXPECT_EQ(stopped.error().code(), Code::cancelled);
  end.set_value();
}

class LambdaTaskTest : public ::testing::Test {
 protected:
  TaskServer tasks;
  HttpClient client;
  LambdaTask task{client, tasks.server.url()};

  Result<Json> run(const std::string& function = "embedding-line-find", const Json& payload = Json::object()) {
    return task.run({.function_name = function, .payload = payload});
  }
};

TEST_F(LambdaTaskTest, InvokesAFunctionAsTheApiSays) {
  tasks.answer = {.headers = {"X-Amz-Executed-Version: $LATEST"}, .body = R"({"batches": []})"};
  EXPECT_EQ(must(run("embedding-line-find", {{"a", 1}})), (Json{{"batches", Json::array()}}));
  const auto request = tasks.last_request();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/2015-03-31/functions/embedding-line-find/invocations");
  EXPECT_EQ(request.body, R"({"a":1})");
  EXPECT_EQ(request.headers.at("x-amz-invocation-type"), "RequestResponse");
  must(run("arn:aws:lambda:us-east-1:123456789012:function:f:live"));
  EXPECT_EQ(tasks.last_request().target,
            "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af%3Alive/invocations");
}

TEST_F(LambdaTaskTest, NeverGoesOverAConnectionOnWhichItMightBeSentTwice) {
  tasks.answer = {.body = "{}"};
  for (int i = 0; i < 3; ++i) must(run());
  EXPECT_EQ(tasks.server.connections(), 3);
}

TEST_F(LambdaTaskTest, AFunctionsErrorHasItsTypeAndItsWholeAnswerAsTheCause) {
  const std::string body = R"({"errorMessage":"all cups are empty","errorType":"NoTea","stackTrace":[]})";
  tasks.answer = {.headers = {"X-Amz-Function-Error: Unhandled"}, .body = body};
  EXPECT_EQ(text_of(run()), "NoTea: " + body);
  tasks.answer = {.headers = {"X-Amz-Function-Error: Unhandled"}, .body = R"({"errorMessage":"?"})"};
  EXPECT_EQ(text_of(run()), R"(Lambda.Unknown: {"errorMessage":"?"})");
}

TEST_F(LambdaTaskTest, TheServicesErrorsHaveStepFunctionsNames) {
  tasks.answer = {.status = 404,
                  .headers = {"x-amzn-ErrorType: ResourceNotFoundException:http://internal/", "x-amzn-RequestId: r-1"},
                  .body = R"({"Type":"User","Message":"Function not found: f"})"};
  EXPECT_EQ(text_of(run("f")),
            "Lambda.ResourceNotFoundException: Function not found: f (Service: AWSLambda; Status Code: 404; Error "
            "Code: ResourceNotFoundException; Request ID: r-1; Proxy: null)");
  tasks.answer = {.status = 429, .body = R"({"__type":"com.amazonaws#TooManyRequestsException","message":"slow"})"};
  EXPECT_EQ(run().error().name(), "Lambda.TooManyRequestsException");
  tasks.answer = {.status = 429};
  EXPECT_EQ(run().error().name(), "Lambda.TooManyRequestsException");
  tasks.answer = {.status = 404, .body = "[]"};
  EXPECT_EQ(run().error().name(), "Lambda.ResourceNotFoundException");
  tasks.answer = {.status = 502, .body = "<html>"};
  EXPECT_EQ(run().error().name(), "Lambda.ServiceException");
  tasks.answer = {.status = 418};
  EXPECT_EQ(run().error().name(), "Lambda.Unknown");
}

TEST_F(LambdaTaskTest, WithoutAConnectionItFailsAsAnSdkDoes) {
  LambdaTask nowhere(client, TaskServer::nowhere());
  EXPECT_EQ(nowhere.run({.function_name = "f", .payload = {}}).error().name(), "Lambda.SdkClientException");
}

TEST_F(LambdaTaskTest, ResultsAreLimitedAndAreJson) {
  tasks.answer = {.body = "\"" + std::string(262'143, 'x') + "\""};
  EXPECT_EQ(run().error().name(), "States.DataLimitExceeded");
  tasks.answer = {.body = "text"};
  EXPECT_EQ(run().error().name(), "Lambda.Unknown");
  tasks.answer = {};
  EXPECT_EQ(must(run()), Json(nullptr));
  EXPECT_EQ(run("").error().code(), Code::invalid_input);
}

}  // namespace
}  // namespace tillite::testing
