#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expressions/jsonata/datum.h"

namespace tillite::jsonata {

class Pattern;
class Signature;
struct Builtin;
struct Node;
using NodePtr = std::unique_ptr<Node>;

enum class Kind : std::uint8_t {
  // Leaves.
  literal,      ///< value: a text, number, true, false or null
  name,         ///< text
  variable,     ///< text, symbol; "" is the context, "$" the input
  wildcard,     ///< `*`
  descendants,  ///< `**`
  parent,       ///< `%`; slot
  regex,        ///< pattern
  placeholder,  ///< `?` as an argument
  end,          ///< nothing, where an expression should be
  // With what they are made of.
  binary,     ///< operation; left, right
  negation,   ///< left
  array,      ///< children
  object,     ///< pairs
  block,      ///< children
  condition,  ///< left ? right : otherwise (which may be missing)
  elvis,      ///< left ?: right
  coalesce,   ///< left ?? right
  bind,       ///< symbol := right
  call,       ///< left (the procedure), children (the arguments)
  partial,    ///< the same, with placeholders
  lambda,     ///< parameters, signature, left (the body)
  thunk,      ///< left: a call in the last place of a lambda, which is made after the lambda has ended
  transform,  ///< |left|right, otherwise|
  apply,      ///< left ~> right
  // The parser's; linking (paths.h) makes paths of them.
  dot,     ///< left . right
  filter,  ///< left [ right ]
  group,   ///< left { pairs }
  order,   ///< left ^( terms )
  focus,   ///< left @ $text
  index,   ///< left # $text
  // Linking's.
  path,  ///< children (the steps)
  sort,  ///< terms: a step of a path
};

enum class Operation : std::uint8_t {
  add,
  subtract,
  multiply,
  divide,
  remainder,
  equal,
  not_equal,
  less,
  less_or_equal,
  greater,
  greater_or_equal,
  concatenate,
  both,
  either,
  contained,
  range
};

/// The parent that a `%` asks for: the item from which the step `level` steps before it started.
struct Slot {
  Symbol label = 0;
  int level = 1;
};

inline constexpr Symbol kNoSymbol = static_cast<Symbol>(-1);

/// What is done to the items of a step: a filter, or their numbers bound to a variable.
struct Stage {
  NodePtr filter;  ///< nullptr: an index
  Symbol index = kNoSymbol;
};

struct SortTerm {
  NodePtr expression;
  bool descending = false;
};

struct Grouping {
  std::vector<std::pair<NodePtr, NodePtr>> pairs;
};

/// An expression. Which fields have a meaning is said beside each Kind.
struct Node {
  explicit Node(Kind what) : kind(what) {}

  Kind kind;
  Operation operation = Operation::add;
  Symbol symbol = kNoSymbol;
  std::string text;
  Value value;
  NodePtr left;
  NodePtr right;
  NodePtr otherwise;
  std::vector<NodePtr> children;
  std::vector<std::pair<NodePtr, NodePtr>> pairs;
  std::vector<SortTerm> terms;
  std::vector<Symbol> parameters;
  std::shared_ptr<const Signature> signature;
  std::shared_ptr<const Pattern> pattern;
  const Builtin* builtin = nullptr;  ///< of a variable that has the name of a built-in function

  // Of any expression.
  bool keep_array = false;             ///< `[]` behind it
  std::vector<NodePtr> predicates;     ///< filters of what is no step of a path
  std::unique_ptr<Grouping> grouping;  ///< `{...}` behind it

  // Of paths and their steps.
  bool keep_singleton_array = false;  ///< a path, a step of which has `[]` behind it
  bool constructed = false;           ///< an array as the first or last step, or a block that holds one
  bool tuple = false;                 ///< binds something for the steps that follow
  Symbol focus = kNoSymbol;           ///< `@$focus`
  Symbol index = kNoSymbol;           ///< `#$index`
  std::shared_ptr<Slot> slot;         ///< of a parent
  std::shared_ptr<Slot> ancestor;     ///< of the step whose input is somebody's parent
  std::vector<Stage> stages;
  std::vector<std::shared_ptr<Slot>> seeking;  ///< parents within it that lie further out

  std::size_t height = 1;  ///< of the tree below, while it is parsed
};

/// What an expression was compiled to.
struct Program {
  NodePtr root;
  std::vector<std::string> names;  ///< by Symbol
};

/// The height of the tree from those of its children.
[[nodiscard]] std::size_t height_above(const Node& node);

}  // namespace tillite::jsonata
