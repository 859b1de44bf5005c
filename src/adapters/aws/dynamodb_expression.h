#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "ports/table.h"

namespace tillite {

/// Builds the expressions of one call of DynamoDB's. Attributes and values stand in them as placeholders: many names
/// are reserved words ("status", "text", "owner").
class DynamoDbExpression {
 public:
  /// The placeholder of an attribute ("#n0") or of a value (":v0").
  [[nodiscard]] std::string name(std::string_view attribute);
  [[nodiscard]] Result<std::string> value(const Json& value);

  /// What a condition says; empty for one without clauses. Null counts as absent, as the port has it.
  [[nodiscard]] Result<std::string> condition(const Condition& condition);
  /// "SET #n0 = :v0 REMOVE #n1"; empty if nothing changes.
  [[nodiscard]] Result<std::string> update(const Update& update);

  /// Adds ExpressionAttributeNames and ExpressionAttributeValues, if there are any.
  void add_placeholders(Json& arguments) const;

 private:
  [[nodiscard]] Result<std::string> clause(const Clause& clause);
  Json names_ = Json::object();
  Json values_ = Json::object();
};

/// The arguments of PutItem, UpdateItem or DeleteItem for a write, without the table's name: they are those of a
/// transaction's member too. An update that would create a row without a TYPE has the condition that the row is there.
[[nodiscard]] Result<Json> write_arguments(const Write& write);

/// "Put", "Update" or "Delete": what a transaction calls a write.
[[nodiscard]] std::string_view write_kind(const Write& write);

}  // namespace tillite
