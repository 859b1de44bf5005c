#include "adapters/aws/dynamodb_table.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <numeric>

#include "adapters/aws/dynamodb_expression.h"
#include "adapters/aws/dynamodb_values.h"
#include "adapters/remote/shown_text.h"
#include "base/check.h"
#include "base/parallel.h"
#include "base/uuid.h"

namespace tillite {
namespace {

constexpr std::size_t kTransactionBytesMax = std::size_t{4} << 20;
constexpr std::size_t kBatchWritesMax = 25;
constexpr std::size_t kBatchBytesMax = std::size_t{5} << 19;  // of rows: as JSON, 6 times as large at most, below 16 MB
constexpr std::size_t kBatchReadsMax = 100;
constexpr std::size_t kCallsMax = 16;  // at once: as many connections as a client keeps
constexpr std::size_t kShownBytesMax = 500;
constexpr std::size_t kPageBytesMax = 8 * 1024 * 1024;

struct IndexNames {
  const char* index;  ///< nullptr: the table itself
  const char* hash;
  const char* range;  ///< nullptr: none
};

IndexNames names_of(Index index) {
  switch (index) {
    case Index::primary:
      return {nullptr, "PK", "SK"};
    case Index::gsi1:
      return {"GSI1", "GSI1PK", "GSI1SK"};
    case Index::gsi2:
      return {"GSI2", "GSI2PK", "GSI2SK"};
    case Index::gsi3:
      return {"GSI3", "GSI3PK", "GSI3SK"};
    case Index::type:
      return {"GSITYPE", "TYPE", nullptr};
  }
  return {nullptr, "PK", "SK"};
}

std::unexpected<Error> not_as_expected(const Write& write) {
  return fail(Code::conflict, "the row {} is not as expected", row_name(key_of(write)));
}

Result<void> check_put(const Write& write) {
  TRY(check_write(write));
  const auto* put = std::get_if<Put>(&write);
  return put == nullptr ? Result<void>() : check_item(put->item);
}

/// What a call's arguments for a write bring. The values of an update stand for the attributes that it sets.
std::size_t written_bytes(const Json& arguments) {
  const Json* written = find_field(arguments, "Item");
  if (written == nullptr) written = find_field(arguments, "ExpressionAttributeValues");
  return written == nullptr ? 0 : stored_bytes(*written);
}

/// The arguments of a write whose row the service can hold: lists of numbers count more there than in a row's JSON.
Result<Json> checked_arguments(const Write& write) {
  Json arguments = TRY(write_arguments(write));
  const std::size_t bytes = written_bytes(arguments);
  if (bytes <= kItemBytesMax) return arguments;
  return fail(Code::limit_exceeded, "the row {} has {} bytes, as DynamoDB counts them; at most {} are allowed",
              row_name(key_of(write)), bytes, kItemBytesMax);
}

/// A refusal for good says whose it is.
Error named(const AwsError& error, const std::string& what) {
  const Code code = error.error.code();
  const bool is_for_good = code == Code::invalid_input || code == Code::limit_exceeded;
  return is_for_good ? error.error.in(what) : error.error;
}

/// How many items a call asks for, or leaves undone, of one table.
std::size_t items_in(const Json& of_table) {
  if (of_table.is_array()) return of_table.size();
  const Json* const keys = find_field(of_table, "Keys");
  return keys != nullptr && keys->is_array() ? keys->size() : 0;
}

/// Which writes of a transaction were the reason that it was cancelled, by the service's list.
struct Cancellation {
  std::optional<std::size_t> unmet;       ///< the first whose condition did not hold
  std::optional<std::size_t> impossible;  ///< the first that can never be done
  std::string message;                    ///< why
};

Cancellation cancellation_of(const AwsError& error) {
  Cancellation found;
  const auto body = parse_json(error.body, "a cancelled transaction");
  const Json* const reasons = body ? find_field(*body, "CancellationReasons") : nullptr;
  if (reasons == nullptr || !reasons->is_array()) return found;
  for (std::size_t i = 0; i < reasons->size(); ++i) {
    const auto code = optional_string((*reasons)[i], "Code");
    if (!code || !*code) continue;
    if (**code == "ConditionalCheckFailed" && !found.unmet) found.unmet = i;
    if ((**code == "ValidationError" || **code == "ItemCollectionSizeLimitExceeded") && !found.impossible) {
      found.impossible = i;
      const auto message = optional_string((*reasons)[i], "Message");
      found.message = shown_text(message ? message->value_or(**code) : **code, kShownBytesMax);
    }
  }
  return found;
}

}  // namespace

DynamoDbTable::DynamoDbTable(std::shared_ptr<AwsClient> client, std::string table, Random& random, std::stop_token stop)
    : client_(std::move(client)), table_(std::move(table)), random_(random), stop_(std::move(stop)) {
  check(client_->api() == AwsApi::dynamodb, "a table's client is one of DynamoDB");
}

AwsResult<Json> DynamoDbTable::call(std::string_view operation, const Json& arguments) {
  return client_->call_json(fmt::format("DynamoDB_20120810.{}", operation), arguments, stop_);
}

Result<std::optional<Item>> DynamoDbTable::get(const ItemKey& key) {
  const Json answer =
      TRY(call("GetItem", {{"TableName", table_}, {"Key", key_attributes(key)}, {"ConsistentRead", true}}));
  const Json* const item = find_field(answer, "Item");
  if (item == nullptr) return std::nullopt;
  return std::optional<Item>(TRY(from_attributes(*item)));
}

Result<void> DynamoDbTable::write(const Write& write) {
  TRY(check_put(write));
  if (!TRY(write_one(write))) return not_as_expected(write);
  return {};
}

Result<bool> DynamoDbTable::write_one(const Write& write) {
  Json arguments = TRY(checked_arguments(write));
  arguments["TableName"] = table_;
  const auto answer = call(fmt::format("{}Item", write_kind(write)), arguments);
  if (answer) return true;
  const AwsError& error = answer.error();
  if (!error.is("ConditionalCheckFailedException")) {
    return std::unexpected(named(error, fmt::format("the row {}", row_name(key_of(write)))));
  }
  if (!error.follows_lost_answer) return false;
  return fail(Code::unavailable,
              "the row {} is not as expected, and the answer to an earlier attempt was lost: that may have changed it",
              row_name(key_of(write)));
}

Result<void> DynamoDbTable::transact(const std::vector<Write>& writes) {
  TRY(check_transaction(writes));
  if (writes.empty()) return {};
  Json members = Json::array();
  std::size_t bytes = 0;
  for (const Write& write : writes) {
    TRY(check_put(write));
    Json arguments = TRY(checked_arguments(write));
    bytes += written_bytes(arguments);
    arguments["TableName"] = table_;
    Json member = Json::object();
    member[std::string(write_kind(write))] = std::move(arguments);
    members.push_back(std::move(member));
  }
  if (bytes > kTransactionBytesMax) {
    return fail(Code::limit_exceeded,
                "a transaction of {} bytes, as DynamoDB counts them, from the row {} on; at most {} are allowed", bytes,
                row_name(key_of(writes.front())), kTransactionBytesMax);
  }
  const Json arguments = {{"TransactItems", std::move(members)}, {"ClientRequestToken", uuid4(random_.bytes())}};
  for (int attempt = 1;; ++attempt) {
    const auto answer = call("TransactWriteItems", arguments);
    if (answer) return {};
    const AwsError& error = answer.error();
    if (!error.is("TransactionCanceledException")) {
      return std::unexpected(named(error, fmt::format("a transaction of {} rows, the first of which is {}",
                                                      writes.size(), row_name(key_of(writes.front())))));
    }
    const Cancellation reason = cancellation_of(error);
    if (reason.unmet && *reason.unmet < writes.size()) return not_as_expected(writes[*reason.unmet]);
    if (reason.impossible && *reason.impossible < writes.size()) {
      const bool is_large = reason.message.contains("maximum allowed size");
      return fail(is_large ? Code::limit_exceeded : Code::invalid_input, "the row {}: {}",
                  row_name(key_of(writes[*reason.impossible])), reason.message);
    }
    // Another one was at the same row, or the table was busy.
    if (attempt >= client_->retries().attempts_max) {
      return fail(Code::unavailable, "a transaction is cancelled again and again: {}", error.message);
    }
    TRY(client_->pause_before(attempt + 1, stop_));
  }
}

Result<std::vector<bool>> DynamoDbTable::write_each(const std::vector<Write>& writes) {
  for (const Write& write : writes) TRY(check_put(write));
  // The n-th write of a row is in the n-th round: a call may have a row once, and calls of a round have no order.
  std::map<ItemKey, std::size_t> seen;
  std::vector<std::vector<std::size_t>> rounds;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const std::size_t round = seen[key_of(writes[i])]++;
    if (round == rounds.size()) rounds.emplace_back();
    rounds[round].push_back(i);
  }
  std::vector<char> happened(writes.size(), 1);  // not bool: threads write to their own elements
  for (const auto& round : rounds) {
    std::vector<std::function<Result<void>()>> jobs;
    std::vector<BatchedWrite> batch;
    std::size_t batch_bytes = 0;
    const auto end_batch = [&] {
      if (!batch.empty()) jobs.emplace_back([this, batch = std::exchange(batch, {})] { return write_batch(batch); });
      batch_bytes = 0;
    };
    for (const std::size_t i : round) {
      const bool fits_batch = condition_of(writes[i]).empty() && !std::holds_alternative<Update>(writes[i]);
      if (fits_batch) {
        Json arguments = TRY(checked_arguments(writes[i]));
        const std::size_t bytes = written_bytes(arguments);
        if (batch_bytes + bytes > kBatchBytesMax) end_batch();
        batch.emplace_back(&writes[i], std::move(arguments));
        batch_bytes += bytes;
        if (batch.size() == kBatchWritesMax) end_batch();
      } else {
        jobs.emplace_back([this, i, &writes, &happened]() -> Result<void> {
          happened[i] = TRY(write_one(writes[i])) ? 1 : 0;
          return {};
        });
      }
    }
    end_batch();
    TRY(run_parallel(jobs));
  }
  return std::vector<bool>(happened.begin(), happened.end());
}

