#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// A regular expression that tells whether it matches a whole text: characters, ".", classes, groups, alternatives,
/// quantifiers, "^", "$", "\b" and flags "i", "m", "s" as Java has them; no references and no looking around. It takes
/// time in proportion to the text and the expression, whatever they are.
///
/// Threads: any; a pattern is immutable and cheap to copy.
class Pattern {
 public:
  struct Program;

  /// `expression` and `flags` are what stands between and behind the slashes of "/a.*b/i". `invalid_input` says what is
  /// wrong; `limit_exceeded` if it would become too large.
  [[nodiscard]] static Result<Pattern> parse(std::string_view expression, std::string_view flags);

  /// Whether all of `text` matches.
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  explicit Pattern(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

  std::shared_ptr<const Program> program_;
};

}  // namespace tillite
