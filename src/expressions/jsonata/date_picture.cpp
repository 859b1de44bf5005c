#include "expressions/jsonata/date_picture.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "expressions/jsonata/calendar.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/numbers.h"
#include "expressions/jsonata/pattern.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                   "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};
constexpr int kWidthMax = 1'000;
constexpr std::string_view kNumbers = "YMDdFWwXxHhmsf";  // components that are numbers

/// How a component is written if the picture does not say it; nothing if there is no such component.
std::optional<std::string_view> default_presentation(char component) {
  switch (component) {
    case 'm':
    case 's':
      return "01";
    case 'Z':
    case 'z':
      return "01:01";
    case 'F':
    case 'P':
    case 'C':
    case 'E':
      return "n";
    default:
      if (kNumbers.contains(component) && component != '\0') return "1";
      return std::nullopt;
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string quoted_component(char component) { return quoted_text(std::string_view(&component, 1)); }

/// The number that a text begins with, as JavaScript's parseInt() reads it.
std::optional<int> leading_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  return result.ec == std::errc() ? std::optional(number) : std::nullopt;
}

std::string escaped(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view(".*+?^${}()|[]\\/").contains(c)) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

/// Which of the components, as they are listed, the mask names.
unsigned mask_of(const std::map<char, double>& components, std::string_view order) {
  unsigned mask = 0;
  for (const char component : order) {
    const auto found = components.find(component);
    mask = mask << 1 | (found != components.end() && found->second != 0 ? 1U : 0U);
  }
  return mask;
}

bool is_among(unsigned mask, unsigned of) { return (mask & ~of) == 0 && (mask & of) != 0; }

}  // namespace

Result<DatePicture> DatePicture::parse(std::string_view picture) {
  DatePicture parsed;
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) parsed.parts_.push_back({.literal = std::exchange(literal, {})});
  };
  for (std::size_t at = 0; at < picture.size();) {
    const std::string_view rest = picture.substr(at);
    if (rest.starts_with("[[") || rest.starts_with("]]")) {
      literal += rest.front();
      at += 2;
      continue;
    }
    if (rest.front() != '[') {
      literal += rest.front();
      ++at;
      continue;
    }
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return fault("D3135");
    end_literal();
    std::string marker;
    for (const char c : rest.substr(1, end - 1))
      if (!std::string_view(" \t\n\r\v\f").contains(c)) marker += c;
    Part part = TRY(parse_part(marker));
    // A number that another one follows at once has as many digits as it must have.
    if (part.number && kNumbers.contains(part.component) && !parsed.parts_.empty() && parsed.parts_.back().number)
      parsed.parts_.back().number->set_fixed_width();
    parsed.parts_.push_back(std::move(part));
    at += end + 1;
  }
  end_literal();
  return parsed;
}

Result<DatePicture::Part> DatePicture::parse_part(std::string_view marker) {
  Part part;
  if (marker.empty()) return fault("D3132", {.value = "\"\""});
  part.component = marker.front();
  std::optional<int> width_min;
  std::string_view presentation = marker.substr(1);
  if (const std::size_t comma = marker.rfind(','); comma != std::string_view::npos) {
    const std::string_view width = marker.substr(comma + 1);
    const std::size_t dash = width.find('-');
    const auto read_width = [](std::string_view text) { return text == "*" ? std::nullopt : leading_integer(text); };
    width_min = read_width(width.substr(0, dash));
    if (dash != std::string_view::npos)
      if (const auto most = read_width(width.substr(dash + 1)); most && *most >= 0)
        part.width_max = static_cast<std::size_t>(std::min(*most, kWidthMax));
    presentation = comma == 0 ? std::string_view() : marker.substr(1, comma - 1);
  }
  const auto fallback = default_presentation(part.component);
  if (!fallback) return fault("D3132", {.value = quoted_component(part.component)});
  bool is_ordinal = false;
  if (presentation.empty()) {
    presentation = *fallback;
  } else if (presentation.size() > 1 && std::string_view("atco").contains(presentation.back())) {
    is_ordinal = presentation.back() == 'o';
    part.is_utc_z = presentation.back() == 't';
    presentation.remove_suffix(1);
  }
  if (presentation.starts_with('n')) {
    part.names = Names::lower;
  } else if (presentation.starts_with('N')) {
    part.names = presentation.substr(1).starts_with('n') ? Names::title : Names::upper;
  } else if (kNumbers.contains(part.component)) {
    part.number = TRY(IntegerPicture::parse(std::string(presentation) + (is_ordinal ? ";o" : "")));
    TRY(fit_width(part, width_min));
  }
  if (part.component == 'Z' || part.component == 'z') part.number = TRY(IntegerPicture::parse(presentation));
  return part;
}

