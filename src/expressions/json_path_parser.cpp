// Reads JSONPath as Jayway's library does (PathCompiler and FilterCompiler), since that is what Step Functions runs.
#include <algorithm>
#include <array>
#include <charconv>

#include "expressions/json_path_program.h"

namespace tillite::json_path {
namespace {

constexpr std::size_t kTextMax_bytes = 64UZ << 10;
constexpr std::size_t kDepthMax = 16;  // of filters in paths in filters, and of brackets in them

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// A text that is read from the front, and where that is in the whole path.
class Cursor {
 public:
  Cursor(std::string_view text, std::size_t offset) : text_(text), offset_(offset) {}

  [[nodiscard]] bool at_end() const { return position_ >= text_.size(); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }
  [[nodiscard]] std::string_view rest() const { return text_.substr(std::min(position_, text_.size())); }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::size_t place() const { return offset_ + position_; }
  [[nodiscard]] std::string_view between(std::size_t begin, std::size_t end) const {
    return text_.substr(begin, end - begin);
  }
  void skip(std::size_t count) { position_ += count; }
  void go_to(std::size_t position) { position_ = position; }
  void skip_blanks() {
    while (!at_end() && is_blank(peek())) skip(1);
  }
  bool take(std::string_view what) {
    if (!rest().starts_with(what)) return false;
    skip(what.size());
    return true;
  }

  template <typename... Args>
  [[nodiscard]] std::unexpected<Error> refuse(fmt::format_string<Args...> format, Args&&... args) const {
    return std::unexpected(Error(
        Code::invalid_input, fmt::format("byte {}: {}", place(), fmt::format(format, std::forward<Args>(args)...))));
  }

 private:
  std::string_view text_;
  std::size_t offset_;
  std::size_t position_ = 0;
};

/// The end of the quoted text that begins at the cursor: where its closing quote is; npos without one.
std::size_t closing_quote(std::string_view text, std::size_t begin) {
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == text[begin]) {
      return i;
    }
  }
  return std::string_view::npos;
}

/// Where the bracket at `begin` is closed, past quoted texts and other brackets of its kind; npos if nowhere.
std::size_t closing_bracket(std::string_view text, std::size_t begin) {
  const char open = text[begin];
  const char close = open == '(' ? ')' : open == '[' ? ']' : '}';
  std::size_t depth = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '\'' || text[i] == '"') {
      i = closing_quote(text, i);
      if (i == std::string_view::npos) return i;
    } else if (text[i] == '/' && i > 0 && (text[i - 1] == '~' || text[i - 1] == ' ')) {  // a pattern
      i = closing_quote(text, i);
      if (i == std::string_view::npos) return i;
    } else if (text[i] == open) {
      ++depth;
    } else if (text[i] == close && --depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

void append_utf8(std::string& text, char32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xc0 | (code >> 6));
    text += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    text += static_cast<char>(0xe0 | (code >> 12));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    text += static_cast<char>(0xf0 | (code >> 18));
    text += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
  }
}

/// A number that is all of a text.
template <typename Number, typename... Base>
std::optional<Number> read_whole(std::string_view text, Base... base) {
  Number number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number, base...);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<char32_t> hexadecimal(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  return read_whole<std::uint32_t>(text.substr(0, 4), 16);
}

/// A constant's text without its escapes, which are Java's.
std::string without_escapes(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    const char c = text[++i];
    const std::size_t simple = std::string_view("bfnrt").find(c);
    if (simple != std::string_view::npos) {
      result += "\b\f\n\r\t"[simple];
    } else if (c == 'u') {
      auto code = hexadecimal(text.substr(i + 1));
      if (!code) {
        result += c;
        continue;
      }
      i += 4;
      if (*code >= 0xd800 && *code < 0xdc00 && text.substr(i + 1).starts_with("\\u")) {
        const auto low = hexadecimal(text.substr(i + 3));
        if (low && *low >= 0xdc00 && *low < 0xe000) {
          code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
          i += 6;
        }
      }
      append_utf8(result, *code >= 0xd800 && *code < 0xe000 ? U'\ufffd' : *code);
    } else {
      result += c;
    }
  }
  return result;
}

