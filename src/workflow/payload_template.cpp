#include "workflow/payload_template.h"

#include <algorithm>
#include <array>

#include "base/uuid.h"
#include "workflow/json_path.h"

namespace tillite {
namespace {

constexpr int kDepthMax = 10;  // of nested intrinsic functions, as AWS has it
constexpr std::size_t kRangeMax = 1000;

using Arguments = std::vector<Json>;

std::unexpected<Error> intrinsic_failure(std::string_view name, std::string_view why) {
  return std::unexpected(Error(Code::failed, fmt::format("{}: {}", name, why)).named("States.IntrinsicFailure"));
}

/// An intrinsic function call taken apart: a name and its arguments as texts.
struct Call {
  std::string name;
  std::vector<std::string> arguments;
};

/// Splits "a, f(b, 'c,d')" at the commas of its own level.
Result<std::vector<std::string>> split_arguments(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\' && i + 1 < text.size()) {
      part += c;
      part += text[++i];
      continue;
    }
    if (c == '\'') quoted = !quoted;
    if (!quoted && (c == '(' || c == '[')) ++depth;
    if (!quoted && (c == ')' || c == ']')) --depth;
    if (!quoted && depth == 0 && c == ',') {
      parts.push_back(std::move(part));
      part.clear();
    } else {
      part += c;
    }
  }
  if (quoted || depth != 0)
    return fail(Code::invalid_input, "a quote or bracket is not closed in '{}'", text.substr(0, 200));
  if (!parts.empty() || part.find_first_not_of(' ') != std::string::npos) parts.push_back(std::move(part));
  for (std::string& one : parts) {
    const std::size_t begin = one.find_first_not_of(' ');
    if (begin == std::string::npos)
      return fail(Code::invalid_input, "an argument is missing in '{}'", text.substr(0, 200));
    one = one.substr(begin, one.find_last_not_of(' ') - begin + 1);
  }
  return parts;
}

Result<Call> parse_call(std::string_view text) {
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos || !text.ends_with(')')) {
    return fail(Code::invalid_input, "'{}' is not the call of an intrinsic function", text.substr(0, 200));
  }
  return Call{std::string(text.substr(0, open)), TRY(split_arguments(text.substr(open + 1, text.size() - open - 2)))};
}

std::string unquote(std::string_view literal) {
  std::string text;
  for (std::size_t i = 1; i + 1 < literal.size(); ++i) {
    if (literal[i] == '\\' && i + 2 < literal.size()) ++i;
    text += literal[i];
  }
  return text;
}

// The intrinsic functions. Their arguments were counted before.

Result<Json> format(const Arguments& arguments) {
  if (!arguments[0].is_string()) return intrinsic_failure("States.Format", "the first argument must be a text");
  const std::string pattern = arguments[0].get<std::string>();
  std::string text;
  std::size_t next = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern.compare(i, 2, "{}") != 0) {
      text += pattern[i];
      continue;
    }
    if (next == arguments.size()) return intrinsic_failure("States.Format", "there are more {} than arguments");
    text += arguments[next].is_string() ? arguments[next].get<std::string>() : to_text(arguments[next]);
    ++next;
    ++i;
  }
  if (next != arguments.size()) return intrinsic_failure("States.Format", "there are more arguments than {}");
  return Json(text);
}

Result<Json> string_to_json(const Arguments& arguments) {
  if (!arguments[0].is_string()) return intrinsic_failure("States.StringToJson", "the argument must be a text");
  auto json = parse_json(arguments[0].get<std::string>(), "the text");
  if (!json) return intrinsic_failure("States.StringToJson", json.error().message());
  return json;
}

Result<Json> json_merge(const Arguments& arguments) {
  if (!arguments[0].is_object() || !arguments[1].is_object())
    return intrinsic_failure("States.JsonMerge", "both must be objects");
  if (arguments[2] != Json(false))
    return intrinsic_failure("States.JsonMerge", "only a shallow merge (false) is supported");
  Json merged = arguments[0];
  merged.update(arguments[1]);
  return merged;
}

Result<Json> array_partition(const Arguments& arguments) {
  if (!arguments[0].is_array() || !arguments[1].is_number_integer() || arguments[1].get<std::int64_t>() < 1) {
    return intrinsic_failure("States.ArrayPartition", "it takes a list and a whole number from 1 up");
  }
  const auto size = static_cast<std::size_t>(arguments[1].get<std::int64_t>());
  Json parts = Json::array();
  for (std::size_t i = 0; i < arguments[0].size(); ++i) {
    if (i % size == 0) parts.push_back(Json::array());
    parts.back().push_back(arguments[0][i]);
  }
  return parts;
}

