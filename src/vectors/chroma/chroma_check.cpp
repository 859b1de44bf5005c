#include "vectors/chroma/chroma_check.h"

#include <cmath>

#include "vectors/chroma/chroma_metadata.h"
#include "vectors/chroma/chroma_vectors.h"
#include "vectors/chroma/exported_shards.h"
#include "vectors/chroma/foreign_database.h"
#include "vectors/hnsw/segment_files.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite {
namespace {

constexpr double kUnitTolerance = 1e-3;
constexpr int kNamedMax = 5;
constexpr std::uint64_t kElementsAtOnce = 4'096;

/// Some of the texts that a query finds, and how many there are: "3, as 'a', 'b', 'c'"; empty if there is none.
Result<std::string> counted(SQLite::Database& database, const std::string& from, const std::string& column,
                            const std::vector<std::string>& parameters) {
  const auto bind = [&](SQLite::Statement& statement) {
    for (std::size_t i = 0; i < parameters.size(); ++i) statement.bind(static_cast<int>(i) + 1, parameters[i]);
  };
  SQLite::Statement count(database, "SELECT count(*) " + from);
  bind(count);
  if (!count.executeStep() || count.getColumn(0).getInt64() == 0) return std::string();
  std::string text = fmt::format("{}, as", count.getColumn(0).getInt64());
  SQLite::Statement some(database, fmt::format("SELECT {} {} LIMIT {}", column, from, kNamedMax));
  bind(some);
  for (bool first = true; some.executeStep(); first = false) {
    text += fmt::format("{} '{}'", first ? "" : ",", some.getColumn(0).getString().substr(0, 128));
  }
  return text;
}

class Checker {
 public:
  Checker(const Path& folder, const Path& scratch, const std::stop_token& stop)
      : folder_(folder), scratch_(scratch), stop_(stop) {}

  Result<ChromaCheck> run() {
    const auto room = TRY(ScratchFolder::create(scratch_));
    auto database = open_foreign_database(folder_, room.path());
    if (!database && database.error().code() != Code::corrupt) return std::unexpected(database.error());
    if (!database) {
      find(kChromaFile, database.error().message());
      return std::move(check_);
    }
    TRY(noted(kChromaFile, check_database(*database)));
    auto directory = ChromaDirectory::open(folder_, room.path());
    TRY(noted(kChromaFile, directory));
    if (!directory) return std::move(check_);
    for (const ChromaCollection& collection : directory->collections()) {
      if (stop_.stop_requested()) return fail(Code::cancelled, "stopped while checking {}", folder_.string());
      const std::size_t findings_before = check_.findings.size();
      TRY(noted(collection.vector_segment, check_collection(*database, collection, room.path())));
      if (check_.findings.size() > findings_before) continue;
      // What is left to be wrong shows when every record is read, as an import does it.
      const auto nothing = [](ChromaRecord&&) -> Result<void> { return {}; };
      TRY(noted(kChromaFile, directory->for_each(collection, nothing, stop_)));
    }
    return std::move(check_);
  }

 private:
  void find(std::string_view file, std::string what) {
    check_.findings.push_back({std::string(file), std::move(what)});
  }

  /// What is corrupt is a finding; any other error ends the check.
  template <typename T>
  Result<void> noted(std::string_view file, const Result<T>& checked) {
    if (checked) return {};
    const Code code = checked.error().code();
    if (code != Code::corrupt && code != Code::not_found && code != Code::unsupported && code != Code::limit_exceeded) {
      return std::unexpected(checked.error());
    }
    find(file, checked.error().message());
    return {};
  }

  Result<void> check_database(SQLite::Database& database) {
    return with_foreign_sqlite((folder_ / kChromaFile).string(), [&]() -> Result<void> {
      SQLite::Statement rows(database, fmt::format("PRAGMA quick_check({})", kNamedMax));
      while (rows.executeStep()) {
        if (const auto line = rows.getColumn(0).getString(); line != "ok") find(kChromaFile, "SQLite says: " + line);
      }
      check_sequence_numbers(database);
      return check_full_text(database);
    });
  }

  /// A server numbers its changes from the queue's highest number, and drops those that are not above max_seq_id.
  void check_sequence_numbers(SQLite::Database& database) {
    SQLite::Statement row(database,
                          "SELECT (SELECT coalesce(max(seq_id), 0) FROM embeddings_queue), "
                          "(SELECT coalesce(max(seq_id), 0) FROM max_seq_id WHERE typeof(seq_id) = 'integer')");
    row.executeStep();
    const auto queue = row.getColumn(0).getInt64();
    const auto saved = row.getColumn(1).getInt64();
    if (queue >= saved) return;
    find(kChromaFile,
         fmt::format("max_seq_id is {} and the queue ends at {}: a server would acknowledge the next {} changes and "
                     "lose them",
                     saved, queue, saved - queue));
  }

