// What a table does when the service is busy, broken or cut off: against a server that behaves as told.
#include "adapters/aws/dynamodb_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "adapters/aws/dynamodb_setup.h"
#include "adapters/aws/dynamodb_values.h"
#include "support/http_server.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

using Answer = HttpServer::Answer;
using Request = HttpServer::Request;

class OneKey final : public CredentialSource {
 public:
  Result<std::optional<IssuedCredential>> fetch(const std::stop_token& /*stop*/) override {
    ++fetched_;
    return IssuedCredential{.credential = {.access_key_id = fmt::format("AKID{}", fetched_),
                                           .secret_access_key = Secret(std::string("secret")),
                                           .session_token = {}},
                            .expires_ms = {}};
  }

 private:
  int fetched_ = 0;
};

class DynamoDbTableTest : public ::testing::Test {
 protected:
  static Answer refusal(const std::string& type, int status = 400, Json more = Json::object()) {
    Json body = {{"__type", "com.amazonaws.dynamodb.v20120810#" + type}, {"message", "so it is"}};
    body.update(more);
    return {.status = status, .body = to_text(body)};
  }
  static Answer cancelled(const std::vector<std::string>& codes) {
    Json reasons = Json::array();
    for (const std::string& code : codes) reasons.push_back({{"Code", code}, {"Message", "because"}});
    return refusal("TransactionCanceledException", 400, {{"CancellationReasons", reasons}});
  }
  static Answer done(const Json& body = Json::object()) { return {.body = to_text(body)}; }
  static Item item(const std::string& sk) { return {{"PK", "P"}, {"SK", sk}, {"TYPE", "T"}}; }
  static std::string operation_of(const Request& request) {
    const std::string& target = request.headers.at("x-amz-target");
    return target.substr(target.find('.') + 1);
  }

  DynamoDbTable& table() {
    AwsSettings settings;
    settings.region = "eu-central-1";
    settings.endpoint_url = fmt::format("http://127.0.0.1:{}", server.port());
    settings.timeouts.idle_ms = 300;
    const auto credentials = std::make_shared<Credentials>(std::make_unique<OneKey>(), clock, Logger::none());
    client = std::make_shared<AwsClient>(AwsApi::dynamodb, settings, credentials, clock, random, Logger::none());
    table_ = std::make_unique<DynamoDbTable>(client, "receipts", random, stop.get_token());
    return *table_;
  }
  /// Answers one after the other, the last again and again.
  void give(std::vector<Answer> answers) {
    answer = [answers = std::move(answers), this](const Request&) {
      return answers[std::min(asked++, answers.size() - 1)];
    };
  }

  std::atomic<std::size_t> asked = 0;
  std::stop_source stop;
  VirtualClock clock;
  SeededRandom random;
  std::shared_ptr<AwsClient> client;
  std::function<Answer(const Request&)> answer;
  HttpServer server{[this](const Request& request) { return answer(request); }};

 private:
  std::unique_ptr<DynamoDbTable> table_;
};

TEST_F(DynamoDbTableTest, AThrottledCallIsRepeated) {
  give({refusal("ProvisionedThroughputExceededException"), refusal("InternalServerError", 500), {.raw = ""}, done()});
  EXPECT_TRUE(table().write(Put{item("1"), {absent("PK")}}));
  EXPECT_EQ(asked, 4U);
}

TEST_F(DynamoDbTableTest, AnAnswerThatBreaksOffOrStopsIsAskedForAgain) {
  const std::string whole = R"({"Item": {"PK": {"S": "P"}, "SK": {"S": "1"}}})";
  give({{.raw = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + whole}, {.body = whole}});
  EXPECT_TRUE(*table().get({"P", "1"}));
  asked = 0;
  answer = [this, whole](const Request&) -> Answer {  // it may end after the test
    if (++asked == 1) std::this_thread::sleep_for(std::chrono::milliseconds(800));
    return {.body = whole};
  };
  EXPECT_TRUE(*table().get({"P", "1"}));
  EXPECT_EQ(asked, 2U);
}

