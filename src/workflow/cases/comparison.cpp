#include "workflow/cases/comparison.h"

#include <algorithm>

#include "expressions/timestamp.h"

namespace tillite {
namespace {

constexpr std::string_view kAny = "<any>";
constexpr std::string_view kDate = "date";  // how recorders write an instant
constexpr std::size_t kShownMax = 300;

std::string shown(const Value& value) {
  std::string text = to_text(value);
  if (text.size() > kShownMax) text = text.substr(0, kShownMax) + "...";
  return text;
}

/// Whether `text` is the pattern with each "<any>" replaced by some characters.
bool matches(std::string_view pattern, std::string_view text) {
  const std::size_t first = pattern.find(kAny);
  if (first == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, first))) return false;
  pattern.remove_prefix(first + kAny.size());
  text.remove_prefix(first);
  while (true) {
    const std::size_t next = pattern.find(kAny);
    if (next == std::string_view::npos) return text.ends_with(pattern);
    const std::size_t found = text.find(pattern.substr(0, next));
    if (found == std::string_view::npos) return false;
    text.remove_prefix(found + next);
    pattern.remove_prefix(next + kAny.size());
  }
}

std::optional<std::string> unlike(const Value& expected, const Value& actual, const std::string& place) {
  return fmt::format("{}: {}, not {}", place, shown(actual), shown(expected));
}

/// An event as a case writes it: the name beside the details, no role.
Value written(const HistoryEvent& event) {
  Value::Object details;
  std::optional<Value> name;
  for (const auto& [field, value] : event.details.object()) {
    if (field == "name") {
      name = value;
    } else if (field != "roleArn") {
      details.set(field, value);
    }
  }
  Value::Object written{{"type", event.type}};
  if (name) written.set("name", *name);
  written.set("details", std::move(details));
  return written;
}

Value without_numbers(const Value& expected) {
  Value::Object written;
  for (const char* field : {"type", "name"}) {
    const Value* value = expected.find(field);
    if (value != nullptr && !value->is_null()) written.set(field, *value);
  }
  const Value* details = expected.find("details");
  written.set("details", details == nullptr ? Value(Value::Object()) : *details);
  return written;
}

}  // namespace

std::optional<std::string> difference(const Value& expected, const Value& actual, const std::string& place) {
  if (expected.is_string() && expected.string() == kAny) return std::nullopt;
  if (expected == Value(kDate) && actual.is_string() && parse_timestamp(actual.string())) return std::nullopt;
  if (expected.is_string() && actual.is_string())
    return matches(expected.string(), actual.string()) ? std::nullopt : unlike(expected, actual, place);
  if (expected.is_object() && actual.is_string()) {  // a text whose JSON is given
    const auto parsed = parse_value(actual.string(), place);
    return parsed ? difference(expected, *parsed, place) : unlike(expected, actual, place);
  }
  if (expected.is_array() && actual.is_array()) {
    if (expected.array().size() != actual.array().size()) return unlike(expected, actual, place);
    for (std::size_t i = 0; i < expected.array().size(); ++i) {
      if (auto found = difference(expected.array()[i], actual.array()[i], fmt::format("{}[{}]", place, i)))
        return found;
    }
    return std::nullopt;
  }
  if (expected.is_object() && actual.is_object()) {
    for (const auto& [name, value] : expected.object()) {
      const Value* other = actual.find(name);
      if (other == nullptr) return fmt::format("{}.{}: missing, not {}", place, name, shown(value));
      if (auto found = difference(value, *other, fmt::format("{}.{}", place, name))) return found;
    }
    for (const auto& [name, value] : actual.object()) {
      if (expected.find(name) == nullptr) return fmt::format("{}.{}: {}, not missing", place, name, shown(value));
    }
    return std::nullopt;
  }
  return expected == actual ? std::nullopt : unlike(expected, actual, place);
}

std::optional<std::string> difference_of_events(const Value& expected, const std::vector<HistoryEvent>& actual,
                                                bool in_order) {
  if (in_order) {
    for (std::size_t i = 0; i < std::min(expected.array().size(), actual.size()); ++i) {
      const std::string place = fmt::format("event {}", i + 1);
      const Value& wanted = expected.array()[i];
      if (auto found = difference(without_numbers(wanted), written(actual[i]), place)) return found;
      for (const auto& [field, number] : {std::pair("id", actual[i].id), std::pair("prev", actual[i].previous_id)}) {
        const Value* value = wanted.find(field);
        if (value != nullptr && !value->is_null() && *value != Value(number))
          return fmt::format("{} ({}).{}: {}, not {}", place, actual[i].type, field, number, to_text(*value));
      }
    }
    if (expected.array().size() != actual.size())
      return fmt::format("{} events, not {}", actual.size(), expected.array().size());
    return std::nullopt;
  }
  // In several orders: each event that is expected is there once. Where a recorder sorted the events of Parallel states
  // it left out those that end them.
  std::vector<Value> left;
  left.reserve(actual.size());
  for (const HistoryEvent& event : actual) left.push_back(written(event));
  for (const Value& wanted : expected.array()) {
    const Value event = without_numbers(wanted);
    const auto found =
        std::ranges::find_if(left, [&](const Value& candidate) { return !difference(event, candidate, ""); });
    if (found == left.end()) return fmt::format("no event {}", shown(event));
    left.erase(found);
  }
  std::erase_if(left, [](const Value& event) {
    const std::string& type = event.find("type")->string();
    return type == "ParallelStateSucceeded" || type == "ParallelStateFailed" || type == "ParallelStateExited";
  });
  if (!left.empty()) return fmt::format("one event too many: {}", shown(left.front()));
  return std::nullopt;
}

}  // namespace tillite