Result<Json> array_range(const Arguments& arguments) {
  if (!std::ranges::all_of(arguments, [](const Json& a) { return a.is_number_integer(); }) || arguments[2] == Json(0)) {
    return intrinsic_failure("States.ArrayRange", "it takes whole numbers, and a step that is not 0");
  }
  const auto first = arguments[0].get<std::int64_t>();
  const auto last = arguments[1].get<std::int64_t>();
  const auto step = arguments[2].get<std::int64_t>();
  Json list = Json::array();
  for (auto value = first; step > 0 ? value <= last : value >= last; value += step) {
    if (list.size() == kRangeMax)
      return intrinsic_failure("States.ArrayRange", "there are more than 1000 numbers in it");
    list.push_back(value);
  }
  return list;
}

Result<Json> array_get_item(const Arguments& arguments) {
  if (!arguments[0].is_array() || !arguments[1].is_number_integer() || arguments[1].get<std::int64_t>() < 0 ||
      static_cast<std::size_t>(arguments[1].get<std::int64_t>()) >= arguments[0].size()) {
    return intrinsic_failure("States.ArrayGetItem", "there is no such place in the list");
  }
  return arguments[0][static_cast<std::size_t>(arguments[1].get<std::int64_t>())];
}

Result<Json> array_contains(const Arguments& arguments) {
  if (!arguments[0].is_array()) return intrinsic_failure("States.ArrayContains", "the first argument must be a list");
  return Json(std::ranges::find(arguments[0], arguments[1]) != arguments[0].end());
}

Result<Json> array_length(const Arguments& arguments) {
  if (!arguments[0].is_array()) return intrinsic_failure("States.ArrayLength", "the argument must be a list");
  return Json(arguments[0].size());
}

Result<Json> array_unique(const Arguments& arguments) {
  if (!arguments[0].is_array()) return intrinsic_failure("States.ArrayUnique", "the argument must be a list");
  Json unique = Json::array();
  for (const Json& value : arguments[0]) {
    if (std::ranges::find(unique, value) == unique.end()) unique.push_back(value);
  }
  return unique;
}

Result<Json> math_add(const Arguments& arguments) {
  if (!arguments[0].is_number_integer() || !arguments[1].is_number_integer()) {
    return intrinsic_failure("States.MathAdd", "it takes whole numbers");
  }
  std::int64_t sum = 0;
  if (__builtin_add_overflow(arguments[0].get<std::int64_t>(), arguments[1].get<std::int64_t>(), &sum)) {
    return intrinsic_failure("States.MathAdd", "the sum is too large");
  }
  return Json(sum);
}