Result<void> DatePicture::fit_width(Part& part, std::optional<int> width_min) {
  IntegerPicture& number = *part.number;
  if (width_min && number.mandatory_digits() < *width_min) number.set_mandatory_digits(std::min(*width_min, kWidthMax));
  if (part.component != 'Y') return {};
  const int digits = number.mandatory_digits() + number.optional_digits();
  if (part.width_max) {
    part.year_digits = static_cast<int>(*part.width_max);
    number.set_mandatory_digits(part.year_digits);
  } else if (number.is_decimal() && digits >= 2) {
    part.year_digits = digits;
  }
  return {};
}

Result<std::string> DatePicture::format(double epoch_ms, const std::optional<std::string>& timezone) const {
  int hours = 0;
  int minutes = 0;
  if (timezone) {
    const auto offset = leading_integer(*timezone);
    if (!offset) return fault("D3134");
    hours = static_cast<int>(std::floor(*offset / 100.0));
    minutes = *offset % 100;
  }
  const double local_ms = std::trunc(epoch_ms) + (60.0 * hours + minutes) * 60'000;
  if (!(std::abs(local_ms) <= kInstantMax_ms)) return fault("D1001", {.value = number_text(epoch_ms)});
  std::string text;
  for (const Part& part : parts_) {
    text += part.component == '\0' ? part.literal : TRY(format_part(part, local_ms, hours, minutes));
  }
  return text;
}

Result<std::string> DatePicture::format_part(const Part& part, double local_ms, int offset_hours, int offset_minutes) {
  switch (part.component) {
    case 'Z':
    case 'z':
      return format_offset(part, offset_hours, offset_minutes);
    case 'P': {
      const std::string text = date_component(local_ms, 'P') > 0 ? "pm" : "am";
      return part.names == Names::upper ? upper_case(text) : text;
    }
    case 'C':
    case 'E':
      return "ISO";
    default:
      break;
  }
  double value = date_component(local_ms, part.component);
  if (part.component == 'Y' && part.year_digits >= 0) value = std::fmod(value, std::pow(10, part.year_digits));
  if (part.names == Names::none) return part.number->format(value);
  std::string name;
  if (part.component == 'M' || part.component == 'x') {
    name = kMonths.at(static_cast<std::size_t>(value) - 1);
  } else if (part.component == 'F') {
    name = kDays.at(static_cast<std::size_t>(value) - 1);
  } else {
    return fault("D3133", {.value = quoted_component(part.component)});
  }
  if (part.names == Names::upper) name = upper_case(name);
  if (part.names == Names::lower) name = lower_case(name);
  return part.width_max ? name.substr(0, *part.width_max) : name;
}

Result<std::string> DatePicture::format_offset(const Part& part, int offset_hours, int offset_minutes) {
  const int offset = offset_hours * 100 + offset_minutes;
  if (offset == 0 && part.is_utc_z) return "Z";
  std::string text;
  const int digits = part.number->mandatory_digits();
  if (part.number->has_regular_groups() || digits == 3 || digits == 4) {
    text = TRY(part.number->format(offset));
  } else if (digits == 1 || digits == 2) {
    text = TRY(part.number->format(offset_hours));
    if (offset_minutes != 0) text += fmt::format(":{}{:02}", offset_minutes < 0 ? "-" : "", std::abs(offset_minutes));
  } else {
    return fault("D3134");
  }
  if (offset >= 0) text.insert(0, 1, '+');
  return part.component == 'z' ? "GMT" + text : text;
}

