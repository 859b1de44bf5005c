#include "lambda/function.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "support/http_server.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

constexpr const char* kDirect = R"({"collection":"receipt_lines"})";

class PipelinePorts final : public FunctionPorts {
 public:
  PipelinePorts(Pipeline& pipeline, const Result<bool>& current) : pipeline_(pipeline), current_(current) {}
  const Ports& ports() const override { return pipeline_.ports; }
  const Settings& settings() const override { return pipeline_.settings; }
  Result<bool> are_current() override { return current_; }

 private:
  Pipeline& pipeline_;
  const Result<bool>& current_;
};

Result<Json> scratch_of_step(const Json&, const Ports&, const StepContext& context) {
  EXPECT_TRUE(std::filesystem::is_empty(context.scratch));
  must(replace_file(context.scratch / "left", as_bytes("x")));
  return Json{{"scratch", context.scratch.string()}, {"owner", context.owner}};
}

Result<Json> wait_until(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, stop, [] { return false; });
  return fail(Code::cancelled, "stopped");
}

Result<Json> wait_for_stop(const Json&, const Ports&, const StepContext& context) { return wait_until(context.stop); }

Result<Json> echo(const Json& event, const Ports&, const StepContext&) { return event; }

class FunctionTest : public ::testing::Test {
 protected:
  Function make(Step step) {
    return Function(
        {.step = {"probe", "embedding-probe", step},
         .name = "embedding-probe",
         .open_ports = [this](const Logger&, const PortStops& stops) -> Result<std::unique_ptr<FunctionPorts>> {
           ++opened;
           ports_stops = stops;
           if (while_opening) TRY(while_opening(stops.rows));
           if (open_error) return std::unexpected(*open_error);
           return std::make_unique<PipelinePorts>(pipeline, current);
         },
         .scratch = pipeline.folder / "chroma",
         .log = Logger::to([this](std::string_view line) { log += std::string(line) + "\n"; }, LogLevel::debug),
         .metrics = [this](std::string_view line) { metrics.push_back(must(parse_json(line, "metrics"))); }},
        watch);
  }
  static RuntimeInvocation invocation(std::string event) {
    return {.request_id = "r-1", .function_arn = "arn:f", .trace_header = "Root=1-a", .event = std::move(event)};
  }

  Pipeline pipeline;
  InvocationWatch watch;
  std::optional<Error> open_error;
  PortStops ports_stops;
  Result<bool> current = true;
  std::function<Result<void>(const std::stop_token&)> while_opening;
  int opened = 0;
  std::string log;
  std::vector<Json> metrics;
};

TEST_F(FunctionTest, AStepRunsUnderTheRuntimeApi) {
  pipeline.import(receipt_with({"apples", "pears"}));
  Function function = make(&find_unembedded);
  const FunctionAnswer answer = function.handle(invocation("{}"));
  ASSERT_FALSE(answer.is_error) << answer.error_message;
  EXPECT_EQ(must(parse_json(answer.payload, "")).at("items_total"), 2);
  EXPECT_EQ(metrics.at(0).at("Items"), 2);
  EXPECT_EQ(metrics.at(0).at("ColdStarts"), 1);
  (void)function.handle(invocation("{}"));
  EXPECT_EQ(metrics.at(1).at("ColdStarts"), 0);
  EXPECT_EQ(opened, 1) << "what one invocation opened the next ones use";
}

TEST_F(FunctionTest, NothingIsOpenedBeforeTheFirstInvocation) {
  const Function function = make(&echo);
  EXPECT_EQ(opened, 0);
  EXPECT_FALSE(std::filesystem::exists(pipeline.folder / "chroma"));
}

TEST_F(FunctionTest, WhatCannotBeOpenedIsTheInvocationsErrorAndTriedAgain) {
  Function function = make(&echo);
  open_error = Error(Code::unavailable, "no table yet");
  const FunctionAnswer failed = function.handle(invocation(kDirect));
  EXPECT_EQ(failed.error_type, "Tillite.Unavailable");
  EXPECT_EQ(metrics.at(0).at("error"), "Tillite.Unavailable");
  open_error.reset();
  EXPECT_EQ(function.handle(invocation(kDirect)).payload, kDirect);
}

