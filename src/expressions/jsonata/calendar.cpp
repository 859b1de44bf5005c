#include "expressions/jsonata/calendar.h"

#include <cmath>

namespace tillite::jsonata {
namespace {

/// Days from 1970-01-01, from https://howardhinnant.github.io/date_algorithms.html.
std::int64_t days_from_civil(std::int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

void set_civil_from_days(std::int64_t days, CivilTime& time) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  time.day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  time.month = static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  time.year = year_of_era + era * 400 + (time.month <= 2 ? 1 : 0);
}

/// 1 (Monday) to 7.
int weekday(double day_start_ms) {
  const double days = std::floor(day_start_ms / kDay_ms);
  return static_cast<int>(std::fmod(std::fmod(days + 3, 7) + 7, 7)) + 1;
}

/// The Monday of the week that has the period's first Thursday.
double first_week_ms(double year, double month) {
  const double first = day_ms(year, month, 1);
  const int day = weekday(first);
  return day > 4 ? first + (8 - day) * kDay_ms : first - (day - 1) * kDay_ms;
}

/// The number of a day's week in a period, where the week belongs to the period before or after it: of that one.
double week_of(double today, double start, double previous_start, double next_start, double weeks) {
  const auto number = [&](double from) { return (today - from) / (kDay_ms * 7) + 1; };
  double week = number(start);
  if (week > weeks && today >= next_start) week = 1;
  if (week < 1) week = number(previous_start);
  return std::floor(week);
}

}  // namespace

CivilTime civil_time(double epoch_ms) {
  CivilTime time;
  const double days = std::floor(epoch_ms / kDay_ms);
  const auto rest = static_cast<std::int64_t>(epoch_ms - days * kDay_ms);
  set_civil_from_days(static_cast<std::int64_t>(days), time);
  time.hour = static_cast<int>(rest / 3'600'000);
  time.minute = static_cast<int>(rest / 60'000 % 60);
  time.second = static_cast<int>(rest / 1'000 % 60);
  time.millisecond = static_cast<int>(rest % 1'000);
  return time;
}

double day_ms(double year, double month, double day) {
  const double months = year * 12 + month - 1;
  const double whole_year = std::floor(months / 12);
  const auto whole_month = static_cast<int>(months - whole_year * 12) + 1;
  if (!(std::abs(whole_year) < 300'000)) return NAN;
  return (static_cast<double>(days_from_civil(static_cast<std::int64_t>(whole_year), whole_month, 1)) + day - 1) *
         kDay_ms;
}

double date_component(double epoch_ms, char component) {
  const CivilTime time = civil_time(epoch_ms);
  const auto year = static_cast<double>(time.year);
  const double today = std::floor(epoch_ms / kDay_ms) * kDay_ms;
  switch (component) {
    case 'Y':
      return year;
    case 'M':
      return time.month;
    case 'D':
      return time.day;
    case 'd':
      return (today - day_ms(year, 1, 1)) / kDay_ms + 1;
    case 'F':
      return weekday(today);
    case 'W':
      return week_of(today, first_week_ms(year, 1), first_week_ms(year - 1, 1), first_week_ms(year + 1, 1), 52);
    case 'w':
      return week_of(today, first_week_ms(year, time.month), first_week_ms(year, time.month - 1),
                     first_week_ms(year, time.month + 1), 4);
    case 'X':
      if (epoch_ms < first_week_ms(year, 1)) return year - 1;
      return epoch_ms >= first_week_ms(year + 1, 1) ? year + 1 : year;
    case 'x':
      if (epoch_ms < first_week_ms(year, time.month)) return time.month == 1 ? 12 : time.month - 1;
      if (epoch_ms >= first_week_ms(year, time.month + 1)) return time.month == 12 ? 1 : time.month + 1;
      return time.month;
    case 'H':
      return time.hour;
    case 'h':
      return time.hour % 12 == 0 ? 12 : time.hour % 12;
    case 'P':
      return time.hour >= 12 ? 1 : 0;
    case 'm':
      return time.minute;
    case 's':
      return time.second;
    case 'f':
      return time.millisecond;
    default:
      return 0;
  }
}

}  // namespace tillite::jsonata
