#include "expressions/pattern.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"

namespace tillite {
namespace {

constexpr std::size_t kInstructionsMax = 10'000;
constexpr std::size_t kDepthMax = 64;      // of groups in groups
constexpr std::int64_t kRepeatMax = 1000;  // in "{min,max}"

struct Range {
  char32_t first;
  char32_t last;
};

/// The characters that one place of the expression takes.
struct Class {
  std::vector<Range> ranges = {};
  bool negated = false;

  void add(char32_t c) { ranges.push_back({c, c}); }
  void add(const Class& other) {
    if (!other.negated) {
      ranges.insert(ranges.end(), other.ranges.begin(), other.ranges.end());
      return;
    }
    // The gaps between the other's ranges.
    std::vector<Range> sorted = other.ranges;
    std::ranges::sort(sorted, {}, &Range::first);
    char32_t next = 0;
    for (const Range& range : sorted) {
      if (range.first > next) ranges.push_back({next, range.first - 1});
      next = std::max<char32_t>(next, range.last + 1);
    }
    if (next <= 0x10ffff) ranges.push_back({next, 0x10ffff});
  }
  [[nodiscard]] bool has(char32_t c) const {
    return std::ranges::any_of(ranges, [c](const Range& range) { return range.first <= c && c <= range.last; }) !=
           negated;
  }
};

Class digits() { return {{{'0', '9'}}}; }
Class word_characters() { return {{{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}}}; }
Class blanks() { return {{{'\t', '\r'}, {' ', ' '}}}; }
Class line_ends() { return {{{'\n', '\n'}, {'\r', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}}}; }

Class negation_of(Class set) {
  set.negated = !set.negated;
  return set;
}

enum class Assertion : std::uint8_t { text_begin, text_end, line_begin, line_end, word_edge, no_word_edge };

/// The expression as it was written.
struct Node {
  enum class Kind : std::uint8_t { one, assertion, sequence, alternatives, repeat };
  Kind kind = Kind::sequence;
  Class characters = {};
  Assertion assertion = Assertion::text_begin;
  std::vector<Node> parts = {};
  std::int64_t min = 0;
  std::optional<std::int64_t> max = {};
};

struct Flags {
  bool any_case = false;
  bool lines = false;    ///< "^" and "$" at each line
  bool dot_all = false;  ///< "." takes line ends, too
};

class Parser {
 public:
  Parser(std::u32string text, Flags flags) : text_(std::move(text)), flags_(flags) {}

  Result<Node> parse() {
    Node node = TRY(alternatives(0));
    if (!at_end()) return fail(Code::invalid_input, "a regular expression has a ')' too many");
    return node;
  }

 private:
  [[nodiscard]] bool at_end() const { return position_ == text_.size(); }
  [[nodiscard]] bool next_is(char32_t c) const { return !at_end() && text_[position_] == c; }
  bool take(char32_t c) {
    if (!next_is(c)) return false;
    ++position_;
    return true;
  }

  Result<Node> alternatives(std::size_t depth) {
    if (depth > kDepthMax) return fail(Code::limit_exceeded, "a regular expression is too deep");
    Node node{.kind = Node::Kind::alternatives};
    do node.parts.push_back(TRY(sequence(depth)));
    while (take('|'));
    return node.parts.size() == 1 ? std::move(node.parts.front()) : std::move(node);
  }

  Result<Node> sequence(std::size_t depth) {
    Node node{.kind = Node::Kind::sequence};
    while (!at_end() && !next_is('|') && !next_is(')')) node.parts.push_back(TRY(repeated(TRY(atom(depth)))));
    return node;
  }

