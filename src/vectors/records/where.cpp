#include "vectors/records/where.h"

#include <algorithm>
#include <array>
#include <map>

namespace tillite {
namespace {

constexpr int kDepthMax = 32;
constexpr std::size_t kListMax = 1000;
constexpr std::size_t kComparisonsMax = 1000;
// Numbers are looked for in two columns, each with the key: SQLite takes 32,766 parameters in all.
constexpr std::size_t kValuesMax = 15'000;

enum class Operator {
  all_of,
  any_of,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  not_in,
  contains,
  not_contains
};

bool is_scalar(const Json& value) { return value.is_string() || value.is_number() || value.is_boolean(); }

}  // namespace

struct Where::Node {
  Operator op = Operator::all_of;
  std::vector<Node> parts = {};   ///< of all_of and any_of
  std::string key = {};           ///< of a comparison
  std::vector<Json> values = {};  ///< one, or those of in and not_in
};

namespace {

using Node = Where::Node;

class Parser {
 public:
  Result<Node> where(const Json& json, int depth) {
    return combined(json, depth, "where",
                    [&](const std::string& key, const Json& value) { return comparison(key, value); });
  }

  Result<Node> document(const Json& json, int depth) {
    return combined(json, depth, "where_document", [&](const std::string& key, const Json& value) -> Result<Node> {
      if (key != "$contains" && key != "$not_contains") {
        return fail(Code::invalid_input, "where_document has no '{}': use $contains, $not_contains, $and or $or",
                    key.substr(0, 64));
      }
      if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
        return fail(Code::invalid_input, "{} takes a text that is not empty", key);
      }
      TRY(count("where_document", 1));
      return Node{.op = key == "$contains" ? Operator::contains : Operator::not_contains, .values = {value}};
    });
  }

 private:
  template <typename Leaf>
  Result<Node> combined(const Json& json, int depth, std::string_view name, Leaf leaf) {
    if (depth > kDepthMax) return fail(Code::invalid_input, "{} is nested deeper than {} levels", name, kDepthMax);
    if (!json.is_object() || json.empty()) {
      return fail(Code::invalid_input, "{} must be an object with one field or more, but is {}", name,
                  json.is_object() ? "empty" : json.type_name());
    }
    Node all{.op = Operator::all_of};
    for (const auto& [key, value] : json.items()) {
      if (key != "$and" && key != "$or") {
        all.parts.push_back(TRY(leaf(key, value)));
        continue;
      }
      if (!value.is_array() || value.empty())
        return fail(Code::invalid_input, "{} takes a list that is not empty", key);
      Node node{.op = key == "$and" ? Operator::all_of : Operator::any_of};
      for (const Json& part : value) node.parts.push_back(TRY(combined(part, depth + 1, name, leaf)));
      all.parts.push_back(std::move(node));
    }
    if (all.parts.size() == 1) return std::move(all.parts.front());
    return all;
  }

  Result<Node> comparison(const std::string& key, const Json& value) {
    if (key.starts_with('$')) {
      return fail(Code::invalid_input, "there is no '{}' in a where: use $and, $or, or the name of a field",
                  key.substr(0, 64));
    }
    if (is_scalar(value)) {
      TRY(count("where", 1));
      return Node{.op = Operator::equal, .key = key, .values = {value}};
    }
    if (!value.is_object() || value.empty()) {
      return fail(Code::invalid_input,
                  "the field '{}' must be compared with a text, a number or true/false, or by an operator",
                  key.substr(0, 64));
    }
    Node all{.op = Operator::all_of};
    for (const auto& [name, operand] : value.items()) all.parts.push_back(TRY(operation(key, name, operand)));
    if (all.parts.size() == 1) return std::move(all.parts.front());
    return all;
  }

