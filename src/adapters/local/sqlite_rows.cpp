#include "adapters/local/sqlite_rows.h"

#include <sqlite3.h>

#include <algorithm>

namespace tillite {
namespace {

constexpr int kBusyTimeoutMs = 30'000;
constexpr std::size_t kPageBytesMax = 8 * 1024 * 1024;
constexpr char kSeparator = '\x1f';  // between the parts of a page's token; no key has it

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS items (
  pk TEXT NOT NULL, sk TEXT NOT NULL, type TEXT NOT NULL,
  gsi1pk TEXT, gsi1sk TEXT, gsi2pk TEXT, gsi2sk TEXT, gsi3pk TEXT, gsi3sk TEXT,
  body TEXT NOT NULL,
  PRIMARY KEY (pk, sk));
CREATE INDEX IF NOT EXISTS items_gsi1 ON items (gsi1pk, gsi1sk, pk, sk) WHERE gsi1pk IS NOT NULL;
CREATE INDEX IF NOT EXISTS items_gsi2 ON items (gsi2pk, gsi2sk, pk, sk) WHERE gsi2pk IS NOT NULL;
CREATE INDEX IF NOT EXISTS items_gsi3 ON items (gsi3pk, gsi3sk, pk, sk) WHERE gsi3pk IS NOT NULL;
CREATE INDEX IF NOT EXISTS items_type ON items (type, pk, sk);
)sql";

/// The columns that an index is made of; `range` is empty where there is none.
struct Columns {
  std::string hash;
  std::string range;
};

Columns columns_of(Index index) {
  switch (index) {
    case Index::primary:
      return {"pk", "sk"};
    case Index::gsi1:
      return {"gsi1pk", "gsi1sk"};
    case Index::gsi2:
      return {"gsi2pk", "gsi2sk"};
    case Index::gsi3:
      return {"gsi3pk", "gsi3sk"};
    case Index::type:
      return {"type", ""};
  }
  return {"pk", "sk"};
}

/// The least text above all that begin with `prefix`; empty if there is none.
std::string after_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

/// The condition of a query and its parameters, in order.
struct Selection {
  std::string where;
  std::vector<std::string> parameters;
};

Selection select(const Query& query) {
  const Columns columns = columns_of(query.index);
  Selection selection{fmt::format("{} = ?", columns.hash), {query.hash}};
  if (!columns.range.empty() && !query.range_prefix.empty()) {
    selection.where += fmt::format(" AND {0} >= ? AND {0} < ?", columns.range);
    selection.parameters.push_back(query.range_prefix);
    selection.parameters.push_back(after_prefix(query.range_prefix));
  }
  return selection;
}

/// Makes a statement ready for its next use. An error that ended the last one was told then: reset() would throw it
/// once more.
void start_over(SQLite::Statement& statement) { statement.tryReset(); }

void bind_all(SQLite::Statement& statement, const std::vector<std::string>& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) statement.bind(static_cast<int>(i + 1), parameters[i]);
}

/// The order of an index: its range key, then the primary key.
std::vector<std::string> order_of(Index index) {
  if (index == Index::primary) return {"sk"};
  if (index == Index::type) return {"pk", "sk"};
  return {columns_of(index).range, "pk", "sk"};
}

std::vector<std::string> split_token(const std::string& token) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t end = token.find(kSeparator); end != std::string::npos; end = token.find(kSeparator, start)) {
    parts.push_back(token.substr(start, end - start));
    start = end + 1;
  }
  parts.push_back(token.substr(start));
  return parts;
}