TEST_F(DynamoDbTableTest, ACredentialThatHasEndedIsReplaced) {
  give({refusal("ExpiredTokenException"), done()});
  EXPECT_TRUE(table().write(Put{item("1")}));
  EXPECT_TRUE(server.requests().back().headers.at("authorization").contains("AKID2/"));
}

TEST_F(DynamoDbTableTest, ARefusedConditionIsAConflict) {
  give({refusal("ConditionalCheckFailedException")});
  EXPECT_EQ(table().write(Put{item("1"), {absent("PK")}}).error().code(), Code::conflict);
  EXPECT_EQ(*table().write_each({Put{item("1"), {absent("PK")}}}), std::vector<bool>{false});
}

TEST_F(DynamoDbTableTest, AWriteThatMeetsATransactionIsRepeated) {
  give({refusal("TransactionConflictException"), done()});
  EXPECT_TRUE(table().write(Put{item("1"), {absent("PK")}}));
  EXPECT_EQ(asked, 2U);
}

TEST_F(DynamoDbTableTest, ARefusalBehindALostAnswerIsNoConflict) {
  give({{.raw = ""}, refusal("ConditionalCheckFailedException")});
  const auto written = table().write(Put{item("1"), {absent("PK")}});
  EXPECT_EQ(written.error().code(), Code::unavailable);
  EXPECT_EQ(written.error().message(),
            "the row P 1 is not as expected, and the answer to an earlier attempt was lost: that may have changed it");
}

TEST_F(DynamoDbTableTest, ATransactionIsRepeatedWithItsTokenWhereAnotherWasAtItsRows) {
  give({cancelled({"TransactionConflict", "None"}), {.raw = ""}, done()});
  EXPECT_TRUE(table().transact({Put{item("1")}, Put{item("2"), {absent("PK")}}}));
  std::set<std::string> tokens;
  for (const Request& request : server.requests()) tokens.insert(Json::parse(request.body).at("ClientRequestToken"));
  EXPECT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(tokens.size(), 1U);
}

TEST_F(DynamoDbTableTest, ACancelledTransactionNamesTheFirstRowThatWasNotAsExpected) {
  give({cancelled({"None", "ConditionalCheckFailed", "ConditionalCheckFailed"})});
  const auto done = table().transact({Put{item("1")}, Put{item("2"), {absent("PK")}}, Put{item("3"), {absent("PK")}}});
  EXPECT_EQ(done.error().code(), Code::conflict);
  EXPECT_EQ(done.error().message(), "the row P 2 is not as expected");
}

TEST_F(DynamoDbTableTest, ATransactionThatAlwaysMeetsAnotherIsUnavailable) {
  give({cancelled({"TransactionConflict"})});
  EXPECT_EQ(table().transact({Put{item("1")}}).error().code(), Code::unavailable);
  EXPECT_EQ(asked, 5U);
  give({cancelled({"ValidationError"})});
  asked = 0;
  EXPECT_EQ(table().transact({Put{item("1")}}).error().code(), Code::invalid_input);
  EXPECT_EQ(asked, 1U);
}

TEST_F(DynamoDbTableTest, WhatABatchLeavesUndoneIsWrittenAgain) {
  std::mutex mutex;
  std::multiset<std::string> written;
  answer = [&](const Request& request) {
    const Json requests = Json::parse(request.body).at("RequestItems").at("receipts");
    EXPECT_LE(requests.size(), 25U);
    const std::scoped_lock lock(mutex);
    Json left = Json::array();  // a half of them
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (i < (requests.size() + 1) / 2) {
        written.insert(requests[i].at("PutRequest").at("Item").at("SK").at("S").get<std::string>());
      } else {
        left.push_back(requests[i]);
      }
    }
    return done({{"UnprocessedItems", left.empty() ? Json::object() : Json({{"receipts", left}})}});
  };
  std::vector<Write> writes;
  std::multiset<std::string> expected;
  for (int i = 0; i < 60; ++i) {
    writes.emplace_back(Put{item(std::to_string(i))});
    expected.insert(std::to_string(i));
  }
  EXPECT_EQ(table().write_each(writes)->size(), 60U);
  EXPECT_EQ(written, expected);
}

