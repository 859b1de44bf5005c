#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expressions/jsonata/evaluator.h"

namespace tillite::jsonata {

/// Where a regular expression, or a function in its place, matches.
struct Occurrence {
  std::string match;
  std::size_t start;        ///< bytes
  std::size_t end;          ///< bytes
  std::size_t start_units;  ///< UTF-16 units
  std::vector<Datum> groups;
  Datum record;  ///< of a function: what it has returned
};

/// The occurrences in a text, one after the other.
class Occurrences {
 public:
  /// All must outlive this.
  Occurrences(Evaluator& evaluator, const Datum& matcher, const Value& text);

  /// Nothing behind the last. Errors: D1004 for a match of nothing behind another match, T1010, those of the function.
  [[nodiscard]] Result<std::optional<Occurrence>> next();

 private:
  [[nodiscard]] Result<std::optional<Occurrence>> next_of_pattern();
  [[nodiscard]] Result<std::optional<Occurrence>> next_of_function();

  Evaluator& evaluator_;
  const Datum& matcher_;
  const Value& text_;
  std::optional<Pattern::Search> search_;
  Datum next_function_;
  bool is_first_ = true;
  std::size_t from_ = 0;
  std::size_t counted_bytes_ = 0;  ///< of these the units are known
  std::size_t counted_units_ = 0;
};

}  // namespace tillite::jsonata
