#include "expressions/jsonata/parser.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/function.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/lexer.h"
#include "expressions/jsonata/signature.h"

namespace tillite::jsonata {
namespace {

constexpr std::size_t kHeightMax = 500;
constexpr std::size_t kSourceBytesMax = 262'144;  // a definition has at most 1 MB, a payload 256 KB

struct Infix {
  std::string_view text;
  int power;  ///< how strongly it binds what stands before it
};

// https://docs.jsonata.org: operators. Those without a power end an operand.
constexpr std::array kInfixes = {Infix{".", 75},  Infix{"[", 80},  Infix{"{", 70},  Infix{"(", 80},   Infix{"@", 80},
                                 Infix{"#", 80},  Infix{"?", 20},  Infix{"+", 50},  Infix{"-", 50},   Infix{"*", 60},
                                 Infix{"/", 60},  Infix{"%", 60},  Infix{"=", 40},  Infix{"<", 40},   Infix{">", 40},
                                 Infix{"^", 40},  Infix{":=", 10}, Infix{"!=", 40}, Infix{"<=", 40},  Infix{">=", 40},
                                 Infix{"~>", 40}, Infix{"?:", 40}, Infix{"??", 40}, Infix{"and", 30}, Infix{"or", 25},
                                 Infix{"in", 40}, Infix{"&", 50}};

constexpr std::array kOthers = {")", "]", "}", ",", ";", ":", "..", "|", "**"};

struct Binary {
  std::string_view text;
  Operation operation;
};

constexpr std::array kBinaries = {Binary{"+", Operation::add},
                                  Binary{"-", Operation::subtract},
                                  Binary{"*", Operation::multiply},
                                  Binary{"/", Operation::divide},
                                  Binary{"%", Operation::remainder},
                                  Binary{"=", Operation::equal},
                                  Binary{"!=", Operation::not_equal},
                                  Binary{"<", Operation::less},
                                  Binary{"<=", Operation::less_or_equal},
                                  Binary{">", Operation::greater},
                                  Binary{">=", Operation::greater_or_equal},
                                  Binary{"&", Operation::concatenate},
                                  Binary{"and", Operation::both},
                                  Binary{"or", Operation::either},
                                  Binary{"in", Operation::contained}};

/// How strongly a token binds what stands before it; 0 if it begins or ends something.
int power_of(const Token& token) {
  if (token.kind != Token::Kind::operation) return 0;
  const auto* const infix = std::ranges::find(kInfixes, std::string_view(token.text), &Infix::text);
  return infix == kInfixes.end() ? 0 : infix->power;
}

bool is_operator(std::string_view text) {
  return std::ranges::find(kInfixes, text, &Infix::text) != kInfixes.end() ||
         std::ranges::find(kOthers, text) != kOthers.end();
}

NodePtr make(Kind kind) { return std::make_unique<Node>(kind); }

NodePtr make(Kind kind, NodePtr left, NodePtr right) {
  NodePtr node = make(kind);
  node->left = std::move(left);
  node->right = std::move(right);
  return node;
}

/// A top-down operator precedence parser: each operator knows how strongly it binds.
class Parser {
 public:
  Parser(std::string_view source, Names& names) : lexer_(source), names_(names) {}

  Result<NodePtr> parse() {
    TRY(advance());
    NodePtr tree = TRY(expression(0));
    if (current_.kind != Token::Kind::end) return syntax_fault("S0201", {.token = current_.quoted()});
    return tree;
  }

 private:
  Result<void> advance(bool behind_operand = false) {
    current_ = TRY(lexer_.next(behind_operand));
    if (current_.kind == Token::Kind::operation && !is_operator(current_.text))
      return syntax_fault("S0204", {.token = current_.quoted()});
    return {};
  }

  Result<void> expect(std::string_view operation, bool behind_operand = false) {
    if (!current_.is(operation)) {
      const FaultDetails details{.value = quoted_text(operation), .token = current_.quoted()};
      return syntax_fault(current_.kind == Token::Kind::end ? "S0203" : "S0202", details);
    }
    return advance(behind_operand);
  }

  /// What binds more strongly than `power`.
  Result<NodePtr> expression(int power) {
    if (++level_ > kHeightMax) return too_deep();
    Token token = std::move(current_);
    TRY(advance(true));
    NodePtr left = TRY(prefix(std::move(token)));
    TRY(measure(*left));
    while (power < power_of(current_)) {
      token = std::move(current_);
      TRY(advance());
      left = TRY(infix(token.text, std::move(left)));
      TRY(measure(*left));
    }
    --level_;
    return left;
  }

