#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "expressions/jsonata/datum.h"
#include "expressions/jsonata/pattern.h"
#include "expressions/jsonata/signature.h"
#include "expressions/jsonata/syntax.h"

namespace tillite::jsonata {

class Evaluator;
struct Frame;

/// A built-in function.
struct Builtin {
  using Arguments = std::vector<Datum>;

  std::string_view name;
  Signature signature;
  /// How many arguments it can use when another function calls it: of (item, index, array) it gets so many.
  std::size_t arity;
  /// `arguments` are what the signature made of them; behind their end, arguments are undefined.
  Result<Datum> (*call)(Evaluator& evaluator, const Arguments& arguments);
  std::shared_ptr<const Function> function;
};

/// nullptr if there is none of that name (without '$').
[[nodiscard]] const Builtin* find_builtin(std::string_view name);

/// `function($a) {...}` with what was around it; a thunk, too.
struct Lambda {
  const Node* node;
  Datum input;
  std::shared_ptr<Frame> frame;
};

/// `$f(1, ?)`.
struct PartialCall {
  Datum function;
  std::vector<std::optional<Datum>> arguments;  ///< nothing where an argument is to come
};

/// A regular expression as a function: of a text and a place in it, to its first match from there.
struct Matcher {
  std::shared_ptr<const Pattern> pattern;
};

/// The match behind another one.
struct NextMatch {
  std::shared_ptr<const Pattern> pattern;
  Value text;
  std::size_t from;  ///< bytes
};

/// `|pattern|update, delete|`.
struct Transformer {
  const Node* node;
  std::shared_ptr<Frame> frame;
};

/// `$f ~> $g`.
struct Chain {
  Datum first;
  Datum second;
};

struct Function {
  std::variant<const Builtin*, Lambda, PartialCall, Matcher, NextMatch, Transformer, Chain> body;
  std::size_t depth = 1;  ///< as Datum::depth()

  /// How many arguments it can use when another function calls it.
  [[nodiscard]] std::size_t arity() const;
  [[nodiscard]] bool is_thunk() const;
};

}  // namespace tillite::jsonata
