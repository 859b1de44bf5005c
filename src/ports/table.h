#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"

namespace tillite {

/// A row: its attributes as plain JSON (string = S, number = N, boolean = BOOL, object = M, array = L, null = NULL).
/// PK, SK and TYPE are always there; GSI1PK/GSI1SK to GSI3PK/GSI3SK put it into an index.
using Item = Json;

/// The primary key of a row.
struct ItemKey {
  std::string pk;
  std::string sk;
  auto operator<=>(const ItemKey&) const = default;
};

[[nodiscard]] ItemKey key_of(const Item& item);

/// What must hold of the stored row for a write to happen; all clauses must hold. A row that is not there has no
/// attributes. An attribute that is null counts as absent.
struct Clause {
  /// not_equal and less need it present; less compares numbers with numbers and texts with texts, and holds of nothing
  /// else.
  enum class Operator { absent, present, equal, not_equal, less };
  std::string attribute;
  Operator op;
  Json value = nullptr;
};
using Condition = std::vector<Clause>;

[[nodiscard]] inline Clause absent(std::string attribute) {
  return {std::move(attribute), Clause::Operator::absent, nullptr};
}
[[nodiscard]] inline Clause present(std::string attribute) {
  return {std::move(attribute), Clause::Operator::present, nullptr};
}
[[nodiscard]] inline Clause equal(std::string attribute, Json value) {
  return {std::move(attribute), Clause::Operator::equal, std::move(value)};
}
[[nodiscard]] inline Clause not_equal(std::string attribute, Json value) {
  return {std::move(attribute), Clause::Operator::not_equal, std::move(value)};
}
[[nodiscard]] inline Clause less(std::string attribute, Json value) {
  return {std::move(attribute), Clause::Operator::less, std::move(value)};
}

/// Writes a whole row.
struct Put {
  Item item;
  Condition condition = {};
};
/// Changes some attributes of a row and leaves the others. A row that is not there is created, unless the condition
/// forbids it (as DynamoDB's UpdateItem does).
struct Update {
  ItemKey key;
  Json set = Json::object();             ///< attributes to set
  std::vector<std::string> remove = {};  ///< attributes to remove
  Condition condition = {};
};
/// Removes a row; one that is not there is no error.
struct Erase {
  ItemKey key;
  Condition condition = {};
};
using Write = std::variant<Put, Update, Erase>;

/// The row that a write is of.
[[nodiscard]] ItemKey key_of(const Write& write);
[[nodiscard]] const Condition& condition_of(const Write& write);

inline constexpr std::size_t kTransactionWritesMax = 100;
inline constexpr std::size_t kItemBytesMax = std::size_t{400} * 1024;  ///< of a row's JSON

/// Whether a write names its row: `invalid_input` if not. For adapters, before they hand it on.
[[nodiscard]] Result<void> check_write(const Write& write);
/// The same for a transaction, with its limits (`limit_exceeded`); no row may be written twice.
[[nodiscard]] Result<void> check_transaction(const std::vector<Write>& writes);
/// A row as it may be put: PK, SK and TYPE are texts (`invalid_input`), at most kItemBytesMax (`limit_exceeded`).
[[nodiscard]] Result<void> check_item(const Item& item);
/// "PK SK", for messages.
[[nodiscard]] std::string row_name(const ItemKey& key);

/// The table itself or one of its indexes. An index may lag on some tables: whoever acts on what it answered checks
/// again with a conditional write.
enum class Index { primary, gsi1, gsi2, gsi3, type };

struct Query {
  Index index = Index::primary;
  std::string hash;               ///< PK, GSInPK or TYPE
  std::string range_prefix = "";  ///< begins_with on SK or GSInSK; not for Index::type
  std::size_t limit = 1000;       ///< rows a page, at most
  std::string start_after = "";   ///< a Page's `next`
  bool newest_first = false;      ///< descending range key
};

struct Page {
  std::vector<Item> items;
  std::string next;  ///< where the next page starts; empty at the end
};

/// Rows under (PK, SK) with conditional writes: DynamoDB, or a SQLite file with DynamoDB's meaning and limits.
///
/// Threads: any method from any thread.
/// Durability: what a call reported as done survives a crash of the process and of the machine.
/// Errors: `conflict` where a condition did not hold; `limit_exceeded` for a row above 400 KB, a transaction above 4 MB
/// or 100 writes; `unavailable` (worth a retry, and it may hide a success); `corrupt`; `no_space`.
class Table {
 public:
  virtual ~Table() = default;

  /// The row, or nothing if there plainly is none. Sees every write that was reported as done.
  [[nodiscard]] virtual Result<std::optional<Item>> get(const ItemKey& key) = 0;

  /// The rows of these keys, in their order, nothing where there is none. Each is as get() would have it; together they
  /// are of no one moment.
  [[nodiscard]] virtual Result<std::vector<std::optional<Item>>> get_each(std::span<const ItemKey> keys) = 0;

  /// One write. `conflict` if its condition does not hold: nothing was changed.
  [[nodiscard]] virtual Result<void> write(const Write& write) = 0;

  /// All writes or none, at most 100 or 4 MB, each on another row. `conflict` names the first condition that failed.
  [[nodiscard]] virtual Result<void> transact(const std::vector<Write>& writes) = 0;

  /// Any number of independent writes; each happens or not by its own condition. The answer says per write whether it
  /// happened (false: its condition did not hold). An error means that any part of them may have happened.
  [[nodiscard]] virtual Result<std::vector<bool>> write_each(const std::vector<Write>& writes) = 0;

  /// A page of rows, ordered by range key.
  [[nodiscard]] virtual Result<Page> query(const Query& query) = 0;

  /// How many rows a query over all its pages would answer.
  [[nodiscard]] virtual Result<std::uint64_t> count(const Query& query) = 0;
};

/// Calls `each(const Item&) -> Result<void>` for all rows of a query, page by page.
template <typename Each>
[[nodiscard]] Result<void> for_each_item(Table& table, Query query, Each&& each) {
  while (true) {
    const Page page = TRY(table.query(query));
    for (const Item& item : page.items) TRY(each(item));
    if (page.next.empty()) return {};
    query.start_after = page.next;
  }
}

/// All rows of a query that is known to be small (a receipt, a list of batches).
[[nodiscard]] Result<std::vector<Item>> query_all(Table& table, Query query);

/// Whether `condition` holds of `item` (nullptr: no such row): the one meaning, for every adapter without its own.
[[nodiscard]] bool holds(const Condition& condition, const Item* item);

}  // namespace tillite