  Result<Node> atom(std::size_t depth) {
    const char32_t c = text_[position_++];
    switch (c) {
      case '(': {
        if (take('?') && !take(':')) return fail(Code::invalid_input, "of groups with '(?', only '(?:' is known");
        Node node = TRY(alternatives(depth + 1));
        if (!take(')')) return fail(Code::invalid_input, "a regular expression lacks a ')'");
        return node;
      }
      case '[':
        return one(TRY(bracket()));
      case '.':
        return one(flags_.dot_all ? negation_of({}) : negation_of(line_ends()));
      case '^':
        return Node{.kind = Node::Kind::assertion,
                    .assertion = flags_.lines ? Assertion::line_begin : Assertion::text_begin};
      case '$':
        return Node{.kind = Node::Kind::assertion,
                    .assertion = flags_.lines ? Assertion::line_end : Assertion::text_end};
      case '*':
      case '+':
      case '?':
      case '{':
        return fail(Code::invalid_input, "a quantifier in a regular expression has nothing before it");
      case '\\':
        if (take('b')) return Node{.kind = Node::Kind::assertion, .assertion = Assertion::word_edge};
        if (take('B')) return Node{.kind = Node::Kind::assertion, .assertion = Assertion::no_word_edge};
        return one(TRY(escaped()));
      default:
        return one({{{c, c}}});
    }
  }

  Node one(Class characters) const {
    if (flags_.any_case) {
      const std::vector<Range> ranges = characters.ranges;
      for (const Range& range : ranges) {
        for (char32_t c = std::max<char32_t>(range.first, 'A'); c <= range.last && c <= 'z'; ++c) {
          if ((c >= 'A' && c <= 'Z') || c >= 'a') characters.add(c ^ 0x20);
        }
      }
    }
    return {.kind = Node::Kind::one, .characters = std::move(characters)};
  }

  Result<Node> repeated(Node node) {
    std::size_t count = 0;
    while (true) {
      std::int64_t min = 0;
      std::optional<std::int64_t> max;
      if (take('*')) {
      } else if (take('+')) {
        min = 1;
      } else if (take('?')) {
        max = 1;
      } else if (take('{')) {
        min = TRY(number());
        max = min;
        if (take(',')) max = next_is('}') ? std::nullopt : std::optional(TRY(number()));
        if (!take('}') || (max && *max < min))
          return fail(Code::invalid_input, "a quantifier in a regular expression is not like {{1,3}}");
      } else {
        return node;
      }
      if (++count > 8) return fail(Code::limit_exceeded, "a regular expression has quantifiers of quantifiers");
      if (!take('?'))
        take('+');  // lazy and possessive ones match the same whole texts, but for what the latter give up
      Node repeat{.kind = Node::Kind::repeat, .min = min, .max = max};
      repeat.parts.push_back(std::move(node));
      node = std::move(repeat);
    }
  }

  Result<std::int64_t> number() {
    std::int64_t value = 0;
    const std::size_t begin = position_;
    while (!at_end() && text_[position_] >= '0' && text_[position_] <= '9' && value <= kRepeatMax)
      value = value * 10 + static_cast<std::int64_t>(text_[position_++] - '0');
    if (begin == position_) return fail(Code::invalid_input, "a quantifier in a regular expression lacks a number");
    if (value > kRepeatMax)
      return fail(Code::limit_exceeded, "a quantifier in a regular expression is above {}", kRepeatMax);
    return value;
  }

  Result<char32_t> hexadecimal(std::size_t count) {
    char32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const char32_t c = at_end() ? U'?' : text_[position_++];
      const char32_t lower = c | 0x20;
      if (c >= '0' && c <= '9') {
        value = value * 16 + (c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        value = value * 16 + (lower - 'a' + 10);
      } else {
        return fail(Code::invalid_input, "an escape in a regular expression needs {} hexadecimal digits", count);
      }
    }
    return value;
  }