  static std::unexpected<Error> too_deep() {
    return syntax_fault("S0201", {.token = fmt::format("more than {} expressions within each other", kHeightMax)});
  }

  static Result<void> measure(Node& node) {
    node.height = height_above(node);
    if (node.height > kHeightMax) return too_deep();
    return {};
  }

  /// What begins with `token`, which is behind us.
  Result<NodePtr> prefix(Token token) {
    switch (token.kind) {
      case Token::Kind::end:
        return make(Kind::end);
      case Token::Kind::name: {
        NodePtr node = make(Kind::name);
        node->text = std::move(token.text);
        return node;
      }
      case Token::Kind::variable: {
        NodePtr node = make(Kind::variable);
        node->text = std::move(token.text);
        node->symbol = names_.symbol(node->text);
        node->builtin = find_builtin(node->text);
        return node;
      }
      case Token::Kind::literal: {
        NodePtr node = make(Kind::literal);
        node->value = std::move(token.value);
        return node;
      }
      case Token::Kind::regex: {
        NodePtr node = make(Kind::regex);
        node->pattern = std::move(token.pattern);
        return node;
      }
      case Token::Kind::operation:
        return prefix_operator(token);
    }
    return make(Kind::end);
  }

  Result<NodePtr> prefix_operator(const Token& token) {
    if (token.is("and") || token.is("or") || token.is("in")) {
      NodePtr node = make(Kind::name);
      node->text = token.text;
      return node;
    }
    if (token.is("*")) return make(Kind::wildcard);
    if (token.is("**")) return make(Kind::descendants);
    if (token.is("%")) return make(Kind::parent);
    if (token.is("-")) return make(Kind::negation, TRY(expression(70)), nullptr);
    if (token.is("(")) return block();
    if (token.is("[")) return array();
    if (token.is("{")) {
      NodePtr node = make(Kind::object);
      TRY(pairs(*node));
      return node;
    }
    if (token.is("|")) return transform();
    return syntax_fault("S0211", {.token = token.quoted()});
  }

  Result<NodePtr> block() {
    NodePtr node = make(Kind::block);
    while (!current_.is(")")) {
      node->children.push_back(TRY(expression(0)));
      if (!current_.is(";")) break;
      TRY(expect(";"));
    }
    TRY(expect(")", true));
    return node;
  }

  Result<NodePtr> array() {
    NodePtr node = make(Kind::array);
    while (!current_.is("]")) {
      NodePtr item = TRY(expression(0));
      if (current_.is("..")) {
        TRY(expect(".."));
        item = make(Kind::binary, std::move(item), TRY(expression(0)));
        item->operation = Operation::range;
        TRY(measure(*item));
      }
      node->children.push_back(std::move(item));
      if (!current_.is(",")) break;
      TRY(expect(","));
      // A comma asks for another item.
      if (current_.is("]")) return syntax_fault("S0211", {.token = current_.quoted()});
    }
    TRY(expect("]", true));
    return node;
  }

  Result<void> pairs(Node& node) {
    if (!current_.is("}")) {
      for (;;) {
        NodePtr name = TRY(expression(0));
        TRY(expect(":"));
        node.pairs.emplace_back(std::move(name), TRY(expression(0)));
        if (!current_.is(",")) break;
        TRY(expect(","));
      }
    }
    return expect("}", true);
  }

  Result<NodePtr> transform() {
    NodePtr node = make(Kind::transform);
    node->left = TRY(expression(0));
    TRY(expect("|"));
    node->right = TRY(expression(0));
    if (current_.is(",")) {
      TRY(expect(","));
      node->otherwise = TRY(expression(0));
    }
    TRY(expect("|"));
    return node;
  }