  Result<void> check_full_text(SQLite::Database& database) {
    if (!database.tableExists("embedding_fulltext_search")) {
      find(kChromaFile, "there is no full text: $contains finds nothing");
      return {};
    }
    const auto missing =
        TRY(counted(database,
                    "FROM embedding_metadata m JOIN embeddings e ON e.id = m.id LEFT JOIN embedding_fulltext_search f "
                    "ON f.rowid = m.id WHERE m.key = 'chroma:document' AND f.string_value IS NOT m.string_value",
                    "e.embedding_id", {}));
    if (!missing.empty()) find(kChromaFile, "documents that the full text lacks or has otherwise: " + missing);
    const auto extra = TRY(counted(database,
                                   "FROM embedding_fulltext_search f WHERE NOT EXISTS (SELECT 1 FROM "
                                   "embedding_metadata m WHERE m.id = f.rowid AND m.key = 'chroma:document')",
                                   "f.rowid", {}));
    if (!extra.empty()) find(kChromaFile, "rows of the full text that are of no document: " + extra);
    const int status = database.tryExec(
        "INSERT INTO embedding_fulltext_search (embedding_fulltext_search) VALUES ('integrity-check')");
    if (status != 0) find(kChromaFile, "the index of the full text is not what its texts make");
    return {};
  }

  Result<void> check_collection(SQLite::Database& database, const ChromaCollection& collection, const Path& room) {
    check_.collections.push_back(
        {.name = collection.name, .space = collection.space, .dimensions = collection.dimensions});
    TRY(apply_queued_metadata(database, collection));
    const auto vectors = TRY(ChromaVectors::gather(database, folder_, collection, room));
    return with_foreign_sqlite((folder_ / kChromaFile).string(), [&]() -> Result<void> {
      TRY(check_records(database, collection, vectors));
      check_pickle_is_there(collection, vectors);
      if (vectors.elements() != nullptr) TRY(check_segment(database, collection, vectors));
      return {};
    });
  }

  /// Without it a segment is one that the server has not saved yet.
  void check_pickle_is_there(const ChromaCollection& collection, const ChromaVectors& vectors) {
    const auto layout = read_hnsw_layout(folder_ / collection.vector_segment);
    if (vectors.elements() != nullptr || !layout || layout->elements == 0) return;
    find(collection.vector_segment + "/" + kPickleFile,
         fmt::format("it is not there although the segment has {} elements", layout->elements));
  }

  Result<void> check_records(SQLite::Database& database, const ChromaCollection& collection,
                             const ChromaVectors& vectors) {
    auto& facts = check_.collections.back();
    const auto number = [&](const std::string& query) {
      SQLite::Statement row(database, query);
      if (query.find('?') != std::string::npos) row.bind(1, collection.metadata_segment);
      row.executeStep();
      return static_cast<std::uint64_t>(row.getColumn(0).getInt64());
    };
    facts.records = number("SELECT count(*) FROM embeddings WHERE segment_id = ?");
    facts.queued = number("SELECT count(*) FROM room.vectors WHERE sequence IS NOT NULL");
    const std::string segment = vectors.elements() != nullptr ? collection.vector_segment : std::string(kChromaFile);
    const auto lost = TRY(counted(database,
                                  "FROM embeddings e LEFT JOIN room.vectors v ON v.id = e.embedding_id WHERE "
                                  "e.segment_id = ? AND v.element IS NULL AND v.sequence IS NULL",
                                  "e.embedding_id", {collection.metadata_segment}));
    if (!lost.empty()) find(segment, fmt::format("records of '{}' without a vector: {}", collection.name, lost));
    const auto unknown = TRY(counted(database,
                                     "FROM room.vectors v WHERE NOT EXISTS (SELECT 1 FROM embeddings e WHERE "
                                     "e.segment_id = ? AND e.embedding_id = v.id)",
                                     "v.id", {collection.metadata_segment}));
    if (!unknown.empty())
      find(kChromaFile, fmt::format("vectors of '{}' without a record: {}", collection.name, unknown));
    return {};
  }

