#include "vectors/snapshots/record_index.h"

#include <array>
#include <cstring>

#include "vectors/files/btree_writer.h"
#include "vectors/files/database_file.h"
#include "vectors/files/stored_record.h"

namespace tillite {
namespace {

constexpr int kFormatVersion = 2;
constexpr int kFirstWithTotals = 2;

constexpr const char* kTombstones = "CREATE INDEX tombstones ON records (removed_at_ms) WHERE label IS NULL";

constexpr const char* kSchema =
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE records (id TEXT PRIMARY KEY, item_version INTEGER NOT NULL, metadata_version INTEGER NOT NULL, "
    "  delta TEXT NOT NULL, label INTEGER, vector_hash BLOB, record_hash BLOB, removed_at_ms INTEGER) WITHOUT ROWID;"
    "CREATE TABLE waiting (id TEXT PRIMARY KEY, item_version INTEGER NOT NULL, metadata_version INTEGER NOT NULL, "
    "  delta TEXT NOT NULL, metadata TEXT NOT NULL, document TEXT NOT NULL) WITHOUT ROWID;";

constexpr const char* kRecordColumns =
    "id, item_version, metadata_version, delta, label, vector_hash, record_hash, removed_at_ms";

using HashBytes = std::array<unsigned char, 16>;

HashBytes bytes_of(const Sum128& hash) {
  HashBytes bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<unsigned char>(hash.high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<unsigned char>(hash.low >> (56 - 8 * i));
  }
  return bytes;
}

Result<Sum128> hash_column(const SQLite::Column& column) {
  if (column.getBytes() != static_cast<int>(HashBytes().size())) {
    return fail(Code::corrupt, "a hash of {} bytes in records.sqlite3, 16 were expected", column.getBytes());
  }
  const auto* const bytes = static_cast<const unsigned char*>(column.getBlob());
  Sum128 hash;
  for (std::size_t i = 0; i < 8; ++i) {
    hash.high = hash.high << 8 | bytes[i];
    hash.low = hash.low << 8 | bytes[8 + i];
  }
  return hash;
}

/// The row that a statement over kRecordColumns stands on.
Result<IndexedRecord> record_row(SQLite::Statement& row) {
  IndexedRecord record;
  record.id = RecordId(row.getColumn(0).getString());
  record.item_version = row.getColumn(1).getInt64();
  record.metadata_version = row.getColumn(2).getInt64();
  record.delta = DeltaId(row.getColumn(3).getString());
  if (row.getColumn(4).isNull()) {
    record.removed_at_ms = row.getColumn(7).getInt64();
    return record;
  }
  record.label = TRY(unsigned_column(row.getColumn(4), "a label in records.sqlite3"));
  record.vector_hash = TRY(hash_column(row.getColumn(5)));
  record.record_hash = TRY(hash_column(row.getColumn(6)));
  return record;
}

Result<Record> waiting_row(SQLite::Statement& row) {
  Record record;
  record.kind = RecordKind::metadata;
  record.id = RecordId(row.getColumn(0).getString());
  record.item_version = row.getColumn(1).getInt64();
  record.metadata_version = row.getColumn(2).getInt64();
  record.delta = DeltaId(row.getColumn(3).getString());
  auto metadata = parse_json(row.getColumn(4).getString(), "waiting metadata");
  if (!metadata) return fail(Code::corrupt, "records.sqlite3: {}", metadata.error().message());
  record.metadata = *std::move(metadata);
  record.document = row.getColumn(5).getString();
  return record;
}

/// The format of the file.
Result<int> check_format(SQLite::Database& database, const std::string& name, const CollectionBinding& binding) {
  const int version = database.execAndGet("PRAGMA user_version").getInt();
  if (version > kFormatVersion) {
    return fail(Code::unsupported, "{} has format {}, this program knows {} at most: use a newer program", name,
                version, kFormatVersion);
  }
  if (version < 1 || !database.tableExists("facts")) return fail(Code::corrupt, "{} is not an index of records", name);
  const std::string stored = database.execAndGet("SELECT value FROM facts WHERE name = 'binding'").getString();
  if (stored != to_text(to_json(binding))) {
    return fail(Code::invalid_input, "{} belongs to {}, not to {}", name, stored, to_text(to_json(binding)));
  }
  return version;
}

Result<RecordIndex::Totals> count_rows(SQLite::Database& database) {
  RecordIndex::Totals totals;
  SQLite::Statement rows(database, "SELECT label IS NULL, record_hash FROM records");
  while (rows.executeStep()) {
    if (rows.getColumn(0).getInt() != 0) {
      ++totals.tombstones;
      continue;
    }
    ++totals.vectors;
    totals.checksum += TRY(hash_column(rows.getColumn(1)));
  }
  return totals;
}

Result<RecordIndex::Totals> read_totals(SQLite::Database& database) {
  const auto fact = [&](const std::string& name) {
    return database.execAndGet("SELECT value FROM facts WHERE name = '" + name + "'");
  };
  RecordIndex::Totals totals;
  totals.vectors = TRY(unsigned_column(fact("vectors"), "the number of vectors in records.sqlite3"));
  totals.tombstones = TRY(unsigned_column(fact("tombstones"), "the number of tombstones in records.sqlite3"));
  totals.checksum = TRY(Sum128::from_hex(fact("checksum").getString()));
  return totals;
}

/// Makes a new file with its empty tables; the root of that of records.
Result<std::uint32_t> create_tables(const Path& file, const CollectionBinding& binding) {
  auto database = TRY(open_for_building(file));
  return with_sqlite(file.string(), [&] {
    database.exec(kSchema);
    database.exec(kTombstones);
    database.exec(fmt::format("PRAGMA user_version = {}", kFormatVersion));
    SQLite::Statement fact(database, "INSERT INTO facts (name, value) VALUES ('binding', ?), ('labels_given', 0)");
    fact.bind(1, to_text(to_json(binding)));
    fact.exec();
    const auto root = database.execAndGet("SELECT rootpage FROM sqlite_schema WHERE name = 'records'").getUInt();
    fact.reset();
    database.exec("COMMIT");
    return root;
  });
}

/// The table of a new file while records come in the order of their ids: it is written from front to back, and SQLite
/// does not have the file open.
class NewTable {
 public:
  static Result<std::unique_ptr<NewTable>> open(const Path& file, std::uint32_t root) {
    return std::unique_ptr<NewTable>(new NewTable(TRY(PageFile::open(file)), root));
  }

  Result<void> add(const IndexedRecord& record) {
    const HashBytes vector_hash = bytes_of(record.vector_hash);
    const HashBytes record_hash = bytes_of(record.record_hash);
    row_.clear();  // kRecordColumns
    row_.add(record.id.str());
    row_.add(record.item_version);
    row_.add(record.metadata_version);
    row_.add(record.delta.str());
    row_.add(static_cast<std::int64_t>(*record.label));
    row_.add(std::as_bytes(std::span(vector_hash)));
    row_.add(std::as_bytes(std::span(record_hash)));
    row_.add_null();
    return tree_.add_entry(row_.bytes());
  }
  Result<void> finish() {
    TRY(tree_.finish());
    return pages_.finish();
  }

 private:
  NewTable(PageFile pages, std::uint32_t root)
      : pages_(std::move(pages)), tree_(pages_, BtreeWriter::Kind::index, root) {}

  PageFile pages_;
  BtreeWriter tree_;
  StoredRecord row_;
};

/// The file as SQLite has it open.
struct OpenIndex {
  explicit OpenIndex(SQLite::Database opened)
      : database(std::move(opened)),
        find_record(database, fmt::format("SELECT {} FROM records WHERE id = ?", kRecordColumns)),
        find_waiting(database,
                     "SELECT id, item_version, metadata_version, delta, metadata, document FROM waiting "
                     "WHERE id = ?"),
        page(database, fmt::format("SELECT {} FROM records WHERE id > ? AND label IS NOT NULL ORDER BY id LIMIT ?",
                                   kRecordColumns)),
        replaced(database, "SELECT label IS NULL, record_hash FROM records WHERE id = ?"),
        put_record(database,
                   fmt::format("INSERT OR REPLACE INTO records ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", kRecordColumns)),
        put_waiting(database,
                    "INSERT OR REPLACE INTO waiting (id, item_version, metadata_version, delta, metadata, document) "
                    "VALUES (?, ?, ?, ?, ?, ?)"),
        remove_waiting(database, "DELETE FROM waiting WHERE id = ?") {}

  template <typename Value>
  Result<void> set_fact(const std::string& name, const Value& value) {
    return with_sqlite("writing to records.sqlite3", [&] {
      SQLite::Statement fact(database, "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)");
      fact.bind(1, name);
      fact.bind(2, value);
      fact.exec();
    });
  }

  SQLite::Database database;
  SQLite::Statement find_record;
  SQLite::Statement find_waiting;
  SQLite::Statement page;
  SQLite::Statement replaced;
  SQLite::Statement put_record;
  SQLite::Statement put_waiting;
  SQLite::Statement remove_waiting;
};

/// The row that is replaced counts no longer.
Result<void> uncount(OpenIndex& index, const RecordId& id, RecordIndex::Totals& totals) {
  auto& replaced = index.replaced;
  replaced.reset();
  replaced.bind(1, id.str());
  if (!replaced.executeStep()) return {};
  if (replaced.getColumn(0).getInt() != 0) {
    --totals.tombstones;
  } else {
    --totals.vectors;
    totals.checksum -= TRY(hash_column(replaced.getColumn(1)));
  }
  replaced.reset();
  return {};
}

}  // namespace

struct RecordIndex::Parts {
  Path file;
  std::unique_ptr<NewTable> filling;  ///< as long as nothing is asked that takes SQLite
  std::unique_ptr<OpenIndex> opened;  ///< else
  Totals totals;
  bool has_totals = false;
  std::optional<RecordId> greatest;  ///< no id in the file is greater; empty: they are not known
  bool lacks_rows = false;           ///< they could not be written

