#include "expressions/jsonata/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

constexpr std::uint32_t kMatchStepsMax = 1'000'000;
constexpr std::uint32_t kHeapKilobytesMax = 4'096;
constexpr std::uint32_t kNestingMax = 100;
constexpr std::size_t kSourceBytesMax = 10'000;

template <auto free>
struct Freed {
  void operator()(auto* pointer) const { free(pointer); }
};
using Code = std::unique_ptr<pcre2_code, Freed<pcre2_code_free>>;
using CompileContext = std::unique_ptr<pcre2_compile_context, Freed<pcre2_compile_context_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;

const std::uint8_t* units(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

std::unexpected<Error> refuse(std::string_view source, std::string_view reason) {
  return syntax_fault("S0303", {.value = fmt::format("/{}/: {}", source, reason)});
}

/// JavaScript's \s has more blanks than ASCII's.
constexpr std::string_view kBlanks = R"(\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff)";

/// The escape of `letter`, in PCRE2's words. \h, \R, \Q and others mean something to PCRE2 only and are the letter
/// itself.
std::string translated_escape(char letter, bool in_class) {
  constexpr std::string_view kShared = "dDwWsSbBnrtfv0123456789xuck";
  const bool is_letter = (letter | 0x20) >= 'a' && (letter | 0x20) <= 'z';
  if (letter == 's') return in_class ? std::string(kBlanks) : fmt::format("[{}]", kBlanks);
  if (letter == 'S' && !in_class) return fmt::format("[^{}]", kBlanks);
  if (is_letter && !kShared.contains(letter)) return {letter};
  return {'\\', letter};
}

/// The expression in PCRE2's words, without what only PCRE2 knows: a "(" is never followed by a verb, a condition or a
/// recursion, and no quantifier by a "+".
Result<std::string> translated(std::string_view source) {
  std::string pattern;
  bool in_class = false;
  for (std::size_t i = 0; i < source.size(); ++i) {
    const char current = source[i];
    const char following = i + 1 < source.size() ? source[i + 1] : '\0';
    if (current == '\\') {
      if (i + 1 == source.size()) return refuse(source, "\\ at end of pattern");
      pattern += translated_escape(following, in_class);
      ++i;
      continue;
    }
    if (in_class) {
      if (current == ']') in_class = false;
      // To PCRE2 "[:" may begin the name of a class.
      if (current == '[') pattern += '\\';
    } else if (current == '[') {
      in_class = true;
    } else if (current == '(') {
      if (following == '*') return refuse(source, "Nothing to repeat");
      const char kind = i + 2 < source.size() ? source[i + 2] : '\0';
      if (following == '?' && !std::string_view(":=!<").contains(kind)) return refuse(source, "Invalid group");
    } else if (current == '+' && i > 0 && std::string_view("*+?}").contains(source[i - 1]) &&
               (i < 2 || source[i - 2] != '\\')) {
      return refuse(source, "Nothing to repeat");
    }
    pattern += current;
  }
  return pattern;
}

}  // namespace

struct Pattern::Compiled {
  Code code;
};

Pattern::Pattern(std::string source, std::unique_ptr<Compiled> compiled)
    : source_(std::move(source)), compiled_(std::move(compiled)) {}
Pattern::~Pattern() = default;

Result<std::shared_ptr<const Pattern>> Pattern::compile(std::string_view source, std::string_view flags) {
  if (source.size() > kSourceBytesMax) return refuse(source.substr(0, 20), "it is too long");
  const std::string pattern = TRY(translated(source));
  std::uint32_t options = PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF | PCRE2_DOLLAR_ENDONLY |
                          PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C;
  if (flags.contains('i')) options |= PCRE2_CASELESS;
  if (flags.contains('m')) options |= PCRE2_MULTILINE;
  const CompileContext context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_ANYCRLF);
  pcre2_set_parens_nest_limit(context.get(), kNestingMax);
  int error = 0;
  PCRE2_SIZE position = 0;
  Code code(pcre2_compile(units(pattern), pattern.size(), options, &error, &position, context.get()));
  if (!code) {
    std::array<std::uint8_t, 200> text{};
    pcre2_get_error_message(error, text.data(), text.size());
    return refuse(source, reinterpret_cast<const char*>(text.data()));
  }
  auto compiled = std::make_unique<Compiled>(std::move(code));
  return std::shared_ptr<const Pattern>(new Pattern(std::string(source), std::move(compiled)));
}

struct Pattern::Search::State {
  MatchContext context;
  MatchData data;
  std::string valid;  ///< what stands for a text that is no UTF-8
};

Pattern::Search::Search(const Pattern& pattern, std::string_view text) : pattern_(pattern), text_(text) {
  state_ = std::make_unique<State>();
  state_->context.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(state_->context.get(), kMatchStepsMax);
  pcre2_set_depth_limit(state_->context.get(), kMatchStepsMax);
  pcre2_set_heap_limit(state_->context.get(), kHeapKilobytesMax);
  state_->data.reset(pcre2_match_data_create_from_pattern(pattern.compiled_->code.get(), nullptr));
  if (is_utf8(text_)) return;
  state_->valid = with_valid_utf8_in_place(std::string(text_));
  text_ = state_->valid;
}
Pattern::Search::~Search() = default;

Result<std::optional<Pattern::Match>> Pattern::Search::next(std::size_t from) {
  if (from > text_.size()) return std::nullopt;
  const pcre2_code* const code = pattern_.compiled_->code.get();
  const int count = pcre2_match(code, units(text_), text_.size(), from, PCRE2_NO_UTF_CHECK, state_->data.get(),
                                state_->context.get());
  if (count == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (count < 0) {
    std::array<std::uint8_t, 200> reason{};
    pcre2_get_error_message(count, reason.data(), reason.size());
    return std::unexpected(tillite::Error(tillite::Code::failed,
                                          fmt::format("D1012: The regular expression /{}/ could not be matched: {}",
                                                      pattern_.source_, reinterpret_cast<const char*>(reason.data()))));
  }
  const PCRE2_SIZE* const places = pcre2_get_ovector_pointer(state_->data.get());
  Match match{places[0], std::max(places[0], places[1]), {}};
  std::uint32_t groups = 0;
  pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
  for (std::uint32_t group = 1; group <= groups; ++group) {
    const PCRE2_SIZE start = places[static_cast<std::size_t>(2) * group];
    const PCRE2_SIZE end = places[static_cast<std::size_t>(2) * group + 1];
    if (static_cast<int>(group) >= count || start == PCRE2_UNSET || end < start) {
      match.groups.emplace_back();
    } else {
      match.groups.emplace_back(text_.substr(start, end - start));
    }
  }
  return match;
}

}  // namespace tillite::jsonata
