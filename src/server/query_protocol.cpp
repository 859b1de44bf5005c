#include "server/query_protocol.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/number_text.h"
#include "base/percent_coding.h"
#include "base/text.h"

namespace tillite {
namespace {

constexpr std::string_view kNamespace = "http://queue.amazonaws.com/doc/2012-11-05/";
constexpr std::size_t kParametersMax = 1000;
constexpr std::size_t kDepthMax = 8;
constexpr std::int64_t kIndexMax = 1000;

/// Lists: their name in a form or in XML, and in JSON.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kFormLists = {{
    {"AttributeName", "AttributeNames"},
    {"MessageAttributeName", "MessageAttributeNames"},
    {"MessageSystemAttributeName", "MessageSystemAttributeNames"},
    {"SendMessageBatchRequestEntry", "Entries"},
    {"DeleteMessageBatchRequestEntry", "Entries"},
    {"ChangeMessageVisibilityBatchRequestEntry", "Entries"},
    {"Tag", "Tags"},
}};
/// Maps: entries of Name and Value.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kFormMaps = {{
    {"Attribute", "Attributes"},
    {"MessageAttribute", "MessageAttributes"},
    {"MessageSystemAttribute", "MessageSystemAttributes"},
}};
constexpr std::array kNumbers = {"DelaySeconds", "MaxNumberOfMessages", "MaxResults", "VisibilityTimeout",
                                 "WaitTimeSeconds"};

std::unexpected<Error> malformed(std::string message) { return aws_error("MalformedQueryString", std::move(message)); }

/// Sets "a.1.b" in nested objects; a list is an object with numbers for names until it is understood.
Result<void> set_nested(Json& parameters, std::string_view name, std::string value) {
  Json* node = &parameters;
  for (std::size_t depth = 0;; ++depth) {
    if (depth == kDepthMax) return malformed(fmt::format("the parameter '{}' is nested too deep", name.substr(0, 80)));
    const std::size_t dot = std::min(name.find('.'), name.size());
    Json& child = (*node)[std::string(name.substr(0, dot))];
    const bool is_last = dot == name.size();
    if (is_last ? !child.is_null() : !child.is_null() && !child.is_object()) {
      return malformed(fmt::format("the parameter '{}' contradicts another one", name.substr(0, 80)));
    }
    if (is_last) {
      child = std::move(value);
      return {};
    }
    if (child.is_null()) child = Json::object();
    node = &child;
    name.remove_prefix(dot + 1);
  }
}

/// The entries of {"1": ..., "2": ...} in the order of their numbers.
Result<std::vector<Json>> entries_of(Json numbered, std::string_view name) {
  std::vector<std::pair<std::int64_t, Json>> entries;
  if (!numbered.is_object()) return malformed(fmt::format("'{}' must be numbered, as in {}.1", name, name));
  for (auto& [key, entry] : numbered.items()) {
    const auto index = parse_whole_number(key);
    if (!index || *index < 1 || *index > kIndexMax) {
      return malformed(fmt::format("'{}.{}' must have a number from 1 to {}", name, key.substr(0, 80), kIndexMax));
    }
    entries.emplace_back(*index, std::move(entry));
  }
  std::ranges::sort(entries, {}, &std::pair<std::int64_t, Json>::first);
  std::vector<Json> list;
  list.reserve(entries.size());
  for (auto& [index, entry] : entries) list.push_back(std::move(entry));
  return list;
}

Result<Json> map_of(Json numbered, std::string_view name) {
  Json map = Json::object();
  for (Json& entry : TRY(entries_of(std::move(numbered), name))) {
    const Json* const key = find_field(entry, "Name");
    if (key == nullptr || !key->is_string() || !entry.contains("Value")) {
      return malformed(fmt::format("an entry of '{}' needs a Name and a Value", name));
    }
    map[key->get<std::string>()] = entry["Value"];
  }
  return map;
}

Json number_or_text(const std::string& text) {
  const auto number = parse_whole_number(text);
  return number ? Json(*number) : Json(text);
}

