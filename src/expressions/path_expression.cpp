#include "expressions/path_expression.h"

#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "expressions/intrinsic_functions.h"

namespace tillite {
namespace {

constexpr std::size_t kTextMax_bytes = 64UZ << 10;
constexpr std::size_t kCallsMax = 10;  // one in the other
constexpr std::size_t kVariableNameMax = 80;

/// Where a path begins, and what it is from there.
struct Source {
  PathExpression::Origin origin;
  std::string variable;  ///< its name
  JsonPath path;
};

struct Call;
using Argument = std::variant<Value, Source, std::unique_ptr<Call>>;
struct Call {
  IntrinsicFunction function;
  std::vector<Argument> arguments;
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::unexpected<Error> refuse(std::size_t place, std::string_view why) {
  return fail(Code::invalid_input, "byte {}: {}", place, why);
}

/// "$.a", "$$.a", "$name.a", from byte `place` of the expression.
Result<Source> parse_source(std::string_view text, std::size_t place) {
  const auto path_of = [&](std::size_t begin) -> Result<JsonPath> {
    auto path = JsonPath::parse(fmt::format("${}", text.substr(begin)));
    if (!path) return fail(Code::invalid_input, "the path '{}': {}", text.substr(0, 200), path.error().message());
    return path;
  };
  if (text.starts_with("$$")) {
    JsonPath path = TRY(path_of(2));
    return Source{PathExpression::Origin::context, {}, std::move(path)};
  }
  const std::size_t end = std::min(text.find_first_of(".[ \t\r\n", 1), text.size());
  const std::string_view name = text.substr(1, end - 1);
  JsonPath path = TRY(path_of(end));
  if (name.empty()) return Source{PathExpression::Origin::input, {}, std::move(path)};
  if (!is_variable_name(name)) return refuse(place, "'.', '[' or a variable's name is expected behind '$'");
  return Source{PathExpression::Origin::variable, std::string(name), std::move(path)};
}

class CallParser {
 public:
  explicit CallParser(std::string_view text) : text_(text) {}

  Result<std::unique_ptr<Call>> parse() {
    auto call = TRY(call_at(1));
    skip_blanks();
    if (position_ != text_.size()) return refuse(position_, "nothing is expected behind the call");
    return call;
  }

 private:
  [[nodiscard]] char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  void skip_blanks() {
    while (is_blank(peek())) ++position_;
  }
  bool take(char c) {
    skip_blanks();
    if (peek() != c) return false;
    ++position_;
    return true;
  }

  Result<std::unique_ptr<Call>> call_at(std::size_t depth) {
    if (depth > kCallsMax)
      return fail(Code::limit_exceeded, "byte {}: more than {} calls are nested", position_, kCallsMax);
    const std::size_t begin = position_;
    while (peek() != '(' && position_ < text_.size() && !is_blank(peek()) && peek() != ',' && peek() != ')')
      ++position_;
    const std::string_view name = text_.substr(begin, position_ - begin);
    const auto function = intrinsic_function(name);
    if (!function) return refuse(begin, fmt::format("there is no function '{}'", name.substr(0, 80)));
    if (!take('(')) return refuse(position_, "'(' is expected");
    auto call = std::make_unique<Call>(Call{.function = *function, .arguments = {}});
    if (take(')')) return call;
    do {
      skip_blanks();
      call->arguments.push_back(
          TRY(argument(depth, *function == IntrinsicFunction::format && call->arguments.empty())));
    } while (take(','));
    if (!take(')')) return refuse(position_, "',' or ')' is expected");
    return call;
  }

  Result<Argument> argument(std::size_t depth, bool is_template) {
    if (peek() == '\'') return Argument(TRY(quoted(is_template)));
    if (peek() == '$') return Argument(TRY(source()));
    if (text_.substr(position_).starts_with("States.")) return Argument(TRY(call_at(depth + 1)));
    return Argument(TRY(constant()));
  }

