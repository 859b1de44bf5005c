#include "embedding/number_list.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace tillite {
namespace {

static_assert(std::endian::native == std::endian::little, "eight characters are read as one little-endian word");

constexpr std::size_t kDigitsAtOnce = 16;
constexpr std::array<std::uint64_t, kDigitsAtOnce + 1> powers_of_ten() {
  std::array<std::uint64_t, kDigitsAtOnce + 1> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}
constexpr auto kPowersOfTen = powers_of_ten();

/// Up to here so many digits more still fit.
constexpr std::array<std::uint64_t, kDigitsAtOnce + 1> room_for_digits() {
  std::array<std::uint64_t, kDigitsAtOnce + 1> room{};
  for (std::size_t i = 0; i < room.size(); ++i) room[i] = ~std::uint64_t{0} / kPowersOfTen[i] - 1;
  return room;
}
constexpr auto kRoomForDigits = room_for_digits();

constexpr int kExactPowerMax = 22;  ///< the largest power of ten that a double holds exactly
constexpr int kPowerMax = 40;
constexpr std::array<double, kPowerMax + 1> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10,
                                                       1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
                                                       1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32,
                                                       1e33, 1e34, 1e35, 1e36, 1e37, 1e38, 1e39, 1e40};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A number as it is written: digits and a power of ten.
struct Decimal {
  std::uint64_t digits = 0;
  int power = 0;
  bool negative = false;
  bool too_long = false;  ///< `digits` does not hold them all
  bool whole = true;      ///< neither a point nor an exponent
};

void append(Decimal& number, std::uint64_t value, std::size_t count) {
  number.too_long |= number.digits > kRoomForDigits[count];
  number.digits = number.digits * kPowersOfTen[count] + value;
}

/// Eight characters, of which digits have become their values.
std::uint64_t load_values(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word ^ 0x3030303030303030;
}

/// How many of the eight are digits before the first that is none.
std::size_t count_digits(std::uint64_t values) {
  const std::uint64_t others = ((values + 0x7676767676767676) | values) & 0x8080808080808080;
  return static_cast<std::size_t>(std::countr_zero(others)) / 8;
}

/// The number that the first `count` of eight digits make.
std::uint64_t join_digits(std::uint64_t values, std::size_t count) {
  const std::size_t half_of_rest = (8 - count) * 4;
  values = values << half_of_rest << half_of_rest;  // zeros in front; all 64 bits at once would be undefined
  values = (values * 10 + (values >> 8)) & 0x00ff00ff00ff00ff;
  values = (values * 100 + (values >> 16)) & 0x0000ffff0000ffff;
  return (values * 10'000 + (values >> 32)) & 0x00000000ffffffff;
}

struct Digits {
  std::uint64_t value;
  std::size_t count;
};

/// The digits at `at`, up to sixteen. So many characters must be there.
Digits read_sixteen(const char* at) {
  const std::uint64_t first = load_values(at);
  const std::uint64_t second = load_values(at + 8);
  const std::size_t first_count = count_digits(first);
  const std::size_t second_count = first_count == 8 ? count_digits(second) : 0;
  return {join_digits(first, first_count) * kPowersOfTen[second_count] + join_digits(second, second_count),
          first_count + second_count};
}

/// Appends the digits at `at` to the number; where they end.
const char* read_digits(const char* at, const char* end, Decimal& number) {
  while (end - at >= static_cast<std::ptrdiff_t>(kDigitsAtOnce)) {
    const Digits digits = read_sixteen(at);
    append(number, digits.value, digits.count);
    at += digits.count;
    if (digits.count < kDigitsAtOnce) return at;
  }
  for (; at < end && is_digit(*at); ++at) append(number, static_cast<std::uint64_t>(*at - '0'), 1);
  return at;
}

/// Reads a number of JSON's grammar; where it ends, or nullptr if it is none.
const char* read_decimal(const char* at, const char* end, Decimal& number) {
  number.negative = at < end && *at == '-';
  at += number.negative ? 1 : 0;
  if (at == end || !is_digit(*at)) return nullptr;
  if (*at == '0') {
    ++at;
    if (at < end && is_digit(*at)) return nullptr;
  } else {
    at = read_digits(at, end, number);
  }
  if (at < end && *at == '.') {
    const char* const first = ++at;
    at = read_digits(first, end, number);
    if (at == first) return nullptr;
    number.power = -static_cast<int>(at - first);
    number.whole = false;
  }
  if (at < end && (*at == 'e' || *at == 'E')) {
    ++at;
    const bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) ++at;
    const char* const first = at;
    int exponent = 0;
    for (; at < end && is_digit(*at); ++at) exponent = std::min(exponent * 10 + (*at - '0'), 100'000);
    if (at == first) return nullptr;
    number.power += negative ? -exponent : exponent;
    number.whole = false;
  }
  return at;
}

/// Near the middle between two floats an error in the last bits of the double decides.
bool is_far_from_a_middle_of_floats(double magnitude) {
  constexpr std::uint64_t kBitsLost = (std::uint64_t{1} << 29) - 1;
  constexpr std::int64_t kMiddle = std::int64_t{1} << 28;
  constexpr std::int64_t kErrorMax = 16;  // in units of the last bit; three roundings make two at most
  const auto lost = static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(magnitude) & kBitsLost);
  return std::abs(lost - kMiddle) > kErrorMax && magnitude > 1e-37 && magnitude < 1e38;
}

