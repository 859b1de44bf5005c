#include "embedding/dollars.h"

#include <algorithm>
#include <limits>

namespace tillite {
namespace {

constexpr std::int64_t kMillion = 1'000'000;
constexpr std::size_t kFractionDigitsMax = 6;
constexpr std::size_t kWholeDigitsMax = 9;

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::int64_t number_of(std::string_view digits) {
  std::int64_t number = 0;
  for (const char digit : digits) number = number * 10 + (digit - '0');
  return number;
}

}  // namespace

Result<Dollars> parse_dollars(std::string_view text) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  const bool has_fraction = point < text.size();
  if (!is_number(whole) || whole.size() > kWholeDigitsMax || fraction.size() > kFractionDigitsMax ||
      has_fraction != is_number(fraction)) {
    return fail(
        Code::invalid_input,
        "'{}' is no amount of dollars: write it as in 0.50, below a billion, with at most six digits behind the "
        "point",
        text.substr(0, 32));
  }
  std::int64_t millionths = number_of(fraction);
  for (std::size_t digits = fraction.size(); digits < kFractionDigitsMax; ++digits) millionths *= 10;
  return Dollars{number_of(whole) * kMillion + millionths};
}

std::string dollars_text(Dollars amount) {
  std::string text = fmt::format("{}.{:06}", amount.millionths / kMillion, amount.millionths % kMillion);
  const std::size_t shortest = text.size() - kFractionDigitsMax + 2;
  while (text.size() > shortest && text.ends_with('0')) text.pop_back();
  return text;
}

Dollars cost_of(std::uint64_t tokens, Dollars price_per_million) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{tokens} * static_cast<std::uint64_t>(price_per_million.millionths);
  const Wide rounded_up = (product + kMillion - 1) / kMillion;
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  return {rounded_up > static_cast<Wide>(most) ? most : static_cast<std::int64_t>(rounded_up)};
}

}  // namespace tillite