  /// Whether the id is not in the file, as far as that is known without looking: records of a new file come in the
  /// order of their ids.
  [[nodiscard]] bool is_beyond(const RecordId& id) const { return greatest && *greatest < id; }
  void note(const RecordId& id) {
    if (is_beyond(id)) greatest = id;
  }
  /// The file in SQLite's hands, what was filled in before included.
  Result<OpenIndex*> in_sqlite() {
    if (lacks_rows) return fail(Code::internal, "{} could not be written", file.string());
    if (filling) {
      const auto table = std::move(filling);
      lacks_rows = true;
      TRY(table->finish());
      lacks_rows = false;
    }
    if (!opened) {
      auto database = TRY(open_for_building(file));
      opened = TRY(with_sqlite(file.string(), [&] { return std::make_unique<OpenIndex>(std::move(database)); }));
    }
    return opened.get();
  }
};

RecordIndex::RecordIndex(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RecordIndex::RecordIndex(RecordIndex&&) noexcept = default;
RecordIndex& RecordIndex::operator=(RecordIndex&&) noexcept = default;
RecordIndex::~RecordIndex() = default;

Result<RecordIndex> RecordIndex::create(const Path& file, const CollectionBinding& binding) {
  const auto root = TRY(create_tables(file, binding));
  auto parts = std::make_unique<Parts>();
  parts->file = file;
  parts->filling = TRY(NewTable::open(file, root));
  parts->has_totals = true;
  parts->greatest = RecordId();
  return RecordIndex(std::move(parts));
}

Result<RecordIndex> RecordIndex::open_copy(const Path& file, const CollectionBinding& binding) {
  auto database = TRY(open_for_building(file));
  return with_sqlite(file.string(), [&]() -> Result<RecordIndex> {
    const bool has_totals = TRY(check_format(database, file.string(), binding)) >= kFirstWithTotals;
    if (!has_totals) database.exec(kTombstones);
    auto parts = std::make_unique<Parts>();
    parts->totals = TRY(has_totals ? read_totals(database) : count_rows(database));
    parts->has_totals = true;
    database.exec(fmt::format("PRAGMA user_version = {}", kFormatVersion));
    parts->opened = std::make_unique<OpenIndex>(std::move(database));
    return RecordIndex(std::move(parts));
  });
}

Result<RecordIndex> RecordIndex::open_finished(const Path& file, const CollectionBinding& binding) {
  auto database = TRY(tillite::open_finished(file));
  return with_sqlite(file.string(), [&]() -> Result<RecordIndex> {
    auto parts = std::make_unique<Parts>();
    parts->has_totals = TRY(check_format(database, file.string(), binding)) >= kFirstWithTotals;
    if (parts->has_totals) parts->totals = TRY(read_totals(database));
    parts->opened = std::make_unique<OpenIndex>(std::move(database));
    return RecordIndex(std::move(parts));
  });
}

Result<KnownRecord> RecordIndex::find(const RecordId& id) {
  if (parts_->is_beyond(id)) return KnownRecord();
  OpenIndex* const index = TRY(parts_->in_sqlite());
  return with_sqlite("reading records.sqlite3", [&]() -> Result<KnownRecord> {
    KnownRecord known;
    auto& record = index->find_record;
    record.reset();
    record.bind(1, id.str());
    if (record.executeStep()) known.stored = TRY(record_row(record));
    auto& waiting = index->find_waiting;
    waiting.reset();
    waiting.bind(1, id.str());
    if (waiting.executeStep()) known.waiting = TRY(waiting_row(waiting));
    return known;
  });
}

Result<void> RecordIndex::put(const IndexedRecord& record) {
  if (parts_->filling && record.label && parts_->is_beyond(record.id)) {
    parts_->lacks_rows = true;
    TRY(parts_->filling->add(record));
    parts_->lacks_rows = false;
  } else {
    TRY(put_in_sqlite(record));
  }
  parts_->note(record.id);
  if (record.label) {
    ++parts_->totals.vectors;
    parts_->totals.checksum += record.record_hash;
  } else {
    ++parts_->totals.tombstones;
  }
  return {};
}

Result<void> RecordIndex::put_in_sqlite(const IndexedRecord& record) {
  OpenIndex* const index = TRY(parts_->in_sqlite());
  return with_sqlite("writing to records.sqlite3", [&]() -> Result<void> {
    if (!parts_->is_beyond(record.id)) TRY(uncount(*index, record.id, parts_->totals));
    auto& row = index->put_record;
    row.reset();
    row.clearBindings();
    row.bindNoCopy(1, record.id.str());
    row.bind(2, record.item_version);
    row.bind(3, record.metadata_version);
    row.bindNoCopy(4, record.delta.str());
    if (record.label) {
      const HashBytes vector_hash = bytes_of(record.vector_hash);
      const HashBytes record_hash = bytes_of(record.record_hash);
      row.bind(5, static_cast<std::int64_t>(*record.label));
      row.bind(6, vector_hash.data(), static_cast<int>(vector_hash.size()));
      row.bind(7, record_hash.data(), static_cast<int>(record_hash.size()));
    } else {
      row.bind(8, record.removed_at_ms);
    }
    row.exec();
    return {};
  });
}

Result<void> RecordIndex::put_waiting(const Record& metadata) {
  OpenIndex* const index = TRY(parts_->in_sqlite());
  parts_->note(metadata.id);
  return with_sqlite("writing to records.sqlite3", [&] {
    auto& row = index->put_waiting;
    row.reset();
    row.bind(1, metadata.id.str());
    row.bind(2, metadata.item_version);
    row.bind(3, metadata.metadata_version);
    row.bind(4, metadata.delta.str());
    row.bind(5, to_text(metadata.metadata));
    row.bind(6, metadata.document);
    row.exec();
  });
}

Result<void> RecordIndex::remove_waiting(const RecordId& id) {
  OpenIndex* const index = TRY(parts_->in_sqlite());
  return with_sqlite("writing to records.sqlite3", [&] {
    auto& row = index->remove_waiting;
    row.reset();
    row.bind(1, id.str());
    row.exec();
  });
}

Result<void> RecordIndex::drop_tombstones(std::int64_t removed_before_ms) {
  if (parts_->has_totals && parts_->totals.tombstones == 0) return {};
  OpenIndex* const index = TRY(parts_->in_sqlite());
  return with_sqlite("dropping tombstones of records.sqlite3", [&] {
    SQLite::Statement drop(index->database, "DELETE FROM records WHERE label IS NULL AND removed_at_ms < ?");
    drop.bind(1, removed_before_ms);
    parts_->totals.tombstones -= static_cast<std::uint64_t>(drop.exec());
  });
}

Result<std::uint64_t> RecordIndex::labels_given() {
  if (parts_->filling) return 0;
  OpenIndex* const index = TRY(parts_->in_sqlite());
  return with_sqlite("reading records.sqlite3", [&]() -> Result<std::uint64_t> {
    return unsigned_column(index->database.execAndGet("SELECT value FROM facts WHERE name = 'labels_given'"),
                           "labels_given in records.sqlite3");
  });
}

Result<void> RecordIndex::set_labels_given(std::uint64_t labels) {
  OpenIndex* const index = TRY(parts_->in_sqlite());
  return index->set_fact("labels_given", static_cast<std::int64_t>(labels));
}

Result<std::uint64_t> RecordIndex::vectors() {
  if (parts_->has_totals) return parts_->totals.vectors;
  OpenIndex* const index = TRY(parts_->in_sqlite());
  return with_sqlite("reading records.sqlite3", [&]() -> Result<std::uint64_t> {
    return unsigned_column(
        index->database.execAndGet("SELECT coalesce((SELECT value FROM facts WHERE name = 'vectors'), "
                                   "(SELECT count(*) FROM records WHERE label IS NOT NULL))"),
        "the number of vectors in records.sqlite3");
  });
}

Result<RecordIndex::Totals> RecordIndex::totals() {
  if (parts_->has_totals) return parts_->totals;
  return count_totals();
}

Result<RecordIndex::Totals> RecordIndex::count_totals() {
  OpenIndex* const index = TRY(parts_->in_sqlite());
  return with_sqlite("adding up records.sqlite3", [&] { return count_rows(index->database); });
}

Result<std::vector<IndexedRecord>> RecordIndex::page(const RecordId& after, std::size_t limit) {
  OpenIndex* const index = TRY(parts_->in_sqlite());
  return with_sqlite("reading records.sqlite3", [&]() -> Result<std::vector<IndexedRecord>> {
    std::vector<IndexedRecord> records;
    auto& rows = index->page;
    rows.reset();
    rows.bind(1, after.str());
    rows.bind(2, static_cast<std::int64_t>(limit));
    while (rows.executeStep()) records.push_back(TRY(record_row(rows)));
    rows.reset();
    return records;
  });
}

Result<void> RecordIndex::finish() {
  OpenIndex* const index = TRY(parts_->in_sqlite());
  const Totals& totals = parts_->totals;
  TRY(index->set_fact("vectors", static_cast<std::int64_t>(totals.vectors)));
  TRY(index->set_fact("tombstones", static_cast<std::int64_t>(totals.tombstones)));
  TRY(index->set_fact("checksum", totals.checksum.hex()));
  return with_sqlite("finishing records.sqlite3", [&]() -> Result<void> {
    const auto parts = std::move(parts_);
    for (auto* statement : {&index->find_record, &index->find_waiting, &index->page, &index->replaced,
                            &index->put_record, &index->put_waiting, &index->remove_waiting}) {
      statement->reset();
    }
    return finish_database(index->database);
  });
}

}  // namespace tillite
