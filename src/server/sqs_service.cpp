#include "server/sqs_service.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "server/aws_error.h"
#include "server/message_attributes.h"

namespace tillite {
namespace {

constexpr std::size_t kBatchMax = 10;
constexpr std::size_t kEntryIdBytesMax = 80;
constexpr std::int64_t kReceiveWaitSecondsMax = 20;
constexpr std::int64_t kMsPerSecond = 1000;

std::unexpected<Error> refuse(std::string message) {
  return aws_error("InvalidParameterValueException", std::move(message));
}

Result<std::string> text_parameter(const Json& parameters, std::string_view name) {
  const Json* const value = find_field(parameters, name);
  if (value == nullptr) {
    return aws_error("MissingRequiredParameterException",
                     fmt::format("The request must contain the parameter {}.", name));
  }
  if (!value->is_string()) return refuse(fmt::format("The parameter {} must be a text.", name));
  return value->get<std::string>();
}

/// A whole number between two bounds; `standard` if there is none.
Result<std::int64_t> number_parameter(const Json& parameters, std::string_view name, std::int64_t least,
                                      std::int64_t most, std::int64_t standard) {
  const Json* const value = find_field(parameters, name);
  if (value == nullptr) return standard;
  if (!value->is_number_integer() || *value < least || *value > most) {
    return refuse(fmt::format("Value {} for parameter {} is invalid. Reason: Must be between {} and {}.",
                              to_text(*value).substr(0, 80), name, least, most));
  }
  return value->get<std::int64_t>();
}

/// The texts of a list of names, empty if there is none.
Result<std::set<std::string>> names_parameter(const Json& parameters, std::string_view name) {
  std::set<std::string> names;
  const Json* const list = find_field(parameters, name);
  if (list == nullptr) return names;
  if (!list->is_array()) return refuse(fmt::format("The parameter {} must be a list.", name));
  for (const Json& entry : *list) {
    if (!entry.is_string()) return refuse(fmt::format("The parameter {} must be a list of texts.", name));
    names.insert(entry.get<std::string>());
  }
  return names;
}

/// What SQS takes: the characters that XML 1.0 knows.
bool is_message_text(std::string_view body) {
  if (!is_utf8(body)) return false;
  return std::ranges::all_of(code_points(body), [](char32_t c) {
    return c == 0x9 || c == 0xa || c == 0xd || (c >= 0x20 && c != 0xfffe && c != 0xffff);
  });
}

bool is_entry_id(std::string_view id) {
  return !id.empty() && id.size() <= kEntryIdBytesMax && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// Whether "All", ".*", "name" or "begin.*" is among the names that were asked for.
bool is_asked_for(std::string_view name, const std::set<std::string>& asked) {
  return std::ranges::any_of(asked, [&](std::string_view pattern) {
    if (pattern == "All" || pattern == ".*" || pattern == name) return true;
    return pattern.ends_with(".*") && name.starts_with(pattern.substr(0, pattern.size() - 1));
  });
}

struct ReceiveOptions {
  std::size_t count_max = 1;
  std::int64_t visibility_ms = 0;
  std::set<std::string> attributes;
  std::set<std::string> message_attributes;
};

Json json_of(const QueueMessage& message, const ReceiveOptions& options, const AwsPlace& place) {
  Json json = {{"MessageId", message.id},
               {"ReceiptHandle", message.receipt},
               {"Body", message.body},
               {"MD5OfBody", md5_of_body(message.body)}};
  const std::array<std::pair<const char*, std::string>, 3> facts = {{
      {"SenderId", place.account},
      {"SentTimestamp", std::to_string(message.sent_ms)},
      {"ApproximateReceiveCount", std::to_string(message.receive_count)},
  }};
  for (const auto& [name, value] : facts) {
    if (is_asked_for(name, options.attributes)) json["Attributes"][name] = value;
  }
  if (message.attributes.empty()) return json;
  const Json all = Json::parse(message.attributes, nullptr, false);
  if (!all.is_object() || !check_message_attributes(all)) return json;  // not from here
  Json asked = Json::object();
  for (const auto& [name, attribute] : all.items()) {
    if (is_asked_for(name, options.message_attributes)) asked[name] = attribute;
  }
  if (asked.empty()) return json;
  json["MD5OfMessageAttributes"] = md5_of_attributes(asked);
  json["MessageAttributes"] = std::move(asked);
  return json;
}

Json messages_json(const std::vector<QueueMessage>& messages, const ReceiveOptions& options, const AwsPlace& place) {
  Json json = Json::object();
  for (const QueueMessage& message : messages) json["Messages"].push_back(json_of(message, options, place));
  return json;
}

}  // namespace

std::string SqsService::url_of(std::string_view origin, std::string_view queue) const {
  return fmt::format("{}/{}/{}", origin, place_.account, queue);
}

Result<const ServedQueue*> SqsService::queue_of(const Json& parameters) const {
  const std::string url = TRY(text_parameter(parameters, "QueueUrl"));
  const std::string_view name = std::string_view(url).substr(url.rfind('/') + 1);
  const auto found = std::ranges::find(queues_, name, &ServedQueue::name);
  if (found != queues_.end()) return &*found;
  return aws_error("QueueDoesNotExist", fmt::format("The specified queue does not exist: '{}'", url.substr(0, 256)));
}

// -------------------------------------------------------------------------------------------- single messages

Result<Json> SqsService::send(const ServedQueue& queue, const Json& message) {
  const std::string body = TRY(text_parameter(message, "MessageBody"));
  const std::int64_t delay_s = TRY(number_parameter(message, "DelaySeconds", 0, Queue::kDelayMsMax / kMsPerSecond, 0));
  if (!is_message_text(body)) {
    return aws_error("InvalidMessageContents",
                     "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD "
                     "| #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF");
  }
  const Json* const attributes = find_field(message, "MessageAttributes");
  const bool has_attributes = attributes != nullptr && !attributes->empty();
  if (has_attributes) TRY(check_message_attributes(*attributes));
  const std::size_t bytes = body.size() + (has_attributes ? message_attributes_bytes(*attributes) : 0);
  if (body.empty() || bytes > Queue::kBodyBytesMax) {
    return refuse(
        fmt::format("One or more parameters are invalid. Reason: Message must be between 1 and {} bytes, but "
                    "has {}.",
                    Queue::kBodyBytesMax, bytes));
  }
  const std::string id =
      TRY(queue.queue.send(body, delay_s * kMsPerSecond, has_attributes ? to_text(*attributes) : ""));
  Json answer = {{"MessageId", id}, {"MD5OfMessageBody", md5_of_body(body)}};
  if (has_attributes) answer["MD5OfMessageAttributes"] = md5_of_attributes(*attributes);
  return answer;
}

Result<Json> SqsService::remove(const ServedQueue& queue, const Json& delivery) {
  const auto removed = queue.queue.remove(TRY(text_parameter(delivery, "ReceiptHandle")));
  if (removed) return Json::object();
  return std::unexpected(with_aws_name(removed.error(), Code::invalid_input, "ReceiptHandleIsInvalid"));
}

Result<Json> SqsService::change_visibility(const ServedQueue& queue, const Json& delivery) {
  const std::string receipt = TRY(text_parameter(delivery, "ReceiptHandle"));
  const Json* const timeout = find_field(delivery, "VisibilityTimeout");
  if (timeout == nullptr) {
    return aws_error("MissingRequiredParameterException", "The request must contain the parameter VisibilityTimeout.");
  }
  const std::int64_t visibility_s =
      TRY(number_parameter(delivery, "VisibilityTimeout", 0, Queue::kVisibilityMsMax / kMsPerSecond, 0));
  const auto extended = queue.queue.extend(receipt, visibility_s * kMsPerSecond);
  if (extended) return Json::object();
  const Error error = with_aws_name(extended.error(), Code::invalid_input, "ReceiptHandleIsInvalid");
  return std::unexpected(with_aws_name(error, Code::not_found, "MessageNotInflight"));
}

// ---------------------------------------------------------------------------------------------------- batches

/// Does the same with each entry: one that fails does not stop the others.
Result<Json> SqsService::each_entry(const Json& parameters, Entry work) {
  const ServedQueue* const queue = TRY(queue_of(parameters));
  const Json* const entries = find_field(parameters, "Entries");
  if (entries == nullptr || !entries->is_array() || entries->empty()) {
    return aws_error("EmptyBatchRequest", "There should be at least one entry in the request.");
  }
  if (entries->size() > kBatchMax) {
    return aws_error(
        "TooManyEntriesInBatchRequest",
        fmt::format("Maximum number of entries per request are {}. You have sent {}.", kBatchMax, entries->size()));
  }
  std::set<std::string> ids;
  for (const Json& entry : *entries) {
    const std::string id = TRY(text_parameter(entry, "Id"));
    if (!is_entry_id(id)) {
      return aws_error("InvalidBatchEntryId",
                       "A batch entry id can only contain alphanumeric characters, hyphens and "
                       "underscores. It can be at most 80 letters long.");
    }
    if (!ids.insert(id).second) {
      return aws_error("BatchEntryIdsNotDistinct", fmt::format("Id {} repeated.", id));
    }
  }
  Json answer = {{"Successful", Json::array()}, {"Failed", Json::array()}};
  for (const Json& entry : *entries) {
    auto done = (this->*work)(*queue, entry);
    if (done) {
      (*done)["Id"] = entry["Id"];
      answer["Successful"].push_back(*std::move(done));
    } else {
      const WireError error = wire_error(done.error());
      answer["Failed"].push_back({{"Id", entry["Id"]},
                                  {"SenderFault", error.status < 500},
                                  {"Code", error.query_code},
                                  {"Message", error.message}});
    }
  }
  return answer;
}

Result<Json> SqsService::send_message_batch(const AwsCall& call) {
  std::size_t bytes = 0;
  if (const Json* const entries = find_field(call.parameters, "Entries"); entries != nullptr && entries->is_array()) {
    for (const Json& entry : *entries) {
      const Json* const body = find_field(entry, "MessageBody");
      if (body != nullptr && body->is_string()) bytes += body->get_ref<const std::string&>().size();
    }
  }
  if (bytes > Queue::kBodyBytesMax) {
    return aws_error("BatchRequestTooLong",
                     fmt::format("Batch requests cannot be longer than {} bytes. You have sent {} "
                                 "bytes.",
                                 Queue::kBodyBytesMax, bytes));
  }
  auto answer = each_entry(call.parameters, &SqsService::send);
  polls_.wake();
  return answer;
}

Result<Json> SqsService::delete_message_batch(const AwsCall& call) {
  return each_entry(call.parameters, &SqsService::remove);
}

Result<Json> SqsService::change_message_visibility_batch(const AwsCall& call) {
  auto answer = each_entry(call.parameters, &SqsService::change_visibility);
  polls_.wake();
  return answer;
}

// ------------------------------------------------------------------------------------------------- operations

Result<Json> SqsService::send_message(const AwsCall& call) {
  auto answer = send(*TRY(queue_of(call.parameters)), call.parameters);
  polls_.wake();
  return answer;
}

Result<Json> SqsService::delete_message(const AwsCall& call) {
  return remove(*TRY(queue_of(call.parameters)), call.parameters);
}

Result<Json> SqsService::change_message_visibility(const AwsCall& call) {
  auto answer = change_visibility(*TRY(queue_of(call.parameters)), call.parameters);
  polls_.wake();
  return answer;
}

Result<Json> SqsService::get_queue_attributes(const AwsCall& call) {
  const ServedQueue& queue = *TRY(queue_of(call.parameters));
  const auto asked = TRY(names_parameter(call.parameters, "AttributeNames"));
  const QueueCounts counts = TRY(queue.queue.counts());
  const auto seconds = [](std::int64_t duration_ms) { return std::to_string(duration_ms / kMsPerSecond); };
  std::map<std::string, std::string> attributes = {
      {"ApproximateNumberOfMessages", std::to_string(counts.visible)},
      {"ApproximateNumberOfMessagesNotVisible", std::to_string(counts.in_flight)},
      {"ApproximateNumberOfMessagesDelayed", std::to_string(counts.delayed)},
      {"DelaySeconds", "0"},
      {"MaximumMessageSize", std::to_string(Queue::kBodyBytesMax)},
      {"MessageRetentionPeriod", seconds(queue.retention_ms)},
      {"QueueArn", place_.arn("sqs", queue.name)},
      {"ReceiveMessageWaitTimeSeconds", seconds(queue.receive_wait_ms)},
      {"VisibilityTimeout", seconds(queue.visibility_ms)},
  };
  if (!queue.dead_letters.empty()) {
    attributes["RedrivePolicy"] = to_text(
        {{"deadLetterTargetArn", place_.arn("sqs", queue.dead_letters)}, {"maxReceiveCount", Queue::kReceivesMax}});
  }
  constexpr std::array kWithoutValue = {
      "Policy",           "RedriveAllowPolicy",    "KmsMasterKeyId",      "RedrivePolicy",
      "CreatedTimestamp", "LastModifiedTimestamp", "SqsManagedSseEnabled"};
  Json answer = Json::object();
  for (const std::string& name : asked) {
    const auto found = attributes.find(name);
    if (name == "All") {
      answer["Attributes"] = attributes;
    } else if (found != attributes.end()) {
      answer["Attributes"][name] = found->second;
    } else if (std::ranges::find(kWithoutValue, name) == kWithoutValue.end()) {
      return aws_error("InvalidAttributeName", fmt::format("Unknown Attribute {}.", name.substr(0, 80)));
    }
  }
  return answer;
}

Result<Json> SqsService::get_queue_url(const AwsCall& call) {
  const std::string name = TRY(text_parameter(call.parameters, "QueueName"));
  if (std::ranges::find(queues_, name, &ServedQueue::name) == queues_.end()) {
    return aws_error("QueueDoesNotExist", fmt::format("The specified queue does not exist: '{}'", name.substr(0, 256)));
  }
  return Json{{"QueueUrl", url_of(call.origin, name)}};
}

Result<Json> SqsService::list_queues(const AwsCall& call) {
  const Json* const prefix = find_field(call.parameters, "QueueNamePrefix");
  if (prefix != nullptr && !prefix->is_string()) return refuse("The parameter QueueNamePrefix must be a text.");
  Json answer = Json::object();
  for (const ServedQueue& queue : queues_) {
    if (prefix != nullptr && !queue.name.starts_with(prefix->get_ref<const std::string&>())) continue;
    answer["QueueUrls"].push_back(url_of(call.origin, queue.name));
  }
  return answer;
}

Result<Json> SqsService::list_dead_letter_source_queues(const AwsCall& call) {
  const ServedQueue& target = *TRY(queue_of(call.parameters));
  Json answer = {{"queueUrls", Json::array()}};
  for (const ServedQueue& queue : queues_) {
    if (queue.dead_letters == target.name) answer["queueUrls"].push_back(url_of(call.origin, queue.name));
  }
  return answer;
}

void SqsService::receive_message(AwsCall call) {
  struct Wanted {
    const ServedQueue* queue;
    std::int64_t wait_ms;
    ReceiveOptions options;
  };
  const auto wanted = [&]() -> Result<Wanted> {
    const Json& parameters = call.parameters;
    const ServedQueue* const queue = TRY(queue_of(parameters));
    ReceiveOptions options;
    options.count_max = static_cast<std::size_t>(
        TRY(number_parameter(parameters, "MaxNumberOfMessages", 1, static_cast<std::int64_t>(Queue::kReceiveMax), 1)));
    options.visibility_ms =
        kMsPerSecond * TRY(number_parameter(parameters, "VisibilityTimeout", 0, Queue::kVisibilityMsMax / kMsPerSecond,
                                            queue->visibility_ms / kMsPerSecond));
    const std::int64_t wait_s = TRY(number_parameter(parameters, "WaitTimeSeconds", 0, kReceiveWaitSecondsMax,
                                                     queue->receive_wait_ms / kMsPerSecond));
    options.attributes = TRY(names_parameter(parameters, "AttributeNames"));
    options.attributes.merge(TRY(names_parameter(parameters, "MessageSystemAttributeNames")));
    options.message_attributes = TRY(names_parameter(parameters, "MessageAttributeNames"));
    return Wanted{.queue = queue, .wait_ms = wait_s * kMsPerSecond, .options = std::move(options)};
  }();
  if (!wanted) return call.answer(std::unexpected(wanted.error()));
  polls_.add(wanted->wait_ms, [this, wanted = *wanted, call = std::move(call)](bool is_last) mutable {
    // Nobody would remove what is delivered to one who has gone.
    if (!call.is_wanted()) {
      call.answer(Json::object());
      return true;
    }
    const auto messages = wanted.queue->queue.receive(wanted.options.count_max, wanted.options.visibility_ms);
    if (messages && messages->empty() && !is_last) return false;
    call.answer(messages ? Result<Json>(messages_json(*messages, wanted.options, place_))
                         : std::unexpected(messages.error()));
    return true;
  });
}

void SqsService::handle(AwsCall call) {
  if (call.operation == "ReceiveMessage") return receive_message(std::move(call));
  static const std::map<std::string, Operation, std::less<>> operations = {
      {"ChangeMessageVisibility", &SqsService::change_message_visibility},
      {"ChangeMessageVisibilityBatch", &SqsService::change_message_visibility_batch},
      {"DeleteMessage", &SqsService::delete_message},
      {"DeleteMessageBatch", &SqsService::delete_message_batch},
      {"GetQueueAttributes", &SqsService::get_queue_attributes},
      {"GetQueueUrl", &SqsService::get_queue_url},
      {"ListDeadLetterSourceQueues", &SqsService::list_dead_letter_source_queues},
      {"ListQueues", &SqsService::list_queues},
      {"SendMessage", &SqsService::send_message},
      {"SendMessageBatch", &SqsService::send_message_batch},
  };
  const auto found = operations.find(call.operation);
  auto result = found == operations.end() ? std::unexpected(unknown_operation("SQS", call.operation))
                                          : (this->*found->second)(call);
  call.answer(std::move(result));
}

}  // namespace tillite
