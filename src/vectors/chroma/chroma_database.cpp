#include "vectors/chroma/chroma_database.h"

#include <limits>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/uuid.h"
#include "vectors/chroma/chroma_template.h"
#include "vectors/chroma/metadata_load.h"
#include "vectors/files/database_file.h"

namespace tillite {
namespace {

constexpr std::string_view kVectorSegmentType = "urn:chroma:segment/vector/hnsw-local-persisted";
constexpr std::string_view kMetadataSegmentType = "urn:chroma:segment/metadata/sqlite";
// The shape that the server keeps. The shape that its HTTP interface shows ({"hnsw": ...}) is silently ignored here,
// and the space becomes l2.
constexpr std::string_view kConfiguration =
    R"({"vector_index":{"hnsw":{"space":"cosine","ef_construction":100,"max_neighbors":16,"ef_search":100}},)"
    R"("embedding_function":null})";

std::int64_t as_column(std::uint64_t label) { return static_cast<std::int64_t>(label); }

/// Each type has its own column.
void bind_value(SQLite::Statement& statement, const Json& value) {
  if (value.is_string()) {
    statement.bindNoCopy(3, value.get_ref<const std::string&>());
  } else if (value.is_boolean()) {
    statement.bind(6, value.get<bool>() ? 1 : 0);
  } else if (value.is_number_float()) {
    statement.bind(5, value.get<double>());
  } else {
    statement.bind(4, value.get<std::int64_t>());
  }
}

Result<void> check_field(const std::string& key, const Json& value) {
  constexpr auto kIntegerMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const bool scalar = value.is_string() || value.is_boolean() || value.is_number();
  if (!scalar || (value.is_number_unsigned() && value.get<std::uint64_t>() > kIntegerMax)) {
    return fail(Code::invalid_input, "metadata '{}' is {}: only strings, numbers and booleans can be stored", key,
                to_text(value).substr(0, 100));
  }
  if (key == kDocumentKey) return fail(Code::invalid_input, "metadata must not use the name '{}'", kDocumentKey);
  return {};
}

struct SegmentIds {
  std::string vector;
  std::string metadata;
};

void insert_segment(SQLite::Database& database, const std::string& id, std::string_view type, std::string_view scope,
                    const std::string& collection) {
  SQLite::Statement segment(database, "INSERT INTO segments (id, type, scope, collection) VALUES (?, ?, ?, ?)");
  segment.bind(1, id);
  segment.bind(2, std::string(type));
  segment.bind(3, std::string(scope));
  segment.bind(4, collection);
  segment.exec();
  // 0, and no row in embeddings_queue: the server's first change gets number 1 and counts as new. Any other number
  // without a row of that number in the queue would let the server drop changes that it has acknowledged.
  SQLite::Statement sequence(database, "INSERT INTO max_seq_id (segment_id, seq_id) VALUES (?, 0)");
  sequence.bind(1, id);
  sequence.exec();
}

void insert_collection(SQLite::Database& database, const CollectionBinding& binding) {
  const std::string id = uuid5(binding.collection);
  SQLite::Statement collection(database,
                               "INSERT INTO collections (id, name, dimension, database_id, config_json_str) "
                               "VALUES (?, ?, ?, (SELECT id FROM databases WHERE name = 'default_database'), ?)");
  collection.bind(1, id);
  collection.bind(2, binding.collection);
  collection.bind(3, static_cast<std::int64_t>(binding.dimensions));
  collection.bind(4, std::string(kConfiguration));
  collection.exec();
  insert_segment(database, uuid5(binding.collection + "/vector"), kVectorSegmentType, "VECTOR", id);
  insert_segment(database, uuid5(binding.collection + "/metadata"), kMetadataSegmentType, "METADATA", id);
  database.exec("INSERT OR IGNORE INTO acquire_write (id, lock_status) VALUES (1, 1)");
}

Result<void> check_collection(SQLite::Database& database, const CollectionBinding& binding) {
  SQLite::Statement collections(database, "SELECT name, dimension FROM collections");
  const bool ours = collections.executeStep() && collections.getColumn(0).getString() == binding.collection &&
                    collections.getColumn(1).getInt64() == static_cast<std::int64_t>(binding.dimensions) &&
                    !collections.executeStep();
  if (!ours) {
    return fail(Code::corrupt, "{} does not hold the collection {} of {} dimensions and nothing else",
                database.getFilename(), binding.collection, binding.dimensions);
  }
  return {};
}

Result<SegmentIds> read_segments(SQLite::Database& database) {
  SegmentIds ids;
  SQLite::Statement segments(database, "SELECT id, scope FROM segments");
  while (segments.executeStep()) {
    (segments.getColumn(1).getString() == "VECTOR" ? ids.vector : ids.metadata) = segments.getColumn(0).getString();
  }
  if (!is_uuid(ids.vector) || !is_uuid(ids.metadata)) {
    return fail(Code::corrupt, "{} lacks one of the collection's two segments", database.getFilename());
  }
  return ids;
}

/// The root pages of both tables and their indexes.
Result<MetadataRoots> read_roots(SQLite::Database& database) {
  MetadataRoots roots;
  const std::map<std::string, std::uint32_t*> places = {{"embeddings", &roots.records},
                                                        {"sqlite_autoindex_embeddings_1", &roots.records_by_id},
                                                        {"embedding_metadata", &roots.table},
                                                        {"sqlite_autoindex_embedding_metadata_1", &roots.by_record},
                                                        {"embedding_metadata_string_value", &roots.by_text},
                                                        {"embedding_metadata_int_value", &roots.by_whole},
                                                        {"embedding_metadata_float_value", &roots.by_real}};
  std::size_t found = 0;
  SQLite::Statement objects(
      database, "SELECT name, rootpage FROM sqlite_schema WHERE tbl_name IN ('embeddings', 'embedding_metadata')");
  while (objects.executeStep()) {
    const auto place = places.find(objects.getColumn(0).getString());
    if (place == places.end()) break;
    *place->second = objects.getColumn(1).getUInt();
    ++found;
  }
  if (found == places.size()) return roots;
  return fail(Code::internal, "{} has other tables of records and metadata", database.getFilename());
}

/// Records of a new file that wait to be written, with their metadata.
struct WaitingMetadata {
  ScratchFolder room;
  MetadataLoad rows;
  std::uint64_t last_label = 0;
  RecordId last_id;
};

}  // namespace

struct ChromaDatabase::Parts {
  Parts(SQLite::Database opened, SegmentIds ids)
      : database(std::move(opened)),
        segments(std::move(ids)),
        rows(database),
        insert_embedding(database,
                         "INSERT INTO embeddings (id, segment_id, embedding_id, seq_id, created_at) "
                         "VALUES (?, ?, ?, 0, ?)"),
        insert_metadata(database,
                        "INSERT INTO embedding_metadata (id, key, string_value, int_value, float_value, bool_value) "
                        "VALUES (?, ?, ?, ?, ?, ?)"),
        insert_text(database, "INSERT INTO embedding_fulltext_search (rowid, string_value) VALUES (?, ?)"),
        delete_embedding(database, "DELETE FROM embeddings WHERE id = ?"),
        delete_metadata(database, "DELETE FROM embedding_metadata WHERE id = ?"),
        delete_text(database, "DELETE FROM embedding_fulltext_search WHERE rowid = ?") {
    insert_embedding.bind(2, segments.metadata);
    insert_embedding.bind(4, std::string(kCreatedAt));
  }