Result<void> DynamoDbTable::write_batch(const std::vector<BatchedWrite>& writes) {
  if (writes.size() == 1) {
    TRY(write_one(*writes.front().write));
    return {};
  }
  Json requests = Json::array();
  for (const auto& [write, arguments] : writes) {
    const char* const kind = std::holds_alternative<Put>(*write) ? "PutRequest" : "DeleteRequest";
    requests.push_back({{kind, arguments}});
  }
  return call_until_done("BatchWriteItem", {{table_, std::move(requests)}}, "UnprocessedItems",
                         [](const Json&) { return Result<void>(); });
}

Result<std::vector<std::optional<Item>>> DynamoDbTable::get_each(std::span<const ItemKey> keys) {
  std::vector<std::optional<Item>> items(keys.size());
  std::vector<std::size_t> order(keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  std::vector<std::size_t> wanted;  // each key once
  for (const std::size_t i : order) {
    if (wanted.empty() || keys[wanted.back()] != keys[i]) wanted.push_back(i);
  }
  std::vector<std::function<Result<void>()>> jobs;
  for (std::size_t begin = 0; begin < wanted.size(); begin += kBatchReadsMax) {
    const auto part = std::span(wanted).subspan(begin, std::min(kBatchReadsMax, wanted.size() - begin));
    jobs.emplace_back([this, keys, part, &items] { return get_batch(keys, part, items); });
  }
  TRY(run_parallel(jobs));
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (keys[order[i]] == keys[order[i - 1]]) items[order[i]] = items[order[i - 1]];
  }
  return items;
}