double with_sign(double magnitude, bool negative) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(magnitude) | std::uint64_t{negative} << 63);
}

/// The float, or nothing where it takes the slower way to be exact.
std::optional<float> quick_float(const Decimal& number) {
  if (number.too_long || std::abs(number.power) > kPowerMax) return std::nullopt;
  const auto digits = static_cast<double>(number.digits);
  const double power = kPowers[static_cast<std::size_t>(std::abs(number.power))];
  const double magnitude = number.power < 0 ? digits / power : digits * power;
  // Two exact numbers and one rounding: the nearest double.
  const bool nearest = number.digits <= std::uint64_t{1} << 53 && std::abs(number.power) <= kExactPowerMax;
  if (!nearest && !is_far_from_a_middle_of_floats(magnitude)) return std::nullopt;
  return static_cast<float>(with_sign(magnitude, number.negative));
}

/// Reads a number as most are: below one, of at most fifteen digits, without an exponent. Where it ends, or nullptr if
/// it is not of this kind. Half of them have a sign and the count of digits varies: neither is asked for by a branch,
/// which would often be foreseen wrongly.
const char* read_common_number(const char* at, const char* end, float& place) {
  if (end - at < static_cast<std::ptrdiff_t>(kDigitsAtOnce) + 4) return nullptr;
  const bool negative = *at == '-';
  at += negative ? 1 : 0;
  if (at[0] != '0' || at[1] != '.') return nullptr;
  at += 2;
  const auto digits = read_sixteen(at);
  const char behind = at[digits.count];
  if (digits.count == 0 || digits.count == kDigitsAtOnce || behind == 'e' || behind == 'E') return nullptr;
  // Two exact numbers and one rounding: the nearest double.
  const double magnitude = static_cast<double>(static_cast<std::int64_t>(digits.value)) / kPowers[digits.count];
  place = static_cast<float>(with_sign(magnitude, negative));
  return at + digits.count;
}

/// Reads one number; where it ends, or nullptr if it is not plain.
const char* read_number(const char* at, const char* end, float& place) {
  if (const char* const behind = read_common_number(at, end, place); behind != nullptr) return behind;
  Decimal number;
  const char* const behind = read_decimal(at, end, number);
  if (behind == nullptr) return nullptr;
  if (number.whole) {
    constexpr std::uint64_t kWholeMax = 999'999'999'999'999'999;
    if (number.too_long || number.digits > kWholeMax) return nullptr;
    const auto value = static_cast<std::int64_t>(number.digits);
    place = static_cast<float>(static_cast<double>(number.negative ? -value : value));  // -0 is the integer 0
    return behind;
  }
  if (const auto value = quick_float(number)) {
    place = *value;
    return behind;
  }
  double value = 0;
  if (std::from_chars(at, behind, value).ec != std::errc()) return nullptr;
  place = static_cast<float>(value);
  return behind;
}

const char* skip_blanks(const char* at, const char* end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) ++at;
  return at;
}

}  // namespace

std::optional<NumberList> read_number_list(std::string_view text, std::span<float> places) {
  const char* at = text.data();
  const char* const end = at + text.size();
  if (at == end || *at != '[') return std::nullopt;
  at = skip_blanks(at + 1, end);
  NumberList list;
  if (at < end && *at == ']') {
    list.characters = static_cast<std::size_t>(at + 1 - text.data());
    return list;
  }
  float beyond = 0;
  while (true) {
    at = read_number(at, end, list.numbers < places.size() ? places[list.numbers] : beyond);
    if (at == nullptr) return std::nullopt;
    ++list.numbers;
    at = skip_blanks(at, end);
    if (at == end) return std::nullopt;
    if (*at == ']') break;
    if (*at != ',') return std::nullopt;
    at = skip_blanks(at + 1, end);
  }
  list.characters = static_cast<std::size_t>(at + 1 - text.data());
  return list;
}

}  // namespace tillite