Result<Json> string_split(const Arguments& arguments) {
  if (!arguments[0].is_string() || !arguments[1].is_string() || arguments[1].get_ref<const std::string&>().empty()) {
    return intrinsic_failure("States.StringSplit", "it takes a text and a delimiter");
  }
  const auto text = arguments[0].get<std::string>();
  const auto delimiters = arguments[1].get<std::string>();
  Json parts = Json::array();
  for (std::size_t begin = text.find_first_not_of(delimiters); begin != std::string::npos;) {
    const std::size_t end = std::min(text.find_first_of(delimiters, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(delimiters, end);
  }
  return parts;
}

Result<Json> json_to_string(const Arguments& arguments) { return Json(to_text(arguments[0])); }
Result<Json> array_of(const Arguments& arguments) { return Json(arguments); }

struct Intrinsic {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  Result<Json> (*call)(const Arguments&);  ///< nullptr: States.UUID, which needs randomness
};

constexpr std::array kIntrinsics = {Intrinsic{"States.Format", 1, 100, &format},
                                    Intrinsic{"States.StringToJson", 1, 1, &string_to_json},
                                    Intrinsic{"States.JsonToString", 1, 1, &json_to_string},
                                    Intrinsic{"States.JsonMerge", 3, 3, &json_merge},
                                    Intrinsic{"States.Array", 0, 1000, &array_of},
                                    Intrinsic{"States.ArrayPartition", 2, 2, &array_partition},
                                    Intrinsic{"States.ArrayContains", 2, 2, &array_contains},
                                    Intrinsic{"States.ArrayRange", 3, 3, &array_range},
                                    Intrinsic{"States.ArrayGetItem", 2, 2, &array_get_item},
                                    Intrinsic{"States.ArrayLength", 1, 1, &array_length},
                                    Intrinsic{"States.ArrayUnique", 1, 1, &array_unique},
                                    Intrinsic{"States.MathAdd", 2, 2, &math_add},
                                    Intrinsic{"States.StringSplit", 2, 2, &string_split},
                                    Intrinsic{"States.UUID", 0, 0, nullptr}};

Result<Intrinsic> find_intrinsic(const Call& call) {
  const auto found = std::ranges::find(kIntrinsics, call.name, &Intrinsic::name);
  if (found == kIntrinsics.end())
    return fail(Code::invalid_input, "there is no intrinsic function '{}'", call.name.substr(0, 100));
  if (call.arguments.size() < found->least || call.arguments.size() > found->most) {
    return fail(Code::invalid_input, "{} does not take {} arguments", call.name, call.arguments.size());
  }
  return *found;
}

Result<Json> evaluate_at(std::string_view expression, const Scope& scope, int depth);

/// An argument: a path, a call, or a literal in single quotes or as JSON has it.
Result<Json> evaluate_argument(const std::string& text, const Scope& scope, int depth) {
  if (text.starts_with('\'')) return Json(unquote(text));
  if (text.starts_with('$') || text.starts_with("States.")) return evaluate_at(text, scope, depth + 1);
  auto literal = parse_json(text, "the argument");
  if (!literal) return intrinsic_failure(text, "it is neither a path, a call nor a literal");
  return literal;
}

Result<Json> evaluate_call(std::string_view expression, const Scope& scope, int depth) {
  if (depth > kDepthMax) return intrinsic_failure(expression.substr(0, 100), "calls are nested too deep");
  const Call call = TRY(parse_call(expression));
  const Intrinsic intrinsic = TRY(find_intrinsic(call));
  Arguments arguments;
  for (const std::string& argument : call.arguments)
    arguments.push_back(TRY(evaluate_argument(argument, scope, depth)));
  if (intrinsic.call == nullptr) return Json(uuid4(scope.random.bytes()));
  return intrinsic.call(arguments);
}

Result<Json> evaluate_at(std::string_view expression, const Scope& scope, int depth) {
  if (expression.starts_with("States.")) return evaluate_call(expression, scope, depth);
  const bool of_context = expression.starts_with("$$");
  const JsonPath path = TRY(JsonPath::parse(of_context ? expression.substr(1) : expression));
  auto value = path.select(of_context ? scope.context : scope.input);
  if (!value) {
    return std::unexpected(Error(Code::failed, fmt::format("'{}': {}", expression, value.error().message()))
                               .named("States.ParameterPathFailure"));
  }
  return value;
}

Result<void> check_expression_at(std::string_view expression, int depth) {
  if (!expression.starts_with("States.")) {
    TRY(JsonPath::parse(expression.starts_with("$$") ? expression.substr(1) : expression));
    return {};
  }
  if (depth > kDepthMax) return fail(Code::invalid_input, "calls are nested deeper than {}", kDepthMax);
  const Call call = TRY(parse_call(expression));
  TRY(find_intrinsic(call));
  for (const std::string& argument : call.arguments) {
    if (argument.starts_with('$') || argument.starts_with("States.")) TRY(check_expression_at(argument, depth + 1));
  }
  return {};
}

}  // namespace

Result<Json> evaluate(std::string_view expression, const Scope& scope) { return evaluate_at(expression, scope, 0); }

Result<Json> fill_template(const Json& payload, const Scope& scope) {
  if (payload.is_array()) {
    Json filled = Json::array();
    for (const Json& value : payload) filled.push_back(TRY(fill_template(value, scope)));
    return filled;
  }
  if (!payload.is_object()) return payload;
  Json filled = Json::object();
  for (const auto& [name, value] : payload.items()) {
    if (name.ends_with(".$")) {
      filled[name.substr(0, name.size() - 2)] = TRY(evaluate(value.get<std::string>(), scope));
    } else {
      filled[name] = TRY(fill_template(value, scope));
    }
  }
  return filled;
}

Result<void> check_expression(std::string_view expression) { return check_expression_at(expression, 0); }

Result<void> check_template(const Json& payload) {
  if (!payload.is_structured()) return {};
  for (const auto& [name, value] : payload.items()) {
    if (!payload.is_object() || !name.ends_with(".$")) {
      TRY(check_template(value));
      continue;
    }
    if (!value.is_string())
      return fail(Code::invalid_input, "the field '{}' must be a path or an intrinsic function", name);
    const auto checked = check_expression(value.get<std::string>());
    if (!checked) return pass_on(checked, fmt::format("the field '{}'", name));
  }
  return {};
}

}  // namespace tillite