  Result<void> insert_record(std::uint64_t label, const RecordId& id);
  Result<void> insert_value(std::uint64_t label, const std::string& key, const Json& value);
  Result<void> insert_fields(std::uint64_t label, const Json& metadata, std::string_view document);
  /// No statement is under way any more.
  void reset() {
    for (auto* statement :
         {&insert_embedding, &insert_metadata, &insert_text, &delete_embedding, &delete_metadata, &delete_text}) {
      statement->reset();
    }
  }
  /// Whether there was anything to delete.
  bool delete_row(SQLite::Statement& statement, std::uint64_t label);

  SQLite::Database database;
  SegmentIds segments;
  ChromaRows rows;
  SQLite::Statement insert_embedding;
  SQLite::Statement insert_metadata;
  SQLite::Statement insert_text;
  SQLite::Statement delete_embedding;
  SQLite::Statement delete_metadata;
  SQLite::Statement delete_text;
  std::int64_t growth = 0;
  std::optional<WaitingMetadata> waiting;
};

Result<void> ChromaDatabase::Parts::insert_record(std::uint64_t label, const RecordId& id) {
  if (waiting) {
    waiting->last_label = label;
    waiting->last_id = id;
    return waiting->rows.add_record(label, id.str());
  }
  insert_embedding.reset();
  insert_embedding.bind(1, as_column(label));
  insert_embedding.bindNoCopy(3, id.str());
  insert_embedding.exec();
  return {};
}

Result<void> ChromaDatabase::Parts::insert_value(std::uint64_t label, const std::string& key, const Json& value) {
  if (waiting) return waiting->rows.add(label, key, value);
  insert_metadata.reset();
  insert_metadata.clearBindings();
  insert_metadata.bind(1, as_column(label));
  insert_metadata.bindNoCopy(2, key);
  bind_value(insert_metadata, value);
  insert_metadata.exec();
  return {};
}

Result<void> ChromaDatabase::Parts::insert_fields(std::uint64_t label, const Json& metadata,
                                                  std::string_view document) {
  for (const auto& [key, value] : metadata.items()) {
    TRY(check_field(key, value));
    TRY(insert_value(label, key, value));
  }
  if (document.empty()) return {};
  // The full-text index finds what is in its own table only, and reads come from embedding_metadata only.
  const Json text(document);
  TRY(insert_value(label, std::string(kDocumentKey), text));
  insert_text.reset();
  insert_text.bind(1, as_column(label));
  insert_text.bindNoCopy(2, text.get_ref<const std::string&>());
  insert_text.exec();
  return {};
}

bool ChromaDatabase::Parts::delete_row(SQLite::Statement& statement, std::uint64_t label) {
  statement.reset();
  statement.bind(1, as_column(label));
  return statement.exec() > 0;
}

ChromaDatabase::ChromaDatabase(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ChromaDatabase::ChromaDatabase(ChromaDatabase&&) noexcept = default;
ChromaDatabase& ChromaDatabase::operator=(ChromaDatabase&&) noexcept = default;
ChromaDatabase::~ChromaDatabase() = default;

Result<ChromaDatabase> ChromaDatabase::create(const Path& file, const CollectionBinding& binding, const Path& scratch) {
  {
    auto empty = TRY(File::create(file));
    TRY(empty.write(chroma_template()));
  }
  auto database = TRY(open_for_building(file));
  TRY(with_sqlite(file.string(), [&] { insert_collection(database, binding); }));
  return with_sqlite(file.string(), [&]() -> Result<ChromaDatabase> {
    auto segments = TRY(read_segments(database));
    auto parts = std::make_unique<Parts>(std::move(database), std::move(segments));
    auto room = TRY(ScratchFolder::create(scratch.empty() ? file.parent_path() : scratch));
    auto rows = TRY(MetadataLoad::create(room.path()));
    parts->waiting.emplace(std::move(room), std::move(rows));
    return ChromaDatabase(std::move(parts));
  });
}

Result<ChromaDatabase> ChromaDatabase::open(const Path& file, const CollectionBinding& binding) {
  auto database = TRY(open_for_building(file));
  return with_sqlite(file.string(), [&]() -> Result<ChromaDatabase> {
    TRY(check_collection(database, binding));
    auto segments = TRY(read_segments(database));
    return ChromaDatabase(std::make_unique<Parts>(std::move(database), std::move(segments)));
  });
}

const std::string& ChromaDatabase::vector_segment() const {
  check(parts_ != nullptr, "the database is not finished, and nothing failed");
  return parts_->segments.vector;
}

Result<void> ChromaDatabase::insert(std::uint64_t label, const RecordId& id, const Json& metadata,
                                    std::string_view document) {
  TRY(check_open());
  if (auto& waiting = parts_->waiting; waiting && (label <= waiting->last_label || id <= waiting->last_id)) {
    TRY(write_waiting());
  }
  return with_sqlite("writing a record to chroma.sqlite3", [&]() -> Result<void> {
    TRY(parts_->insert_record(label, id));
    ++parts_->growth;
    return parts_->insert_fields(label, metadata, document);
  });
}

Result<void> ChromaDatabase::rewrite(std::uint64_t label, const Json& metadata, std::string_view document) {
  TRY(write_waiting());
  return with_sqlite("rewriting a record of chroma.sqlite3", [&]() -> Result<void> {
    parts_->delete_row(parts_->delete_metadata, label);
    parts_->delete_row(parts_->delete_text, label);
    return parts_->insert_fields(label, metadata, document);
  });
}

Result<void> ChromaDatabase::remove(std::uint64_t label) {
  TRY(write_waiting());
  return with_sqlite("removing a record of chroma.sqlite3", [&]() -> Result<void> {
    parts_->delete_row(parts_->delete_metadata, label);
    parts_->delete_row(parts_->delete_text, label);
    if (!parts_->delete_row(parts_->delete_embedding, label)) {
      return fail(Code::corrupt, "chroma.sqlite3 has no record with label {} although records.sqlite3 names it", label);
    }
    --parts_->growth;
    return {};
  });
}

Result<std::optional<ChromaRow>> ChromaDatabase::read(std::uint64_t label) {
  TRY(write_waiting());
  return parts_->rows.read(label);
}

std::int64_t ChromaDatabase::growth() const {
  check(parts_ != nullptr, "the database is not finished, and nothing failed");
  return parts_->growth;
}

Result<void> ChromaDatabase::for_each_label(std::uint64_t first,
                                            const std::function<Result<void>(const RecordId&, std::uint64_t)>& each) {
  TRY(write_waiting());
  return with_sqlite("reading the labels of chroma.sqlite3", [&]() -> Result<void> {
    SQLite::Statement rows(parts_->database, "SELECT embedding_id, id FROM embeddings WHERE id >= ? ORDER BY id");
    rows.bind(1, as_column(first));
    while (rows.executeStep()) {
      TRY(each(RecordId(rows.getColumn(0).getString()), TRY(unsigned_column(rows.getColumn(1), "a label"))));
    }
    return {};
  });
}

Result<void> ChromaDatabase::check_open() const {
  return parts_ ? Result<void>() : fail(Code::internal, "chroma.sqlite3 is finished, or could not be written");
}

Result<void> ChromaDatabase::write_waiting(const std::stop_token& stop) {
  TRY(check_open());
  if (!parts_->waiting) return {};
  auto parts = std::move(parts_);  // gone if anything fails: the file lacks rows then
  WaitingMetadata waiting = *std::exchange(parts->waiting, std::nullopt);
  const Path file = parts->database.getFilename();
  const auto growth = parts->growth;
  SegmentIds segments = parts->segments;
  const auto roots = TRY(with_sqlite("writing chroma.sqlite3", [&] { return read_roots(parts->database); }));
  TRY(with_sqlite("writing chroma.sqlite3", [&] {
    parts->reset();
    parts->database.exec("COMMIT");
  }));
  parts.reset();  // SQLite must not have the file open
  TRY(waiting.rows.write_into(file, roots, segments.metadata, stop));
  auto database = TRY(open_for_building(file));
  return with_sqlite(file.string(), [&] {
    parts_ = std::make_unique<Parts>(std::move(database), std::move(segments));
    parts_->growth = growth;
  });
}

Result<void> ChromaDatabase::finish() {
  TRY(write_waiting());
  return with_sqlite("finishing chroma.sqlite3", [&]() -> Result<void> {
    const auto parts = std::move(parts_);
    parts->reset();
    return finish_database(parts->database);
  });
}

}  // namespace tillite
