#include "adapters/aws/sqs_queue.h"

#include <algorithm>

#include "adapters/aws/sqs_answers.h"
#include "base/http_client.h"

namespace tillite {
namespace {

constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::int64_t kReceiveWaitMsMax = 20'000;
constexpr std::int64_t kReceiveTimeoutMs = 60'000;  // of a call that may wait so long for its first byte
constexpr std::int64_t kLookVisibilityMs = 60'000;
constexpr std::size_t kLookedAtMax = 10'000;
constexpr std::size_t kBatchMax = 10;
constexpr std::size_t kShownBytesMax = 200;

/// A message that has less than a second to wait waits for one.
std::int64_t seconds(std::int64_t duration_ms) { return (duration_ms + kMsPerSecond - 1) / kMsPerSecond; }

bool is_unknown_queue(const AwsError& error) {
  return error.is("QueueDoesNotExist") || error.is("AWS.SimpleQueueService.NonExistentQueue");
}

/// A delivery that has run out, or whose message is gone. For the latter SQS has no type of its own.
bool is_over(const AwsError& error) {
  return error.is("MessageNotInflight") || error.is("AWS.SimpleQueueService.MessageNotInflight") ||
         error.body.find("Message does not exist or is not available") != std::string::npos;
}

/// What SQS has types of its own for.
Code code_of(const AwsError& error) {
  if (is_over(error)) return Code::not_found;
  if (error.is("OverLimit")) return Code::unavailable;  // too many deliveries under way; it passes
  if (error.is("ReceiptHandleIsInvalid") || error.is("InvalidMessageContents")) return Code::invalid_input;
  return error.error.code();
}

Result<void> check_receipt(const std::string& receipt) {
  if (receipt.empty()) return fail(Code::invalid_input, "a delivery needs the receipt of a message");
  return {};
}

}  // namespace

Result<std::unique_ptr<SqsQueue>> SqsQueue::open(std::shared_ptr<AwsClient> client, SqsSettings settings) {
  const auto name = settings.url.rfind('/');
  if (!is_http_url(settings.url) || name == std::string::npos || name + 1 == settings.url.size()) {
    return fail(Code::invalid_input,
                "'{}' is not the URL of a queue, as https://sqs.us-east-1.amazonaws.com/123456789012/name is",
                settings.url.substr(0, kShownBytesMax));
  }
  if (settings.receive_wait_ms < 0 || settings.receive_wait_ms > kReceiveWaitMsMax) {
    return fail(Code::invalid_input, "a queue can wait for up to {} ms for messages, not for {}", kReceiveWaitMsMax,
                settings.receive_wait_ms);
  }
  const auto find_own = [url = settings.url]() -> Result<std::string> { return url; };
  std::unique_ptr<SqsQueue> queue(new SqsQueue(client, find_own, settings.receive_wait_ms));
  const auto find_dead_letters = [live = queue.get()] { return live->dead_letters_url(); };
  queue->dead_letters_.reset(new SqsQueue(std::move(client), find_dead_letters, settings.receive_wait_ms));
  return queue;
}

Result<std::string> SqsQueue::url() {
  const std::scoped_lock lock(mutex_);
  if (url_.empty()) url_ = TRY(find_url_());
  return url_;
}

Result<std::string> SqsQueue::dead_letters_url() {
  const std::string own = TRY(url());
  const auto answer = TRY(call("GetQueueAttributes", {{"AttributeNames", {"RedrivePolicy"}}}));
  const auto target = parse_redrive_policy(answer);
  if (!target) return pass_on(target, own);
  const auto found = ask("GetQueueUrl", {{"QueueName", target->name}, {"QueueOwnerAWSAccountId", target->account}});
  if (!found) {
    if (!is_unknown_queue(found.error())) return std::unexpected(found.error().error);
    return fail(Code::not_found, "the queue {} of dead letters, which {} names, is not there", target->name, own);
  }
  const auto url = string_field(*found, "QueueUrl");
  if (!url) return fail(Code::corrupt, "the answer of SQS to GetQueueUrl: {}", url.error().message());
  return url;
}

AwsResult<Json> SqsQueue::ask(std::string_view operation, const Json& arguments) {
  const std::int64_t timeout_ms = operation == "ReceiveMessage" ? kReceiveTimeoutMs : 0;
  return client_->call_json(fmt::format("AmazonSQS.{}", operation), arguments, {}, timeout_ms);
}

Result<Json> SqsQueue::call(std::string_view operation, Json arguments) {
  const std::string own = TRY(url());
  arguments["QueueUrl"] = own;
  auto answer = ask(operation, arguments);
  if (answer) return *std::move(answer);
  const AwsError& error = answer.error();
  if (is_unknown_queue(error)) {
    return fail(Code::invalid_input, "there is no queue {}: create it, or give the URL of another",
                own.substr(0, kShownBytesMax));
  }
  return std::unexpected(Error(code_of(error), error.error.message()));
}

Result<std::string> SqsQueue::send(const std::string& body, std::int64_t delay_ms, const std::string& attributes) {
  TRY(check_message(body, delay_ms, attributes));
  Json arguments = {{"MessageBody", body}};
  if (delay_ms > 0) arguments["DelaySeconds"] = seconds(delay_ms);
  if (!attributes.empty()) arguments["MessageAttributes"] = TRY(parse_json(attributes, "a message's attributes"));
  return parse_sent(TRY(call("SendMessage", std::move(arguments))));
}

Result<std::vector<QueueMessage>> SqsQueue::receive(std::size_t count_max, std::int64_t visibility_ms) {
  TRY(check_visibility(visibility_ms));
  if (count_max == 0) return {};
  return parse_received(TRY(call("ReceiveMessage", {{"MaxNumberOfMessages", std::min(count_max, kReceiveMax)},
                                                    {"VisibilityTimeout", seconds(visibility_ms)},
                                                    {"WaitTimeSeconds", seconds(receive_wait_ms_)},
                                                    {"AttributeNames", {"ApproximateReceiveCount", "SentTimestamp"}},
                                                    {"MessageAttributeNames", {"All"}}})));
}

Result<void> SqsQueue::remove(const std::string& receipt) {
  TRY(check_receipt(receipt));
  const auto removed = call("DeleteMessage", {{"ReceiptHandle", receipt}});
  if (!removed && removed.error().code() != Code::not_found) return std::unexpected(removed.error());
  return {};
}

Result<void> SqsQueue::extend(const std::string& receipt, std::int64_t visibility_ms) {
  TRY(check_receipt(receipt));
  TRY(check_visibility(visibility_ms));
  TRY(call("ChangeMessageVisibility", {{"ReceiptHandle", receipt}, {"VisibilityTimeout", seconds(visibility_ms)}}));
  return {};
}

Result<void> SqsQueue::note_failure(const std::string& receipt, const std::string&) { return check_receipt(receipt); }

Result<QueueCounts> SqsQueue::counts() {
  return parse_counts(
      TRY(call("GetQueueAttributes", {{"AttributeNames",
                                       {"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
                                        "ApproximateNumberOfMessagesDelayed"}}})));
}

Result<std::vector<QueuedMessage>> SqsQueue::peek(std::size_t count_max) {
  if (dead_letters_ != nullptr) {
    return fail(Code::unsupported,
                "{}: SQS shows messages only by delivering them; counts and dead letters can be seen", TRY(url()));
  }
  std::vector<QueueMessage> seen =
      TRY(look_through([&](const auto& messages) { return messages.size() >= count_max; }));
  give_back(seen);
  std::ranges::stable_sort(seen, {}, &QueueMessage::sent_ms);
  std::vector<QueuedMessage> shown;
  for (QueueMessage& message : seen) {
    if (shown.size() == count_max) break;
    shown.push_back({.id = std::move(message.id),
                     .body = std::move(message.body),
                     .receive_count = message.receive_count,
                     .sent_ms = message.sent_ms,
                     .visible_ms = message.sent_ms});
  }
  return shown;
}

Result<void> SqsQueue::redrive(const std::string& id) {
  if (dead_letters_ == nullptr) return fail(Code::unsupported, "{} is a queue of dead letters itself", TRY(url()));
  const auto is_it = [&](const QueueMessage& message) { return message.id == id; };
  const auto seen =
      TRY(dead_letters_->look_through([&](const auto& messages) { return std::ranges::any_of(messages, is_it); }));
  const auto found = std::ranges::find_if(seen, is_it);
  if (found == seen.end()) {
    dead_letters_->give_back(seen);
    if (seen.size() < kLookedAtMax) return fail(Code::not_found, "there is no dead letter '{}'", id.substr(0, 64));
    return fail(Code::limit_exceeded, "the dead letter '{}' is not among the first {}: remove some", id.substr(0, 64),
                seen.size());
  }
  const auto sent = send(found->body, 0, found->attributes);
  const auto removed = sent ? dead_letters_->remove(found->receipt) : std::unexpected(sent.error());
  std::vector<QueueMessage> others = seen;
  if (removed) std::erase_if(others, is_it);
  dead_letters_->give_back(others);
  return removed;
}

Result<std::vector<QueueMessage>> SqsQueue::look_through(const IsEnough& is_enough) {
  std::vector<QueueMessage> seen;
  while (!is_enough(seen) && seen.size() < kLookedAtMax) {
    auto messages = receive(kReceiveMax, kLookVisibilityMs);
    if (!messages) {
      give_back(seen);
      return messages;
    }
    if (messages->empty()) break;
    std::ranges::move(*messages, std::back_inserter(seen));
  }
  return seen;
}

void SqsQueue::give_back(const std::vector<QueueMessage>& messages) {
  for (std::size_t begin = 0; begin < messages.size(); begin += kBatchMax) {
    Json entries = Json::array();
    for (std::size_t i = begin; i < std::min(begin + kBatchMax, messages.size()); ++i) {
      entries.push_back({{"Id", std::to_string(i)}, {"ReceiptHandle", messages[i].receipt}, {"VisibilityTimeout", 0}});
    }
    static_cast<void>(call("ChangeMessageVisibilityBatch", {{"Entries", std::move(entries)}}));
  }
}

}  // namespace tillite
