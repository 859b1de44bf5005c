#include "server/logs_service.h"

#include <gtest/gtest.h>

#include "adapters/local/sqlite_log.h"
#include "support/aws_calls.h"
#include "support/must.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

class LogsServiceTest : public ::testing::Test {
 protected:
  TempFolder folder;
  VirtualClock clock;
  std::unique_ptr<SqliteLog> log = must(SqliteLog::open(folder / "logs.sqlite3", clock));
  LogsService logs{*log, {"/aws/lambda/quiet"}, AwsPlace{}};

  void add(std::int64_t timestamp_ms, const std::string& message, const std::string& stream = "s") {
    must(log->append(std::vector<LogLine>{
        {.group = "/aws/lambda/f", .stream = stream, .timestamp_ms = timestamp_ms, .message = message}}));
  }
  Json filter(Json parameters = Json::object()) {
    parameters["logGroupName"] = "/aws/lambda/f";
    return must(call(logs, "FilterLogEvents", parameters));
  }
  Json get(Json parameters = Json::object()) {
    parameters["logGroupName"] = "/aws/lambda/f";
    parameters["logStreamName"] = "s";
    return must(call(logs, "GetLogEvents", parameters));
  }
  static std::string messages(const Json& answer) {
    std::string text;
    for (const Json& event : answer.at("events")) text += event.at("message").get<std::string>() + " ";
    return text;
  }
};

TEST_F(LogsServiceTest, FiltersByPatternTimeAndStream) {
  add(1, "START 1");
  add(2, "REPORT 1");
  add(3, "REPORT 2", "t");
  add(4, "REPORT 3");
  EXPECT_EQ(messages(filter()), "START 1 REPORT 1 REPORT 2 REPORT 3 ");
  EXPECT_EQ(messages(filter({{"filterPattern", "REPORT"}})), "REPORT 1 REPORT 2 REPORT 3 ");
  EXPECT_EQ(messages(filter({{"startTime", 2}, {"endTime", 3}})), "REPORT 1 REPORT 2 ") << "both belong to it";
  EXPECT_EQ(messages(filter({{"logStreamNames", {"t"}}})), "REPORT 2 ");
  EXPECT_EQ(messages(filter({{"logStreamNamePrefix", "s"}, {"filterPattern", "REPORT"}})), "REPORT 1 REPORT 3 ");
  const Json event = filter({{"filterPattern", "START"}}).at("events").at(0);
  EXPECT_EQ(event.at("timestamp"), 1);
  EXPECT_EQ(event.at("logStreamName"), "s");
  EXPECT_EQ(event.at("ingestionTime"), clock.now_ms());
  EXPECT_EQ(event.at("eventId").get<std::string>().size(), 56U);
}

TEST_F(LogsServiceTest, PagesHaveTheirLimitAndGoOnWhereTheyEnded) {
  for (int i = 0; i < 5; ++i) add(1, std::to_string(i));
  Json page = filter({{"limit", 2}});
  EXPECT_EQ(messages(page), "0 1 ");
  page = filter({{"limit", 2}, {"nextToken", page.at("nextToken")}});
  EXPECT_EQ(messages(page), "2 3 ");
  page = filter({{"limit", 2}, {"nextToken", page.at("nextToken")}});
  EXPECT_EQ(messages(page), "4 ");
  EXPECT_FALSE(page.contains("nextToken"));
}

