#include <algorithm>
#include <cmath>

#include "expressions/jsonata/builtins.h"
#include "expressions/jsonata/evaluator.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/numbers.h"
#include "expressions/jsonata/occurrences.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

using Arguments = Builtin::Arguments;

Result<Datum> string(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& value = argument(arguments, 0);
  if (value.is_undefined()) return Datum();
  const Datum& indented = argument(arguments, 1);
  return evaluator.text(TRY(evaluator.string_of(value, indented.is_boolean() && indented.boolean())));
}

/// A place as JavaScript's slice() has it: behind the end counts as the end, before the start from the end.
std::size_t slice_place(double place, std::size_t size) {
  const double whole = std::trunc(place);
  const auto end = static_cast<double>(size);
  return static_cast<std::size_t>(whole < 0 ? std::max(end + whole, 0.0) : std::min(whole, end));
}

Result<Datum> substring(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const std::string& text = argument(arguments, 0).string();
  const Datum& length = argument(arguments, 2);
  if (!argument(arguments, 1).is_number()) return Datum(Value(text));
  TRY(evaluator.charge_text(text.size()));
  const std::vector<std::size_t> starts = code_point_starts(text);
  const std::size_t size = starts.size() - 1;
  double start = argument(arguments, 1).number();
  if (std::isnan(start) || static_cast<double>(size) + start < 0) start = 0;
  double end = static_cast<double>(size);
  if (!length.is_undefined()) {
    if (length.number() <= 0) return Datum(Value(""));
    end = start >= 0 ? start + length.number() : static_cast<double>(size) + start + length.number();
  }
  const std::size_t from = slice_place(start, size);
  const std::size_t to = std::max(from, slice_place(end, size));
  return evaluator.text(text.substr(starts[from], starts[to] - starts[from]));
}

Result<Datum> substring_before(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const std::string& text = argument(arguments, 0).string();
  if (!argument(arguments, 1).is_string()) return Datum(Value(text));
  const std::size_t place = text.find(argument(arguments, 1).string());
  return evaluator.text(text.substr(0, place));
}

Result<Datum> substring_after(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const std::string& text = argument(arguments, 0).string();
  if (!argument(arguments, 1).is_string()) return Datum(Value(text));
  const std::string& separator = argument(arguments, 1).string();
  const std::size_t place = text.find(separator);
  return evaluator.text(place == std::string::npos ? text : text.substr(place + separator.size()));
}

Result<Datum> lowercase(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  return evaluator.text(lower_case(argument(arguments, 0).string()));
}

Result<Datum> uppercase(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  return evaluator.text(upper_case(argument(arguments, 0).string()));
}

Result<Datum> length(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  TRY(evaluator.charge_text(argument(arguments, 0).string().size()));
  return Datum(Value(code_point_count(argument(arguments, 0).string())));
}

/// Blanks at the ends go, and several within become one.
Result<Datum> trim(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  std::string trimmed;
  for (const char c : argument(arguments, 0).string()) {
    const bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!is_blank) {
      trimmed += c;
    } else if (!trimmed.empty() && trimmed.back() != ' ') {
      trimmed += ' ';
    }
  }
  if (trimmed.ends_with(' ')) trimmed.pop_back();
  return evaluator.text(std::move(trimmed));
}

Result<Datum> pad(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const std::string& text = argument(arguments, 0).string();
  const Datum& filling = argument(arguments, 2);
  const std::string character = filling.is_string() && !filling.string().empty() ? filling.string() : " ";
  const double width = argument(arguments, 1).is_number() ? std::trunc(argument(arguments, 1).number()) : 0;
  const double missing = std::abs(width) - static_cast<double>(code_point_count(text));
  if (!(missing > 0)) return Datum(Value(text));
  TRY(evaluator.charge_text(static_cast<std::size_t>(std::min(missing, 1e15))));
  const std::vector<std::size_t> starts = code_point_starts(character);
  std::string padding;
  for (std::size_t i = 0; i < static_cast<std::size_t>(missing); ++i) {
    const std::size_t which = i % (starts.size() - 1);
    padding.append(character, starts[which], starts[which + 1] - starts[which]);
  }
  return evaluator.text(width > 0 ? text + padding : padding + text);
}

/// Whether a limit leaves anything to do; `code` if it is negative.
Result<double> limit_of(const Datum& limit, std::string_view code) {
  if (!limit.is_number()) return HUGE_VAL;
  if (limit.number() < 0) return fault(code);
  return limit.number();
}