std::string text_of(const Item& item, std::string_view name) {
  const Json* value = find_field(item, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

Result<Item> parse_body(const std::string& body) {
  auto item = parse_json(body, "a row");
  if (!item) return fail(Code::corrupt, "a row of the table cannot be read: {}", item.error().message());
  return item;
}

/// A row as it is stored. Refuses what DynamoDB would refuse: keys or TYPE missing, a row above 400 KB.
Result<std::string> body_of(const Item& item) {
  for (const char* name : {"PK", "SK", "TYPE"}) {
    if (text_of(item, name).empty()) return fail(Code::invalid_input, "a row needs a text in {}", name);
  }
  std::string body = to_text(item);
  if (body.size() > kItemBytesMax) {
    return fail(Code::limit_exceeded, "the row {} {} has {} bytes; at most {} are allowed", text_of(item, "PK"),
                text_of(item, "SK"), body.size(), kItemBytesMax);
  }
  return body;
}

}  // namespace

Result<std::unique_ptr<SqliteRows>> SqliteRows::open(const Path& file, bool write) {
  return with_sqlite(fmt::format("opening {}", file.string()),
                     [&] { return std::unique_ptr<SqliteRows>(new SqliteRows(file, write)); });
}

namespace {

/// Opens a file for a table: WAL, every commit on the disk, the schema made by whoever writes first.
SQLite::Database open_database(const Path& file, bool write) {
  SQLite::Database database(
      file.string(), write ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE : SQLite::OPEN_READWRITE, kBusyTimeoutMs);
  if (write) {
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA wal_autocheckpoint = 4000");
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    database.exec(kSchema);
    transaction.commit();
  } else {
    database.exec("PRAGMA query_only = ON");
  }
  // Each thread that reads has a connection: what theirs do not hold the system's page cache does.
  database.exec(write ? "PRAGMA cache_size = -16384" : "PRAGMA cache_size = -4096");
  return database;
}

}  // namespace

SqliteRows::SqliteRows(const Path& file, bool write)
    : reading_(fmt::format("reading {}", file.string())),
      writing_(fmt::format("writing to {}", file.string())),
      database_(open_database(file, write)),
      select_(database_, "SELECT body FROM items WHERE pk = ? AND sk = ?") {
  if (!write) return;
  replace_ = std::make_unique<SQLite::Statement>(
      database_,
      "INSERT INTO items (pk, sk, type, gsi1pk, gsi1sk, gsi2pk, gsi2sk, gsi3pk, gsi3sk, body) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (pk, sk) DO UPDATE SET type = excluded.type, "
      "gsi1pk = excluded.gsi1pk, gsi1sk = excluded.gsi1sk, gsi2pk = excluded.gsi2pk, gsi2sk = excluded.gsi2sk, "
      "gsi3pk = excluded.gsi3pk, gsi3sk = excluded.gsi3sk, body = excluded.body");
  delete_ = std::make_unique<SQLite::Statement>(database_, "DELETE FROM items WHERE pk = ? AND sk = ?");
}

bool SqliteRows::in_transaction() const { return sqlite3_get_autocommit(database_.getHandle()) == 0; }

Result<std::optional<Item>> SqliteRows::get(const ItemKey& key) {
  const auto body = TRY(with_sqlite(reading_, [&] {
    start_over(select_);
    select_.bind(1, key.pk);
    select_.bind(2, key.sk);
    std::optional<std::string> text;
    if (select_.executeStep()) text = select_.getColumn(0).getString();
    select_.reset();
    return text;
  }));
  if (!body) return std::optional<Item>{};
  return std::optional<Item>(TRY(parse_body(*body)));
}

Result<Page> SqliteRows::query(const Query& query) {
  const Columns columns = columns_of(query.index);
  const auto order = order_of(query.index);
  Selection selection = select(query);
  std::string order_by;
  std::string names;
  for (const std::string& column : order) {
    names += (names.empty() ? "" : ", ") + column;
    order_by += (order_by.empty() ? "" : ", ") + column + (query.newest_first ? " DESC" : "");
  }
  if (!query.start_after.empty()) {
    const auto token = split_token(query.start_after);
    if (token.size() != order.size()) return fail(Code::invalid_input, "the place to go on from is not of this query");
    std::string marks = "?";
    for (std::size_t i = 1; i < order.size(); ++i) marks += ", ?";
    selection.where += fmt::format(" AND ({}) {} ({})", names, query.newest_first ? "<" : ">", marks);
    selection.parameters.insert(selection.parameters.end(), token.begin(), token.end());
  }
  const std::string sql = fmt::format("SELECT body, {} FROM items WHERE {} ORDER BY {} LIMIT {}", names,
                                      selection.where, order_by, query.limit + 1);
  return with_sqlite(reading_, [&]() -> Result<Page> {
    SQLite::Statement statement(database_, sql);
    bind_all(statement, selection.parameters);
    Page page;
    std::size_t size_bytes = 0;
    std::string last;
    while (statement.executeStep()) {
      if (page.items.size() == query.limit || size_bytes > kPageBytesMax) {
        page.next = last;
        break;
      }
      const std::string body = statement.getColumn(0).getString();
      size_bytes += body.size();
      page.items.push_back(TRY(parse_body(body)));
      last.clear();
      for (std::size_t i = 0; i < order.size(); ++i) {
        if (i > 0) last += kSeparator;
        last += statement.getColumn(static_cast<int>(i + 1)).getString();
      }
    }
    return page;
  });
}

Result<std::uint64_t> SqliteRows::count(const Query& query) {
  const Selection selection = select(query);
  return with_sqlite(reading_, [&] {
    SQLite::Statement statement(database_, "SELECT count(*) FROM items WHERE " + selection.where);
    bind_all(statement, selection.parameters);
    statement.executeStep();
    return static_cast<std::uint64_t>(statement.getColumn(0).getInt64());
  });
}

Result<bool> SqliteRows::apply(const Write& write) {
  const ItemKey key = std::visit(
      [](const auto& one) {
        if constexpr (requires { one.item; }) {
          return key_of(one.item);
        } else {
          return one.key;
        }
      },
      write);
  const auto& condition = std::visit([](const auto& one) -> const Condition& { return one.condition; }, write);
  const auto* update = std::get_if<Update>(&write);
  std::optional<Item> stored;
  if (update != nullptr || !condition.empty()) stored = TRY(get(key));
  if (!holds(condition, stored ? &*stored : nullptr)) return false;

  if (const auto* one = std::get_if<Put>(&write)) {
    TRY(put(key, one->item));
  } else if (update != nullptr) {
    Item item = stored.value_or(Item{{"PK", key.pk}, {"SK", key.sk}});
    item.update(update->set);
    for (const std::string& name : update->remove) item.erase(name);
    TRY(put(key, item));
  } else {
    TRY(with_sqlite(writing_, [&] { erase(key); }));
  }
  return true;
}

Result<void> SqliteRows::put(const ItemKey& key, const Item& item) {
  const std::string body = TRY(body_of(item));
  return with_sqlite(writing_, [&] {
    start_over(*replace_);
    replace_->bind(1, key.pk);
    replace_->bind(2, key.sk);
    replace_->bind(3, text_of(item, "TYPE"));
    int column = 4;
    for (const char* name : {"GSI1PK", "GSI1SK", "GSI2PK", "GSI2SK", "GSI3PK", "GSI3SK"}) {
      const std::string text = text_of(item, name);
      if (text.empty()) {
        replace_->bind(column++);
      } else {
        replace_->bind(column++, text);
      }
    }
    replace_->bind(column, body);
    replace_->exec();
  });
}

void SqliteRows::erase(const ItemKey& key) {
  start_over(*delete_);
  delete_->bind(1, key.pk);
  delete_->bind(2, key.sk);
  delete_->exec();
}

}  // namespace tillite