  Result<Node> operation(const std::string& key, const std::string& name, const Json& operand) {
    TRY(count("where", operand.is_array() ? operand.size() : 1));
    if (name == "$in" || name == "$nin") {
      if (!operand.is_array() || operand.empty() || operand.size() > kListMax ||
          !std::ranges::all_of(operand, is_scalar)) {
        return fail(Code::invalid_input, "{} of '{}' takes a list of 1 to {} texts, numbers or true/false", name,
                    key.substr(0, 64), kListMax);
      }
      return Node{.op = name == "$in" ? Operator::in : Operator::not_in,
                  .key = key,
                  .values = std::vector<Json>(operand.begin(), operand.end())};
    }
    constexpr std::array<std::pair<std::string_view, Operator>, 6> operators = {{{"$eq", Operator::equal},
                                                                                 {"$ne", Operator::not_equal},
                                                                                 {"$lt", Operator::less},
                                                                                 {"$lte", Operator::less_equal},
                                                                                 {"$gt", Operator::greater},
                                                                                 {"$gte", Operator::greater_equal}}};
    const auto found = std::ranges::find(operators, name, &std::pair<std::string_view, Operator>::first);
    if (found == operators.end()) {
      return fail(Code::invalid_input, "there is no operator '{}': use $eq, $ne, $gt, $gte, $lt, $lte, $in or $nin",
                  name.substr(0, 64));
    }
    const bool ordered = found->second != Operator::equal && found->second != Operator::not_equal;
    if (!is_scalar(operand) || (ordered && !operand.is_number())) {
      return fail(Code::invalid_input, "{} of '{}' takes {}", name, key.substr(0, 64),
                  ordered ? "a number" : "a text, a number or true/false");
    }
    return Node{.op = found->second, .key = key, .values = {operand}};
  }

  /// One more comparison, with so many values.
  Result<void> count(std::string_view name, std::size_t values) {
    if (++comparisons_ > kComparisonsMax) {
      return fail(Code::invalid_input, "{} has more than {} comparisons", name, kComparisonsMax);
    }
    values_ += values;
    if (values_ > kValuesMax) return fail(Code::invalid_input, "{} has more than {} values in all", name, kValuesMax);
    return {};
  }

  std::size_t comparisons_ = 0;
  std::size_t values_ = 0;
};

/// Equality within a type; numbers are one type.
bool same(const Json& stored, const Json& value) {
  if (stored.is_number() && value.is_number()) return stored.get<double>() == value.get<double>();
  return stored.type() == value.type() && stored == value;
}

bool compare(Operator op, const Json& stored, const Json& value) {
  if (!stored.is_number()) return false;
  const double left = stored.get<double>();
  const double right = value.get<double>();
  switch (op) {
    case Operator::less:
      return left < right;
    case Operator::less_equal:
      return left <= right;
    case Operator::greater:
      return left > right;
    default:
      return left >= right;
  }
}

bool matches_node(const Node& node, const Json& metadata, std::string_view document) {
  const auto stored = metadata.find(node.key);
  const bool there = !node.key.empty() && stored != metadata.end();
  const auto is_any = [&] {
    return there && std::ranges::any_of(node.values, [&](const Json& value) { return same(*stored, value); });
  };
  switch (node.op) {
    case Operator::all_of:
      return std::ranges::all_of(node.parts, [&](const Node& part) { return matches_node(part, metadata, document); });
    case Operator::any_of:
      return std::ranges::any_of(node.parts, [&](const Node& part) { return matches_node(part, metadata, document); });
    case Operator::equal:
    case Operator::in:
      return is_any();
    case Operator::not_equal:
    case Operator::not_in:
      return !is_any();
    case Operator::contains:
      return document.find(node.values.front().get<std::string>()) != std::string_view::npos;
    case Operator::not_contains:
      return document.find(node.values.front().get<std::string>()) == std::string_view::npos;
    default:
      return there && compare(node.op, *stored, node.values.front());
  }
}

bool is_negative(Operator op) {
  return op == Operator::not_equal || op == Operator::not_in || op == Operator::not_contains;
}

/// How a value of a record stands to those of a comparison, which the negative ones deny.
std::string_view relation_of(Operator op) {
  switch (op) {
    case Operator::less:
      return "<";
    case Operator::less_equal:
      return "<=";
    case Operator::greater:
      return ">";
    case Operator::greater_equal:
      return ">=";
    default:
      return "IN";
  }
}

/// The values of a comparison by the columns of embedding_metadata in which they stand; numbers stand in two.
std::vector<std::pair<std::string_view, std::vector<Json>>> by_column(const std::vector<Json>& values) {
  std::vector<Json> texts;
  std::vector<Json> truths;
  std::vector<Json> numbers;
  for (const Json& value : values) {
    (value.is_string() ? texts : value.is_boolean() ? truths : numbers).push_back(value);
  }
  std::vector<std::pair<std::string_view, std::vector<Json>>> columns;
  if (!texts.empty()) columns.emplace_back("string_value", std::move(texts));
  if (!truths.empty()) columns.emplace_back("bool_value", std::move(truths));
  if (!numbers.empty()) columns.emplace_back("int_value", numbers);
  if (!numbers.empty()) columns.emplace_back("float_value", std::move(numbers));
  return columns;
}

std::string compared(std::string_view column, std::string_view relation, const std::vector<Json>& values) {
  const std::vector<std::string_view> marks(values.size(), "?");
  return fmt::format("{} {} ({})", column, relation, fmt::join(marks, ", "));
}

// instr() is exact: LIKE and trigrams would ignore the case of letters.
constexpr std::string_view kContains = "instr(string_value, ?) > 0";
constexpr std::string_view kDocumentKey = "chroma:document";

bool looks_into_document(Operator op) { return op == Operator::contains || op == Operator::not_contains; }

bool is_combination(const Node& node) { return node.op == Operator::all_of || node.op == Operator::any_of; }

/// A filter as SQLite can take it: its parser holds 100 symbols at once, three for each bracket that is open on the
/// right of an operator but one on the left, and its expressions are at most 1,000 deep, a list being as deep as long.
/// So the shallowest parts are put together first, two at a time, and of two the wider one comes first.
struct Brackets {
  const Node* node = nullptr;        ///< a comparison, or the combination that `sides` are of
  std::vector<Brackets> sides = {};  ///< none or two
  std::size_t depth = 0;
  std::size_t width = 0;  ///< symbols that the parser holds at once