  Result<Class> escaped() {
    if (at_end()) return fail(Code::invalid_input, "a regular expression ends with a backslash");
    const char32_t c = text_[position_++];
    switch (c) {
      case 'd':
        return digits();
      case 'D':
        return negation_of(digits());
      case 'w':
        return word_characters();
      case 'W':
        return negation_of(word_characters());
      case 's':
        return blanks();
      case 'S':
        return negation_of(blanks());
      case 't':
        return Class{{{'\t', '\t'}}};
      case 'n':
        return Class{{{'\n', '\n'}}};
      case 'r':
        return Class{{{'\r', '\r'}}};
      case 'f':
        return Class{{{'\f', '\f'}}};
      case 'x':
      case 'u': {
        const char32_t code = TRY(hexadecimal(c == 'x' ? 2 : 4));
        return Class{{{code, code}}};
      }
      default:
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
          return fail(Code::invalid_input, "'\\{}' in a regular expression is not known", static_cast<char>(c));
        return Class{{{c, c}}};
    }
  }

  Result<Class> bracket() {
    Class set{.negated = take('^')};
    bool first = true;
    while (!next_is(']') || first) {
      if (at_end()) return fail(Code::invalid_input, "a regular expression lacks a ']'");
      first = false;
      char32_t begin = text_[position_++];
      if (begin == '\\') {
        const Class escape = TRY(escaped());
        const bool single =
            !escape.negated && escape.ranges.size() == 1 && escape.ranges[0].first == escape.ranges[0].last;
        if (!single) {
          set.add(escape);
          continue;
        }
        begin = escape.ranges[0].first;
      }
      char32_t end = begin;
      if (next_is('-') && position_ + 1 < text_.size() && text_[position_ + 1] != ']') {
        ++position_;
        end = text_[position_++];
        if (end == '\\') {
          const Class escape = TRY(escaped());
          end = escape.ranges.empty() ? begin : escape.ranges[0].first;
        }
        if (end < begin) return fail(Code::invalid_input, "a range in a regular expression goes backwards");
      }
      set.ranges.push_back({begin, end});
    }
    ++position_;
    return set;
  }

  std::u32string text_;
  Flags flags_;
  std::size_t position_ = 0;
};

struct Instruction {
  enum class Kind : std::uint8_t { one, assertion, split, jump, match };
  Kind kind;
  Class characters = {};
  Assertion assertion = Assertion::text_begin;
  std::size_t next = 0;
  std::size_t other = 0;
};

using Instructions = std::vector<Instruction>;

class Compiler {
 public:
  Result<Instructions> compile(const Node& node) && {
    TRY(add(node));
    program_.push_back({.kind = Instruction::Kind::match});
    return std::move(program_);
  }

 private:
  std::size_t push(Instruction instruction) {
    instruction.next = program_.size() + 1;
    program_.push_back(std::move(instruction));
    return program_.size() - 1;
  }

  Result<void> add(const Node& node) {
    // Counted by visits: repeats of what is empty make no instructions.
    if (++visits_ > kInstructionsMax) return fail(Code::limit_exceeded, "a regular expression is too large");
    switch (node.kind) {
      case Node::Kind::one:
        push({.kind = Instruction::Kind::one, .characters = node.characters});
        break;
      case Node::Kind::assertion:
        push({.kind = Instruction::Kind::assertion, .assertion = node.assertion});
        break;
      case Node::Kind::sequence:
        for (const Node& part : node.parts) TRY(add(part));
        break;
      case Node::Kind::alternatives:
        return add_alternatives(node.parts);
      case Node::Kind::repeat:
        return add_repeat(node.parts.front(), node.min, node.max);
    }
    return {};
  }

  Result<void> add_alternatives(const std::vector<Node>& parts) {
    std::vector<std::size_t> jumps;
    for (const Node& part : parts) {
      if (&part == &parts.back()) {
        TRY(add(part));
        break;
      }
      const std::size_t split = push({.kind = Instruction::Kind::split});
      TRY(add(part));
      jumps.push_back(push({.kind = Instruction::Kind::jump}));
      program_[split].other = program_.size();
    }
    for (const std::size_t jump : jumps) program_[jump].next = program_.size();
    return {};
  }