  /// A template keeps the escapes of its braces, which States.Format reads.
  Result<Value> quoted(bool is_template) {
    const std::size_t begin = position_++;
    std::string text;
    while (peek() != '\'' || position_ >= text_.size()) {
      if (position_ >= text_.size()) return refuse(begin, "the quote is not closed");
      if (peek() == '\\') {
        ++position_;
        const char c = peek();
        if (c != '\'' && c != '{' && c != '}' && c != '\\')
          return refuse(position_ - 1, "a backslash is written '\\\\'; it escapes quotes, braces and itself only");
        if (is_template && c != '\'') text += '\\';
      }
      text += text_[position_++];
    }
    ++position_;
    return Value(std::move(text));
  }

  /// The end of a path that is an argument: the ',' or ')' that is in no bracket or quote of its own.
  Result<Source> source() {
    const std::size_t begin = position_;
    std::size_t open = 0;
    for (; position_ < text_.size(); ++position_) {
      const char c = peek();
      if (c == '\'' || c == '"') {
        const std::size_t quote = position_++;
        while (position_ < text_.size() && peek() != text_[quote]) position_ += peek() == '\\' ? 2 : 1;
        if (position_ >= text_.size()) return refuse(quote, "the quote is not closed");
      } else if (c == '(' || c == '[') {
        ++open;
      } else if (open == 0 && (c == ',' || c == ')')) {
        break;
      } else if ((c == ')' || c == ']') && open > 0) {
        --open;
      }
    }
    std::string_view path = text_.substr(begin, position_ - begin);
    while (is_blank(path.back())) path.remove_suffix(1);
    return parse_source(path, begin);
  }