TEST_F(FunctionTest, WhatIsNotCurrentAnyMoreIsOpenedAnew) {
  Function function = make(&echo);
  EXPECT_EQ(function.handle(invocation(kDirect)).payload, kDirect);
  current = fail(Code::unavailable, "the bucket does not answer");
  EXPECT_EQ(function.handle(invocation(kDirect)).error_type, "Tillite.Unavailable") << "nobody knows";
  current = false;
  EXPECT_EQ(function.handle(invocation(kDirect)).payload, kDirect);
  EXPECT_EQ(opened, 2);
  current = true;
  EXPECT_EQ(function.handle(invocation(kDirect)).payload, kDirect);
  EXPECT_EQ(opened, 2);
}

TEST_F(FunctionTest, AnEventThatIsNoJsonIsInvalidInput) {
  Function function = make(&echo);
  EXPECT_EQ(function.handle(invocation("{")).error_type, "Tillite.InvalidInput");
  EXPECT_EQ(function.handle(invocation("")).payload, "{}") << "no event is an empty one";
}

TEST_F(FunctionTest, MetricsSayWhatAnEventIsAboutInAFewWords) {
  Function function = make(&echo);
  const Json event = {{"collection", "receipt_lines"}, {"execution", std::string(10'000, 'x')}, {"batch_id", {1, 2}}};
  (void)function.handle(invocation(to_text(event)));
  EXPECT_EQ(metrics.at(0).at("collection"), "receipt_lines");
  EXPECT_EQ(metrics.at(0).at("execution"), std::string(256, 'x'));
  EXPECT_FALSE(metrics.at(0).contains("batch_id")) << "no text";
}

TEST_F(FunctionTest, EachInvocationHasAFolderWhichGoesWithIt) {
  Function function = make(&scratch_of_step);
  const Json result = must(parse_json(function.handle(invocation("{}")).payload, ""));
  EXPECT_FALSE(std::filesystem::exists(result.at("scratch").get<std::string>()));
  EXPECT_EQ(result.at("owner"), "embedding-probe/r-1");
}

TEST_F(FunctionTest, WhatAKilledInvocationLeftGoesAtTheStart) {
  const Path stale = must(ScratchFolder::create([&] {
                       must(make_folders(pipeline.folder / "chroma"));
                       return pipeline.folder / "chroma";
                     }()))
                         .path();
  std::filesystem::create_directories(stale);
  Function function = make(&echo);
  (void)function.handle(invocation("{}"));
  EXPECT_FALSE(std::filesystem::exists(stale));
}

TEST_F(FunctionTest, AStepThatIsStoppedAtItsDeadlineIsWorthAnotherTry) {
  Function function = make(&wait_for_stop);
  RuntimeInvocation late = invocation("{}");
  late.deadline_ms = 1;  // long ago
  const FunctionAnswer answer = function.handle(late);
  EXPECT_EQ(answer.error_type, "Tillite.TimedOut") << answer.error_message;
  (void)function.handle(late);
  EXPECT_EQ(opened, 2) << "ports that were stopped are opened anew";
}

TEST_F(FunctionTest, APortGoesOnForAMomentSoThatAStepEndsTidily) {
  static const PortStops* stops = nullptr;
  stops = &ports_stops;
  Function function = make([](const Json&, const Ports&, const StepContext& context) -> Result<Json> {
    static_cast<void>(wait_until(context.stop));
    EXPECT_FALSE(stops->objects.stop_requested()) << "the step can end what it does";
    static_cast<void>(wait_until(stops->objects));
    EXPECT_FALSE(stops->rows.stop_requested()) << "the step can give back what it holds";
    return wait_until(stops->rows);
  });
  const auto now_ms = [] {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  };
  RuntimeInvocation short_one = invocation("{}");
  short_one.deadline_ms = now_ms() + 1'600;
  EXPECT_EQ(function.handle(short_one).error_type, "Tillite.TimedOut");
  EXPECT_LT(now_ms(), short_one.deadline_ms) << "the last calls end before Lambda would kill them";
}

TEST_F(FunctionTest, WhatIsOpenedIsStoppedAtTheDeadlineToo) {
  Function function = make(&echo);
  while_opening = [](const std::stop_token& stop) -> Result<void> {
    TRY(wait_until(stop));
    return {};
  };
  RuntimeInvocation late = invocation("{}");
  late.deadline_ms = 1;  // long ago
  EXPECT_EQ(function.handle(late).error_type, "Tillite.TimedOut");
  while_opening = nullptr;
  EXPECT_EQ(function.handle(invocation(kDirect)).payload, kDirect) << "the next one is not stopped by that";
}

TEST_F(FunctionTest, LinesOfTheLogSayWhoseTheyAre) {
  Function function = make(&echo);
  (void)function.handle(invocation(R"({"execution":"x-1","batch_id":"b-1","collection":"receipt_lines"})"));
  const Json line = must(parse_json(log.substr(0, log.find('\n')), "the log"));
  EXPECT_EQ(line.at("request_id"), "r-1");
  EXPECT_EQ(line.at("trace"), "Root=1-a");
  EXPECT_EQ(line.at("execution"), "x-1");
  EXPECT_EQ(line.at("batch_id"), "b-1");
  EXPECT_EQ(line.at("collection"), "receipt_lines");
  EXPECT_EQ(line.at("logger"), "probe");
  EXPECT_STREQ(std::getenv("_X_AMZN_TRACE_ID"), "Root=1-a");
}

TEST_F(FunctionTest, AGatewaysRequestGetsAResponse) {
  Function function = make(&echo);
  const FunctionAnswer answer = function.handle(invocation(R"({"httpMethod":"POST","body":"{\"a\":1}"})"));
  EXPECT_EQ(must(parse_json(answer.payload, "")).at("body"), R"({"a":1})");
  const FunctionAnswer failed = function.handle(invocation(R"({"httpMethod":"POST","body":"{"})"));
  EXPECT_EQ(must(parse_json(failed.payload, "")).at("statusCode"), 400);
}

TEST_F(FunctionTest, TheLoopAnswersUntilTheRuntimeApiIsGone) {
  int handed_out = 0;
  HttpServer server([&](const HttpServer::Request& request) -> HttpServer::Answer {
    if (request.method == "POST") return {.status = 202};
    if (++handed_out > 2) return {.status = 500};
    return {.headers = {fmt::format("Lambda-Runtime-Aws-Request-Id: r-{}", handed_out)}, .body = kDirect};
  });
  RuntimeApi api = must(RuntimeApi::at(fmt::format("127.0.0.1:{}", server.port())));
  Function function = make(&echo);
  EXPECT_EQ(serve_invocations(api, function, watch, Logger::none()).error().code(), Code::unavailable);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 5);
  EXPECT_EQ(requests[1].target, "/2018-06-01/runtime/invocation/r-1/response");
  EXPECT_EQ(requests[3].target, "/2018-06-01/runtime/invocation/r-2/response");
  EXPECT_EQ(requests[3].body, kDirect);
}

TEST_F(FunctionTest, AResultThatIsTooLargeIsAnErrorOfItsInvocation) {
  std::atomic<int> asked = 0;
  HttpServer server([&](const HttpServer::Request& request) -> HttpServer::Answer {
    if (request.target.ends_with("/next")) {
      if (asked++ > 0) return {.status = 500};
      return {.headers = {"Lambda-Runtime-Aws-Request-Id: r-1"}, .body = kDirect};
    }
    return {.status = request.target.ends_with("/response") ? 413 : 202};
  });
  RuntimeApi api = must(RuntimeApi::at(fmt::format("127.0.0.1:{}", server.port())));
  Function function = make(&echo);
  (void)serve_invocations(api, function, watch, Logger::none());
  EXPECT_EQ(server.requests().at(2).headers.at("lambda-runtime-function-error-type"), "Tillite.LimitExceeded");
}

}  // namespace
}  // namespace tillite::testing
