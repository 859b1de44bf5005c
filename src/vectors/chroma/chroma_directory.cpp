#include "vectors/chroma/chroma_directory.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/uuid.h"
#include "vectors/chroma/chroma_metadata.h"
#include "vectors/chroma/chroma_queue.h"
#include "vectors/chroma/chroma_vectors.h"
#include "vectors/chroma/foreign_database.h"
#include "vectors/records/record.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite {
namespace {

constexpr std::size_t kCollectionsMax = 10'000;
constexpr std::size_t kDimensionsMax = 65'536;
constexpr std::size_t kIdBytesMax = std::size_t{64} << 10;
constexpr std::array<std::string_view, 3> kSpaces = {"cosine", "l2", "ip"};

/// The space that a configuration names; nothing if it names none.
std::optional<std::string> space_in(const std::string& configuration) {
  const auto json = parse_json(configuration, "the configuration");
  const Json::json_pointer place("/vector_index/hnsw/space");
  if (!json || !json->is_object() || !json->contains(place) || !json->at(place).is_string()) return std::nullopt;
  return json->at(place).get<std::string>();
}

/// Servers before 1.0 kept the space among the collection's metadata.
std::optional<std::string> space_in_metadata(SQLite::Database& database, const std::string& collection) {
  if (!database.tableExists("collection_metadata")) return std::nullopt;
  SQLite::Statement row(database,
                        "SELECT str_value FROM collection_metadata WHERE collection_id = ? AND key = 'hnsw:space'");
  row.bind(1, collection);
  if (!row.executeStep() || row.getColumn(0).isNull()) return std::nullopt;
  return row.getColumn(0).getString();
}

Result<std::string> space_of(SQLite::Database& database, const ChromaCollection& collection,
                             const std::string& configuration) {
  auto space = space_in(configuration);
  if (!space) space = space_in_metadata(database, collection.id);
  if (!space) return std::string("l2");  // a server's own default
  if (std::ranges::find(kSpaces, *space) != kSpaces.end()) return *std::move(space);
  return fail(Code::corrupt, "the collection '{}' has the space '{}': there are cosine, l2 and ip", collection.name,
              space->substr(0, 64));
}

Result<void> find_segments(SQLite::Database& database, ChromaCollection& collection) {
  SQLite::Statement segments(database, "SELECT id, scope FROM segments WHERE collection = ?");
  segments.bind(1, collection.id);
  while (segments.executeStep()) {
    const std::string scope = segments.getColumn(1).getString();
    if (scope == "VECTOR") collection.vector_segment = segments.getColumn(0).getString();
    if (scope == "METADATA") collection.metadata_segment = segments.getColumn(0).getString();
  }
  // The name becomes a path: it must lead nowhere else.
  if (is_uuid(collection.vector_segment) && is_uuid(collection.metadata_segment)) return {};
  return fail(Code::corrupt, "{} lacks one of the two segments of the collection '{}'", kChromaFile, collection.name);
}

Result<std::vector<ChromaCollection>> read_collections(SQLite::Database& database) {
  return with_foreign_sqlite("reading the collections", [&]() -> Result<std::vector<ChromaCollection>> {
    std::vector<ChromaCollection> collections;
    SQLite::Statement rows(database, "SELECT id, name, dimension, config_json_str FROM collections ORDER BY name, id");
    while (rows.executeStep()) {
      if (collections.size() == kCollectionsMax) {
        return fail(Code::limit_exceeded, "a directory may have {} collections at most", kCollectionsMax);
      }
      ChromaCollection collection;
      collection.id = rows.getColumn(0).getString();
      collection.name = rows.getColumn(1).getString();
      const auto dimensions = rows.getColumn(2).getInt64();
      if (!is_utf8(collection.name) || !is_utf8(collection.id) || dimensions < 0 ||
          dimensions > static_cast<std::int64_t>(kDimensionsMax)) {
        return fail(Code::corrupt, "{} has a collection whose name or dimension cannot be", kChromaFile);
      }
      collection.dimensions = static_cast<std::size_t>(dimensions);
      collection.space = TRY(space_of(database, collection, rows.getColumn(3).getString()));
      TRY(find_segments(database, collection));
      collections.push_back(std::move(collection));
    }
    return collections;
  });
}

/// Before the queue goes in: that makes rows of this moment.
Result<std::int64_t> newest_time_s(SQLite::Database& database) {
  return with_foreign_sqlite("reading the times", [&]() -> Result<std::int64_t> {
    SQLite::Statement newest(database,
                             "SELECT CAST(strftime('%s', max(created_at)) AS INTEGER) FROM (SELECT max(created_at) AS "
                             "created_at FROM embeddings UNION ALL SELECT max(created_at) FROM embeddings_queue)");
    return newest.executeStep() ? newest.getColumn(0).getInt64() : 0;
  });
}

Result<void> check_dimensions(const ChromaVectors& vectors, const ChromaCollection& collection, const Path& folder) {
  const HnswElements* const elements = vectors.elements();
  if (elements == nullptr || elements->size() == 0 || elements->layout().dimensions == collection.dimensions) return {};
  return fail(Code::corrupt, "{} has vectors of {} numbers, the collection '{}' has {} dimensions",
              (folder / collection.vector_segment).string(), elements->layout().dimensions, collection.name,
              collection.dimensions);
}

}  // namespace

