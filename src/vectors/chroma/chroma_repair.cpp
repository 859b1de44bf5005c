#include "vectors/chroma/chroma_repair.h"

#include <algorithm>
#include <limits>

#include "vectors/chroma/chroma_vectors.h"
#include "vectors/chroma/export_folder.h"
#include "vectors/chroma/exported_shards.h"
#include "vectors/chroma/foreign_database.h"
#include "vectors/hnsw/segment.h"
#include "vectors/hnsw/segment_files.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite {
namespace {

/// All files of a directory but SQLite's, which is copied as a database.
Result<void> copy_files(const Path& folder, const Path& content) {
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    const Path name = entry->path().lexically_relative(folder);
    if (name.string().starts_with(kChromaFile) || entry->is_symlink()) continue;
    if (entry->is_directory()) {
      TRY(make_folders(content / name));
    } else if (entry->is_regular_file()) {
      TRY(clone_file(entry->path(), content / name));
    }
  }
  if (error) return std::unexpected(system_error(error.value(), "reading the folder", folder));
  return {};
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double apart = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += apart * apart;
  }
  return sum;
}

/// Links on level 0 to elements that have none that leads there from the entry.
class Linker {
 public:
  Linker(const HnswElements& elements, File& level0)
      : elements_(elements), level0_(level0), reached_(reachable_elements(elements)) {}

  /// The answer: how many links were added.
  Result<std::size_t> run(const std::stop_token& stop) {
    std::size_t added = 0;
    for (std::uint32_t element = 0; element < elements_.size(); ++element) {
      if (reached_[element] || elements_.is_deleted(element)) continue;
      if (stop.stop_requested()) return fail(Code::cancelled, "stopped while linking elements");
      const auto from = nearest_with_room(elements_.vector(element));
      if (!from) break;
      TRY(link(*from, element));
      ++added;
      mark_from(element);
    }
    return added;
  }

 private:
  [[nodiscard]] std::optional<std::uint32_t> nearest_with_room(const std::vector<float>& vector) const {
    std::optional<std::uint32_t> nearest;
    double least = std::numeric_limits<double>::infinity();
    for (std::uint32_t element = 0; element < elements_.size(); ++element) {
      if (!reached_[element] || elements_.link_count(element) >= elements_.layout().links0) continue;
      const double apart = distance(vector, elements_.vector(element));
      if (apart >= least) continue;
      least = apart;
      nearest = element;
    }
    return nearest;
  }

  /// The elements are a mapping of the same file: they see it.
  Result<void> link(std::uint32_t from, std::uint32_t to) {
    const std::uint64_t row = from * static_cast<std::uint64_t>(elements_.layout().row_bytes());
    const auto count = static_cast<std::uint16_t>(elements_.link_count(from));
    TRY(level0_.write_at(row + sizeof(std::uint32_t) * (1 + std::size_t{count}), std::as_bytes(std::span(&to, 1))));
    const auto more = static_cast<std::uint16_t>(count + 1);
    return level0_.write_at(row, std::as_bytes(std::span(&more, 1)));
  }

  void mark_from(std::uint32_t element) {
    std::vector<std::uint32_t> open = {element};
    reached_[element] = true;
    while (!open.empty()) {
      const auto next = open.back();
      open.pop_back();
      for (const auto link : elements_.links(next)) {
        if (reached_[link]) continue;
        reached_[link] = true;
        open.push_back(link);
      }
    }
  }

  const HnswElements& elements_;
  File& level0_;
  std::vector<bool> reached_;
};

class Repairer {
 public:
  Repairer(const Path& content, const Path& scratch, const std::stop_token& stop)
      : content_(content), scratch_(scratch), stop_(stop) {}

  Result<void> run(SQLite::Database& database, const std::vector<ChromaCollection>& collections) {
    TRY(with_foreign_sqlite("repairing chroma.sqlite3", [&]() -> Result<void> {
      TRY(mend_sequence_numbers(database, collections));
      return mend_full_text(database);
    }));
    for (const ChromaCollection& collection : collections) {
      const Path segment = content_ / collection.vector_segment;
      const auto elements = HnswElements::open(segment);
      if (!elements || elements->size() == 0) continue;  // not saved yet; or torn, which the last check says
      TRY(mend_lengths(database, collection, *elements));
      TRY(mend_links(collection, *elements));
      TRY(mend_pickle(database, collection, *elements));
    }
    return {};
  }

  [[nodiscard]] std::vector<Finding> repaired() const { return repaired_; }

 private:
  void note(std::string file, std::string what) { repaired_.push_back({std::move(file), std::move(what)}); }

  static std::int64_t number(SQLite::Database& database, const std::string& query) {
    return database.execAndGet(query).getInt64();
  }

