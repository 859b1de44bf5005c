#include "adapters/aws/dynamodb_setup.h"

#include <algorithm>
#include <array>

namespace tillite {
namespace {

constexpr std::int64_t kPatienceMs = 5 * 60'000;
constexpr std::int64_t kFirstPauseMs = 100;
constexpr std::int64_t kPauseMsMax = 3'000;
constexpr std::int64_t kBackupsPauseMs = 1'000;

struct IndexSchema {
  const char* name;
  const char* hash;
  const char* range;  ///< nullptr: none
};
constexpr std::array<IndexSchema, 4> kIndexes = {{{"GSI1", "GSI1PK", "GSI1SK"},
                                                  {"GSI2", "GSI2PK", "GSI2SK"},
                                                  {"GSI3", "GSI3PK", "GSI3SK"},
                                                  {"GSITYPE", "TYPE", nullptr}}};

Json key_schema(const char* hash, const char* range) {
  Json schema = Json::array({{{"AttributeName", hash}, {"KeyType", "HASH"}}});
  if (range != nullptr) schema.push_back({{"AttributeName", range}, {"KeyType", "RANGE"}});
  return schema;
}

Json description_of(const std::string& table) {
  Json attributes = Json::array();
  for (const char* name : {"PK", "SK", "TYPE", "GSI1PK", "GSI1SK", "GSI2PK", "GSI2SK", "GSI3PK", "GSI3SK"}) {
    attributes.push_back({{"AttributeName", name}, {"AttributeType", "S"}});
  }
  Json indexes = Json::array();
  for (const IndexSchema& index : kIndexes) {
    indexes.push_back({{"IndexName", index.name},
                       {"KeySchema", key_schema(index.hash, index.range)},
                       {"Projection", {{"ProjectionType", "ALL"}}}});
  }
  return {{"TableName", table},
          {"AttributeDefinitions", std::move(attributes)},
          {"KeySchema", key_schema("PK", "SK")},
          {"GlobalSecondaryIndexes", std::move(indexes)},
          {"BillingMode", "PAY_PER_REQUEST"}};
}

AwsResult<Json> call(AwsClient& client, std::string_view operation, const Json& arguments,
                     const std::stop_token& stop) {
  return client.call_json(fmt::format("DynamoDB_20120810.{}", operation), arguments, stop);
}

bool has_schema(const Json& described, const char* hash, const char* range) {
  const Json* const schema = find_field(described, "KeySchema");
  return schema != nullptr && *schema == key_schema(hash, range);
}

/// Whether a table that is there is one of receipts.
bool is_as_asked(const Json& described) {
  if (!has_schema(described, "PK", "SK")) return false;
  const Json* const indexes = find_field(described, "GlobalSecondaryIndexes");
  if (indexes == nullptr || !indexes->is_array()) return false;
  return std::ranges::all_of(kIndexes, [&](const IndexSchema& wanted) {
    return std::ranges::any_of(*indexes, [&](const Json& index) {
      return string_field(index, "IndexName").value_or("") == wanted.name &&
             has_schema(index, wanted.hash, wanted.range);
    });
  });
}

/// Waits until the table and its indexes are there; its description.
Result<Json> wait_for_table(AwsClient& client, const std::string& table, Clock& clock, const std::stop_token& stop) {
  const std::int64_t begin_ms = clock.steady_ms();
  for (std::int64_t pause_ms = kFirstPauseMs; clock.steady_ms() - begin_ms < kPatienceMs;
       pause_ms = std::min(pause_ms * 2, kPauseMsMax)) {
    const auto answer = call(client, "DescribeTable", {{"TableName", table}}, stop);
    if (!answer && !answer.error().is("ResourceNotFoundException")) return std::unexpected(Error(answer.error()));
    if (answer) {
      Json described = TRY(object_field(*answer, "Table"));
      if (string_field(described, "TableStatus").value_or("") == "ACTIVE") return described;
    }
    TRY(clock.sleep(pause_ms, stop));
  }
  return fail(Code::timed_out, "the table {} is still not active after {} s", table, kPatienceMs / 1000);
}

/// What is no condition of the table's use: a service that does not know it is left without. A new table may not be
/// ready for it yet.
Result<void> try_to(AwsClient& client, std::string_view operation, const Json& arguments, Clock& clock,
                    const Logger& log, const std::stop_token& stop) {
  auto answer = call(client, operation, arguments, stop);
  const std::int64_t begin_ms = clock.steady_ms();
  while (!answer && answer.error().is("ContinuousBackupsUnavailableException") &&
         clock.steady_ms() - begin_ms < kPatienceMs) {
    TRY(clock.sleep(kBackupsPauseMs, stop));
    answer = call(client, operation, arguments, stop);
  }
  if (answer) return {};
  const AwsError& error = answer.error();
  const bool is_unknown = error.is("UnknownOperationException") || error.status == 501 || error.status == 404;
  const bool is_done = error.is("ValidationException") && error.message.contains("already enabled");
  if (is_done) return {};
  if (!is_unknown) return std::unexpected(Error(error));
  log.warning("the service does not know an operation on tables", {{"operation", operation}, {"error", error.message}});
  return {};
}

}  // namespace

Result<bool> create_dynamodb_table(AwsClient& client, const std::string& table, Clock& clock, const Logger& log,
                                   const std::stop_token& stop) {
  const auto created = call(client, "CreateTable", description_of(table), stop);
  if (!created && !created.error().is("ResourceInUseException")) return std::unexpected(Error(created.error()));
  const Json described = TRY(wait_for_table(client, table, clock, stop));
  if (!is_as_asked(described)) {
    return fail(Code::conflict, "the table {} is there, and has not the keys and indexes of a table of receipts",
                table);
  }
  TRY(try_to(
      client, "UpdateTimeToLive",
      {{"TableName", table}, {"TimeToLiveSpecification", {{"AttributeName", "time_to_live"}, {"Enabled", true}}}},
      clock, log, stop));
  TRY(try_to(client, "UpdateContinuousBackups",
             {{"TableName", table}, {"PointInTimeRecoverySpecification", {{"PointInTimeRecoveryEnabled", true}}}},
             clock, log, stop));
  return created.has_value();
}

}  // namespace tillite