Result<void> DynamoDbTable::get_batch(std::span<const ItemKey> keys, std::span<const std::size_t> wanted,
                                      std::vector<std::optional<Item>>& items) {
  std::map<ItemKey, std::size_t> places;
  Json list = Json::array();
  for (const std::size_t i : wanted) {
    places[keys[i]] = i;
    list.push_back(key_attributes(keys[i]));
  }
  const Json asked = {{"Keys", std::move(list)}, {"ConsistentRead", true}};
  return call_until_done("BatchGetItem", {{table_, asked}}, "UnprocessedKeys", [&](const Json& answer) -> Result<void> {
    const Json* const responses = find_field(answer, "Responses");
    const Json* const rows = responses == nullptr ? nullptr : find_field(*responses, table_);
    if (rows == nullptr || !rows->is_array()) return {};
    for (const Json& row : *rows) {
      Item item = TRY(from_attributes(row));
      const auto pk = string_field(item, "PK");
      const auto sk = string_field(item, "SK");
      const auto place = pk && sk ? places.find({*pk, *sk}) : places.end();
      if (place == places.end()) return fail(Code::corrupt, "DynamoDB gives a row that was not asked for");
      items[place->second] = std::move(item);
    }
    return {};
  });
}

Result<void> DynamoDbTable::call_until_done(std::string_view operation, Json requests, std::string_view left_undone,
                                            const std::function<Result<void>(const Json& answer)>& take) {
  for (int attempt = 1;;) {
    const std::size_t asked = items_in(requests.at(table_));
    const Json answer = TRY(call(operation, {{"RequestItems", requests}}));
    TRY(take(answer));
    const Json* const left = find_field(answer, left_undone);
    if (left == nullptr || left->empty()) return {};
    const Json* const of_table = find_field(*left, table_);
    const std::size_t undone = of_table == nullptr ? 0 : items_in(*of_table);
    if (left->size() != 1 || undone == 0 || undone > asked) {
      return fail(Code::corrupt, "{} leaves undone what it was not asked for", operation);
    }
    requests = *left;
    // Without any progress the table is busy; with some it is often only the size of an answer that is limited.
    attempt = undone < asked ? 1 : attempt + 1;
    if (attempt > client_->retries().attempts_max) {
      return fail(Code::unavailable, "{} leaves {} rows of the table {} undone, again and again", operation, undone,
                  table_);
    }
    TRY(client_->pause_before(attempt + 1, stop_));
  }
}

