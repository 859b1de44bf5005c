#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/uuid.h"
#include "expressions/jsonata/builtins.h"
#include "expressions/jsonata/evaluator.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/numbers.h"

// What AWS Step Functions adds to JSONata:
// https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#jsonata-functions-provided-by-sfn
namespace tillite::jsonata {
namespace {

using Arguments = Builtin::Arguments;

/// Parts of an array, of so many items each.
Result<Datum> partition(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& array = argument(arguments, 0);
  if (array.is_undefined() || argument(arguments, 1).is_undefined()) return Datum();
  const double size = rounded(argument(arguments, 1).number());
  if (!(size >= 1)) return fault("D3201", {.value = json_text(argument(arguments, 1))});
  std::vector<Datum> parts;
  std::vector<Datum> part;
  for (std::size_t i = 0; i < array.size(); ++i) {
    part.push_back(array.at(i));
    if (static_cast<double>(part.size()) < size && i + 1 < array.size()) continue;
    parts.push_back(TRY(evaluator.array(std::move(part))));
    part.clear();
  }
  return evaluator.array(std::move(parts));
}

/// The numbers from the first to the last, in steps; gathered, so that a single one is no array.
Result<Datum> range(Evaluator& evaluator, const Arguments& arguments) {
  for (std::size_t i = 0; i < 3; ++i)
    if (argument(arguments, i).is_undefined()) return Datum();
  const double first = rounded(argument(arguments, 0).number());
  const double last = rounded(argument(arguments, 1).number());
  const double step = rounded(argument(arguments, 2).number());
  if (step == 0) return fault("D3202");
  const double count = std::floor((last - first) / step) + 1;
  if (count > static_cast<double>(evaluator.surroundings().items_max))
    return fault("D2015", {.value = fmt::format("{}", evaluator.surroundings().items_max)});
  std::vector<Datum> numbers;
  numbers.reserve(static_cast<std::size_t>(std::max(count, 0.0)));
  for (double i = 0; i < count; ++i) numbers.emplace_back(whole_or_real(first + i * step));
  return evaluator.sequence(std::move(numbers));
}

Result<Datum> hash(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined() || argument(arguments, 1).is_undefined()) return Datum();
  const std::string& text = argument(arguments, 0).string();
  const std::string& algorithm = argument(arguments, 1).string();
  struct Algorithm {
    std::string_view name;
    const EVP_MD* (*digest)();
  };
  constexpr std::array kAlgorithms = {Algorithm{"MD5", &EVP_md5}, Algorithm{"SHA-1", &EVP_sha1},
                                      Algorithm{"SHA-256", &EVP_sha256}, Algorithm{"SHA-384", &EVP_sha384},
                                      Algorithm{"SHA-512", &EVP_sha512}};
  const auto* const known = std::ranges::find(kAlgorithms, algorithm, &Algorithm::name);
  if (known == kAlgorithms.end()) return fault("D3203", {.value = json_text(Value(algorithm))});
  TRY(evaluator.charge_text(text.size()));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, known->digest(), nullptr) != 1)
    return fault("D3203", {.value = json_text(Value(algorithm))});
  std::string hexadecimal;
  for (unsigned int i = 0; i < size; ++i) hexadecimal += fmt::format("{:02x}", digest.at(i));
  return Datum(Value(std::move(hexadecimal)));
}

/// The first number of java.util.Random with this seed: the same for the same seed, everywhere.
double seeded_number(std::int64_t seed) {
  constexpr std::uint64_t kMultiplier = 0x5deece66dU;
  constexpr std::uint64_t kMask = (std::uint64_t{1} << 48) - 1;
  std::uint64_t state = (static_cast<std::uint64_t>(seed) ^ kMultiplier) & kMask;
  const auto next = [&](int bits) {
    state = (state * kMultiplier + 0xb) & kMask;
    return state >> (48 - bits);
  };
  const std::uint64_t high = next(26) << 27;
  return static_cast<double>(high + next(27)) * 0x1.0p-53;
}

Result<Datum> random(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& seed = argument(arguments, 0);
  if (seed.is_undefined()) return Datum(Value(unit_interval(evaluator.surroundings().random)));
  if (!is_whole(seed.number()) || std::abs(seed.number()) >= 0x1p63) return fault("T0410", {.index = "1"});
  return Datum(Value(seeded_number(static_cast<std::int64_t>(seed.number()))));
}

Result<Datum> uuid(Evaluator& evaluator, const Arguments& /*arguments*/) {
  return Datum(Value(uuid4(evaluator.surroundings().random.bytes())));
}

Result<Datum> parse(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const std::string& text = argument(arguments, 0).string();
  TRY(evaluator.charge_text(text.size()));
  Result<Value> value = parse_value(text, "the argument of $parse()");
  if (!value) return fault("D3204", {.value = value.error().message()});
  return Datum(*std::move(value));
}

}  // namespace

void add_step_functions(std::vector<Builtin>& builtins) {
  builtins.push_back(builtin("partition", "<an:a>", 2, partition));
  builtins.push_back(builtin("range", "<nnn:a>", 3, range));
  builtins.push_back(builtin("hash", "<s-s:s>", 2, hash));
  builtins.push_back(builtin("random", "<n?:n>", 1, random));
  builtins.push_back(builtin("uuid", "<:s>", 0, uuid));
  builtins.push_back(builtin("parse", "<s-:x>", 1, parse));
}

}  // namespace tillite::jsonata
