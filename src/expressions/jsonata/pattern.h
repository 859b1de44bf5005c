#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tillite::jsonata {

/// A regular expression with JavaScript's syntax, run by PCRE2 with bounded time and memory.
///
/// Threads: any.
class Pattern {
 public:
  struct Match {
    std::size_t start;  ///< bytes
    std::size_t end;
    std::vector<std::optional<std::string>> groups;  ///< nothing for a group that took no part
  };

  /// `flags`: "i" (either case), "m" (^ and $ at each line). Errors: `invalid_input`, S0303.
  [[nodiscard]] static Result<std::shared_ptr<const Pattern>> compile(std::string_view source, std::string_view flags);

  ~Pattern();
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  /// Looks for matches in one text, one after the other.
  class Search {
   public:
    /// Both must outlive the search.
    Search(const Pattern& pattern, std::string_view text);
    ~Search();
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;

    /// The first match that begins at byte `from` or behind it. Errors: `failed`, D1012 if it takes too long.
    [[nodiscard]] Result<std::optional<Match>> next(std::size_t from);

   private:
    struct State;
    const Pattern& pattern_;
    std::string_view text_;
    std::unique_ptr<State> state_;
  };

  [[nodiscard]] const std::string& source() const { return source_; }

 private:
  struct Compiled;
  Pattern(std::string source, std::unique_ptr<Compiled> compiled);

  std::string source_;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace tillite::jsonata