struct ChromaDirectory::Parts {
  Path folder;
  ScratchFolder room;
  SQLite::Database database;
  std::vector<ChromaCollection> collections;
  std::int64_t written_s = 0;

  Result<std::vector<float>> vector_of(const ChromaCollection& collection, const ChromaVectors& vectors,
                                       SQLite::Statement& row);
};

ChromaDirectory::ChromaDirectory(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ChromaDirectory::ChromaDirectory(ChromaDirectory&&) noexcept = default;
ChromaDirectory& ChromaDirectory::operator=(ChromaDirectory&&) noexcept = default;
ChromaDirectory::~ChromaDirectory() = default;

Result<ChromaDirectory> ChromaDirectory::open(const Path& folder, const Path& scratch) {
  auto room = TRY(ScratchFolder::create(scratch));
  auto database = TRY(open_foreign_database(folder, room.path()));
  auto collections = read_collections(database);
  if (!collections) return pass_on(collections, folder.string());
  const auto written_s = newest_time_s(database);
  if (!written_s) return pass_on(written_s, folder.string());
  return ChromaDirectory(std::unique_ptr<Parts>(
      new Parts{folder, std::move(room), std::move(database), *std::move(collections), *written_s}));
}

const std::vector<ChromaCollection>& ChromaDirectory::collections() const { return parts_->collections; }

std::int64_t ChromaDirectory::written_s() const { return parts_->written_s; }

Result<ChromaCollection> ChromaDirectory::collection(std::string_view name) const {
  std::string names;
  for (const ChromaCollection& collection : parts_->collections) {
    if (collection.name == name) return collection;
    if (names.size() < 1'000) names += (names.empty() ? "" : ", ") + collection.name;
  }
  return fail(Code::not_found, "{} has no collection '{}'; there {}", parts_->folder.string(), name,
              names.empty() ? "is none at all" : "are " + names);
}

/// The vector of the record that `row` (element, sequence, id) is about.
Result<std::vector<float>> ChromaDirectory::Parts::vector_of(const ChromaCollection& collection,
                                                             const ChromaVectors& vectors, SQLite::Statement& row) {
  if (!row.getColumn(1).isNull()) {
    auto vector = TRY(queued_change(database, row.getColumn(1).getInt64())).vector;
    // As the server does when it takes the vector in. What cannot be normalised is handed on as it was given.
    if (collection.space == "cosine") (void)normalise(vector);
    return vector;
  }
  if (!row.getColumn(0).isNull()) {
    return vectors.elements()->vector(static_cast<std::uint64_t>(row.getColumn(0).getInt64()));
  }
  return fail(Code::corrupt,
              "{}: the record '{}' has no vector: its label is not in the saved segment, or the pickle of the labels "
              "is older than the vectors. snapshot verify tells more, snapshot repair mends what can be mended",
              (folder / collection.vector_segment).string(), row.getColumn(2).getString().substr(0, 128));
}

Result<void> ChromaDirectory::for_each(const ChromaCollection& collection,
                                       const std::function<Result<void>(ChromaRecord&&)>& each,
                                       const std::stop_token& stop) {
  SQLite::Database& database = parts_->database;
  TRY(apply_queued_metadata(database, collection));
  const auto vectors = TRY(ChromaVectors::gather(database, parts_->folder, collection, parts_->room.path()));
  TRY(check_dimensions(vectors, collection, parts_->folder));
  return with_foreign_sqlite(parts_->folder.string(), [&]() -> Result<void> {
    ChromaMetadata metadata(database);
    SQLite::Statement rows(
        database,
        "SELECT v.element, v.sequence, e.embedding_id, e.id FROM embeddings e LEFT JOIN room.vectors "
        "v ON v.id = e.embedding_id WHERE e.segment_id = ? ORDER BY e.id");
    rows.bind(1, collection.metadata_segment);
    for (std::uint64_t read = 0; rows.executeStep(); ++read) {
      if (stop.stop_requested()) return fail(Code::cancelled, "stopped while reading {}", parts_->folder.string());
      ChromaRecord record;
      record.id = rows.getColumn(2).getString();
      if (record.id.size() > kIdBytesMax || !is_utf8(record.id)) {
        return fail(Code::corrupt, "{}: the row {} of embeddings has an id that is no text",
                    (parts_->folder / kChromaFile).string(), rows.getColumn(3).getInt64());
      }
      record.vector = TRY(parts_->vector_of(collection, vectors, rows));
      TRY(metadata.read(rows.getColumn(3).getInt64(), record));
      TRY(each(std::move(record)));
      if (read % 4'096 == 0 && vectors.elements() != nullptr) vectors.elements()->release();
    }
    return {};
  });
}

}  // namespace tillite