  Result<void> check_segment(SQLite::Database& database, const ChromaCollection& collection,
                             const ChromaVectors& vectors) {
    const Path segment = folder_ / collection.vector_segment;
    const HnswElements& elements = *vectors.elements();
    const auto name = [&](const char* file) { return collection.vector_segment + "/" + file; };
    TRY(check_pickle(database, collection, vectors));
    TRY(noted(name(kLinkListsFile), check_link_lists(segment, elements.layout())));
    const auto lengths = MappedFile::open(segment / kLengthFile);
    TRY(noted(name(kLengthFile), lengths));
    if (lengths && lengths->bytes().size() / sizeof(float) < elements.size()) {
      find(name(kLengthFile), fmt::format("it has {} bytes, too few for {} elements: it is torn",
                                          lengths->bytes().size(), elements.size()));
    }
    if (elements.size() > 0 && elements.layout().dimensions != collection.dimensions) {
      find(name(kHeaderFile), fmt::format("its vectors have {} numbers, the collection '{}' has {} dimensions",
                                          elements.layout().dimensions, collection.name, collection.dimensions));
    }
    return check_elements(elements, collection.space == "cosine", name(kLevel0File));
  }

  Result<void> check_pickle(SQLite::Database& database, const ChromaCollection& collection,
                            const ChromaVectors& vectors) {
    const std::string file = collection.vector_segment + "/" + kPickleFile;
    const auto& pickle = vectors.pickle();
    if (pickle.labels != pickle.ids) {
      find(file, fmt::format("it has {} labels of ids and {} ids of labels", pickle.labels, pickle.ids));
    }
    SQLite::Statement row(database, "SELECT count(*), max(label) FROM room.elements WHERE id IS NULL");
    row.executeStep();
    if (const auto nameless = row.getColumn(0).getInt64(); nameless > 0) {
      find(file, fmt::format("it is older than the vectors: {} live elements have labels that it does not know, up to "
                             "{}",
                             nameless, row.getColumn(1).getInt64()));
    }
    SQLite::Statement highest(database, "SELECT coalesce(max(label), 0) FROM room.vectors");
    highest.executeStep();
    const auto label = static_cast<std::uint64_t>(highest.getColumn(0).getInt64());
    if (label > pickle.labels_given) {
      find(file, fmt::format("it has the label {} although only {} were given: the next ones would be given twice",
                             label, pickle.labels_given));
    }
    return {};
  }

  Result<void> check_elements(const HnswElements& elements, bool unit_length, const std::string& file) {
    auto& facts = check_.collections.back();
    facts.elements = elements.size();
    const auto reached = reachable_elements(elements);
    std::uint64_t unreachable = 0;
    std::uint64_t odd_vectors = 0;
    std::uint64_t odd_links = 0;
    for (std::uint64_t element = 0; element < elements.size(); ++element) {
      if (element % kElementsAtOnce == 0) elements.release();
      if (elements.links(element).size() != elements.link_count(element)) ++odd_links;
      if (elements.is_deleted(element)) {
        ++facts.deleted;
        continue;
      }
      if (!reached[element]) ++unreachable;
      double square = 0;
      for (const float part : elements.vector(element)) square += static_cast<double>(part) * part;
      const double length = std::sqrt(square);
      if (!std::isfinite(length) || (unit_length && std::abs(length - 1) > kUnitTolerance)) ++odd_vectors;
    }
    if (unreachable > 0) {
      find(file, fmt::format("{} live elements cannot be reached on level 0: no search finds them", unreachable));
    }
    if (odd_vectors > 0) {
      find(file, fmt::format("{} vectors {}", odd_vectors, unit_length ? "are not of unit length" : "are not finite"));
    }
    if (odd_links > 0) find(file, fmt::format("{} elements have links that lead nowhere", odd_links));
    return {};
  }

  const Path& folder_;
  const Path& scratch_;
  const std::stop_token& stop_;
  ChromaCheck check_;
};

}  // namespace

Result<ChromaCheck> check_chroma_directory(const Path& folder, const Path& scratch, const std::stop_token& stop) {
  const auto shards = TRY(exported_shards(folder));
  if (shards.size() == 1) return Checker(folder, scratch, stop).run();
  ChromaCheck all;
  for (const Path& shard : shards) {
    const auto room = TRY(ScratchFolder::create(scratch));
    append_shard(all, TRY(Checker(shard, room.path(), stop).run()), shard.filename().string());
  }
  return all;
}

void append_shard(ChromaCheck& all, ChromaCheck shard, const std::string& name) {
  for (auto& collection : shard.collections) {
    collection.name = fmt::format("{}/{}", name, collection.name);
    all.collections.push_back(std::move(collection));
  }
  for (Finding& finding : shard.findings) {
    all.findings.push_back({fmt::format("{}/{}", name, finding.file), std::move(finding.what)});
  }
}

}  // namespace tillite
