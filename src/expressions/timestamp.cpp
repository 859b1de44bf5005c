#include "expressions/timestamp.h"

#include <chrono>

namespace tillite {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  /// Exactly `count` digits, as a number in [min, max].
  std::optional<int> digits(std::size_t count, int min, int max) {
    int number = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (at_end() || text_.front() < '0' || text_.front() > '9') return std::nullopt;
      number = number * 10 + (text_.front() - '0');
      text_.remove_prefix(1);
    }
    if (number < min || number > max) return std::nullopt;
    return number;
  }
  bool take(std::string_view any_of) {
    if (at_end() || !any_of.contains(text_.front())) return false;
    taken_ = text_.front();
    text_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] char taken() const { return taken_; }
  [[nodiscard]] bool at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
  char taken_ = '\0';
};

/// Up to nine digits behind the point.
std::int32_t nanoseconds_of(Reader& reader) {
  std::int32_t nanoseconds = 0;
  std::int32_t unit = 100'000'000;
  while (unit > 0) {
    const auto digit = reader.digits(1, 0, 9);
    if (!digit) break;
    nanoseconds += *digit * unit;
    unit /= 10;
  }
  return nanoseconds;
}

/// Seconds east of Greenwich.
std::optional<std::int64_t> offset_of(Reader& reader) {
  if (reader.take("Zz")) return 0;
  if (!reader.take("+-")) return std::nullopt;
  const int sign = reader.taken() == '-' ? -1 : 1;
  const auto hours = reader.digits(2, 0, 18);
  if (!hours || !reader.take(":")) return std::nullopt;
  const auto minutes = reader.digits(2, 0, 59);
  if (!minutes) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

}  // namespace

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  Reader reader(text);
  const auto year = reader.digits(4, 0, 9999);
  if (!year || !reader.take("-")) return std::nullopt;
  const auto month = reader.digits(2, 1, 12);
  if (!month || !reader.take("-")) return std::nullopt;
  const auto day = reader.digits(2, 1, 31);
  if (!day || !reader.take("Tt")) return std::nullopt;
  const auto hour = reader.digits(2, 0, 23);
  if (!hour || !reader.take(":")) return std::nullopt;
  const auto minute = reader.digits(2, 0, 59);
  if (!minute) return std::nullopt;
  int second = 0;
  std::int32_t nanoseconds = 0;
  if (reader.take(":")) {
    const auto read = reader.digits(2, 0, 59);
    if (!read) return std::nullopt;
    second = *read;
    if (reader.take(".")) nanoseconds = nanoseconds_of(reader);
  }
  const auto offset = offset_of(reader);
  if (!offset || !reader.at_end()) return std::nullopt;

  const std::chrono::year_month_day date(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return Timestamp{.seconds = days * 86'400 + *hour * 3600 + *minute * 60 + second - *offset,
                   .nanoseconds = nanoseconds};
}

bool is_rfc3339_timestamp(std::string_view text) {
  constexpr std::size_t kMinutesEnd = std::string_view("2016-03-14T01:59").size();
  return parse_timestamp(text) && !text.contains('t') && !text.contains('z') && text[kMinutesEnd] == ':';
}

}  // namespace tillite