Result<Datum> match(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const double limit = TRY(limit_of(argument(arguments, 2), "D3040"));
  Occurrences occurrences(evaluator, argument(arguments, 1), *argument(arguments, 0).value());
  std::vector<Datum> results;
  while (static_cast<double>(results.size()) < limit) {
    auto found = TRY(occurrences.next());
    if (!found) break;
    const auto record = std::make_shared<Record>();
    record->set("match", TRY(evaluator.text(std::move(found->match))));
    record->set("index", Value(found->start_units));
    record->set("groups", TRY(evaluator.array(std::move(found->groups))));
    results.emplace_back(record);
  }
  return evaluator.sequence(std::move(results));
}

Result<Datum> contains(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& text = argument(arguments, 0);
  const Datum& token = argument(arguments, 1);
  if (text.is_undefined() || token.is_undefined()) return Datum();
  TRY(evaluator.charge_text(text.string().size()));
  if (token.is_string()) return Datum(Value(text.string().contains(token.string())));
  Occurrences occurrences(evaluator, token, *text.value());
  return Datum(Value(TRY(occurrences.next()).has_value()));
}

/// "$1", "$0" and "$$" of a replacement; of as many digits as there are groups.
std::string expanded(std::string_view replacement, const Occurrence& found) {
  std::string text;
  const std::size_t groups = found.groups.size();
  const std::size_t digits_max = groups == 0 ? 1 : number_text(static_cast<double>(groups)).size();
  const auto digits_at = [&](std::size_t from, std::size_t most) {
    std::size_t count = 0;
    while (count < most && from + count < replacement.size() && replacement[from + count] >= '0' &&
           replacement[from + count] <= '9')
      ++count;
    return count;
  };
  for (std::size_t at = 0; at < replacement.size();) {
    if (replacement[at] != '$') {
      text += replacement[at++];
      continue;
    }
    ++at;
    const char next = at < replacement.size() ? replacement[at] : '\0';
    if (next == '$') {
      text += '$';
      ++at;
    } else if (next == '0') {
      text += found.match;
      ++at;
    } else {
      std::size_t digits = digits_at(at, digits_max);
      if (digits == 0) {
        text += '$';
        continue;
      }
      std::size_t group = std::stoul(std::string(replacement.substr(at, digits)));
      if (digits > 1 && group > groups) group = std::stoul(std::string(replacement.substr(at, --digits)));
      if (group >= 1 && group <= groups && found.groups[group - 1].is_string())
        text += found.groups[group - 1].string();
      at += digits;
    }
  }
  return text;
}

/// What a replacing function is called with.
Datum record_of(const Occurrence& found) {
  if (!found.record.is_undefined()) return found.record;
  const auto record = std::make_shared<Record>();
  record->set("match", Value(found.match));
  record->set("start", Value(found.start_units));
  record->set("end", Value(found.start_units + unit_count(found.match)));
  record->set("groups", make_array(found.groups));
  return record;
}

Result<Datum> replace_text(Evaluator& evaluator, const std::string& text, const std::string& pattern,
                           const Datum& replacement, double limit) {
  if (pattern.empty()) return fault("D3010");
  if (!replacement.is_string()) return fault("D3012");
  const std::string& by = replacement.string();
  std::string result;
  std::size_t position = 0;
  for (double count = 0; count < limit; ++count) {
    const std::size_t place = text.find(pattern, position);
    if (place == std::string::npos) break;
    result.append(text, position, place - position).append(by);
    TRY(evaluator.charge(1));
    if (result.size() > evaluator.surroundings().text_bytes_max) break;
    position = place + pattern.size();
  }
  result.append(text, position);
  return evaluator.text(std::move(result));
}