  /// A row in the queue that the segments have already, so that the next changes get higher numbers.
  Result<void> mend_sequence_numbers(SQLite::Database& database, const std::vector<ChromaCollection>& collections) {
    const auto queue = number(database, "SELECT coalesce(max(seq_id), 0) FROM embeddings_queue");
    std::int64_t highest = 0;
    std::string topic;
    for (const ChromaCollection& collection : collections) {
      for (const std::string& segment : {collection.vector_segment, collection.metadata_segment}) {
        const auto saved = TRY(saved_sequence_of(database, segment)).value_or(0);
        if (saved <= highest) continue;
        highest = saved;
        topic = "persistent://default/default/" + collection.id;
      }
    }
    if (queue >= highest) return {};
    SQLite::Statement anchor(database,
                             "INSERT INTO embeddings_queue (seq_id, operation, topic, id) VALUES (?, 3, ?, '')");
    anchor.bind(1, highest);
    anchor.bind(2, topic);
    anchor.exec();
    note(std::string(kChromaFile), fmt::format("the queue ends at {} again, as the segments do", highest));
    return {};
  }

  Result<void> mend_full_text(SQLite::Database& database) {
    if (!database.tableExists("embedding_fulltext_search")) return {};
    const int removed = database.exec(
        "DELETE FROM embedding_fulltext_search WHERE rowid IN (SELECT f.rowid FROM embedding_fulltext_search f LEFT "
        "JOIN embedding_metadata m ON m.id = f.rowid AND m.key = 'chroma:document' WHERE f.string_value IS NOT "
        "m.string_value)");
    const int added = database.exec(
        "INSERT INTO embedding_fulltext_search (rowid, string_value) SELECT m.id, m.string_value FROM "
        "embedding_metadata m WHERE m.key = 'chroma:document' AND m.string_value IS NOT NULL AND NOT EXISTS (SELECT 1 "
        "FROM embedding_fulltext_search f WHERE f.rowid = m.id)");
    if (removed + added > 0) {
      note(std::string(kChromaFile), fmt::format("the full text lost {} rows and got {}", removed, added));
    }
    if (database.tryExec("INSERT INTO embedding_fulltext_search (embedding_fulltext_search) VALUES "
                         "('integrity-check')") == 0) {
      return {};
    }
    database.exec("INSERT INTO embedding_fulltext_search (embedding_fulltext_search) VALUES ('rebuild')");
    note(std::string(kChromaFile), "the index of the full text was made anew");
    return {};
  }

  /// Whether we wrote the collection and no server has changed it: then a row's number in `embeddings` is its label.
  Result<bool> rows_are_labels(SQLite::Database& database, const ChromaCollection& collection,
                               const HnswElements& elements) {
    SQLite::Statement ours(database,
                           "SELECT (SELECT count(*) FROM embeddings WHERE segment_id = ?1), (SELECT count(*) FROM "
                           "embeddings WHERE segment_id = ?1 AND created_at = '1970-01-01 00:00:00' AND seq_id = 0)");
    ours.bind(1, collection.metadata_segment);
    ours.executeStep();
    const auto rows = ours.getColumn(0).getInt64();
    if (rows != ours.getColumn(1).getInt64()) return false;
    SQLite::Statement row(database, "SELECT 1 FROM embeddings WHERE id = ? AND segment_id = ?");
    row.bind(2, collection.metadata_segment);
    std::int64_t live = 0;
    for (std::uint64_t element = 0; element < elements.size(); ++element) {
      if (elements.is_deleted(element)) continue;
      ++live;
      row.reset();
      row.bind(1, static_cast<std::int64_t>(elements.label(element)));
      if (!row.executeStep()) return false;
    }
    return live == rows;
  }

  Result<void> mend_lengths(SQLite::Database& database, const ChromaCollection& collection,
                            const HnswElements& elements) {
    const Path file = content_ / collection.vector_segment / kLengthFile;
    const auto lengths = MappedFile::open(file);
    if (lengths && lengths->bytes().size() >= elements.size() * sizeof(float)) return {};
    // In cosine space a server keeps the length that a vector was given with; ours came with length 1. Elsewhere it
    // keeps nothing of meaning here.
    if (collection.space == "cosine" && !TRY(rows_are_labels(database, collection, elements))) return {};
    // A server writes a row for every element that there is room for, and as many lengths.
    const auto level0 = TRY(MappedFile::open(content_ / collection.vector_segment / kLevel0File));
    const std::uint64_t rows = level0.bytes().size() / elements.layout().row_bytes();
    FileSink sink(TRY(File::create(file)));
    const float one = 1;
    for (std::uint64_t i = 0; i < rows; ++i) TRY(sink.write(std::as_bytes(std::span(&one, 1))));
    TRY(sink.flush());
    note(collection.vector_segment + "/" + kLengthFile, "it was written anew");
    return {};
  }

