#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expressions/value.h"
#include "ports/clock.h"

namespace tillite {

namespace jsonata {
struct Program;
}

/// A parsed JSONata 2.x expression, with the functions that AWS Step Functions adds and without $eval
/// (docs/jsonata.md: what is supported, limits, differences). Immutable.
///
/// Threads: any may evaluate it, also several at once.
class Jsonata {
 public:
  /// What an evaluation takes from outside, so that it can be repeated, and how far it may go.
  struct Surroundings {
    std::int64_t now_ms;  ///< milliseconds since the epoch, UTC: $now(), $millis()
    Random& random;       ///< $random(), $uuid(), $shuffle()
    /// A node of the expression that is evaluated is a step; so are 16 bytes of a text that a function goes through and
    /// 8 items of a list that is made. Beyond it: D1012.
    std::size_t steps_max = 5'000'000;
    std::size_t depth_max = 2'000;      ///< evaluations and calls within each other; beyond it, or 5 MB of stack: D1011
    std::size_t items_max = 1'000'000;  ///< of one list; beyond it: D2015
    std::size_t items_alive_max = 4'000'000;    ///< of all lists at a time; beyond it: D2015
    std::size_t text_bytes_max = 16'777'216;    ///< of one text; beyond it: D2015
    std::size_t result_bytes_max = 16'777'216;  ///< of the result's JSON, roughly; beyond it: D2015
  };
  using Variables = std::map<std::string, Value, std::less<>>;  ///< by their names, without '$'

  /// Errors: `invalid_input`, the message begins with JSONata's code: "S0202: Expected \")\", got \"}\"".
  [[nodiscard]] static Result<Jsonata> parse(std::string_view expression);

  /// What the expression yields for `input` (its `$` and `$$`; nullopt: undefined). Nothing if it yields nothing, or a
  /// function. Whole numbers are integers. Errors: `failed`, the message begins with JSONata's code:
  /// "T1006: Attempted to invoke a non-function".
  [[nodiscard]] Result<std::optional<Value>> evaluate(const std::optional<Value>& input, const Variables& variables,
                                                      const Surroundings& surroundings) const;

  /// The variables, without '$', that are used but neither bound inside nor built-in functions, each once, in the order
  /// of their first use.
  [[nodiscard]] std::vector<std::string> free_variables() const;
  /// The first name that is read in the input itself, or "$$": Step Functions has no input for its expressions, and
  /// refuses them.
  [[nodiscard]] std::optional<std::string> outer_reference() const;

 private:
  explicit Jsonata(std::shared_ptr<const jsonata::Program> program);

  std::shared_ptr<const jsonata::Program> program_;
};

}  // namespace tillite
