#include "server/logs_service.h"

#include <algorithm>
#include <map>
#include <memory>

#include "base/number_text.h"
#include "server/aws_error.h"
#include "server/list_page.h"
#include "server/log_filter.h"

namespace tillite {
namespace {

constexpr std::int64_t kEventsMax = 10'000;  // of one answer, as AWS has it
constexpr std::int64_t kGroupsMax = 50;
constexpr std::size_t kAnswerBytesMax = 1024 * 1024;
constexpr std::size_t kReadAtOnce = 1000;
constexpr std::size_t kReadMax = 50'000;  // for one answer; the next one goes on from there

std::unexpected<Error> refuse(std::string message) {
  return aws_error("InvalidParameterException", std::move(message));
}

/// Errors of fields, under AWS's name for them.
template <typename T>
Result<T> checked(Result<T> field) {
  if (field) return field;
  return std::unexpected(with_aws_name(field.error(), Code::invalid_input, "InvalidParameterException"));
}

Result<std::size_t> limit_of(const Json& parameters, std::int64_t most) {
  const std::int64_t limit = TRY(checked(optional_int(parameters, "limit"))).value_or(most);
  if (limit < 1 || limit > most) return refuse(fmt::format("limit must be between 1 and {}, but is {}", most, limit));
  return static_cast<std::size_t>(limit);
}

std::string text_of(const LogPosition& position) { return fmt::format("{}.{}", position.timestamp_ms, position.id); }

Result<LogPosition> parse_position(std::string_view token) {
  const std::size_t dot = std::min(token.find('.'), token.size());
  const auto timestamp_ms = parse_whole_number(token.substr(0, dot));
  const auto id = parse_whole_number(token.substr(std::min(dot + 1, token.size())));
  if (timestamp_ms && id) return LogPosition{.timestamp_ms = *timestamp_ms, .id = *id};
  return refuse("The specified nextToken is invalid.");
}

Json json_of(const LogEvent& event) {
  return {{"timestamp", event.position.timestamp_ms}, {"message", event.message}, {"ingestionTime", event.ingested_ms}};
}

/// Entries from the one named in nextToken on.
Result<Json> page_of(std::vector<Json> entries, std::string_view name, const Json& parameters) {
  const std::size_t limit = TRY(limit_of(parameters, kGroupsMax));
  std::int64_t begin = 0;
  if (const auto token = TRY(checked(optional_string(parameters, "nextToken")))) {
    const auto number = parse_whole_number(*token);
    if (!number || *number < 0) return refuse("The specified nextToken is invalid.");
    begin = *number;
  }
  ListPage listed = page_at(std::move(entries), begin, static_cast<std::int64_t>(limit));
  Json page = {{std::string(name), std::move(listed.entries)}};
  if (!listed.next.empty()) page["nextToken"] = listed.next;
  return page;
}

}  // namespace

Result<std::vector<std::string>> LogsService::groups() {
  std::vector<std::string> names = TRY(log_.groups());
  names.insert(names.end(), groups_.begin(), groups_.end());
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

/// By its name or, as AWS allows it, by its ARN.
Result<std::string> LogsService::group_of(const Json& parameters) {
  auto name = TRY(checked(optional_string(parameters, "logGroupName")));
  if (!name) name = TRY(checked(string_field(parameters, "logGroupIdentifier")));
  constexpr std::string_view kResource = "log-group:";
  if (name->starts_with("arn:")) {
    std::string resource = TRY(parse_arn(*name)).resource;
    if (resource.ends_with(":*")) resource.resize(resource.size() - 2);
    if (resource.starts_with(kResource)) name = resource.substr(kResource.size());
  }
  const auto names = TRY(groups());
  if (std::ranges::find(names, *name) != names.end()) return *std::move(name);
  return aws_error("ResourceNotFoundException",
                   fmt::format("The specified log group does not exist: '{}'", name->substr(0, 512)));
}

Result<Json> LogsService::filter_log_events(const Json& parameters) {
  LogQuery query{.group = TRY(group_of(parameters)), .count_max = kReadAtOnce};
  const LogFilter filter =
      TRY(LogFilter::parse(TRY(checked(optional_string(parameters, "filterPattern"))).value_or("")));
  const std::size_t limit = TRY(limit_of(parameters, kEventsMax));
  query.from_ms = TRY(checked(optional_int(parameters, "startTime"))).value_or(query.from_ms);
  if (const auto last = TRY(checked(optional_int(parameters, "endTime")))) {
    query.until_ms = std::min(*last, query.until_ms - 1) + 1;  // that millisecond belongs to it
  }
  query.stream_prefix = TRY(checked(optional_string(parameters, "logStreamNamePrefix"))).value_or("");
  if (find_field(parameters, "logStreamNames") != nullptr) {
    for (const Json& name : TRY(checked(array_field(parameters, "logStreamNames")))) {
      if (!name.is_string()) return refuse("logStreamNames must be a list of texts");
      query.streams.push_back(name.get<std::string>());
    }
    if (query.streams.size() > 100) return refuse("logStreamNames can have at most 100 names");
  }
  if (const auto token = TRY(checked(optional_string(parameters, "nextToken")))) {
    query.after = TRY(parse_position(*token));
  }

  Json answer = {{"events", Json::array()}, {"searchedLogStreams", Json::array()}};
  std::size_t bytes = 0;
  std::size_t read = 0;
  bool is_end = false;
  while (!is_end && read < kReadMax) {
    const auto events = TRY(log_.read(query));
    read += events.size();
    is_end = events.size() < query.count_max;
    for (const LogEvent& event : events) {
      if (answer["events"].size() == limit || bytes > kAnswerBytesMax) {
        is_end = false;
        read = kReadMax;
        break;
      }
      query.after = event.position;
      if (!filter.matches(event.message)) continue;
      Json found = json_of(event);
      found["logStreamName"] = event.stream;
      found["eventId"] = fmt::format("{:020}{:036}", event.position.timestamp_ms, event.position.id);
      answer["events"].push_back(std::move(found));
      bytes += event.message.size();
    }
  }
  if (!is_end && query.after) answer["nextToken"] = text_of(*query.after);
  return answer;
}

Result<Json> LogsService::get_log_events(const Json& parameters) {
  LogQuery query{.group = TRY(group_of(parameters))};
  const std::string stream = TRY(checked(string_field(parameters, "logStreamName")));
  const auto streams = TRY(log_.streams(query.group));
  if (std::ranges::find(streams, stream, &LogStream::name) == streams.end()) {
    return aws_error("ResourceNotFoundException",
                     fmt::format("The specified log stream does not exist: '{}'", stream.substr(0, 512)));
  }
  query.streams = {stream};
  query.count_max = TRY(limit_of(parameters, kEventsMax));
  query.from_ms = TRY(checked(optional_int(parameters, "startTime"))).value_or(query.from_ms);
  query.until_ms = TRY(checked(optional_int(parameters, "endTime"))).value_or(query.until_ms);
  query.newest_first = !TRY(checked(optional_bool(parameters, "startFromHead"))).value_or(false);
  // "f/..." goes on behind an event, "b/..." goes back before one.
  LogPosition from;
  if (const auto token = TRY(checked(optional_string(parameters, "nextToken")))) {
    const bool forward = token->starts_with("f/");
    if (!forward && !token->starts_with("b/")) return refuse("The specified nextToken is invalid.");
    from = TRY(parse_position(std::string_view(*token).substr(2)));
    (forward ? query.after : query.before) = from;
    query.newest_first = !forward;
  }
  auto events = TRY(log_.read(query));
  if (query.newest_first) std::ranges::reverse(events);
  Json answer = {{"events", Json::array()}};
  for (const LogEvent& event : events) answer["events"].push_back(json_of(event));
  answer["nextForwardToken"] = "f/" + text_of(events.empty() ? from : events.back().position);
  answer["nextBackwardToken"] = "b/" + text_of(events.empty() ? from : events.front().position);
  return answer;
}

Result<Json> LogsService::describe_log_groups(const Json& parameters) {
  const std::string prefix = TRY(checked(optional_string(parameters, "logGroupNamePrefix"))).value_or("");
  const std::string pattern = TRY(checked(optional_string(parameters, "logGroupNamePattern"))).value_or("");
  std::vector<Json> entries;
  for (const std::string& name : TRY(groups())) {
    if (!name.starts_with(prefix) || name.find(pattern) == std::string::npos) continue;
    const auto streams = TRY(log_.streams(name));
    const auto oldest = std::ranges::min_element(streams, {}, &LogStream::created_ms);
    const std::string arn = place_.arn("logs", "log-group:" + name);
    entries.push_back({{"logGroupName", name},
                       {"creationTime", oldest == streams.end() ? 0 : oldest->created_ms},
                       {"metricFilterCount", 0},
                       {"arn", arn + ":*"},
                       {"logGroupArn", arn},
                       {"storedBytes", 0},
                       {"logGroupClass", "STANDARD"}});
  }
  return page_of(std::move(entries), "logGroups", parameters);
}

Result<Json> LogsService::describe_log_streams(const Json& parameters) {
  const std::string group = TRY(group_of(parameters));
  const std::string prefix = TRY(checked(optional_string(parameters, "logStreamNamePrefix"))).value_or("");
  const std::string order = TRY(checked(optional_string(parameters, "orderBy"))).value_or("LogStreamName");
  if (order != "LogStreamName" && order != "LastEventTime") {
    return refuse("orderBy must be LogStreamName or LastEventTime");
  }
  auto streams = TRY(log_.streams(group));
  std::erase_if(streams, [&](const LogStream& stream) { return !stream.name.starts_with(prefix); });
  if (order == "LastEventTime") std::ranges::stable_sort(streams, {}, &LogStream::last_event_ms);
  if (TRY(checked(optional_bool(parameters, "descending"))).value_or(false)) std::ranges::reverse(streams);
  std::vector<Json> entries;
  entries.reserve(streams.size());
  for (const LogStream& stream : streams) {
    entries.push_back({{"logStreamName", stream.name},
                       {"creationTime", stream.created_ms},
                       {"firstEventTimestamp", stream.first_event_ms},
                       {"lastEventTimestamp", stream.last_event_ms},
                       {"lastIngestionTime", stream.last_ingestion_ms},
                       {"arn", place_.arn("logs", fmt::format("log-group:{}:log-stream:{}", group, stream.name))},
                       {"storedBytes", 0}});
  }
  return page_of(std::move(entries), "logStreams", parameters);
}

void LogsService::handle(AwsCall call) {
  using Operation = Result<Json> (LogsService::*)(const Json&);
  static const std::map<std::string, Operation, std::less<>> operations = {
      {"DescribeLogGroups", &LogsService::describe_log_groups},
      {"DescribeLogStreams", &LogsService::describe_log_streams},
      {"FilterLogEvents", &LogsService::filter_log_events},
      {"GetLogEvents", &LogsService::get_log_events},
  };
  const auto found = operations.find(call.operation);
  auto result = found == operations.end() ? std::unexpected(unknown_operation("CloudWatch Logs", call.operation))
                                          : (this->*found->second)(call.parameters);
  call.answer(std::move(result));
}

}  // namespace tillite
