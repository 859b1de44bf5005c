#include "vectors/chroma/chroma_vectors.h"

#include <utility>

#include "vectors/chroma/chroma_queue.h"
#include "vectors/chroma/foreign_database.h"
#include "vectors/hnsw/segment_files.h"

namespace tillite {
namespace {

constexpr std::uint64_t kElementsAtOnce = 4'096;

constexpr const char* kTables =
    "CREATE TABLE room.vectors (id TEXT PRIMARY KEY, label INTEGER, element INTEGER, sequence INTEGER) WITHOUT ROWID;"
    "CREATE TABLE room.elements (label INTEGER PRIMARY KEY, element INTEGER NOT NULL, id TEXT);";

/// Ends what was begun, whatever happens in between: the room is worth nothing then.
class Transaction {
 public:
  explicit Transaction(SQLite::Database& database) : database_(database) { database_.exec("BEGIN"); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() { (void)database_.tryExec("COMMIT"); }

 private:
  SQLite::Database& database_;
};

Result<void> add_elements(SQLite::Database& database, const HnswElements& elements, const Path& segment) {
  SQLite::Statement add(database, "INSERT OR IGNORE INTO room.elements (label, element) VALUES (?, ?)");
  for (std::uint64_t element = 0; element < elements.size(); ++element) {
    if (element % kElementsAtOnce == 0) elements.release();
    if (elements.is_deleted(element)) continue;
    const std::uint64_t label = elements.label(element);
    add.reset();
    add.bind(1, static_cast<std::int64_t>(label));
    add.bind(2, static_cast<std::int64_t>(element));
    if (label > INT64_MAX || add.exec() == 0) {
      return fail(Code::corrupt, "{} at element {}: the label {} is another element's, or none",
                  (segment / kLevel0File).string(), element, label);
    }
  }
  elements.release();
  return {};
}

Result<LabelPickleFacts> add_labels(SQLite::Database& database, const Path& file) {
  const auto pickle = TRY(MappedFile::open(file));
  SQLite::Statement add(database, "INSERT OR IGNORE INTO room.vectors (id, label) VALUES (?, ?)");
  SQLite::Statement name(database, "UPDATE room.elements SET id = ?1 WHERE label = ?2 AND id IS NULL");
  const auto listener = LabelPickleListener{
      .label_of_id = [&](std::string_view id, std::uint64_t label) -> Result<void> {
        for (auto* statement : {&add, &name}) {
          statement->reset();
          statement->bind(1, std::string(id));
          statement->bind(2, static_cast<std::int64_t>(label));
        }
        (void)name.exec();  // a label without a live element is no mistake yet: its record may be newer, or deleted
        if (add.exec() == 1) return {};
        return fail(Code::corrupt, "{}: the id '{}' is there twice", file.string(), id.substr(0, 128));
      },
      .id_of_label = {}};
  return read_label_pickle(pickle.bytes(), file.string(), listener);
}

/// Whether the server has saved the segment: its pickle comes last. What is no regular file is not opened.
Result<bool> is_saved(const Path& segment) {
  std::error_code error;
  for (const char* name : {kHeaderFile, kLevel0File, kLengthFile, kLinkListsFile, kPickleFile}) {
    const auto kind = std::filesystem::status(segment / name, error).type();
    if (kind == std::filesystem::file_type::regular || kind == std::filesystem::file_type::not_found) continue;
    return fail(Code::corrupt, "{} is no regular file", (segment / name).string());
  }
  return std::filesystem::exists(segment / kPickleFile, error);
}

}  // namespace

Result<std::optional<std::int64_t>> saved_sequence_of(SQLite::Database& database, const std::string& segment) {
  return with_foreign_sqlite("reading max_seq_id", [&]() -> Result<std::optional<std::int64_t>> {
    SQLite::Statement row(database, "SELECT seq_id FROM max_seq_id WHERE segment_id = ?");
    row.bind(1, segment);
    if (!row.executeStep()) return std::nullopt;
    const auto column = row.getColumn(0);
    if (column.isInteger() && column.getInt64() >= 0) return column.getInt64();
    // Servers before 1.0 wrote the number as bytes, the highest first.
    const auto bytes = column.isBlob() ? column.getString() : std::string();
    std::uint64_t number = 0;
    for (const char byte : bytes) {
      if (number >> 55 != 0) return fail(Code::corrupt, "max_seq_id of the segment {} is too high", segment);
      number = number << 8 | static_cast<std::uint8_t>(byte);
    }
    if (bytes.empty()) return fail(Code::corrupt, "max_seq_id of the segment {} is no number", segment);
    return static_cast<std::int64_t>(number);
  });
}

Result<ChromaVectors> ChromaVectors::gather(SQLite::Database& database, const Path& folder,
                                            const ChromaCollection& collection, const Path& scratch) {
  return with_foreign_sqlite(folder.string(), [&]() -> Result<ChromaVectors> {
    auto room = TRY(ScratchFolder::create(scratch));
    {
      SQLite::Statement attach(database, "ATTACH ? AS room");
      attach.bind(1, (room.path() / "vectors.sqlite3").string());
      attach.exec();
    }
    ChromaVectors vectors(database, std::move(room));
    database.exec("PRAGMA room.journal_mode = OFF");
    database.exec("PRAGMA room.synchronous = OFF");
    const Transaction transaction(database);
    database.exec(kTables);
    const Path segment = folder / collection.vector_segment;
    if (TRY(is_saved(segment))) TRY(vectors.read_segment(segment));
    const auto saved = TRY(saved_sequence_of(database, collection.vector_segment));
    if (saved) vectors.saved_sequence_ = *saved;
    TRY(vectors.replay_queue(collection));
    return vectors;
  });
}

Result<void> ChromaVectors::read_segment(const Path& segment) {
  elements_ = TRY(HnswElements::open(segment));
  TRY(add_elements(*database_, *elements_, segment));
  pickle_ = TRY(add_labels(*database_, segment / kPickleFile));
  saved_sequence_ = static_cast<std::int64_t>(pickle_.max_seq_id.value_or(0));
  database_->exec(
      "UPDATE room.vectors SET element = (SELECT e.element FROM room.elements e WHERE e.label = vectors.label)");
  return {};
}

Result<void> ChromaVectors::replay_queue(const ChromaCollection& collection) {
  SQLite::Statement add(*database_, "INSERT OR IGNORE INTO room.vectors (id, sequence) VALUES (?, ?)");
  SQLite::Statement update(*database_, "UPDATE room.vectors SET sequence = ?2 WHERE id = ?1");
  SQLite::Statement remove(*database_, "DELETE FROM room.vectors WHERE id = ?");
  const auto change_vector = [&](SQLite::Statement& statement, const QueuedChange& change) {
    statement.reset();
    statement.bind(1, change.id);
    statement.bind(2, change.sequence);
    statement.exec();
  };
  return for_each_queued(*database_, collection.id, saved_sequence_, [&](const QueuedChange& change) -> Result<void> {
    if (!change.vector.empty() && change.vector.size() != collection.dimensions) {
      return fail(Code::corrupt, "the row {} of embeddings_queue has a vector of {} numbers, the collection {} has {}",
                  change.sequence, change.vector.size(), collection.name, collection.dimensions);
    }
    if (change.operation == QueuedOperation::remove) {
      remove.reset();
      remove.bind(1, change.id);
      remove.exec();
    } else if (!change.vector.empty()) {
      // An upsert is an add where there is nothing yet, and else an update; an add of what is there changes nothing.
      if (change.operation != QueuedOperation::add) change_vector(update, change);
      if (change.operation != QueuedOperation::update) change_vector(add, change);
    }
    return {};
  });
}

ChromaVectors::ChromaVectors(ChromaVectors&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)),
      room_(std::move(other.room_)),
      elements_(std::move(other.elements_)),
      saved_sequence_(other.saved_sequence_),
      pickle_(other.pickle_) {}

ChromaVectors& ChromaVectors::operator=(ChromaVectors&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(room_, other.room_);
  std::swap(elements_, other.elements_);
  std::swap(saved_sequence_, other.saved_sequence_);
  std::swap(pickle_, other.pickle_);
  return *this;
}

ChromaVectors::~ChromaVectors() {
  if (database_ != nullptr) (void)database_->tryExec("DETACH room");
}

}  // namespace tillite