  explicit Brackets(const Node& comparison) : node(&comparison) {}
  Brackets(const Node& combination, Brackets first, Brackets second) : node(&combination) {
    if (second.width > first.width) std::swap(first, second);
    depth = std::max(first.depth, second.depth) + 1;
    width = std::max(first.width + (is_bracketed(first, true) ? 1 : 0),
                     2 + second.width + (is_bracketed(second, false) ? 1 : 0));
    sides.push_back(std::move(first));
    sides.push_back(std::move(second));
  }

  /// Whether a side needs brackets: AND binds more than OR, and both from the left.
  [[nodiscard]] bool is_bracketed(const Brackets& side, bool is_first) const {
    if (side.sides.empty()) return false;
    return !is_first || (node->op == Operator::all_of && side.node->op == Operator::any_of);
  }
};

Brackets brackets_of(const Node& node) {
  if (!is_combination(node)) return Brackets(node);
  std::multimap<std::size_t, Brackets> parts;  // by depth
  const auto add = [&](Brackets part) {
    const std::size_t depth = part.depth;
    parts.emplace(depth, std::move(part));
  };
  for (const Node& part : node.parts) add(brackets_of(part));
  while (parts.size() > 1) {
    auto first = parts.extract(parts.begin());
    auto second = parts.extract(parts.begin());
    add(Brackets(node, std::move(first.mapped()), std::move(second.mapped())));
  }
  return std::move(parts.begin()->second);
}

/// Writes the comparisons from left to right, each as `comparison` writes it.
template <typename Comparison>
void write_brackets(const Brackets& brackets, std::string& text, Comparison& comparison) {
  if (brackets.sides.empty()) {
    text += comparison(*brackets.node);
    return;
  }
  bool is_first = true;
  for (const Brackets& side : brackets.sides) {
    const bool is_bracketed = brackets.is_bracketed(side, is_first);
    if (!is_first) text += brackets.node->op == Operator::all_of ? " AND " : " OR ";
    if (is_bracketed) text += '(';
    write_brackets(side, text, comparison);
    if (is_bracketed) text += ')';
    is_first = false;
  }
}

/// The condition in brackets, if it is not a single comparison.
template <typename Comparison>
std::string condition_text(const Node& node, Comparison comparison) {
  const Brackets brackets = brackets_of(node);
  std::string text;
  write_brackets(brackets, text, comparison);
  return brackets.sides.empty() ? text : fmt::format("({})", text);
}

/// Builds the condition; values only ever travel as parameters.
class SqlWriter {
 public:
  Where::Sql write(const Node& node) {
    if (node.parts.empty() && !is_negative(node.op)) {
      sql_.ids = ids_of(node);
      if (is_indexed(node)) sql_.indexed = std::move(rows_);
    } else {
      sql_.ids = fmt::format("SELECT e.id FROM embeddings e WHERE {}", condition_of(node));
    }
    return std::move(sql_);
  }