std::optional<std::int64_t> number_of(std::string_view text) {
  return read_whole<std::int32_t>(text);  // Java's int
}

constexpr std::array kFunctions = {
    Function::Kind::length,  Function::Kind::size,    Function::Kind::keys,      Function::Kind::minimum,
    Function::Kind::maximum, Function::Kind::average, Function::Kind::deviation, Function::Kind::sum,
    Function::Kind::concat,  Function::Kind::append,  Function::Kind::first,     Function::Kind::last,
};

struct Operator {
  std::string_view text;
  Comparison comparison;
};
/// Longer ones first where one begins another. Words are taken in any case.
constexpr std::array kOperators = {
    Operator{"===", Comparison::same_type_equal},
    Operator{"!==", Comparison::same_type_not_equal},
    Operator{"==", Comparison::equal},
    Operator{"!=", Comparison::not_equal},
    Operator{"=~", Comparison::matches},
    Operator{"<=", Comparison::less_or_equal},
    Operator{">=", Comparison::greater_or_equal},
    Operator{"<", Comparison::less},
    Operator{">", Comparison::greater},
    Operator{"SUBSETOF", Comparison::subset_of},
    Operator{"CONTAINS", Comparison::contains},
    Operator{"NONEOF", Comparison::none_of},
    Operator{"ANYOF", Comparison::any_of},
    Operator{"EMPTY", Comparison::empty},
    Operator{"SIZE", Comparison::size},
    Operator{"NIN", Comparison::not_in},
    Operator{"ALL", Comparison::all},
    Operator{"IN", Comparison::in},
};

/// The constants of conditions and functions: JSON, but for texts in single quotes and bare words in lists.
class ConstantParser {
 public:
  explicit ConstantParser(Cursor& cursor) : cursor_(cursor) {}

  Result<Value> parse(std::size_t depth) {
    cursor_.skip_blanks();
    if (depth > kDepthMax) return cursor_.refuse("the constant is too deep");
    const char c = cursor_.peek();
    if (c == '\'' || c == '"') return quoted();
    if (c == '[') return list(depth);
    if (c == '{') return object(depth);
    return word();
  }

 private:
  Result<Value> quoted() {
    const std::size_t end = closing_quote(cursor_.rest(), 0);
    if (end == std::string_view::npos) return cursor_.refuse("the quote is not closed");
    std::string text = without_escapes(cursor_.rest().substr(1, end - 1));
    cursor_.skip(end + 1);
    return Value(std::move(text));
  }

  Result<Value> list(std::size_t depth) {
    Value::Array items;
    cursor_.skip(1);
    cursor_.skip_blanks();
    if (cursor_.take("]")) return Value(std::move(items));
    while (true) {
      items.push_back(TRY(parse(depth + 1)));
      cursor_.skip_blanks();
      if (cursor_.take("]")) return Value(std::move(items));
      if (!cursor_.take(",")) return cursor_.refuse("a list lacks a ',' or ']'");
    }
  }

  Result<Value> object(std::size_t depth) {
    Value::Object fields;
    cursor_.skip(1);
    cursor_.skip_blanks();
    if (cursor_.take("}")) return Value(std::move(fields));
    while (true) {
      const Value name = TRY(parse(depth + 1));
      cursor_.skip_blanks();
      if (!name.is_string() || !cursor_.take(":")) return cursor_.refuse("an object lacks a name or a ':'");
      fields.set(name.string(), TRY(parse(depth + 1)));
      cursor_.skip_blanks();
      if (cursor_.take("}")) return Value(std::move(fields));
      if (!cursor_.take(",")) return cursor_.refuse("an object lacks a ',' or '}}'");
    }
  }

