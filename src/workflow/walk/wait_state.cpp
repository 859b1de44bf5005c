#include "expressions/timestamp.h"
#include "workflow/walk/walk.h"

namespace tillite {
namespace {

constexpr std::int64_t kSecondsMax = 99'999'999;

Failure runtime(std::string cause) {
  return {.error = errors::kRuntime, .cause = std::move(cause), .terminal = true, .evaluation = true};
}

Failure query(const Field& field, std::string cause) {
  return {
      .error = errors::kQueryEvaluationError, .cause = std::move(cause), .location = field.name(), .evaluation = true};
}

std::expected<std::int64_t, Failure> duration_ms(const Field& field, const View& view, QueryLanguage language) {
  auto value = field.find(view);
  if (!value) return std::unexpected(std::move(value).error());
  if (!*value)
    return std::unexpected(
        runtime(fmt::format("The {} parameter does not reference an input value: {}", field.name(), field.text())));
  const Value& seconds = **value;
  const bool jsonata = language == QueryLanguage::jsonata;
  const bool whole = seconds.is_integer() ||
                     (jsonata && seconds.is_number() && seconds.number() >= -9e15 && seconds.number() <= 9e15 &&
                      seconds.number() == static_cast<double>(static_cast<std::int64_t>(seconds.number())));
  if (!whole) {
    if (jsonata) return std::unexpected(unexpected_type(field.text(), field.name(), "number", seconds));
    return std::unexpected(
        runtime(fmt::format("The {} parameter cannot be parsed as a long value: {} == {}", field.name(), field.text(),
                            seconds.is_string() ? seconds.string() : to_text(seconds))));
  }
  const auto count = static_cast<std::int64_t>(seconds.number());
  if (count < 0) {
    if (jsonata)
      return std::unexpected(query(field, fmt::format("The {} field must not be negative: {}", field.name(), count)));
    return std::unexpected(runtime(
        fmt::format("The {} parameter references a negative value: {} == {}", field.name(), field.text(), count)));
  }
  return std::min(count, kSecondsMax) * 1000;
}

std::expected<std::int64_t, Failure> moment_ms(const Field& field, const View& view, QueryLanguage language) {
  auto value = field.find(view);
  if (!value) return std::unexpected(std::move(value).error());
  if (!*value)
    return std::unexpected(
        runtime(fmt::format("The {} parameter does not reference an input value: {}", field.name(), field.text())));
  const Value& moment = **value;
  const std::string text = moment.is_string() ? moment.string() : to_text(moment);
  const auto at = moment.is_string() ? parse_timestamp(text) : std::nullopt;
  if (at) return at->seconds * 1000 + at->nanoseconds / 1'000'000;
  if (language == QueryLanguage::jsonata) {
    if (!moment.is_string()) return std::unexpected(unexpected_type(field.text(), field.name(), "string", moment));
    return std::unexpected(query(
        field, fmt::format("The {} field cannot be parsed as an ISO-8601 extended offset date-time format string: {}",
                           field.name(), text)));
  }
  return std::unexpected(runtime(fmt::format(
      "The {} parameter does not reference a valid ISO-8601 extended offset date-time format string: {} == {}",
      field.name(), field.text(), text)));
}

}  // namespace

Flow<Ended> Interpreter::Walk::wait(Visit& visit, const WaitState& wait) {
  const Outcome input = effective_input(visit);
  if (!input) co_return std::unexpected(input.error());
  const auto left_ms = with_view(visit, *input, [&](const View& view) -> std::expected<std::int64_t, Failure> {
    if (wait.seconds) return duration_ms(*wait.seconds, view, visit.state.language);
    const auto at_ms = moment_ms(*wait.timestamp, view, visit.state.language);
    if (!at_ms) return std::unexpected(at_ms.error());
    return *at_ms - now_ms_;
  });
  if (!left_ms) co_return std::unexpected(left_ms.error());
  if (*left_ms > 0) co_await pause(*left_ms);
  co_return finish(visit, *input, true);
}

}  // namespace tillite