 private:
  /// There is no index of booleans, nor one by which texts are looked through.
  static bool is_indexed(const Node& node) {
    return node.op != Operator::contains &&
           std::ranges::none_of(node.values, [](const Json& value) { return value.is_boolean(); });
  }

  std::string condition_of(const Node& node) {
    return condition_text(node, [this](const Node& comparison) {
      return fmt::format("e.id {} ({})", is_negative(comparison.op) ? "NOT IN" : "IN", ids_of(comparison));
    });
  }

  /// A query for the ids that a comparison is about; the negative ones match all but these.
  std::string ids_of(const Node& node) { return looks_into_document(node.op) ? ids_containing(node) : ids_with(node); }

  /// The ids whose value of the key stands in the node's relation to its values. A part for each column, in which
  /// SQLite finds the values by Chroma's index of that column.
  std::string ids_with(const Node& node) {
    rows_.clear();
    for (const auto& [column, values] : by_column(node.values)) {
      sql_.parameters.emplace_back(node.key);
      sql_.parameters.insert(sql_.parameters.end(), values.begin(), values.end());
      rows_.push_back(fmt::format("key = ? AND {}", compared(column, relation_of(node.op), values)));
    }
    constexpr std::string_view kSelect = "SELECT id FROM embedding_metadata WHERE ";
    return fmt::format("{}{}", kSelect, fmt::join(rows_, fmt::format(" UNION ALL {}", kSelect)));
  }

  std::string ids_containing(const Node& node) {
    sql_.parameters.emplace_back(kDocumentKey);
    sql_.parameters.push_back(node.values.front());
    return fmt::format("SELECT id FROM embedding_metadata WHERE key = ? AND {}", kContains);
  }

  Where::Sql sql_;
  std::vector<std::string> rows_;  ///< conditions on rows of embedding_metadata: of the comparison that was last
};

/// Builds the condition on a single record.
class ConditionWriter {
 public:
  Where::Condition write(const Node& node) {
    condition_.text = condition_text(node, [this](const Node& comparison) { return text_of(comparison); });
    return std::move(condition_);
  }

 private:
  std::string text_of(const Node& node) {
    // The index of the primary key (id, key). Left to choose, SQLite takes those of the values and passes over all
    // records that match.
    return fmt::format(
        "{} (SELECT 1 FROM embedding_metadata INDEXED BY sqlite_autoindex_embedding_metadata_1 "
        "WHERE id = e.id AND key = ? AND ({}))",
        is_negative(node.op) ? "NOT EXISTS" : "EXISTS", looks_into_document(node.op) ? containing(node) : with(node));
  }

  std::string with(const Node& node) {
    condition_.parameters.emplace_back(node.key);
    std::vector<std::string> columns;
    for (const auto& [column, values] : by_column(node.values)) {
      condition_.parameters.insert(condition_.parameters.end(), values.begin(), values.end());
      columns.push_back(compared(column, relation_of(node.op), values));
    }
    return fmt::format("{}", fmt::join(columns, " OR "));
  }

  std::string containing(const Node& node) {
    condition_.parameters.emplace_back(kDocumentKey);
    condition_.parameters.push_back(node.values.front());
    return std::string(kContains);
  }

  Where::Condition condition_;
};

}  // namespace

Result<Where> Where::parse(const Json& where, const Json& where_document) {
  Parser parser;
  Node all{.op = Operator::all_of};
  if (!where.is_null()) all.parts.push_back(TRY(parser.where(where, 1)));
  if (!where_document.is_null()) all.parts.push_back(TRY(parser.document(where_document, 1)));
  Where result;
  if (all.parts.size() == 1) all = Node(std::move(all.parts.front()));
  if (!all.parts.empty() || !all.values.empty()) result.root_ = std::make_shared<const Node>(std::move(all));
  return result;
}

bool Where::matches(const Json& metadata, std::string_view document) const {
  return !root_ || matches_node(*root_, metadata, document);
}

Where::Condition Where::condition() const { return root_ ? ConditionWriter().write(*root_) : Condition{"TRUE", {}}; }

Where::Sql Where::sql() const { return root_ ? SqlWriter().write(*root_) : Sql{"SELECT id FROM embeddings", {}}; }

}  // namespace tillite
