#include "ports/table.h"

#include <algorithm>

namespace tillite {

ItemKey key_of(const Item& item) { return {item.at("PK").get<std::string>(), item.at("SK").get<std::string>()}; }

Result<std::vector<Item>> query_all(Table& table, Query query) {
  std::vector<Item> items;
  TRY(for_each_item(table, std::move(query), [&](const Item& item) -> Result<void> {
    items.push_back(item);
    return {};
  }));
  return items;
}

bool holds(const Condition& condition, const Item* item) {
  return std::ranges::all_of(condition, [&](const Clause& clause) {
    const Json* value = item == nullptr ? nullptr : find_field(*item, clause.attribute);
    switch (clause.op) {
      case Clause::Operator::absent:
        return value == nullptr;
      case Clause::Operator::present:
        return value != nullptr;
      case Clause::Operator::equal:
        return value != nullptr && *value == clause.value;
      case Clause::Operator::not_equal:
        return value != nullptr && *value != clause.value;
      case Clause::Operator::less:
        return value != nullptr && *value < clause.value;
    }
    return false;
  });
}

}  // namespace tillite