  Result<Value> constant() {
    const std::size_t begin = position_;
    while (position_ < text_.size() && !is_blank(peek()) && peek() != ',' && peek() != ')') ++position_;
    const std::string_view word = text_.substr(begin, position_ - begin);
    const bool is_number = !word.empty() && (word.front() == '-' || (word.front() >= '0' && word.front() <= '9'));
    if (!is_number && word != "true" && word != "false" && word != "null")
      return refuse(begin, "an argument is a path, a call, a text in single quotes, a number, true, false or null");
    auto value = parse_value(word, "the argument");
    if (!value) return refuse(begin, fmt::format("'{}' is no number", word.substr(0, 80)));
    return value;
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

/// Nothing is found for an item behind an array's end.
Result<std::optional<Value>> find(const Source& source, const Scope& scope) {
  switch (source.origin) {
    case PathExpression::Origin::context:
      return source.path.find(scope.context());
    case PathExpression::Origin::variable: {
      const auto variable = scope.variables.find(source.variable);
      if (variable == scope.variables.end())
        return fail(Code::not_found, "No results for path: $['{}']", source.variable);
      return source.path.find(variable->second);
    }
    default:
      return source.path.find(scope.input);
  }
}

std::string shown(const Source& source) {
  return source.origin == PathExpression::Origin::variable
             ? fmt::format("${}{}", source.variable, source.path.text().substr(1))
             : source.path.text();
}

Result<Value> value_of(const Call& call, const Scope& scope);

Result<Value> value_of(const Argument& argument, const Scope& scope) {
  if (const auto* constant = std::get_if<Value>(&argument)) return *constant;
  if (const auto* call = std::get_if<std::unique_ptr<Call>>(&argument)) return value_of(**call, scope);
  const Source& source = std::get<Source>(argument);
  auto found = find(source, scope);
  if (found && *found) return **std::move(found);
  if (!found && found.error().code() != Code::not_found) return std::unexpected(found.error());
  return fail(Code::not_found, "The JsonPath argument for the field '{}' could not be found in the input '{}'",
              shown(source), to_text(scope.input));
}

Result<Value> value_of(const Call& call, const Scope& scope) {
  std::vector<Value> arguments;
  arguments.reserve(call.arguments.size());
  for (const Argument& argument : call.arguments) arguments.push_back(TRY(value_of(argument, scope)));
  return tillite::call(call.function, arguments, scope.random);
}

void add_variables(const Argument& argument, std::vector<std::string>& names) {
  if (const auto* source = std::get_if<Source>(&argument)) {
    if (!source->variable.empty()) names.push_back(source->variable);
  } else if (const auto* call = std::get_if<std::unique_ptr<Call>>(&argument)) {
    for (const Argument& inner : (*call)->arguments) add_variables(inner, names);
  }
}

}  // namespace

struct PathExpression::Program {
  std::string text;
  Argument root;  ///< no constant
};

Result<PathExpression> PathExpression::parse(std::string_view text) {
  if (text.size() > kTextMax_bytes)
    return fail(Code::limit_exceeded, "an expression is longer than {} bytes", kTextMax_bytes);
  if (!is_utf8(text)) return refuse(0, "the expression is not UTF-8");
  auto program = std::make_shared<Program>();
  program->text = text;
  if (text.starts_with('$')) {
    program->root = TRY(parse_source(text, 0));
  } else if (text.starts_with("States.")) {
    program->root = TRY(CallParser(text).parse());
  } else {
    return refuse(0, "an expression begins with '$' or with the name of a function such as 'States.Format'");
  }
  return PathExpression(std::move(program));
}

Result<std::optional<Value>> PathExpression::find(const Scope& scope) const {
  if (const auto* source = std::get_if<Source>(&program_->root)) return tillite::find(*source, scope);
  auto value = value_of(program_->root, scope);
  if (value) return *std::move(value);
  return std::unexpected(
      Error(Code::failed, fmt::format("The function '{}' had the following error: {}", text(), value.error().message()))
          .named("States.Runtime"));
}

Result<Value> PathExpression::evaluate(const Scope& scope) const {
  std::optional<Value> value = TRY(find(scope));
  return value ? *std::move(value) : Value();
}

PathExpression::Origin PathExpression::origin() const {
  const auto* source = std::get_if<Source>(&program_->root);
  return source == nullptr ? Origin::call : source->origin;
}

const std::string& PathExpression::text() const { return program_->text; }

std::string_view PathExpression::shown_text() const {
  const std::string_view text = program_->text;
  return origin() == Origin::context ? text.substr(1) : text;
}

bool PathExpression::is_reference() const {
  const auto* source = std::get_if<Source>(&program_->root);
  return source != nullptr && source->origin == Origin::input && source->path.is_reference();
}

const JsonPath* PathExpression::path() const {
  const auto* source = std::get_if<Source>(&program_->root);
  return source == nullptr ? nullptr : &source->path;
}

std::vector<std::string> PathExpression::variables() const {
  std::vector<std::string> names;
  add_variables(program_->root, names);
  return names;
}

bool is_variable_name(std::string_view name) {
  if (name.empty() || !is_utf8(name)) return false;
  const std::u32string characters = code_points(name);
  if (characters.size() > kVariableNameMax) return false;
  const auto is_letter = [](char32_t c) {
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
      case UTF8PROC_CATEGORY_LU:
      case UTF8PROC_CATEGORY_LL:
      case UTF8PROC_CATEGORY_LT:
      case UTF8PROC_CATEGORY_LM:
      case UTF8PROC_CATEGORY_LO:
      case UTF8PROC_CATEGORY_NL:
        return true;
      default:
        return c == '_';
    }
  };
  const auto continues = [&](char32_t c) {
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
      case UTF8PROC_CATEGORY_MN:
      case UTF8PROC_CATEGORY_MC:
      case UTF8PROC_CATEGORY_ND:
      case UTF8PROC_CATEGORY_PC:
        return true;
      default:
        return is_letter(c);
    }
  };
  return is_letter(characters.front()) && std::ranges::all_of(characters, continues);
}

Error invalid_path(const PathExpression& expression, const Error& error) {
  if (error.code() != Code::not_found && error.code() != Code::invalid_input) return error;
  return Error(error.code(), fmt::format("Invalid path '{}' : {}", expression.shown_text(), error.message()))
      .named("States.Runtime");
}

Error path_not_found(const PathExpression& expression, std::string_view field, const Scope& scope, const Error& error) {
  if (error.code() != Code::not_found)
    return error.code() == Code::invalid_input ? error.named("States.Runtime") : error;
  const Value input = expression.origin() == PathExpression::Origin::context ? scope.context() : scope.input;
  return Error(Code::not_found,
               fmt::format("The JSONPath '{}' specified for the field '{}' could not be found in the input '{}'",
                           expression.shown_text(), field, to_text(input)))
      .named("States.Runtime");
}

}  // namespace tillite
