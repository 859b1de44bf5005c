#include <cmath>

#include "expressions/jsonata/builtins.h"
#include "expressions/jsonata/date_picture.h"
#include "expressions/jsonata/evaluator.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"

namespace tillite::jsonata {
namespace {

using Arguments = Builtin::Arguments;

constexpr std::string_view kIsoPicture = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]";

Result<Datum> formatted(Evaluator& evaluator, double epoch_ms, const Datum& picture, const Datum& timezone) {
  const std::string_view text = picture.is_string() ? std::string_view(picture.string()) : kIsoPicture;
  const DatePicture parsed = TRY(DatePicture::parse(text));
  const auto zone = timezone.is_string() ? std::optional(timezone.string()) : std::nullopt;
  return evaluator.text(TRY(parsed.format(epoch_ms, zone)));
}

Result<Datum> now(Evaluator& evaluator, const Arguments& arguments) {
  return formatted(evaluator, static_cast<double>(evaluator.surroundings().now_ms), argument(arguments, 0),
                   argument(arguments, 1));
}

Result<Datum> millis(Evaluator& evaluator, const Arguments& /*arguments*/) {
  return Datum(Value(evaluator.surroundings().now_ms));
}

Result<Datum> from_millis(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  return formatted(evaluator, argument(arguments, 0).number(), argument(arguments, 1), argument(arguments, 2));
}

Result<Datum> to_millis(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const std::string& text = argument(arguments, 0).string();
  const Datum& picture = argument(arguments, 1);
  TRY(evaluator.charge_text(text.size()));
  if (picture.is_string()) {
    const DatePicture parsed = TRY(DatePicture::parse(picture.string()));
    const auto epoch_ms = TRY(parsed.read(text, evaluator.surroundings().now_ms));
    return epoch_ms ? Datum(Value(*epoch_ms)) : Datum();
  }
  const auto epoch_ms = read_iso_timestamp(text);
  if (!epoch_ms) return fault("D3110", {.value = json_text(Value(text))});
  return Datum(Value(*epoch_ms));
}

}  // namespace

void add_date_functions(std::vector<Builtin>& builtins) {
  builtins.push_back(builtin("now", "<s?s?:s>", 2, now));
  builtins.push_back(builtin("millis", "<:n>", 0, millis));
  builtins.push_back(builtin("fromMillis", "<n-s?s?:s>", 3, from_millis));
  builtins.push_back(builtin("toMillis", "<s-s?:n>", 2, to_millis));
}

}  // namespace tillite::jsonata