Result<void> DynamoDbTable::run_parallel(const std::vector<std::function<Result<void>()>>& jobs) const {
  std::mutex mutex;
  std::optional<Error> error;
  const auto failed = [&] {
    const std::scoped_lock lock(mutex);
    return error.has_value();
  };
  for_each_parallel(jobs.size(), kCallsMax, [&](std::size_t i) {
    if (failed()) return;
    const auto done = jobs[i]();
    const std::scoped_lock lock(mutex);
    if (!done && !error) error = done.error();
  });
  if (error) return std::unexpected(*std::move(error));
  return {};
}

Result<Json> DynamoDbTable::query_arguments(const Query& query) const {
  const IndexNames names = names_of(query.index);
  DynamoDbExpression expression;
  std::string condition = fmt::format("{} = {}", expression.name(names.hash), TRY(expression.value(query.hash)));
  if (names.range != nullptr && !query.range_prefix.empty()) {
    const std::string prefix = TRY(expression.value(query.range_prefix));
    condition += fmt::format(" AND begins_with({}, {})", expression.name(names.range), prefix);
  }
  Json arguments = {{"TableName", table_}, {"KeyConditionExpression", std::move(condition)}};
  expression.add_placeholders(arguments);
  if (names.index != nullptr) {
    arguments["IndexName"] = names.index;
  } else {
    arguments["ConsistentRead"] = true;
  }
  if (query.newest_first) arguments["ScanIndexForward"] = false;
  return arguments;
}

Result<Page> DynamoDbTable::query(const Query& query) {
  Json arguments = TRY(query_arguments(query));
  if (!query.start_after.empty()) {
    auto place = parse_json(query.start_after, "the place to go on from");
    if (!place || !place->is_object()) {
      return fail(Code::invalid_input, "the place to go on from is not of this query");
    }
    arguments["ExclusiveStartKey"] = *std::move(place);
  }
  Page page;
  std::size_t bytes = 0;
  while (page.items.size() < query.limit && bytes < kPageBytesMax) {
    arguments["Limit"] = query.limit - page.items.size();
    const Json answer = TRY(call("Query", arguments));
    for (const Json& row : TRY(array_field(answer, "Items"))) {
      bytes += to_text(row).size();
      page.items.push_back(TRY(from_attributes(row)));
    }
    const Json* const last = find_field(answer, "LastEvaluatedKey");
    if (last == nullptr) {
      page.next.clear();
      break;
    }
    page.next = to_text(*last);
    arguments["ExclusiveStartKey"] = *last;
  }
  return page;
}

Result<std::uint64_t> DynamoDbTable::count(const Query& query) {
  Json arguments = TRY(query_arguments(query));
  arguments["Select"] = "COUNT";
  std::uint64_t rows = 0;
  while (true) {
    const Json answer = TRY(call("Query", arguments));
    rows += static_cast<std::uint64_t>(TRY(int_field(answer, "Count")));
    const Json* const last = find_field(answer, "LastEvaluatedKey");
    if (last == nullptr) return rows;
    arguments["ExclusiveStartKey"] = *last;
  }
}

}  // namespace tillite