  Result<void> mend_links(const ChromaCollection& collection, const HnswElements& elements) {
    auto level0 = TRY(File::open_update(content_ / collection.vector_segment / kLevel0File));
    const auto added = TRY(Linker(elements, level0).run(stop_));
    if (added > 0) {
      note(collection.vector_segment + "/" + kLevel0File,
           fmt::format("{} elements got a link that leads there", added));
    }
    return {};
  }

  /// Whether every record has a vector as it is.
  Result<bool> pickle_is_whole(SQLite::Database& database, const ChromaCollection& collection) {
    const auto vectors = ChromaVectors::gather(database, content_, collection, scratch_);
    if (!vectors && vectors.error().code() != Code::corrupt && vectors.error().code() != Code::not_found) {
      return std::unexpected(vectors.error());
    }
    if (!vectors || vectors->elements() == nullptr) return false;
    const auto& pickle = vectors->pickle();
    SQLite::Statement row(database,
                          "SELECT count(*) FROM embeddings e LEFT JOIN room.vectors v ON v.id = e.embedding_id WHERE "
                          "e.segment_id = ? AND v.element IS NULL AND v.sequence IS NULL");
    row.bind(1, collection.metadata_segment);
    row.executeStep();
    return row.getColumn(0).getInt64() == 0 && pickle.labels == pickle.ids &&
           number(database, "SELECT count(*) FROM room.elements WHERE id IS NULL") == 0;
  }

  Result<void> mend_pickle(SQLite::Database& database, const ChromaCollection& collection,
                           const HnswElements& elements) {
    if (TRY(pickle_is_whole(database, collection))) return {};
    if (!TRY(rows_are_labels(database, collection, elements))) return {};
    std::uint64_t highest = 0;
    for (std::uint64_t element = 0; element < elements.size(); ++element) {
      highest = std::max(highest, elements.label(element));
    }
    TRY(write_label_pickle(content_ / collection.vector_segment, highest, [&](const auto& each) -> Result<void> {
      SQLite::Statement rows(database, "SELECT embedding_id, id FROM embeddings WHERE segment_id = ? ORDER BY id");
      rows.bind(1, collection.metadata_segment);
      while (rows.executeStep()) {
        TRY(each(RecordId(rows.getColumn(0).getString()), static_cast<std::uint64_t>(rows.getColumn(1).getInt64())));
      }
      return {};
    }));
    note(collection.vector_segment + "/" + kPickleFile, "it was made anew from the tables");
    return {};
  }

  const Path& content_;
  const Path& scratch_;
  const std::stop_token& stop_;
  std::vector<Finding> repaired_;
};

Result<std::vector<Finding>> repair_copy(const Path& folder, const Path& content, const Path& scratch,
                                         const std::stop_token& stop) {
  TRY(copy_files(folder, content));
  auto database = TRY(open_foreign_database(folder, content));
  const auto collections = TRY(ChromaDirectory::open(content, scratch)).collections();
  Repairer repairer(content, scratch, stop);
  const auto repaired = with_foreign_sqlite(folder.string(), [&] { return repairer.run(database, collections); });
  if (!repaired) return std::unexpected(repaired.error());
  return repairer.repaired();
}

}  // namespace

Result<ChromaRepair> repair_chroma_directory(const Path& folder, const Path& target, const std::stop_token& stop) {
  const auto place = TRY(ExportFolder::create(target));
  ChromaRepair repair;
  repair.found = TRY(check_chroma_directory(folder, place.scratch(), stop)).findings;
  if (repair.found.empty()) return repair;
  const auto shards = TRY(exported_shards(folder));
  for (const Path& shard : shards) {
    const std::string name = shards.size() == 1 ? "" : shard.filename().string();
    const auto room = TRY(ScratchFolder::create(place.scratch()));
    TRY(make_folders(place.content() / name));
    for (auto& [file, what] : TRY(repair_copy(shard, place.content() / name, room.path(), stop))) {
      repair.repaired.push_back({(Path(name) / file).string(), std::move(what)});
    }
  }
  const auto left = TRY(check_chroma_directory(place.content(), place.scratch(), stop)).findings;
  if (!left.empty()) {
    return fail(Code::corrupt, "{} cannot be repaired without loss, nothing was written: {}: {}{}", folder.string(),
                left.front().file, left.front().what,
                left.size() > 1 ? fmt::format(" (and {} more)", left.size() - 1) : std::string());
  }
  TRY(place.publish());
  return repair;
}

}  // namespace tillite
