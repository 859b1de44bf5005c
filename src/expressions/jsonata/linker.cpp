#include "expressions/jsonata/linker.h"

#include <algorithm>

#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/numbers.h"

namespace tillite::jsonata {
namespace {

using SlotPtr = std::shared_ptr<Slot>;

NodePtr path_of(NodePtr step) {
  NodePtr path = std::make_unique<Node>(Kind::path);
  path->children.push_back(std::move(step));
  return path;
}

/// A path's last step, or what is no path itself.
Node& last_step(Node& node) { return node.kind == Kind::path ? *node.children.back() : node; }

/// What is filtered before it becomes a step is filtered as a step.
void predicates_to_stages(Node& step) {
  for (NodePtr& predicate : step.predicates) step.stages.push_back({.filter = std::move(predicate)});
  step.predicates.clear();
}

/// The parents that `part` asks for and that lie outside of it are asked for by `whole`.
void pass_on_parents(Node& whole, const Node& part) {
  whole.seeking.insert(whole.seeking.end(), part.seeking.begin(), part.seeking.end());
  if (part.kind == Kind::parent) whole.seeking.push_back(part.slot);
}

/// One step towards the parent that `slot` asks for; the step that it is found at remembers it.
Result<void> seek_parent(Node& node, const SlotPtr& slot) {
  switch (node.kind) {
    case Kind::name:
    case Kind::wildcard:
      if (--slot->level == 0) {
        if (node.ancestor) slot->label = node.ancestor->label;
        node.ancestor = slot;
        node.tuple = true;
      }
      return {};
    case Kind::parent:
      ++slot->level;
      return {};
    case Kind::block:
      if (node.children.empty()) return {};
      node.tuple = true;
      return seek_parent(*node.children.back(), slot);
    case Kind::path: {
      node.tuple = true;
      std::size_t index = node.children.size() - 1;
      TRY(seek_parent(*node.children[index], slot));
      while (slot->level > 0 && index > 0) TRY(seek_parent(*node.children[--index], slot));
      return {};
    }
    default:
      return syntax_fault("S0217");
  }
}

/// Seeks the parents that the last step asks for among the steps before it.
Result<void> resolve_parents(Node& path) {
  const Node& last = *path.children.back();
  std::vector<SlotPtr> slots = last.seeking;
  if (last.kind == Kind::parent) slots.push_back(last.slot);
  for (const SlotPtr& slot : slots) {
    std::size_t index = path.children.size() - 1;
    while (slot->level > 0) {
      if (index == 0) {
        path.seeking.push_back(slot);
        break;
      }
      Node* step = path.children[--index].get();
      // Steps that bind their item do not move the context.
      while (index > 0 && step->focus != kNoSymbol && path.children[index - 1]->focus != kNoSymbol)
        step = path.children[--index].get();
      TRY(seek_parent(*step, slot));
    }
  }
  return {};
}

/// The body of a lambda with calls in the last place as thunks.
NodePtr with_tail_calls(NodePtr body) {
  if (!body->predicates.empty() || body->grouping) return body;
  if (body->kind == Kind::call) {
    NodePtr thunk = std::make_unique<Node>(Kind::thunk);
    thunk->left = std::move(body);
    return thunk;
  }
  if (body->kind == Kind::condition) {
    body->right = with_tail_calls(std::move(body->right));
    if (body->otherwise) body->otherwise = with_tail_calls(std::move(body->otherwise));
  } else if (body->kind == Kind::elvis || body->kind == Kind::coalesce) {
    body->right = with_tail_calls(std::move(body->right));
  } else if (body->kind == Kind::block && !body->children.empty()) {
    body->children.back() = with_tail_calls(std::move(body->children.back()));
  }
  return body;
}

class Linker {
 public:
  explicit Linker(Names& names) : names_(names) {}

  Result<NodePtr> link(NodePtr node) {
    const bool keep_array = node->keep_array;
    NodePtr linked = TRY(link_kind(std::move(node)));
    if (keep_array) linked->keep_array = true;
    return linked;
  }

 private:
  Result<NodePtr> link_kind(NodePtr node) {
    switch (node->kind) {
      case Kind::dot:
        return dot(std::move(node));
      case Kind::filter:
        return filter(std::move(node));
      case Kind::group:
        return group(std::move(node));
      case Kind::order:
        return order(std::move(node));
      case Kind::focus:
        return focus(std::move(node));
      case Kind::index:
        return index(std::move(node));
      case Kind::name: {
        const bool keep_array = node->keep_array;
        NodePtr path = path_of(std::move(node));
        path->keep_singleton_array = keep_array;
        return path;
      }
      case Kind::parent:
        node->slot = std::make_shared<Slot>(Slot{.label = names_.unique()});
        return node;
      case Kind::end:
        return syntax_fault("S0207");
      case Kind::negation:
        return negation(std::move(node));
      case Kind::object:
        for (auto& [name, value] : node->pairs) {
          TRY(link_part(*node, name));
          TRY(link_part(*node, value));
        }
        return node;
      case Kind::block:
        return block(std::move(node));
      case Kind::apply:
        // Parents are not sought through a function application.
        node->left = TRY(link(std::move(node->left)));
        node->right = TRY(link(std::move(node->right)));
        node->keep_array = node->left->keep_array || node->right->keep_array;
        return node;
      case Kind::lambda:
        node->left = with_tail_calls(TRY(link(std::move(node->left))));
        return node;
      case Kind::transform:
        node->left = TRY(link(std::move(node->left)));
        node->right = TRY(link(std::move(node->right)));
        if (node->otherwise) node->otherwise = TRY(link(std::move(node->otherwise)));
        return node;
      case Kind::call:
      case Kind::partial:
        for (NodePtr& argument : node->children) TRY(link_part(*node, argument));
        node->left = TRY(link(std::move(node->left)));
        return node;
      case Kind::array:
      case Kind::binary:
      case Kind::condition:
      case Kind::elvis:
      case Kind::coalesce:
      case Kind::bind:
        if (node->left) TRY(link_part(*node, node->left));
        if (node->right) TRY(link_part(*node, node->right));
        if (node->otherwise) TRY(link_part(*node, node->otherwise));
        for (NodePtr& child : node->children) TRY(link_part(*node, child));
        return node;
      default:
        return node;
    }
  }