Result<std::string> DatePicture::pattern_of(const Part& part) {
  switch (part.component) {
    case '\0':
      return escaped(part.literal);
    case 'Z':
    case 'z': {
      std::string pattern = part.component == 'z' ? "GMT[-+][0-9]+" : "[-+][0-9]+";
      if (part.number->has_regular_groups()) pattern += escaped(part.number->separator()) + "[0-9]+";
      return pattern;
    }
    case 'f':
      return "[0-9]+";
    default:
      break;
  }
  if (part.number) return part.number->pattern();
  if (part.component != 'M' && part.component != 'x' && part.component != 'F' && part.component != 'P')
    return fault("D3133", {.value = quoted_component(part.component)});
  return "[a-zA-Z]+";
}

/// NaN for a name that is none.
Result<double> DatePicture::read_part(const Part& part, const std::string& text) {
  const std::string_view all = text;
  switch (part.component) {
    case 'Z':
    case 'z': {
      const std::string_view offset = part.component == 'z' ? all.substr(3) : all;
      std::size_t split = offset.size() <= 3 ? offset.size() : 3;
      std::size_t behind = split;
      if (part.number->has_regular_groups()) {
        split = offset.find(part.number->separator());
        behind = split + part.number->separator().size();
      }
      return leading_integer(offset.substr(0, split)).value_or(0) * 60 +
             (behind < offset.size() ? leading_integer(offset.substr(behind)).value_or(0) : 0);
    }
    case 'f':
      return shifted(parse_number("0." + text.substr(0, 3)).value_or(0), 3);
    case 'P':
      if (all == "am" || all == "AM") return 0;
      return all == "pm" || all == "PM" ? 1 : NAN;
    default:
      break;
  }
  if (part.number) return part.number->read(text);
  const auto place_in = [&](const auto& names) -> double {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names.at(i).substr(0, part.width_max.value_or(std::string_view::npos)) == all)
        return static_cast<double>(i + 1);
    return NAN;
  };
  return part.component == 'F' ? place_in(kDays) : place_in(kMonths);
}

Result<std::optional<double>> DatePicture::read(std::string_view text, std::int64_t now_ms) const {
  std::string pattern = "^";
  for (const Part& part : parts_) pattern += "(" + TRY(pattern_of(part)) + ")";
  const auto compiled = Pattern::compile(pattern + "$", "i");
  if (!compiled) return std::unexpected(Error(Code::failed, compiled.error().message()));
  const auto match = TRY(Pattern::Search(**compiled, text).next(0));
  if (!match) return std::nullopt;
  std::map<char, double> components;
  bool has_component = false;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i].component == '\0') continue;
    has_component = true;
    const double value = TRY(read_part(parts_[i], match->groups[i].value_or("")));
    // Of a component that is given twice the last counts, also if it is no name.
    components.erase(parts_[i].component);
    if (!std::isnan(value)) components[parts_[i].component] = value;
  }
  if (!has_component) return std::nullopt;

  // A date is given by year, month and day, by year and day of the year, or by weeks, which JSONata does not know.
  const unsigned date = mask_of(components, "YXMxWwdD");
  const unsigned time = mask_of(components, "PHhmsf");
  const bool by_day_of_year = !is_among(date, 0b10100001) && is_among(date, 0b10000010);
  const bool by_week = is_among(date, 0b01010100) || is_among(date, 0b01001000);
  const bool by_half_day = !is_among(time, 0b010111) && is_among(time, 0b101111);
  std::string order = by_day_of_year ? "YD" : is_among(date, 0b01010100) ? "XxwF" : by_week ? "XWF" : "YMD";
  order += by_half_day ? "Phmsf" : "Hmsf";
  bool has_begun = false;
  bool has_ended = false;
  for (const char component : order) {
    if (components.contains(component)) {
      has_begun = true;
      if (has_ended) return fault("D3136");
    } else if (has_begun) {
      components[component] = std::string_view("MDd").contains(component) ? 1 : 0;
      has_ended = true;
    } else {
      components[component] = component == 'P' ? 0 : date_component(static_cast<double>(now_ms), component);
    }
  }
  if (by_week) return fault("D3136");
  // JavaScript takes the years up to 99 for those of the 20th century.
  double year = components['Y'];
  if (year >= 0 && year <= 99) year += 1900;
  const double days =
      by_day_of_year ? day_ms(year, 1, components['d']) : day_ms(year, std::max(components['M'], 1.0), components['D']);
  double hour = components['H'];
  if (by_half_day) hour = (components['h'] == 12 ? 0 : components['h']) + (components['P'] == 1 ? 12 : 0);
  double epoch_ms =
      days + hour * 3'600'000 + components['m'] * 60'000 + components['s'] * 1'000 + std::trunc(components['f']);
  const double offset = components.contains('Z') && components['Z'] != 0 ? components['Z']
                        : components.contains('z')                       ? components['z']
                                                                         : 0;
  epoch_ms -= offset * 60'000;
  if (!(std::abs(epoch_ms) <= kInstantMax_ms)) return fault("D1001", {.value = "null"});
  return epoch_ms;
}