  /// What `operation`, which is behind us, makes of `left`.
  Result<NodePtr> infix(std::string_view operation, NodePtr left) {
    if (operation == "(") return call(std::move(left));
    if (operation == "[") return filter(std::move(left));
    if (operation == "{") {
      NodePtr node = make(Kind::group, std::move(left), nullptr);
      TRY(pairs(*node));
      return node;
    }
    if (operation == "^") return order(std::move(left));
    if (operation == "?") return condition(std::move(left));
    if (operation == "?:") return make(Kind::elvis, std::move(left), TRY(expression(0)));
    if (operation == "??") return make(Kind::coalesce, std::move(left), TRY(expression(0)));
    if (operation == ".") return make(Kind::dot, std::move(left), TRY(expression(75)));
    if (operation == "~>") return make(Kind::apply, std::move(left), TRY(expression(40)));
    if (operation == ":=") {
      if (left->kind != Kind::variable) return syntax_fault("S0212");
      NodePtr node = make(Kind::bind, nullptr, TRY(expression(9)));
      node->symbol = left->symbol;
      return node;
    }
    if (operation == "@" || operation == "#") {
      const NodePtr variable = TRY(expression(80));
      if (variable->kind != Kind::variable) return syntax_fault("S0214", {.token = quoted_text(operation)});
      NodePtr node = make(operation == "@" ? Kind::focus : Kind::index, std::move(left), nullptr);
      node->symbol = variable->symbol;
      return node;
    }
    const auto* const binary = std::ranges::find(kBinaries, operation, &Binary::text);
    const int power = std::ranges::find(kInfixes, operation, &Infix::text)->power;
    NodePtr node = make(Kind::binary, std::move(left), TRY(expression(power)));
    node->operation = binary->operation;
    return node;
  }

  Result<NodePtr> call(NodePtr left) {
    NodePtr node = make(Kind::call);
    if (!current_.is(")")) {
      for (;;) {
        if (current_.is("?")) {
          node->kind = Kind::partial;
          node->children.push_back(make(Kind::placeholder));
          TRY(expect("?"));
        } else {
          node->children.push_back(TRY(expression(0)));
        }
        if (!current_.is(",")) break;
        TRY(expect(","));
      }
    }
    TRY(expect(")", true));
    if (left->kind == Kind::name && (left->text == "function" || left->text == "\u03bb"))
      return lambda(std::move(node->children));
    node->left = std::move(left);
    return node;
  }

  Result<NodePtr> lambda(std::vector<NodePtr> parameters) {
    NodePtr node = make(Kind::lambda);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i]->kind != Kind::variable) return syntax_fault("S0208", {.value = fmt::format("{}", i + 1)});
      node->parameters.push_back(parameters[i]->symbol);
    }
    if (current_.is("<")) {
      std::string signature = "<";
      for (int depth = 1; depth > 0 && !current_.is("{") && current_.kind != Token::Kind::end;) {
        TRY(advance());
        if (current_.is(">")) --depth;
        if (current_.is("<")) ++depth;
        signature += current_.text;
      }
      TRY(expect(">"));
      node->signature = std::make_shared<const Signature>(TRY(Signature::parse(signature)));
    }
    TRY(expect("{"));
    node->left = TRY(expression(0));
    TRY(expect("}"));
    return node;
  }

  Result<NodePtr> filter(NodePtr left) {
    if (current_.is("]")) {
      // Empty brackets keep the array, of the step in front of all filters.
      Node* step = left.get();
      while (step->kind == Kind::filter) step = step->left.get();
      step->keep_array = true;
      TRY(advance());
      return left;
    }
    NodePtr node = make(Kind::filter, std::move(left), TRY(expression(0)));
    TRY(expect("]", true));
    return node;
  }

  Result<NodePtr> order(NodePtr left) {
    NodePtr node = make(Kind::order, std::move(left), nullptr);
    TRY(expect("("));
    for (;;) {
      SortTerm term;
      if (current_.is("<")) {
        TRY(expect("<"));
      } else if (current_.is(">")) {
        term.descending = true;
        TRY(expect(">"));
      }
      term.expression = TRY(expression(0));
      node->terms.push_back(std::move(term));
      if (!current_.is(",")) break;
      TRY(expect(","));
    }
    TRY(expect(")"));
    return node;
  }

  Result<NodePtr> condition(NodePtr left) {
    NodePtr node = make(Kind::condition, std::move(left), TRY(expression(0)));
    if (current_.is(":")) {
      TRY(expect(":"));
      node->otherwise = TRY(expression(0));
    }
    return node;
  }

  Lexer lexer_;
  Names& names_;
  Token current_;
  std::size_t level_ = 0;
};

}  // namespace

Result<NodePtr> parse_tree(std::string_view source, Names& names) {
  if (source.size() > kSourceBytesMax)
    return syntax_fault("S0201", {.token = fmt::format("more than {} bytes", kSourceBytesMax)});
  if (!is_utf8(source)) return syntax_fault("S0201", {.token = "bytes that are not UTF-8"});
  return Parser(source, names).parse();
}

}  // namespace tillite::jsonata
