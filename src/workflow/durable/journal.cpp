#include "workflow/durable/journal.h"

#include <algorithm>
#include <array>

namespace tillite {
namespace {

constexpr std::array<std::string_view, 6> kKinds = {"start", "answer", "advance", "stop", "redrive", "map_run"};
constexpr std::array<std::string_view, 5> kNews = {"started", "submitted", "heartbeat", "succeeded", "failed"};

template <typename Enum, std::size_t N>
std::optional<Enum> named(const std::array<std::string_view, N>& names, const Value* name) {
  if (name == nullptr || !name->is_string()) return std::nullopt;
  const auto found = std::ranges::find(names, name->string());
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

std::optional<std::int64_t> integer(const Value& object, std::string_view name) {
  const Value* field = object.find(name);
  return field == nullptr || !field->is_integer() ? std::nullopt : std::optional(field->integer());
}

std::string text(const Value& object, std::string_view name) {
  const Value* field = object.find(name);
  return field == nullptr || !field->is_string() ? "" : field->string();
}

}  // namespace

std::string to_line(const Told& told) {
  Value::Object line{{"told", kKinds.at(static_cast<std::size_t>(told.kind))}, {"ms", told.now_ms}};
  if (told.kind == Told::Kind::answer) {
    line.set("request", told.request);
    line.set("news", kNews.at(static_cast<std::size_t>(told.news.kind)));
    if (told.news.kind == News::Kind::succeeded || told.news.kind == News::Kind::submitted)
      line.set("output", told.news.output);
    if (!told.news.worker.empty()) line.set("worker", told.news.worker);
    if (told.news.kind == News::Kind::failed) {
      line.set("error", told.news.failure.error);
      if (told.news.failure.cause) line.set("cause", *told.news.failure.cause);
    }
  } else if (told.kind == Told::Kind::stop) {
    line.set("error", told.error);
    line.set("cause", told.cause);
  } else if (told.kind == Told::Kind::map_run) {
    line.set("map_run", told.map_run);
    line.set("concurrency_max", told.limits.concurrency_max);
    if (told.limits.tolerated_failure_count) line.set("tolerated_failure_count", *told.limits.tolerated_failure_count);
    if (told.limits.tolerated_failure_percentage)
      line.set("tolerated_failure_percentage", *told.limits.tolerated_failure_percentage);
  }
  return to_text(Value(std::move(line))) + "\n";
}

Result<Told> parse_told(std::string_view line) {
  const auto value = parse_value(line, "a line of a journal");
  if (!value) return fail(Code::corrupt, "{}", value.error().message());
  const auto kind = named<Told::Kind>(kKinds, value->find("told"));
  const auto now_ms = integer(*value, "ms");
  if (!kind || !now_ms) return fail(Code::corrupt, "a line of a journal lacks what was told, or when");
  Told told{.kind = *kind, .now_ms = *now_ms, .error = text(*value, "error"), .cause = text(*value, "cause")};
  if (*kind == Told::Kind::map_run) {
    const auto concurrency_max = integer(*value, "concurrency_max");
    told.map_run = text(*value, "map_run");
    if (told.map_run.empty() || !concurrency_max || *concurrency_max < 0)
      return fail(Code::corrupt, "limits of a map run in a journal lack its name, or how many run at once");
    told.limits.concurrency_max = *concurrency_max;
    told.limits.tolerated_failure_count = integer(*value, "tolerated_failure_count");
    const Value* percentage = value->find("tolerated_failure_percentage");
    if (percentage != nullptr && percentage->is_number())
      told.limits.tolerated_failure_percentage = percentage->number();
  }
  if (*kind != Told::Kind::answer) return told;
  const auto news = named<News::Kind>(kNews, value->find("news"));
  const auto request = integer(*value, "request");
  if (!news || !request) return fail(Code::corrupt, "an answer in a journal lacks its kind or request");
  told.request = *request;
  told.news.kind = *news;
  told.news.worker = text(*value, "worker");
  if (const Value* output = value->find("output")) told.news.output = *output;
  told.news.failure.error = std::exchange(told.error, "");
  if (value->find("cause") != nullptr) told.news.failure.cause = std::exchange(told.cause, "");
  return told;
}

void append_line(std::string& lines, const HistoryEvent& event) {
  fmt::format_to(std::back_inserter(lines), R"({{"id":{},"previous":{},"type":"{}","ms":{},"details":)", event.id,
                 event.previous_id, event.type, event.timestamp_ms);
  append_text(lines, event.details);
  lines += "}\n";
}

Result<HistoryEvent> parse_event(std::string_view line) {
  const auto value = parse_value(line, "a line of a history");
  if (!value) return fail(Code::corrupt, "{}", value.error().message());
  const auto id = integer(*value, "id");
  const auto previous = integer(*value, "previous");
  const auto ms = integer(*value, "ms");
  const Value* details = value->find("details");
  if (!id || !previous || !ms || details == nullptr || !details->is_object() || text(*value, "type").empty())
    return fail(Code::corrupt, "a line of a history lacks a field");
  return HistoryEvent{*id, *previous, text(*value, "type"), *ms, *details};
}

}  // namespace tillite