  Result<Value> word() {
    std::size_t size = 0;
    while (size < cursor_.rest().size() &&
           std::string_view(" \t\r\n,:()[]{}<>=!&|~").find(cursor_.rest()[size]) == std::string_view::npos)
      ++size;
    const std::string_view text = cursor_.rest().substr(0, size);
    if (text == "true" || text == "false") {
      cursor_.skip(size);
      return Value(text == "true");
    }
    if (text == "null") {
      cursor_.skip(size);
      return Value();
    }
    if (const auto integer = read_whole<std::int64_t>(text)) {
      cursor_.skip(size);
      return Value(*integer);
    }
    const bool may_be_number = !text.empty() && (is_digit(text.front()) || text.front() == '-' || text.front() == '.');
    if (const auto real = may_be_number ? read_whole<double>(text) : std::nullopt) {
      cursor_.skip(size);
      return Value(*real);
    }
    return cursor_.refuse("a constant is expected: a text in quotes, a number, true, false, null or a list");
  }

  Cursor& cursor_;
};

Result<std::vector<Step>> steps_of(std::string_view text, std::size_t place, std::size_t depth);

/// The condition between "[?(" and ")]".
class ConditionParser {
 public:
  ConditionParser(std::string_view text, std::size_t place, std::size_t depth)
      : cursor_(text, place), path_depth_(depth) {}

  Result<Condition> parse() {
    Condition condition = TRY(any_of(0));
    cursor_.skip_blanks();
    if (!cursor_.at_end()) return cursor_.refuse("the condition goes on in an unknown way");
    return condition;
  }

 private:
  Result<Condition> any_of(std::size_t depth) {
    if (depth > kDepthMax) return cursor_.refuse("the condition is too deep");
    Condition condition{.kind = Condition::Kind::any_of};
    do condition.parts.push_back(TRY(all_of(depth)));
    while (take("||"));
    return condition.parts.size() == 1 ? std::move(condition.parts.front()) : std::move(condition);
  }

  Result<Condition> all_of(std::size_t depth) {
    Condition condition{.kind = Condition::Kind::all_of};
    do condition.parts.push_back(TRY(operand(depth)));
    while (take("&&"));
    return condition.parts.size() == 1 ? std::move(condition.parts.front()) : std::move(condition);
  }

  Result<Condition> operand(std::size_t depth) {
    if (depth > kDepthMax) return cursor_.refuse("the condition is too deep");
    cursor_.skip_blanks();
    if (cursor_.peek() == '!') {
      cursor_.skip(1);
      Condition condition{.kind = Condition::Kind::negation};
      condition.parts.push_back(TRY(operand(depth + 1)));
      return condition;
    }
    if (cursor_.take("(")) {
      Condition condition = TRY(any_of(depth + 1));
      if (!take(")")) return cursor_.refuse("the condition lacks a ')'");
      return condition;
    }
    return expression();
  }

  bool take(std::string_view what) {
    cursor_.skip_blanks();
    return cursor_.take(what);
  }

  Result<Condition> expression() {
    Condition condition;
    condition.operands.push_back(TRY(value()));
    cursor_.skip_blanks();
    if (const auto comparison = take_operator()) {
      condition.kind = Condition::Kind::comparison;
      condition.comparison = *comparison;
      condition.operands.push_back(TRY(value()));
      if (*comparison == Comparison::matches && std::holds_alternative<Pattern>(condition.operands[0].what) ==
                                                    std::holds_alternative<Pattern>(condition.operands[1].what))
        return cursor_.refuse("=~ needs a pattern like /a.*/ on one side");
      return condition;
    }
    if (!std::holds_alternative<Operand::Path>(condition.operands[0].what))
      return cursor_.refuse("a constant alone is no condition");
    return condition;
  }

  std::optional<Comparison> take_operator() {
    for (const Operator& one : kOperators) {
      const std::string_view text = cursor_.rest().substr(0, one.text.size());
      if (!std::ranges::equal(text, one.text, {},
                              [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }))
        continue;
      const char after = cursor_.peek(one.text.size());
      if (one.text.front() >= 'A' && after != ' ' && after != '[' && after != '\'' && after != '"') continue;
      cursor_.skip(one.text.size());
      return one.comparison;
    }
    return std::nullopt;
  }

  Result<Operand> value() {
    cursor_.skip_blanks();
    const char c = cursor_.peek();
    if (c == '@' || c == '$') return path();
    if (c == '/') return pattern();
    return Operand{TRY(ConstantParser(cursor_).parse(0))};
  }

