#include "adapters/aws/sqs_queue.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "adapters/aws/sqs_answers.h"
#include "base/grace_time.h"
#include "base/http_client.h"

namespace tillite {
namespace {

constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::int64_t kReceiveWaitMsMax = 20'000;
constexpr std::int64_t kReceiveTimeoutMs = 60'000;       // of a call that may wait so long for its first byte
constexpr std::int64_t kLookVisibilityMs = 15 * 60'000;  // ten thousand, ten a call, take a minute or two
constexpr std::chrono::milliseconds kGrace(2'000);       // behind a stop, to give back what was looked at
constexpr std::size_t kLookedAtMax = 10'000;
constexpr std::size_t kBatchMax = 10;
constexpr std::size_t kShownBytesMax = 200;
constexpr std::size_t kShownIdBytesMax = 64;

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

/// Receives the messages of a queue one after the other to look at them. They are this object's until it goes: then
/// those that nobody took are visible again at once, in batches; what cannot be given back comes back by itself.
class SqsQueue::Look {
 public:
  explicit Look(SqsQueue& queue) : queue_(queue) {}
  Look(const Look&) = delete;
  Look& operator=(const Look&) = delete;
  ~Look() { give_back(); }

  /// The next messages, each once; none at the end of the queue.
  [[nodiscard]] Result<std::vector<QueueMessage>> next() {
    std::vector<QueueMessage> fresh;
    for (QueueMessage& message : TRY(queue_.receive(kReceiveMax, kLookVisibilityMs))) {
      held_[message.id] = message.receipt;  // of one that has come round again the last delivery counts
      if (seen_.insert(message.id).second) fresh.push_back(std::move(message));
    }
    return fresh;
  }
  /// That a message is not to be given back.
  void take(const std::string& id) { held_.erase(id); }
  /// That a message which comes from now on is none of those that were there.
  void pass_over(const std::string& id) { seen_.insert(id); }
  [[nodiscard]] std::size_t seen() const { return seen_.size(); }

 private:
  void give_back() {
    std::optional<GraceTime> grace;
    for (auto next = held_.begin(); next != held_.end();) {
      Json entries = Json::array();
      for (; next != held_.end() && entries.size() < kBatchMax; ++next) {
        entries.push_back(
            {{"Id", std::to_string(entries.size())}, {"ReceiptHandle", next->second}, {"VisibilityTimeout", 0}});
      }
      const auto url = queue_.url();
      if (!url) return;
      const Json arguments = {{"QueueUrl", *url}, {"Entries", std::move(entries)}};
      const auto given = queue_.ask("ChangeMessageVisibilityBatch", arguments, queue_.stop_);
      if (given || !queue_.stop_.stop_requested()) continue;
      if (!grace) grace.emplace(kGrace);
      static_cast<void>(queue_.ask("ChangeMessageVisibilityBatch", arguments, grace->token()));
    }
  }

  SqsQueue& queue_;
  std::set<std::string> seen_;
  std::map<std::string, std::string> held_;  ///< receipts by ids
};

Result<std::unique_ptr<SqsQueue>> SqsQueue::open(std::shared_ptr<AwsClient> client, SqsSettings settings,
                                                 std::stop_token stop) {
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
  std::unique_ptr<SqsQueue> queue(new SqsQueue(client, find_own, settings.receive_wait_ms, stop));
  const auto find_dead_letters = [live = queue.get()] { return live->dead_letters_url(); };
  queue->dead_letters_.reset(
      new SqsQueue(std::move(client), find_dead_letters, settings.receive_wait_ms, std::move(stop)));
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
  const auto found =
      ask("GetQueueUrl", {{"QueueName", target->name}, {"QueueOwnerAWSAccountId", target->account}}, stop_);
  if (!found) {
    if (!is_unknown_queue(found.error())) return std::unexpected(found.error().error);
    return fail(Code::not_found, "the queue {} of dead letters, which {} names, is not there", target->name, own);
  }
  const auto url = string_field(*found, "QueueUrl");
  if (!url) return fail(Code::corrupt, "the answer of SQS to GetQueueUrl: {}", url.error().message());
  return url;
}

AwsResult<Json> SqsQueue::ask(std::string_view operation, const Json& arguments, const std::stop_token& stop) {
  const std::int64_t timeout_ms = operation == "ReceiveMessage" ? kReceiveTimeoutMs : 0;
  return client_->call_json(fmt::format("AmazonSQS.{}", operation), arguments, stop, timeout_ms);
}

Result<Json> SqsQueue::call(std::string_view operation, Json arguments) {
  const std::string own = TRY(url());
  arguments["QueueUrl"] = own;
  auto answer = ask(operation, arguments, stop_);
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
  std::vector<QueueMessage> seen;
  {
    Look look(*this);
    while (seen.size() < std::min(count_max, kLookedAtMax)) {
      std::vector<QueueMessage> messages = TRY(look.next());
      if (messages.empty()) break;
      std::ranges::move(messages, std::back_inserter(seen));
    }
  }
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

Result<std::vector<bool>> SqsQueue::redrive(std::span<const std::string> ids) {
  if (dead_letters_ == nullptr) return fail(Code::unsupported, "{} is a queue of dead letters itself", TRY(url()));
  std::set<std::string> wanted(ids.begin(), ids.end());
  Look look(*dead_letters_);
  while (!wanted.empty()) {
    if (look.seen() >= kLookedAtMax) {
      return fail(Code::limit_exceeded,
                  "the dead letter '{}' is not among the first {}: remove some, or bring all of them back",
                  wanted.begin()->substr(0, kShownIdBytesMax), look.seen());
    }
    const std::vector<QueueMessage> messages = TRY(look.next());
    if (messages.empty()) break;
    for (const QueueMessage& message : messages) {
      if (!wanted.contains(message.id)) continue;
      TRY(bring_back(message));
      look.take(message.id);
      wanted.erase(message.id);
    }
  }
  std::vector<bool> found;
  for (const std::string& id : ids) found.push_back(!wanted.contains(id));
  return found;
}

Result<std::vector<std::string>> SqsQueue::redrive_all() {
  if (dead_letters_ == nullptr) return fail(Code::unsupported, "{} is a queue of dead letters itself", TRY(url()));
  std::vector<std::string> ids;
  Look look(*dead_letters_);
  while (true) {
    const std::vector<QueueMessage> messages = TRY(look.next());
    if (messages.empty()) return ids;
    for (const QueueMessage& message : messages) {
      look.pass_over(TRY(bring_back(message)));  // it may fail again while we look
      look.take(message.id);
      ids.push_back(message.id);
    }
  }
}

Result<std::string> SqsQueue::bring_back(const QueueMessage& letter) {
  std::string id = TRY(send(letter.body, 0, letter.attributes));
  TRY(dead_letters_->remove(letter.receipt));
  return id;
}

}  // namespace tillite