TEST_F(LogsServiceTest, APageIsNotLargerThanAMegabyte) {
  for (int i = 0; i < 10; ++i) add(i, std::string(200'000, 'x'));
  const Json page = filter();
  EXPECT_LT(page.at("events").size(), 10U);
  EXPECT_TRUE(page.contains("nextToken"));
}

TEST_F(LogsServiceTest, AStreamIsReadFromEitherEnd) {
  for (int i = 0; i < 5; ++i) add(i, std::to_string(i));
  const Json newest = get({{"limit", 2}});
  EXPECT_EQ(messages(newest), "3 4 ");
  EXPECT_EQ(messages(get({{"limit", 2}, {"nextToken", newest.at("nextBackwardToken")}})), "1 2 ");
  const Json end = get({{"nextToken", newest.at("nextForwardToken")}});
  EXPECT_EQ(messages(end), "");
  EXPECT_EQ(end.at("nextForwardToken"), newest.at("nextForwardToken")) << "the same token says that this is the end";
  add(5, "5");
  EXPECT_EQ(messages(get({{"nextToken", end.at("nextForwardToken")}})), "5 ");
  EXPECT_EQ(messages(get({{"startFromHead", true}, {"limit", 2}})), "0 1 ");
  EXPECT_EQ(messages(get({{"startFromHead", true}, {"endTime", 2}})), "0 1 ") << "the end does not belong to it";
}

TEST_F(LogsServiceTest, GroupsAndStreamsAreListed) {
  add(1, "a", "s");
  add(3, "b", "r");
  Json groups = must(call(logs, "DescribeLogGroups", {{"limit", 1}}));
  EXPECT_EQ(groups.at("logGroups").at(0).at("logGroupName"), "/aws/lambda/f");
  EXPECT_EQ(groups.at("logGroups").at(0).at("arn"), "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/f:*");
  groups = must(call(logs, "DescribeLogGroups", {{"nextToken", groups.at("nextToken")}}));
  EXPECT_EQ(groups.at("logGroups").at(0).at("logGroupName"), "/aws/lambda/quiet") << "there before it logs anything";
  EXPECT_FALSE(groups.contains("nextToken"));
  const Json newest =
      must(call(logs, "DescribeLogStreams",
                {{"logGroupName", "/aws/lambda/f"}, {"orderBy", "LastEventTime"}, {"descending", true}}));
  EXPECT_EQ(newest.at("logStreams").at(0).at("logStreamName"), "r");
  EXPECT_EQ(newest.at("logStreams").at(0).at("lastEventTimestamp"), 3);
}

TEST_F(LogsServiceTest, AGroupIsNamedByItsArnToo) {
  add(1, "a");
  const Json parameters = {{"logGroupIdentifier", "arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/f:*"}};
  EXPECT_EQ(messages(must(call(logs, "FilterLogEvents", parameters))), "a ");
}

TEST_F(LogsServiceTest, WrongParametersAreNamed) {
  add(1, "a");
  EXPECT_EQ(error_of(logs, "FilterLogEvents", {{"logGroupName", "/other"}}), "ResourceNotFoundException");
  EXPECT_EQ(error_of(logs, "FilterLogEvents"), "InvalidParameterException");
  const Json group = {{"logGroupName", "/aws/lambda/f"}};
  const auto with = [&](const char* name, const Json& value) {
    Json parameters = group;
    parameters[name] = value;
    return parameters;
  };
  EXPECT_EQ(error_of(logs, "FilterLogEvents", with("filterPattern", "{ $.a = 1 }")), "InvalidParameterException");
  EXPECT_EQ(error_of(logs, "FilterLogEvents", with("nextToken", "x")), "InvalidParameterException");
  EXPECT_EQ(error_of(logs, "FilterLogEvents", with("limit", 10'001)), "InvalidParameterException");
  EXPECT_EQ(error_of(logs, "FilterLogEvents", with("logStreamNames", Json::array({1}))), "InvalidParameterException");
  EXPECT_EQ(error_of(logs, "GetLogEvents", with("logStreamName", "none")), "ResourceNotFoundException");
  EXPECT_EQ(error_of(logs, "DescribeLogStreams", with("orderBy", "Size")), "InvalidParameterException");
  EXPECT_EQ(error_of(logs, "PutLogEvents", group), "UnknownOperationException");
}

}  // namespace
}  // namespace tillite::testing
