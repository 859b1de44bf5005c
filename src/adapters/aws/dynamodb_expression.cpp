#include "adapters/aws/dynamodb_expression.h"

#include <algorithm>

#include "adapters/aws/dynamodb_values.h"

namespace tillite {
namespace {

void append(std::string& text, std::string_view separator, std::string_view more) {
  if (!text.empty()) text += separator;
  text += more;
}

bool is_key(std::string_view attribute) { return attribute == "PK" || attribute == "SK"; }

}  // namespace

std::string DynamoDbExpression::name(std::string_view attribute) {
  for (const auto& [placeholder, known] : names_.items()) {
    if (known == attribute) return placeholder;
  }
  std::string placeholder = fmt::format("#n{}", names_.size());
  names_[placeholder] = attribute;
  return placeholder;
}

Result<std::string> DynamoDbExpression::value(const Json& value) {
  Json attribute = TRY(to_attribute(value));
  std::string placeholder = fmt::format(":v{}", values_.size());
  values_[placeholder] = std::move(attribute);
  return placeholder;
}

Result<std::string> DynamoDbExpression::clause(const Clause& clause) {
  const std::string attribute = name(clause.attribute);
  using enum Clause::Operator;
  if (is_key(clause.attribute) && clause.op == absent) return fmt::format("attribute_not_exists({})", attribute);
  if (is_key(clause.attribute) && clause.op == present) return fmt::format("attribute_exists({})", attribute);
  if (clause.op == absent || clause.op == present) {
    const std::string null = TRY(value("NULL"));
    return clause.op == absent
               ? fmt::format("(attribute_not_exists({0}) OR attribute_type({0}, {1}))", attribute, null)
               : fmt::format("(attribute_exists({0}) AND NOT attribute_type({0}, {1}))", attribute, null);
  }
  // What is null is absent, it neither equals nor differs; and only numbers and texts are less than others.
  const bool is_ordered = clause.value.is_number() || clause.value.is_string();
  if (clause.value.is_null() || (clause.op == less && !is_ordered)) {
    return fmt::format("(attribute_exists({0}) AND attribute_not_exists({0}))", attribute);
  }
  const std::string compared = TRY(value(clause.value));
  if (clause.op == equal) return fmt::format("{} = {}", attribute, compared);
  if (clause.op == less) return fmt::format("{} < {}", attribute, compared);
  const std::string null = TRY(value("NULL"));
  return fmt::format("(attribute_exists({0}) AND NOT attribute_type({0}, {1}) AND {0} <> {2})", attribute, null,
                     compared);
}

Result<std::string> DynamoDbExpression::condition(const Condition& condition) {
  std::string text;
  for (const Clause& one : condition) append(text, " AND ", TRY(clause(one)));
  return text;
}

Result<std::string> DynamoDbExpression::update(const Update& update) {
  std::string set;
  std::string remove;
  for (const auto& [attribute, changed] : update.set.items()) {
    if (std::ranges::find(update.remove, attribute) != update.remove.end()) continue;
    if (is_key(attribute)) return fail(Code::invalid_input, "an update cannot change a row's {}", attribute);
    if (is_no_index_key(attribute, changed)) {
      append(remove, ", ", name(attribute));
    } else {
      const std::string placeholder = TRY(value(changed));
      append(set, ", ", fmt::format("{} = {}", name(attribute), placeholder));
    }
  }
  for (const std::string& attribute : update.remove) append(remove, ", ", name(attribute));
  std::string text;
  if (!set.empty()) text = "SET " + set;
  if (!remove.empty()) append(text, " ", "REMOVE " + remove);
  return text;
}

void DynamoDbExpression::add_placeholders(Json& arguments) const {
  if (!names_.empty()) arguments["ExpressionAttributeNames"] = names_;
  if (!values_.empty()) arguments["ExpressionAttributeValues"] = values_;
}

Result<Json> write_arguments(const Write& write) {
  DynamoDbExpression expression;
  Json arguments = Json::object();
  Condition condition = condition_of(write);
  if (const auto* put = std::get_if<Put>(&write)) {
    arguments["Item"] = TRY(to_attributes(put->item));
  } else {
    arguments["Key"] = key_attributes(key_of(write));
  }
  if (const auto* update = std::get_if<Update>(&write)) {
    std::string changes = TRY(expression.update(*update));
    if (!changes.empty()) arguments["UpdateExpression"] = std::move(changes);
    if (!update->set.contains("TYPE")) condition.push_back(present("PK"));
  }
  std::string holds = TRY(expression.condition(condition));
  if (!holds.empty()) arguments["ConditionExpression"] = std::move(holds);
  expression.add_placeholders(arguments);
  return arguments;
}

std::string_view write_kind(const Write& write) {
  if (std::holds_alternative<Put>(write)) return "Put";
  return std::holds_alternative<Update>(write) ? "Update" : "Delete";
}

}  // namespace tillite
