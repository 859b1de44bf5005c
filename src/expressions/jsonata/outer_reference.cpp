#include "expressions/jsonata/outer_reference.h"

namespace tillite::jsonata {
namespace {

/// Only a path's first step is read in the input: later ones, filters, sort terms and groupings have the items that
/// were found. A function's body has the input of the expression that makes it.
std::optional<std::string> reference_in(const Node& node) {
  if (node.kind == Kind::name) return node.text;
  if (node.kind == Kind::variable && node.text == "$") return "$$";
  if (node.kind == Kind::transform) return std::nullopt;  // its parts see what it changes
  if (node.kind == Kind::path) return node.children.empty() ? std::nullopt : reference_in(*node.children.front());
  for (const NodePtr* const part : {&node.left, &node.right, &node.otherwise}) {
    if (!*part) continue;
    if (auto found = reference_in(**part)) return found;
  }
  for (const NodePtr& child : node.children) {
    if (auto found = reference_in(*child)) return found;
  }
  for (const auto& [name, value] : node.pairs) {
    if (auto found = reference_in(*name)) return found;
    if (auto found = reference_in(*value)) return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> outer_reference(const Program& program) { return reference_in(*program.root); }

}  // namespace tillite::jsonata