std::optional<double> read_iso_timestamp(std::string_view text) {
  const auto take_digits = [&](std::size_t count) -> std::optional<int> {
    if (text.size() < count) return std::nullopt;
    int number = 0;
    for (const char c : text.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      number = number * 10 + (c - '0');
    }
    text.remove_prefix(count);
    return number;
  };
  const auto take = [&](char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
  };
  const auto year = take_digits(4);
  if (!year) return std::nullopt;
  std::optional<int> month = 1;
  std::optional<int> day = 1;
  // "-05" is a month or a day, "-0530" an offset.
  const auto is_date_part = [&] {
    return text.size() >= 3 && text.front() == '-' && (text.size() == 3 || (text[3] != ':' && !is_digit(text[3])));
  };
  if (is_date_part() && take('-')) {
    month = take_digits(2);
    if (is_date_part() && take('-')) day = take_digits(2);
  }
  if (!month) return std::nullopt;
  std::optional<int> hour = 0;
  std::optional<int> minute = 0;
  std::optional<int> second = 0;
  if (take('T')) {
    hour = take_digits(2);
    if (!take(':')) return std::nullopt;
    minute = take_digits(2);
    if (!take(':')) return std::nullopt;
    second = take_digits(2);
  }
  if (!day || !hour || !minute || !second) return std::nullopt;
  double millisecond = 0;
  if (take('.')) {
    std::size_t digits = 0;
    for (double scale = 100; !text.empty() && text.front() >= '0' && text.front() <= '9'; scale /= 10, ++digits) {
      if (digits < 3) millisecond += (text.front() - '0') * scale;
      text.remove_prefix(1);
    }
    if (digits == 0) return std::nullopt;
  }
  int offset = 0;
  if (text.starts_with('+') || text.starts_with('-')) {
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    const auto hours = take_digits(2);
    static_cast<void>(take(':'));
    const auto minutes = take_digits(2);
    if (!hours || !minutes || *hours > 29 || *minutes > 59) return std::nullopt;
    offset = sign * (*hours * 60 + *minutes);
  } else {
    static_cast<void>(take('Z'));
  }
  const bool is_midnight = *hour == 24 && *minute == 0 && *second == 0 && millisecond == 0;
  if (!text.empty() || *month < 1 || *month > 12 || *day < 1 || *day > 31 || (*hour > 23 && !is_midnight) ||
      *minute > 59 || *second > 59)
    return std::nullopt;
  return day_ms(*year, *month, *day) + *hour * 3'600'000.0 + *minute * 60'000.0 + *second * 1'000.0 + millisecond -
         offset * 60'000.0;
}

}  // namespace tillite::jsonata
