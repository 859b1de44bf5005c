#include "vectors/chroma/chroma_reader.h"

#include <algorithm>

#include "vectors/files/database_file.h"

namespace tillite {
namespace {

// A filter reads rows from all over the file: faster from memory that the system keeps than through SQLite's own.
constexpr std::int64_t kMappedBytesMax = std::int64_t{1} << 40;

constexpr std::size_t kFiltersMax = 16;
constexpr std::size_t kFiltersBytesMax = std::size_t{16} << 20;
constexpr std::size_t kNameBytesMax = std::size_t{64} << 10;

}  // namespace

struct ChromaReader::Parts {
  explicit Parts(SQLite::Database opened) : database(std::move(opened)), rows(database) {}

  SQLite::Database database;
  ChromaRows rows;
  std::string vector_segment;
  std::vector<std::unique_ptr<ChromaFilter>> filters;  ///< the last that was used first
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

ChromaFilter& ChromaReader::filter(const Where& where) {
  auto& filters = parts_->filters;
  std::string name = ChromaFilter::name_of(where);
  auto found = std::ranges::find(filters, name, [](const auto& filter) { return filter->name(); });
  if (found == filters.end()) {
    filters.push_back(std::make_unique<ChromaFilter>(parts_->database, where, std::move(name)));
    found = filters.end() - 1;
  }
  std::rotate(filters.begin(), found, found + 1);
  // Filters with longer names than that are there until the next one is asked for.
  const auto is_long = [](const auto& filter) { return filter->name().size() > kNameBytesMax; };
  const auto long_ones = std::ranges::remove_if(filters.begin() + 1, filters.end(), is_long);
  filters.erase(long_ones.begin(), long_ones.end());
  // What a filter knows grows after this: so much more than the limit may be kept as one filter learns in a query.
  std::size_t bytes = 0;
  std::size_t kept = 0;
  while (kept < std::min(filters.size(), kFiltersMax) && (kept == 0 || bytes <= kFiltersBytesMax)) {
    bytes += filters[kept++]->bytes();
  }
  filters.resize(kept);
  return *filters.front();
}

}  // namespace tillite