  Result<Operand> path() {
    Operand::Path path{.steps = {}, .from_root = cursor_.peek() == '$'};
    cursor_.skip(1);
    const std::size_t begin = cursor_.position();
    const std::size_t place = cursor_.place();
    while (!cursor_.at_end()) {
      const char c = cursor_.peek();
      if (c == '[' || c == '(') {
        const std::size_t end = closing_bracket(cursor_.rest(), 0);
        if (end == std::string_view::npos) return cursor_.refuse("the bracket is not closed");
        cursor_.skip(end + 1);
        continue;
      }
      if (is_blank(c) || std::string_view("<>=~!),").find(c) != std::string_view::npos ||
          cursor_.rest().starts_with("&&") || cursor_.rest().starts_with("||"))
        break;
      cursor_.skip(1);
    }
    path.steps = TRY(steps_of(cursor_.between(begin, cursor_.position()), place, path_depth_ + 1));
    return Operand{std::move(path)};
  }

  Result<Operand> pattern() {
    const std::size_t end = closing_quote(cursor_.rest(), 0);
    if (end == std::string_view::npos) return cursor_.refuse("the pattern is not closed");
    const std::string_view expression = cursor_.rest().substr(1, end - 1);
    std::size_t flags_end = end + 1;
    while (flags_end < cursor_.rest().size() && cursor_.rest()[flags_end] >= 'A' && cursor_.rest()[flags_end] <= 'z')
      ++flags_end;
    auto pattern = Pattern::parse(expression, cursor_.rest().substr(end + 1, flags_end - end - 1));
    if (!pattern) return cursor_.refuse("{}", pattern.error().message());
    cursor_.skip(flags_end);
    return Operand{*std::move(pattern)};
  }

  Cursor cursor_;
  std::size_t path_depth_;
};

class StepParser {
 public:
  StepParser(std::string_view text, std::size_t place, std::size_t depth) : cursor_(text, place), depth_(depth) {}

  Result<std::vector<Step>> parse() {
    if (depth_ > kDepthMax) return cursor_.refuse("the path has filters in filters in filters");
    if (!cursor_.at_end() && cursor_.peek() != '.' && cursor_.peek() != '[')
      return cursor_.refuse("'.' or '[' is expected");
    while (!cursor_.at_end()) TRY(next());
    if (!steps_.empty() && std::holds_alternative<Descend>(steps_.back()))
      return cursor_.refuse("the path ends with '..'");
    return std::move(steps_);
  }

 private:
  Result<void> next() {
    switch (cursor_.peek()) {
      case '[':
        return bracket();
      case '.':
        return dot();
      case '*':
        cursor_.skip(1);
        steps_.emplace_back(Wildcard{});
        return {};
      default:
        return name();
    }
  }

  Result<void> dot() {
    if (cursor_.take("..")) {
      steps_.emplace_back(Descend{});
    } else {
      cursor_.skip(1);
    }
    if (cursor_.at_end()) return cursor_.refuse("the path ends with '.'");
    if (cursor_.peek() == '.') return cursor_.refuse("there is a '.' too many");
    return next();
  }

  Result<void> name() {
    const std::size_t begin = cursor_.position();
    while (!cursor_.at_end() && cursor_.peek() != '.' && cursor_.peek() != '[' && cursor_.peek() != '(') {
      if (is_blank(cursor_.peek()))
        return cursor_.refuse("a name with a blank must be written in brackets and quotes: ['my name']");
      cursor_.skip(1);
    }
    const std::string_view name = cursor_.between(begin, cursor_.position());
    if (name.empty()) return cursor_.refuse("a name is missing");
    if (cursor_.peek() == '(') return function(name);
    steps_.emplace_back(Fields{{std::string(name)}});
    return {};
  }

  Result<void> function(std::string_view name) {
    const auto known = std::ranges::find(kFunctions, name, name_of);
    if (known == kFunctions.end()) return cursor_.refuse("there is no function '{}'", name.substr(0, 80));
    cursor_.skip(1);
    Function function{.kind = *known, .arguments = {}};
    cursor_.skip_blanks();
    if (!cursor_.take(")")) {
      do function.arguments.push_back(TRY(ConstantParser(cursor_).parse(0)));
      while (cursor_.skip_blanks(), cursor_.take(","));
      if (!cursor_.take(")")) return cursor_.refuse("the function lacks a ')'");
    }
    steps_.emplace_back(std::move(function));
    return {};
  }

