#include "expressions/jsonata/signature.h"

#include <algorithm>

#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"

namespace tillite::jsonata {
namespace {

constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();
constexpr int kTriesMax = 10'000;  // of distributing arguments: signatures come from outside

char type_of(const Datum& datum) {
  if (datum.is_function()) return 'f';
  if (datum.is_string()) return 's';
  if (datum.is_number()) return 'n';
  if (datum.is_boolean()) return 'b';
  if (datum.is_null()) return 'l';
  if (datum.is_array()) return 'a';
  if (datum.is_object()) return 'o';
  return 'm';
}

std::string_view plural_of(std::string_view type) {
  if (type == "a") return "\"arrays\"";
  if (type == "b") return "\"booleans\"";
  if (type == "f") return "\"functions\"";
  if (type == "n") return "\"numbers\"";
  if (type == "o") return "\"objects\"";
  if (type == "s") return "\"strings\"";
  return "undefined";
}

/// Where the bracket that stands at `open` is closed; the end of the text if it is not.
std::size_t closing(std::string_view text, std::size_t open, char opens, char closes) {
  int depth = 1;
  std::size_t at = open + 1;
  for (; at < text.size(); ++at) {
    if (text[at] == closes && --depth == 0) break;
    if (text[at] == opens) ++depth;
  }
  return at;
}

}  // namespace

Result<Signature> Signature::parse(std::string_view text) {
  Signature signature;
  auto& parameters = signature.parameters_;
  for (std::size_t at = 1; at < text.size() && text[at] != ':'; ++at) {
    const char symbol = text[at];
    switch (symbol) {
      case 's':
      case 'n':
      case 'b':
      case 'l':
      case 'o':
        parameters.push_back({.types = {symbol, 'm'}, .type = symbol});
        break;
      case 'a':
      case 'x':
        parameters.push_back({.types = "asnblfom", .type = symbol});
        break;
      case 'f':
        parameters.push_back({.types = "f", .type = symbol});
        break;
      case 'j':
        parameters.push_back({.types = "asnblom", .type = symbol});
        break;
      case '(': {
        const std::size_t end = closing(text, at, '(', ')');
        const std::string choice(text.substr(at + 1, end - at - 1));
        if (choice.contains('<')) return syntax_fault("S0402", {.value = quoted_text(choice)});
        parameters.push_back({.types = choice + 'm', .type = '('});
        at = end;
        break;
      }
      case '<': {
        if (parameters.empty() || (parameters.back().type != 'a' && parameters.back().type != 'f'))
          return syntax_fault("S0401");
        const std::size_t end = closing(text, at, '<', '>');
        parameters.back().subtype = text.substr(at + 1, end - at - 1);
        at = end;
        break;
      }
      case '-':
        if (parameters.empty()) break;
        parameters.back().takes_context = true;
        parameters.back().context_types = parameters.back().types;
        parameters.back().least = 0;
        break;
      case '?':
        if (!parameters.empty()) parameters.back().least = 0;
        break;
      case '+':
        if (!parameters.empty()) parameters.back().most = kUnbounded;
        break;
      default:
        break;
    }
  }
  return signature;
}

std::optional<std::vector<std::size_t>> Signature::distribute(std::string_view types, std::size_t parameters,
                                                              bool whole) const {
  std::vector<std::size_t> taken;
  std::vector<std::size_t> begins = {0};
  const auto fitting = [&](std::size_t parameter, std::size_t from, std::size_t most) {
    std::size_t count = 0;
    while (count < most && from + count < types.size() && parameters_[parameter].types.contains(types[from + count]))
      ++count;
    return count;
  };
  // A parameter takes as much as it can, and gives back if the others do not fit.
  std::optional<std::size_t> least_that_failed;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const std::size_t parameter = taken.size();
    const bool done = parameter == parameters && (!whole || begins.back() == types.size());
    if (done) return taken;
    bool fits = parameter < parameters;
    if (fits) {
      std::size_t most = parameters_[parameter].most;
      if (least_that_failed) most = *least_that_failed == 0 ? 0 : std::min(most, *least_that_failed - 1);
      const bool exhausted = least_that_failed == 0U;
      const std::size_t count = fitting(parameter, begins.back(), most);
      fits = !exhausted && count >= parameters_[parameter].least;
      if (fits) {
        taken.push_back(count);
        begins.push_back(begins.back() + count);
        least_that_failed.reset();
        continue;
      }
    }
    if (taken.empty()) return std::nullopt;
    least_that_failed = taken.back();
    taken.pop_back();
    begins.pop_back();
  }
  return std::nullopt;
}

Result<std::vector<Datum>> Signature::apply(std::vector<Datum> arguments, const Datum& context) const {
  std::string types;
  for (const Datum& argument : arguments) types += type_of(argument);
  const auto taken = distribute(types, parameters_.size(), true);
  if (!taken) {
    // The first argument that the parameters before the wrong one leave over.
    std::size_t good = 0;
    for (std::size_t count = 1; count <= parameters_.size(); ++count) {
      const auto partly = distribute(types, count, false);
      if (!partly) break;
      good = 0;
      for (const std::size_t number : *partly) good += number;
    }
    return fault("T0410", {.index = fmt::format("{}", good + 1)});
  }
  std::vector<Datum> fitted;
  std::size_t next = 0;
  const auto argument_at = [&](std::size_t index) { return index < arguments.size() ? arguments[index] : Datum(); };
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& parameter = parameters_[i];
    if ((*taken)[i] == 0) {
      if (parameter.takes_context) {
        if (!parameter.context_types.contains(type_of(context)))
          return fault("T0411", {.index = fmt::format("{}", next + 1)});
        fitted.push_back(context);
      } else {
        fitted.push_back(argument_at(next++));
      }
      continue;
    }
    const std::string_view own = std::string_view(types).substr(next, (*taken)[i]);
    for (std::size_t k = 0; k < own.size(); ++k, ++next) {
      const bool as_it_is = parameter.type != 'a' || own[k] == 'm';
      fitted.push_back(as_it_is ? arguments[next] : TRY(as_array(parameter, arguments[next], own, next)));
    }
  }
  return fitted;
}

Result<Datum> Signature::as_array(const Parameter& parameter, const Datum& argument, std::string_view taken,
                                  std::size_t index) const {
  bool fits = true;
  if (!parameter.subtype.empty()) {
    if (!argument.is_array()) {
      fits = taken == parameter.subtype;
    } else {
      for (std::size_t i = 0; i < argument.size() && fits; ++i)
        fits = type_of(argument.at(i)) == parameter.subtype.front();
    }
  }
  if (!fits)
    return fault("T0412", {.index = fmt::format("{}", index + 1), .type = std::string(plural_of(parameter.subtype))});
  return argument.is_array() ? argument : make_array({argument});
}

}  // namespace tillite::jsonata