/// The same with the names and types of the JSON protocol.
Result<Json> as_json_protocol(Json parameters) {
  Json result = Json::object();
  for (auto& [name, value] : parameters.items()) {
    const auto named = [&](const auto& pair) { return pair.first == name; };
    if (const auto* const list = std::ranges::find_if(kFormLists, named); list != kFormLists.end()) {
      Json& entries = result[std::string(list->second)] = Json::array();
      for (Json& entry : TRY(entries_of(std::move(value), name))) {
        entries.push_back(entry.is_object() ? TRY(as_json_protocol(std::move(entry))) : std::move(entry));
      }
    } else if (const auto* const map = std::ranges::find_if(kFormMaps, named); map != kFormMaps.end()) {
      result[std::string(map->second)] = TRY(map_of(std::move(value), name));
    } else if (value.is_string() && std::ranges::find(kNumbers, name) != kNumbers.end()) {
      result[name] = number_or_text(value.get<std::string>());
    } else {
      result[name] = std::move(value);
    }
  }
  return result;
}

/// Text of an element. XML has no place for most control characters, nor has SQS; what would be lost otherwise is kept
/// as SQS does it, as a reference.
std::string escaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\r':
        result += "&#xd;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

void append_element(std::string& xml, std::string_view name, std::string_view content) {
  xml += fmt::format("<{}>{}</{}>", name, content, name);
}

std::string_view entry_name(std::string_view operation, std::string_view list) {
  if (list == "Messages") return "Message";
  if (list == "QueueUrls" || list == "queueUrls") return "QueueUrl";
  if (list == "Failed") return "BatchResultErrorEntry";
  if (list != "Successful") return list;
  if (operation == "SendMessageBatch") return "SendMessageBatchResultEntry";
  return operation == "DeleteMessageBatch" ? "DeleteMessageBatchResultEntry"
                                           : "ChangeMessageVisibilityBatchResultEntry";
}

std::string elements_of(std::string_view operation, const Json& object);

std::string content_of(std::string_view operation, const Json& value) {
  if (value.is_object()) return elements_of(operation, value);
  return escaped(value.is_string() ? value.get_ref<const std::string&>() : value.dump());
}

std::string elements_of(std::string_view operation, const Json& object) {
  std::string xml;
  for (const auto& [name, value] : object.items()) {
    const auto is_map = [&](const auto& pair) { return pair.second == name; };
    if (value.is_array()) {
      for (const Json& entry : value) append_element(xml, entry_name(operation, name), content_of(operation, entry));
    } else if (const auto* const map = std::ranges::find_if(kFormMaps, is_map); map != kFormMaps.end()) {
      for (const auto& [key, entry] : value.items()) {
        std::string pair;
        append_element(pair, "Name", escaped(key));
        append_element(pair, "Value", content_of(operation, entry));
        append_element(xml, map->first, pair);
      }
    } else {
      append_element(xml, name, content_of(operation, value));
    }
  }
  return xml;
}

}  // namespace

Result<QueryForm> parse_query_form(std::string_view form) {
  Json parameters = Json::object();
  const auto fields = split_query(form);
  if (fields.size() > kParametersMax) return malformed(fmt::format("more than {} parameters", kParametersMax));
  for (const auto& [encoded_name, encoded_value] : fields) {
    const auto name = percent_decode(encoded_name, true);
    auto value = percent_decode(encoded_value, true);
    if (!name || !value || !is_utf8(*name) || !is_utf8(*value)) {
      return malformed(fmt::format("'{}' is not encoded as a form", encoded_name.substr(0, 80)));
    }
    TRY(set_nested(parameters, *name, *std::move(value)));
  }
  const Json* const action = find_field(parameters, "Action");
  if (action == nullptr || !action->is_string()) return aws_error("InvalidAction", "the form names no Action");
  QueryForm parsed{.action = action->get<std::string>()};
  for (const char* name : {"Action", "Version"}) parameters.erase(name);
  parsed.parameters = TRY(as_json_protocol(std::move(parameters)));
  return parsed;
}

std::string query_answer(std::string_view operation, const Json& answer, std::string_view request_id) {
  std::string xml = fmt::format("<?xml version=\"1.0\"?><{}Response xmlns=\"{}\">", operation, kNamespace);
  if (!answer.empty()) append_element(xml, fmt::format("{}Result", operation), elements_of(operation, answer));
  xml +=
      fmt::format("<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{}Response>", request_id, operation);
  return xml;
}

std::string query_error(const WireError& error, std::string_view request_id) {
  return fmt::format(
      "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{}\"><Error><Type>{}</Type><Code>{}</Code><Message>{}</Message>"
      "<Detail/></Error><RequestId>{}</RequestId></ErrorResponse>",
      kNamespace, error.status < 500 ? "Sender" : "Receiver", escaped(error.query_code), escaped(error.message),
      request_id);
}

}  // namespace tillite