TEST_F(DynamoDbTableTest, ABatchThatIsNeverDoneIsUnavailable) {
  answer = [&](const Request& request) {
    return done({{"UnprocessedItems", Json::parse(request.body).at("RequestItems")}});
  };
  EXPECT_EQ(table().write_each({Put{item("1")}, Put{item("2")}}).error().code(), Code::unavailable);
  EXPECT_EQ(server.requests().size(), 5U);
}

TEST_F(DynamoDbTableTest, KeysThatAreLeftOutAreReadAgain) {
  answer = [&](const Request& request) {
    Json asked_for = Json::parse(request.body).at("RequestItems").at("receipts");
    Json keys = asked_for.at("Keys");
    EXPECT_LE(keys.size(), 100U);
    Json rows = Json::array();
    while (!keys.empty() && rows.size() < 30) {
      rows.push_back(keys.back());
      keys.erase(keys.size() - 1);
    }
    asked_for["Keys"] = keys;
    return done({{"Responses", {{"receipts", rows}}},
                 {"UnprocessedKeys", keys.empty() ? Json::object() : Json({{"receipts", asked_for}})}});
  };
  std::vector<ItemKey> wanted;
  for (int i = 0; i < 150; ++i) wanted.push_back({"P", std::to_string(i)});
  const auto items = *table().get_each(wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(items[i]->at("SK"), wanted[i].sk);
}

TEST_F(DynamoDbTableTest, AQueryGoesOnUntilItsPageIsFull) {
  give({done({{"Items", {{{"PK", {{"S", "P"}}}, {"SK", {{"S", "1"}}}}}}, {"LastEvaluatedKey", {{"SK", {{"S", "1"}}}}}}),
        done({{"Items", Json::array()}, {"LastEvaluatedKey", {{"SK", {{"S", "2"}}}}}}),
        done({{"Items", {{{"PK", {{"S", "P"}}}, {"SK", {{"S", "3"}}}}}}})});
  const Page page = *table().query({.hash = "P", .limit = 10});
  EXPECT_EQ(page.items.size(), 2U);
  EXPECT_TRUE(page.next.empty());
  const Json last = Json::parse(server.requests().back().body);
  EXPECT_EQ(last.at("ExclusiveStartKey"), Json::parse(R"({"SK": {"S": "2"}})"));
  EXPECT_EQ(last.at("Limit"), 9);
  EXPECT_EQ(table().query({.hash = "P", .start_after = "nonsense"}).error().code(), Code::invalid_input);
}

TEST_F(DynamoDbTableTest, AnAnswerThatIsNotUnderstoodIsCorrupt) {
  for (const char* body : {R"({"Item": {"PK": {"X": "P"}}})", R"({"Item": {"n": {"N": "1x"}}})", R"({"Item": []})"}) {
    give({{.body = body}});
    EXPECT_EQ(table().get({"P", "1"}).error().code(), Code::corrupt) << body;
  }
}

TEST_F(DynamoDbTableTest, NumbersThatTheServiceCannotHoldAreNotSent) {
  give({done()});
  Item row = item("1");
  row["n"] = 1e300;
  EXPECT_EQ(table().write(Put{row}).error().code(), Code::invalid_input);
  EXPECT_EQ(asked, 0U);
}

TEST_F(DynamoDbTableTest, ARowThatIsTooLargeIsNamedAndNotSent) {
  // As JSON 280 KB, but each of its numbers counts three bytes there.
  Item large = item("large");
  large["numbers"] = std::vector<int>(140'000, 7);
  ASSERT_LT(to_text(large).size(), kItemBytesMax);
  give({done()});
  const Update update{.key = key_of(large), .set = {{"numbers", large["numbers"]}}};
  for (const Error& refused :
       {table().write(Put{large}).error(), table().write_each({Put{large, {absent("PK")}}}).error(),
        table().write_each({Put{item("1")}, Put{large}}).error(), table().transact({Put{item("1")}, update}).error()}) {
    EXPECT_EQ(refused.code(), Code::limit_exceeded);
    EXPECT_TRUE(refused.message().starts_with("the row P large has 420")) << refused.message();
  }
  EXPECT_TRUE(
      std::ranges::none_of(server.requests(), [](const Request& request) { return request.body.contains("large"); }));
}

TEST_F(DynamoDbTableTest, ATransactionThatIsTooLargeIsNotSentAndNamesItsLargestRow) {
  give({done()});
  std::vector<Write> writes;
  for (int i = 0; i < 14; ++i) {
    Item row = item(std::to_string(i));
    row["text"] = std::string(i == 7 ? 390'000 : 300'000, 'x');
    writes.emplace_back(Put{row});
  }
  const auto refused = table().transact(writes);
  EXPECT_EQ(refused.error().code(), Code::limit_exceeded);
  EXPECT_TRUE(refused.error().message().contains("The row P 7 alone has 390")) << refused.error().message();
  EXPECT_EQ(asked, 0U);
  writes.pop_back();
  EXPECT_TRUE(table().transact(writes));
}

TEST_F(DynamoDbTableTest, LargeRowsGoFewACall) {
  answer = [&](const Request& request) {
    EXPECT_LT(request.body.size(), std::size_t{16} << 20);
    return done();
  };
  std::vector<Write> writes;
  for (int i = 0; i < 12; ++i) {
    Item row = item(std::to_string(i));
    row["text"] = std::string(30'000, '\x01');  // six bytes each as JSON
    writes.emplace_back(Put{row});
  }
  EXPECT_TRUE(table().write_each(writes));
  EXPECT_EQ(server.requests().size(), 1U);
  for (Write& write : writes) std::get<Put>(write).item["text"] = std::string(390'000, 'x');
  EXPECT_TRUE(table().write_each(writes));
  EXPECT_EQ(server.requests().size(), 3U) << "six of 390 KB a call";
}

TEST_F(DynamoDbTableTest, ARefusalForGoodNamesItsRow) {
  give({refusal("ValidationException")});
  const auto written = table().write(Put{item("1")});
  EXPECT_TRUE(written.error().message().starts_with("the row P 1: DynamoDB_20120810.PutItem"))
      << written.error().message();
  const auto done = table().transact({Put{item("1")}, Put{item("2")}});
  EXPECT_TRUE(done.error().message().starts_with("a transaction of 2 rows, the first of which is P 1: "))
      << done.error().message();
}

TEST(DynamoDbValuesTest, ARowCountsAsTheDeveloperGuideSays) {
  const auto bytes = [](const Item& row) { return stored_bytes(must(to_attributes(row))); };
  EXPECT_EQ(bytes({{"name", "Gr\u00fc\u00df"}}), 4U + 6U) << "bytes of UTF-8";
  EXPECT_EQ(bytes({{"n", 7}}), 1U + 2U);
  EXPECT_EQ(bytes({{"n", -1234}}), 1U + 4U);
  EXPECT_EQ(bytes({{"n", 120'000}}), 1U + 2U) << "zeros at the end are no digits of it";
  EXPECT_EQ(bytes({{"n", 0.25}}), 1U + 2U);
  EXPECT_EQ(bytes({{"b", true}, {"c", nullptr}}), 2U + 2U);
  EXPECT_EQ(bytes({{"l", {1, "ab"}}}), 1U + 3U + 2U * 1U + 2U + 2U);
  EXPECT_EQ(bytes({{"m", {{"k", "v"}}}}), 1U + 3U + 1U + 2U);
}

TEST_F(DynamoDbTableTest, AStopEndsItsCalls) {
  give({done()});
  stop.request_stop();
  EXPECT_EQ(table().get({"P", "1"}).error().code(), Code::cancelled);
}

TEST_F(DynamoDbTableTest, ATableOfAnotherKindIsNotTakenForOne) {
  answer = [&](const Request& request) {
    if (operation_of(request) == "CreateTable") return refusal("ResourceInUseException");
    return done(
        {{"Table", {{"TableStatus", "ACTIVE"}, {"KeySchema", {{{"AttributeName", "id"}, {"KeyType", "HASH"}}}}}}});
  };
  static_cast<void>(table());
  EXPECT_EQ(create_dynamodb_table(*client, "receipts", clock, Logger::none(), {}).error().code(), Code::conflict);
}

}  // namespace
}  // namespace tillite::testing
