#include "expressions/jsonata/free_variables.h"

#include <algorithm>

namespace tillite::jsonata {
namespace {

void gather_bindings(const Node& node, std::vector<Symbol>& symbols);

void gather_bindings(const NodePtr& node, std::vector<Symbol>& symbols) {
  if (node) gather_bindings(*node, symbols);
}

/// What is bound in the scope that `node` stands in.
void gather_bindings(const Node& node, std::vector<Symbol>& symbols) {
  if (node.kind == Kind::block || node.kind == Kind::lambda) return;
  if (node.kind == Kind::bind) symbols.push_back(node.symbol);
  for (const NodePtr* const part : {&node.left, &node.right, &node.otherwise}) gather_bindings(*part, symbols);
  for (const NodePtr& child : node.children) gather_bindings(child, symbols);
  for (const auto& [name, value] : node.pairs) {
    gather_bindings(name, symbols);
    gather_bindings(value, symbols);
  }
}

/// Walks an expression in the order in which it is evaluated.
class Walk {
 public:
  void visit_root(const Node& node) {
    gather_bindings(node, later_);
    visit(node);
  }

  void visit(const Node& node) {
    const std::size_t bound_around = bound_.size();
    const std::size_t later_around = later_.size();
    switch (node.kind) {
      case Kind::variable:
        use(node);
        break;
      case Kind::bind:
        visit(*node.right);
        bound_.push_back(node.symbol);
        return visit_attachments(node);
      case Kind::block:
        for (const NodePtr& child : node.children) gather_bindings(child, later_);
        visit_parts(node);
        break;
      case Kind::lambda:
        // It is called later: what is bound behind it is known to it, and so is its own name.
        bound_.insert(bound_.end(), later_.begin(), later_.end());
        bound_.insert(bound_.end(), node.parameters.begin(), node.parameters.end());
        gather_bindings(node.left, later_);
        visit(*node.left);
        break;
      default:
        visit_parts(node);
        break;
    }
    visit_attachments(node);
    // What is bound in a block or a function is unknown behind it, and what a path binds is known in the path only.
    if (node.kind != Kind::block && node.kind != Kind::lambda && node.kind != Kind::path) return;
    bound_.resize(bound_around);
    later_.resize(later_around);
  }

  [[nodiscard]] std::vector<std::string> take() { return std::move(free_); }

 private:
  void use(const Node& node) {
    if (node.text.empty() || node.text == "$" || node.builtin != nullptr) return;
    if (std::ranges::find(bound_, node.symbol) != bound_.end()) return;
    if (std::ranges::find(free_, node.text) == free_.end()) free_.push_back(node.text);
  }

  void visit_parts(const Node& node) {
    for (const NodePtr* const part : {&node.left, &node.right, &node.otherwise})
      if (*part) visit(**part);
    for (const NodePtr& child : node.children) {
      visit(*child);
      for (const Symbol symbol : {child->focus, child->index})
        if (symbol != kNoSymbol) bound_.push_back(symbol);
      for (const Stage& stage : child->stages) {
        if (stage.filter) visit(*stage.filter);
        if (stage.index != kNoSymbol) bound_.push_back(stage.index);
      }
    }
    for (const auto& [name, value] : node.pairs) {
      visit(*name);
      visit(*value);
    }
    for (const SortTerm& term : node.terms) visit(*term.expression);
  }

  void visit_attachments(const Node& node) {
    for (const NodePtr& predicate : node.predicates) visit(*predicate);
    if (!node.grouping) return;
    for (const auto& [name, value] : node.grouping->pairs) {
      visit(*name);
      visit(*value);
    }
  }

  std::vector<Symbol> bound_;
  std::vector<Symbol> later_;  ///< what the scopes around bind at some time
  std::vector<std::string> free_;
};

}  // namespace

std::vector<std::string> free_variables(const Program& program) {
  Walk walk;
  walk.visit_root(*program.root);
  return walk.take();
}

}  // namespace tillite::jsonata