  Result<void> link_part(Node& whole, NodePtr& part) {
    part = TRY(link(std::move(part)));
    pass_on_parents(whole, *part);
    return {};
  }

  Result<NodePtr> dot(NodePtr node) {
    NodePtr path = TRY(link(std::move(node->left)));
    if (path->kind != Kind::path) {
      const SlotPtr slot = path->kind == Kind::parent ? path->slot : nullptr;
      path = path_of(std::move(path));
      if (slot) path->seeking = {slot};
    }
    NodePtr rest = TRY(link(std::move(node->right)));
    if (rest->kind == Kind::path) {
      std::ranges::move(rest->children, std::back_inserter(path->children));
    } else {
      predicates_to_stages(*rest);
      path->children.push_back(std::move(rest));
    }
    for (const NodePtr& step : path->children) {
      if (step->kind == Kind::literal && !step->value.is_string())
        return syntax_fault("S0213", {.value = json_text(step->value)});
      if (step->kind == Kind::literal) {
        step->kind = Kind::name;
        step->text = step->value.string();
      }
      if (step->keep_array) path->keep_singleton_array = true;
    }
    for (Node* const step : {path->children.front().get(), path->children.back().get()})
      if (step->kind == Kind::array) step->constructed = true;
    TRY(resolve_parents(*path));
    return path;
  }

  Result<NodePtr> filter(NodePtr node) {
    NodePtr filtered = TRY(link(std::move(node->left)));
    const bool is_path = filtered->kind == Kind::path;
    Node& step = last_step(*filtered);
    if (step.grouping) return syntax_fault("S0209");
    NodePtr predicate = TRY(link(std::move(node->right)));
    if (!predicate->seeking.empty()) {
      for (const SlotPtr& slot : predicate->seeking) {
        if (slot->level == 1) {
          TRY(seek_parent(step, slot));
        } else {
          --slot->level;
        }
      }
      pass_on_parents(step, *predicate);
    }
    if (is_path) {
      step.stages.push_back({.filter = std::move(predicate)});
    } else {
      step.predicates.push_back(std::move(predicate));
    }
    return filtered;
  }

  Result<NodePtr> group(NodePtr node) {
    NodePtr grouped = TRY(link(std::move(node->left)));
    if (grouped->grouping) return syntax_fault("S0210");
    grouped->grouping = std::make_unique<Grouping>();
    for (auto& [name, value] : node->pairs) {
      NodePtr linked = TRY(link(std::move(name)));
      grouped->grouping->pairs.emplace_back(std::move(linked), TRY(link(std::move(value))));
    }
    return grouped;
  }

  Result<NodePtr> order(NodePtr node) {
    NodePtr path = TRY(link(std::move(node->left)));
    if (path->kind != Kind::path) path = path_of(std::move(path));
    NodePtr sort = std::make_unique<Node>(Kind::sort);
    for (SortTerm& term : node->terms) {
      TRY(link_part(*sort, term.expression));
      sort->terms.push_back(std::move(term));
    }
    path->children.push_back(std::move(sort));
    TRY(resolve_parents(*path));
    return path;
  }

  Result<NodePtr> focus(NodePtr node) {
    NodePtr bound = TRY(link(std::move(node->left)));
    Node& step = last_step(*bound);
    if (!step.stages.empty() || !step.predicates.empty()) return syntax_fault("S0215");
    if (step.kind == Kind::sort) return syntax_fault("S0216");
    if (node->keep_array) step.keep_array = true;
    step.focus = node->symbol;
    step.tuple = true;
    return bound;
  }

  Result<NodePtr> index(NodePtr node) {
    NodePtr bound = TRY(link(std::move(node->left)));
    if (bound->kind != Kind::path) {
      predicates_to_stages(*bound);
      bound = path_of(std::move(bound));
    }
    Node& step = last_step(*bound);
    if (step.stages.empty()) {
      step.index = node->symbol;
    } else {
      step.stages.push_back({.filter = nullptr, .index = node->symbol});
    }
    step.tuple = true;
    return bound;
  }

  Result<NodePtr> negation(NodePtr node) {
    NodePtr operand = TRY(link(std::move(node->left)));
    if (operand->kind == Kind::literal && operand->value.is_number()) {
      operand->value = whole_or_real(-operand->value.number());
      return operand;
    }
    pass_on_parents(*node, *operand);
    node->left = std::move(operand);
    return node;
  }

  Result<NodePtr> block(NodePtr node) {
    for (NodePtr& part : node->children) {
      TRY(link_part(*node, part));
      if (part->constructed || (part->kind == Kind::path && part->children.front()->constructed))
        node->constructed = true;
    }
    return node;
  }

  Names& names_;
};

}  // namespace

Result<NodePtr> link(NodePtr tree, Names& names) {
  NodePtr linked = TRY(Linker(names).link(std::move(tree)));
  if (linked->kind == Kind::parent || !linked->seeking.empty()) return syntax_fault("S0217");
  return linked;
}

}  // namespace tillite::jsonata