  Result<void> bracket() {
    const std::size_t begin = cursor_.position();
    cursor_.skip(1);
    cursor_.skip_blanks();
    const char c = cursor_.peek();
    if (c == '\'' || c == '"') return quoted_names();
    if (c == '?') return filter();
    if (cursor_.take("*")) {
      steps_.emplace_back(Wildcard{});
    } else if (is_digit(c) || c == '-' || c == ':') {
      const std::size_t end = cursor_.rest().find(']');
      if (end == std::string_view::npos) return cursor_.refuse("a ']' is missing");
      steps_.push_back(TRY(numbers(cursor_.rest().substr(0, end))));
      cursor_.skip(end);
    } else {
      cursor_.go_to(begin);
      return cursor_.refuse("a bracket holds a name in quotes, an index, a slice, '*' or '?(...)'");
    }
    return close();
  }

  Result<void> close() {
    cursor_.skip_blanks();
    if (!cursor_.take("]")) return cursor_.refuse("a ']' is missing");
    return {};
  }

  Result<void> quoted_names() {
    Fields fields;
    do {
      cursor_.skip_blanks();
      const char quote = cursor_.peek();
      if (quote != '\'' && quote != '"') return cursor_.refuse("a name in quotes is missing");
      const std::size_t end = closing_quote(cursor_.rest(), 0);
      if (end == std::string_view::npos) return cursor_.refuse("the quote is not closed");
      // As Step Functions has it, what is escaped keeps its backslash.
      fields.names.emplace_back(cursor_.rest().substr(1, end - 1));
      cursor_.skip(end + 1);
      cursor_.skip_blanks();
    } while (cursor_.take(","));
    steps_.emplace_back(std::move(fields));
    return close();
  }

  Result<Step> numbers(std::string_view text) {
    const auto bad = [&] { return cursor_.refuse("'{}' is no index or slice", text.substr(0, 80)); };
    if (text.contains(':')) {
      Slice slice;
      std::size_t part = 0;
      for (std::size_t begin = 0; begin <= text.size(); ++part) {
        const std::size_t end = std::min(text.find(':', begin), text.size());
        const std::string_view number = without_blanks(text.substr(begin, end - begin));
        begin = end + 1;
        if (number.empty()) continue;
        const auto value = number_of(number);
        if (!value) return bad();
        if (part == 0) slice.from = value;
        if (part == 1) slice.to = value;
      }
      if (part > 3 || (!slice.from && !slice.to)) return bad();
      return slice;
    }
    Indexes indexes;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      const auto value = number_of(without_blanks(text.substr(begin, end - begin)));
      if (!value) return bad();
      indexes.numbers.push_back(*value);
      begin = end + 1;
    }
    return indexes;
  }

  Result<void> filter() {
    cursor_.skip(1);
    cursor_.skip_blanks();
    if (cursor_.peek() != '(') return cursor_.refuse("a filter is written '[?(...)]'");
    const std::size_t end = closing_bracket(cursor_.rest(), 0);
    if (end == std::string_view::npos) return cursor_.refuse("the filter's ')' is missing");
    Condition condition = TRY(ConditionParser(cursor_.rest().substr(1, end - 1), cursor_.place() + 1, depth_).parse());
    steps_.emplace_back(Filter{std::make_shared<const Condition>(std::move(condition))});
    cursor_.skip(end + 1);
    return close();
  }

  Cursor cursor_;
  std::size_t depth_;
  std::vector<Step> steps_;
};

Result<std::vector<Step>> steps_of(std::string_view text, std::size_t place, std::size_t depth) {
  return StepParser(text, place, depth).parse();
}

}  // namespace

Result<std::vector<Step>> parse_steps(std::string_view text, std::size_t position) {
  if (text.size() > kTextMax_bytes) return fail(Code::limit_exceeded, "a path is longer than {} bytes", kTextMax_bytes);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return steps_of(text, position, 0);
}

}  // namespace tillite::json_path