  Result<void> add_repeat(const Node& node, std::int64_t min, std::optional<std::int64_t> max) {
    for (std::int64_t i = 0; i < min; ++i) TRY(add(node));
    std::vector<std::size_t> splits;
    if (!max) {
      splits.push_back(push({.kind = Instruction::Kind::split}));
      TRY(add(node));
      program_[push({.kind = Instruction::Kind::jump})].next = splits.front();
    } else {
      for (std::int64_t i = min; i < *max; ++i) {
        splits.push_back(push({.kind = Instruction::Kind::split}));
        TRY(add(node));
      }
    }
    for (const std::size_t split : splits) program_[split].other = program_.size();
    return {};
  }

  Instructions program_;
  std::size_t visits_ = 0;
};

/// The instructions at which a match may stand, each once.
class Places {
 public:
  explicit Places(std::size_t count) : seen_(count, 0) {}

  void clear() {
    places_.clear();
    ++round_;
  }
  bool add(std::size_t place) {
    if (seen_[place] == round_) return false;
    seen_[place] = round_;
    places_.push_back(place);
    return true;
  }
  [[nodiscard]] const std::vector<std::size_t>& all() const { return places_; }

 private:
  std::vector<std::size_t> places_;
  std::vector<std::size_t> seen_;
  std::size_t round_ = 1;
};

bool holds(Assertion assertion, std::u32string_view text, std::size_t position) {
  const Class ends = line_ends();
  const Class words = word_characters();
  const bool word_before = position > 0 && words.has(text[position - 1]);
  const bool word_after = position < text.size() && words.has(text[position]);
  switch (assertion) {
    case Assertion::text_begin:
      return position == 0;
    case Assertion::text_end:
      return position == text.size();
    case Assertion::line_begin:
      return position == 0 || ends.has(text[position - 1]);
    case Assertion::line_end:
      return position == text.size() || ends.has(text[position]);
    case Assertion::word_edge:
      return word_before != word_after;
    case Assertion::no_word_edge:
      return word_before == word_after;
  }
  return false;
}

/// Adds `place`, and all that can be reached from it without a character.
void follow(const Instructions& program, std::size_t place, std::u32string_view text, std::size_t position,
            Places& places) {
  std::vector<std::size_t> open = {place};
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    if (!places.add(at)) continue;
    const Instruction& instruction = program[at];
    if (instruction.kind == Instruction::Kind::split) open.push_back(instruction.other);
    if (instruction.kind == Instruction::Kind::split || instruction.kind == Instruction::Kind::jump ||
        (instruction.kind == Instruction::Kind::assertion && holds(instruction.assertion, text, position)))
      open.push_back(instruction.next);
  }
}

}  // namespace

struct Pattern::Program {
  std::vector<Instruction> instructions;
};

Result<Pattern> Pattern::parse(std::string_view expression, std::string_view flags) {
  if (!is_utf8(expression)) return fail(Code::invalid_input, "a regular expression is not UTF-8");
  Flags known;
  for (const char flag : flags) {
    if (flag == 'i') {
      known.any_case = true;
    } else if (flag == 'm') {
      known.lines = true;
    } else if (flag == 's') {
      known.dot_all = true;
    } else if (flag != 'u' && flag != 'U') {
      return fail(Code::invalid_input, "a regular expression has an unknown flag");
    }
  }
  const Node node = TRY(Parser(code_points(expression), known).parse());
  return Pattern(std::make_shared<Program>(Program{TRY(Compiler().compile(node))}));
}

bool Pattern::matches(std::string_view text) const {
  if (!is_utf8(text)) return false;
  const std::u32string characters = code_points(text);
  const auto& program = program_->instructions;
  Places now(program.size());
  Places next(program.size());
  follow(program, 0, characters, 0, now);
  for (std::size_t i = 0; i < characters.size() && !now.all().empty(); ++i) {
    next.clear();
    for (const std::size_t place : now.all()) {
      const Instruction& instruction = program[place];
      if (instruction.kind == Instruction::Kind::one && instruction.characters.has(characters[i]))
        follow(program, instruction.next, characters, i + 1, next);
    }
    std::swap(now, next);
  }
  return std::ranges::any_of(now.all(),
                             [&](std::size_t place) { return program[place].kind == Instruction::Kind::match; });
}

}  // namespace tillite
