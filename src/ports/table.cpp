#include "ports/table.h"

#include <algorithm>
#include <set>

namespace tillite {
namespace {

constexpr std::size_t kTransactionBytesMax = std::size_t{4} << 20;  // of all that it writes, as JSON

bool is_text(const Json* value) {
  const auto* text = value == nullptr ? nullptr : value->get_ptr<const std::string*>();
  return text != nullptr && !text->empty();
}

/// Numbers are less than numbers and texts than texts, by their bytes; nothing else is.
bool can_be_less(const Json& left, const Json& right) {
  return (left.is_number() && right.is_number()) || (left.is_string() && right.is_string());
}

/// Of what a write brings; what it leaves as it is does not count.
std::size_t written_bytes(const Write& write) {
  if (const auto* put = std::get_if<Put>(&write)) return to_text(put->item).size();
  if (const auto* update = std::get_if<Update>(&write)) return to_text(update->set).size();
  return 0;
}

}  // namespace

ItemKey key_of(const Item& item) { return {item.at("PK").get<std::string>(), item.at("SK").get<std::string>()}; }

ItemKey key_of(const Write& write) {
  if (const auto* put = std::get_if<Put>(&write)) return key_of(put->item);
  if (const auto* update = std::get_if<Update>(&write)) return update->key;
  return std::get<Erase>(write).key;
}

const Condition& condition_of(const Write& write) {
  return std::visit([](const auto& one) -> const Condition& { return one.condition; }, write);
}

std::string row_name(const ItemKey& key) { return key.pk + " " + key.sk; }

Result<void> check_write(const Write& write) {
  if (const auto* put = std::get_if<Put>(&write)) {
    if (is_text(find_field(put->item, "PK")) && is_text(find_field(put->item, "SK"))) return {};
  } else {
    const auto* update = std::get_if<Update>(&write);
    const ItemKey& key = update != nullptr ? update->key : std::get<Erase>(write).key;
    if (!key.pk.empty() && !key.sk.empty() && (update == nullptr || update->set.is_object())) return {};
  }
  return fail(Code::invalid_input, "a row needs a text in PK and SK, and an update an object of what it sets");
}

Result<void> check_transaction(const std::vector<Write>& writes) {
  if (writes.size() > kTransactionWritesMax) {
    return fail(Code::limit_exceeded, "a transaction of {} writes; at most {} are allowed", writes.size(),
                kTransactionWritesMax);
  }
  std::set<ItemKey> rows;
  std::size_t bytes = 0;
  std::size_t largest_bytes = 0;
  ItemKey largest;
  for (const Write& write : writes) {
    TRY(check_write(write));
    if (!rows.insert(key_of(write)).second) {
      return fail(Code::invalid_input, "a transaction writes the row {} twice", row_name(key_of(write)));
    }
    const std::size_t of_row = written_bytes(write);
    bytes += of_row;
    if (of_row <= largest_bytes) continue;
    largest_bytes = of_row;
    largest = key_of(write);
  }
  if (bytes <= kTransactionBytesMax) return {};
  return fail(Code::limit_exceeded,
              "a transaction of {} bytes; at most {} are allowed. The row {} alone has {}: write fewer rows at once",
              bytes, kTransactionBytesMax, row_name(largest), largest_bytes);
}

Result<void> check_item(const Item& item) {
  for (const char* name : {"PK", "SK", "TYPE"}) {
    if (!is_text(find_field(item, name))) return fail(Code::invalid_input, "a row needs a text in {}", name);
  }
  const std::size_t bytes = to_text(item).size();
  if (bytes <= kItemBytesMax) return {};
  return fail(Code::limit_exceeded, "the row {} has {} bytes; at most {} are allowed", row_name(key_of(item)), bytes,
              kItemBytesMax);
}

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
        return value != nullptr && can_be_less(*value, clause.value) && *value < clause.value;
    }
    return false;
  });
}

}  // namespace tillite
