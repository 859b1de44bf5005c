#include "expressions/jsonata/occurrences.h"

#include <algorithm>

#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

/// The byte at which the UTF-16 unit `units` begins.
std::size_t byte_of(std::string_view text, double units) {
  std::size_t at = 0;
  for (double passed = 0; at < text.size() && passed < units;) {
    const std::size_t size = code_point_size(text, at);
    passed += size == 4 ? 2 : 1;
    at += size;
  }
  return at;
}

}  // namespace

Occurrences::Occurrences(Evaluator& evaluator, const Datum& matcher, const Value& text)
    : evaluator_(evaluator), matcher_(matcher), text_(text) {
  if (!matcher.is_function()) return;
  if (const auto* const pattern = std::get_if<Matcher>(&matcher.function()->body))
    search_.emplace(*pattern->pattern, text.string());
}

Result<std::optional<Occurrence>> Occurrences::next() {
  TRY(evaluator_.charge(1));
  auto found = search_ ? TRY(next_of_pattern()) : TRY(next_of_function());
  is_first_ = false;
  return found;
}

Result<std::optional<Occurrence>> Occurrences::next_of_pattern() {
  const std::string_view text = text_.string();
  if (!is_first_ && from_ >= text.size()) return std::nullopt;
  auto match = TRY(search_->next(from_));
  if (!match) return std::nullopt;
  if (!is_first_ && match->start == match->end) return fault("D1004");
  TRY(evaluator_.charge((match->end - from_) / kBytesOfStep));
  from_ = match->end;
  counted_units_ += unit_count(text.substr(counted_bytes_, match->start - counted_bytes_));
  counted_bytes_ = match->start;
  Occurrence found{.match = std::string(text.substr(match->start, match->end - match->start)),
                   .start = match->start,
                   .end = match->end,
                   .start_units = counted_units_};
  for (auto& group : match->groups) found.groups.push_back(group ? Datum(Value(*std::move(group))) : Datum());
  return found;
}

Result<std::optional<Occurrence>> Occurrences::next_of_function() {
  const Datum& function = is_first_ ? matcher_ : next_function_;
  if (!function.is_function()) return fault("T1010");
  const Datum found = TRY(evaluator_.call(function, is_first_ ? std::vector<Datum>{text_} : std::vector<Datum>{}));
  if (found.is_undefined()) return std::nullopt;
  if (!found.is_object()) return fault("T1010");
  const Datum start = found.field("start");
  const Datum end = found.field("end");
  const Datum match = found.field("match");
  const Datum groups = found.field("groups");
  if (!start.is_number() || !match.is_string()) return fault("T1010");
  next_function_ = found.field("next");
  const std::string_view text = text_.string();
  TRY(evaluator_.charge_text(text.size()));
  const std::size_t from = byte_of(text, start.number());
  const std::size_t to = end.is_number() ? byte_of(text, end.number()) : from + match.string().size();
  return Occurrence{.match = match.string(),
                    .start = from,
                    .end = std::clamp(to, from, text.size()),
                    .start_units = unit_count(text.substr(0, from)),
                    .groups = groups.is_array() ? groups.items() : std::vector<Datum>{},
                    .record = found};
}

}  // namespace tillite::jsonata
