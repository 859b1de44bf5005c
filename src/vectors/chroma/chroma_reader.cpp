#include "vectors/chroma/chroma_reader.h"

#include <algorithm>

#include "vectors/files/database_file.h"

namespace tillite {
namespace {

// A filter reads rows from all over the file: faster from memory that the system keeps than through SQLite's own.
constexpr std::int64_t kMappedBytesMax = std::int64_t{1} << 40;

// The index of the primary key (id, key). Left to choose, SQLite takes those of the values and passes over all matches.
constexpr std::string_view kByRecord = "INDEXED BY sqlite_autoindex_embedding_metadata_1";

void bind_value(SQLite::Statement& statement, int position, const Json& value) {
  if (value.is_string()) {
    statement.bind(position, value.get_ref<const std::string&>());
  } else if (value.is_boolean()) {
    statement.bind(position, value.get<bool>() ? 1 : 0);
  } else if (value.is_number_float()) {
    statement.bind(position, value.get<double>());
  } else {
    statement.bind(position, value.get<std::int64_t>());
  }
}

void bind_values(SQLite::Statement& statement, int first, const std::vector<Json>& values) {
  for (const Json& value : values) bind_value(statement, first++, value);
}

/// A query of rows of embedding_metadata for which one of the conditions holds.
std::string rows_where(const std::vector<std::string>& conditions, std::string_view indexed_by = {},
                       std::string_view more = {}) {
  const std::string select = fmt::format("SELECT 1 FROM embedding_metadata {} WHERE {}", indexed_by, more);
  return fmt::format("{}{}", select, fmt::join(conditions, fmt::format(" UNION ALL {}", select)));
}

}  // namespace

struct ChromaReader::Parts {
  explicit Parts(SQLite::Database opened) : database(std::move(opened)), rows(database) {}

  SQLite::Database database;
  ChromaRows rows;
  std::string vector_segment;
};

ChromaReader::ChromaReader(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ChromaReader::ChromaReader(ChromaReader&&) noexcept = default;
ChromaReader& ChromaReader::operator=(ChromaReader&&) noexcept = default;
ChromaReader::~ChromaReader() = default;

Result<ChromaReader> ChromaReader::open(const Path& file) {
  auto database = TRY(open_finished(file));
  return with_sqlite(file.string(), [&] {
    database.exec(fmt::format("PRAGMA mmap_size = {}", kMappedBytesMax));
    auto parts = std::make_unique<Parts>(std::move(database));
    parts->vector_segment = parts->database.execAndGet("SELECT id FROM segments WHERE scope = 'VECTOR'").getString();
    return ChromaReader(std::move(parts));
  });
}

const std::string& ChromaReader::vector_segment() const { return parts_->vector_segment; }

Result<std::uint64_t> ChromaReader::count() {
  return with_sqlite("counting in chroma.sqlite3", [&] {
    return static_cast<std::uint64_t>(parts_->database.execAndGet("SELECT count(*) FROM embeddings").getInt64());
  });
}

Result<std::optional<ChromaRow>> ChromaReader::read(std::uint64_t label) { return parts_->rows.read(label); }

Result<std::vector<std::uint64_t>> ChromaReader::labels_matching(const Where& where) {
  return with_sqlite("filtering in chroma.sqlite3", [&]() -> Result<std::vector<std::uint64_t>> {
    const Where::Sql filter = where.sql();
    SQLite::Statement rows(parts_->database, filter.ids);
    bind_values(rows, 1, filter.parameters);
    std::vector<std::uint64_t> labels;
    while (rows.executeStep()) labels.push_back(TRY(unsigned_column(rows.getColumn(0), "a label in chroma.sqlite3")));
    std::ranges::sort(labels);
    labels.erase(std::ranges::unique(labels).begin(), labels.end());
    return labels;
  });
}

Result<std::optional<LabelFilter>> ChromaReader::filter_of_many(const Where& where, std::uint64_t limit) {
  return with_sqlite("filtering in chroma.sqlite3", [&]() -> Result<std::optional<LabelFilter>> {
    const Where::Sql filter = where.sql();
    if (filter.indexed.empty()) return std::nullopt;
    SQLite::Statement count(parts_->database,
                            fmt::format("SELECT count(*) FROM ({} LIMIT {})", rows_where(filter.indexed), limit + 1));
    bind_values(count, 1, filter.parameters);
    if (!count.executeStep() || count.getColumn(0).getInt64() <= static_cast<std::int64_t>(limit)) return std::nullopt;
    auto check = std::make_unique<SQLite::Statement>(
        parts_->database, fmt::format("SELECT EXISTS ({})", rows_where(filter.indexed, kByRecord, "id = ?1 AND ")));
    bind_values(*check, 2, filter.parameters);
    return LabelFilter(std::move(check));
  });
}

Result<bool> LabelFilter::matches(std::uint64_t label) {
  return with_sqlite("filtering in chroma.sqlite3", [&]() -> Result<bool> {
    check_->reset();
    check_->bind(1, static_cast<std::int64_t>(label));
    return check_->executeStep() && check_->getColumn(0).getInt() != 0;
  });
}

}  // namespace tillite