Result<Datum> replace(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const std::string& text = argument(arguments, 0).string();
  const Datum& pattern = argument(arguments, 1);
  const Datum& replacement = argument(arguments, 2);
  if (pattern.is_string() && pattern.string().empty()) return fault("D3010");
  const double limit = TRY(limit_of(argument(arguments, 3), "D3011"));
  if (pattern.is_string()) return replace_text(evaluator, text, pattern.string(), replacement, limit);
  Occurrences occurrences(evaluator, pattern, *argument(arguments, 0).value());
  std::string result;
  std::size_t position = 0;
  for (double count = 0; count < limit; ++count) {
    const auto found = TRY(occurrences.next());
    if (!found) break;
    if (found->start > position) result.append(text, position, found->start - position);
    if (replacement.is_string()) {
      result += expanded(replacement.string(), *found);
    } else {
      const Datum by = TRY(evaluator.call(replacement, {record_of(*found)}));
      if (!by.is_string()) return fault("D3012");
      result += by.string();
    }
    TRY(evaluator.charge_text(result.size() > evaluator.surroundings().text_bytes_max ? result.size() : 0));
    position = std::min(found->start + found->match.size(), text.size());
  }
  result.append(text, position);
  return evaluator.text(std::move(result));
}

Result<std::vector<Datum>> split_at_text(Evaluator& evaluator, const std::string& text, const std::string& separator,
                                         double limit) {
  std::vector<Datum> parts;
  if (separator.empty()) {
    const std::vector<std::size_t> starts = code_point_starts(text);
    for (std::size_t i = 0; i + 1 < starts.size() && static_cast<double>(parts.size()) < limit; ++i)
      parts.emplace_back(TRY(evaluator.text(text.substr(starts[i], starts[i + 1] - starts[i]))));
    return parts;
  }
  for (std::size_t position = 0; static_cast<double>(parts.size()) < limit;) {
    TRY(evaluator.check_items(parts.size()));
    const std::size_t place = text.find(separator, position);
    parts.emplace_back(TRY(evaluator.text(text.substr(position, place - position))));
    if (place == std::string::npos) break;
    position = place + separator.size();
  }
  return parts;
}

Result<Datum> split(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const std::string& text = argument(arguments, 0).string();
  const Datum& separator = argument(arguments, 1);
  const double limit = TRY(limit_of(argument(arguments, 2), "D3020"));
  TRY(evaluator.charge_text(text.size()));
  if (separator.is_string())
    return evaluator.array(TRY(split_at_text(evaluator, text, separator.string(), std::trunc(limit))));
  std::vector<Datum> parts;
  Occurrences occurrences(evaluator, separator, *argument(arguments, 0).value());
  std::size_t position = 0;
  while (static_cast<double>(parts.size()) < limit) {
    TRY(evaluator.check_items(parts.size()));
    const auto found = TRY(occurrences.next());
    const std::size_t end = found ? std::max(position, found->start) : text.size();
    parts.emplace_back(TRY(evaluator.text(text.substr(position, end - position))));
    if (!found) break;
    position = found->end;
  }
  return evaluator.array(std::move(parts));
}

Result<Datum> join(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& parts = argument(arguments, 0);
  if (parts.is_undefined()) return Datum();
  const std::string separator = argument(arguments, 1).is_string() ? argument(arguments, 1).string() : "";
  TRY(evaluator.charge(parts.size()));
  std::string joined;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) joined += separator;
    const Datum part = parts.at(i);
    if (part.is_string()) joined += part.string();
    if (joined.size() > evaluator.surroundings().text_bytes_max) break;
  }
  return evaluator.text(std::move(joined));
}

}  // namespace

void add_string_functions(std::vector<Builtin>& builtins) {
  builtins.push_back(builtin("string", "<x-b?:s>", 1, string));
  builtins.push_back(builtin("substring", "<s-nn?:s>", 3, substring));
  builtins.push_back(builtin("substringBefore", "<s-s:s>", 2, substring_before));
  builtins.push_back(builtin("substringAfter", "<s-s:s>", 2, substring_after));
  builtins.push_back(builtin("lowercase", "<s-:s>", 1, lowercase));
  builtins.push_back(builtin("uppercase", "<s-:s>", 1, uppercase));
  builtins.push_back(builtin("length", "<s-:n>", 1, length));
  builtins.push_back(builtin("trim", "<s-:s>", 1, trim));
  builtins.push_back(builtin("pad", "<s-ns?:s>", 3, pad));
  builtins.push_back(builtin("match", "<s-f<s:o>n?:a<o>>", 3, match));
  builtins.push_back(builtin("contains", "<s-(sf):b>", 2, contains));
  builtins.push_back(builtin("replace", "<s-(sf)(sf)n?:s>", 4, replace));
  builtins.push_back(builtin("split", "<s-(sf)n?:a<s>>", 3, split));
  builtins.push_back(builtin("join", "<a<s>s?:s>", 2, join));
}

}  // namespace tillite::jsonata
