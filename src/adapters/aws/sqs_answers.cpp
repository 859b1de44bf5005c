#include "adapters/aws/sqs_answers.h"

#include <charconv>

namespace tillite {
namespace {

constexpr std::size_t kShownBytesMax = 200;

/// A field of an answer: SQS promised it.
template <typename T>
Result<T> promised(Result<T> field, std::string_view what) {
  if (field) return field;
  return fail(Code::corrupt, "{} of SQS: {}", what, field.error().message());
}

/// SQS writes numbers as texts.
template <typename Number>
Result<Number> number_in(const Json& attributes, std::string_view name, std::string_view what) {
  const std::string text = TRY(promised(string_field(attributes, name), what));
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 0) return number;
  return fail(Code::corrupt, "{} of SQS: {} is '{}', and no number", what, name, text.substr(0, kShownBytesMax));
}

Result<QueueMessage> parse_message(const Json& json) {
  constexpr std::string_view what = "a message";
  const Json attributes = TRY(promised(object_field(json, "Attributes"), what));
  QueueMessage message;
  message.id = TRY(promised(string_field(json, "MessageId"), what));
  message.receipt = TRY(promised(string_field(json, "ReceiptHandle"), what));
  message.body = TRY(promised(string_field(json, "Body"), what));
  message.receive_count = TRY(number_in<int>(attributes, "ApproximateReceiveCount", what));
  message.sent_ms = TRY(number_in<std::int64_t>(attributes, "SentTimestamp", what));
  if (find_field(json, "MessageAttributes") != nullptr) {
    const Json own = TRY(promised(object_field(json, "MessageAttributes"), what));
    if (!own.empty()) message.attributes = to_text(own);
  }
  return message;
}

}  // namespace

Result<std::vector<QueueMessage>> parse_received(const Json& answer) {
  std::vector<QueueMessage> messages;
  const Json* const list = find_field(answer, "Messages");
  if (list == nullptr) return messages;
  if (!list->is_array()) return fail(Code::corrupt, "the messages of SQS are no list");
  for (const Json& json : *list) messages.push_back(TRY(parse_message(json)));
  return messages;
}

Result<std::string> parse_sent(const Json& answer) {
  return promised(string_field(answer, "MessageId"), "a sent message");
}

Result<QueueCounts> parse_counts(const Json& answer) {
  constexpr std::string_view what = "the counts";
  const Json attributes = TRY(promised(object_field(answer, "Attributes"), what));
  QueueCounts counts;
  counts.visible = TRY(number_in<std::uint64_t>(attributes, "ApproximateNumberOfMessages", what));
  counts.in_flight = TRY(number_in<std::uint64_t>(attributes, "ApproximateNumberOfMessagesNotVisible", what));
  counts.delayed = TRY(number_in<std::uint64_t>(attributes, "ApproximateNumberOfMessagesDelayed", what));
  return counts;
}

Result<DeadLetterTarget> parse_redrive_policy(const Json& answer) {
  constexpr std::string_view what = "the RedrivePolicy";
  const Json* const attributes = find_field(answer, "Attributes");
  if (attributes == nullptr || find_field(*attributes, "RedrivePolicy") == nullptr) {
    return fail(Code::not_found, "it has no queue of dead letters: give it a RedrivePolicy");
  }
  const std::string text = TRY(promised(string_field(*attributes, "RedrivePolicy"), what));
  const Json policy = TRY(promised(parse_json(text, what), what));
  const std::string arn = TRY(promised(string_field(policy, "deadLetterTargetArn"), what));
  // arn:aws:sqs:us-east-1:123456789012:name
  const auto last = arn.rfind(':');
  const auto before = last == std::string::npos || last == 0 ? std::string::npos : arn.rfind(':', last - 1);
  if (!arn.starts_with("arn:") || before == std::string::npos || before + 1 == last || last + 1 == arn.size()) {
    return fail(Code::corrupt, "{} of SQS: '{}' is not the ARN of a queue", what, arn.substr(0, kShownBytesMax));
  }
  return DeadLetterTarget{.account = arn.substr(before + 1, last - before - 1), .name = arn.substr(last + 1)};
}

}  // namespace tillite
