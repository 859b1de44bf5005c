#include <algorithm>
#include <mutex>
#include <tuple>

#include "library/source.h"
#include "vectors/chroma/chroma_reader.h"
#include "vectors/chroma/exported_shards.h"
#include "vectors/files/database_file.h"
#include "vectors/records/record.h"
#include "vectors/records/shard.h"
#include "vectors/snapshots/nearest_labels.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite::v1 {
namespace {

constexpr std::size_t kHitsMax = 10'000;

/// Where the labels of ids are: an export has no index of ours.
class IdLabels {
 public:
  explicit IdLabels(SQLite::Database database)
      : database_(std::move(database)), label_(database_, "SELECT id FROM embeddings WHERE embedding_id = ?") {}

  Result<std::optional<std::uint64_t>> find(const RecordId& id) {
    return with_sqlite("looking up an id in chroma.sqlite3", [&]() -> Result<std::optional<std::uint64_t>> {
      label_.reset();
      label_.bind(1, id.str());
      if (!label_.executeStep()) return std::nullopt;
      return TRY(unsigned_column(label_.getColumn(0), "a label in chroma.sqlite3"));
    });
  }

 private:
  SQLite::Database database_;
  SQLite::Statement label_;
};

/// SQLite's connections serve one thread at a time.
struct Databases {
  Databases(ChromaReader opened_chroma, SQLite::Database database)
      : chroma(std::move(opened_chroma)), ids(std::move(database)) {}
  ChromaReader chroma;
  IdLabels ids;
  std::mutex mutex;
};

/// A Chroma directory of an export. Threads: any.
class ExportedShard {
 public:
  ExportedShard(std::unique_ptr<Databases> databases, Segment segment)
      : databases_(std::move(databases)), segment_(std::move(segment)) {}

  Result<std::vector<SegmentHit>> nearest(std::span<const float> vector, std::size_t k, const Where& where) const {
    if (where.matches_all()) return nearest_of_all(segment_, vector, k);
    const std::scoped_lock lock(databases_->mutex);
    return nearest_matching(segment_, databases_->chroma, where, {}, vector, k);
  }

  Result<std::optional<std::uint64_t>> label_of(const RecordId& id) const {
    const std::scoped_lock lock(databases_->mutex);
    return databases_->ids.find(id);
  }

  Result<StoredRecord> record_of(std::uint64_t label) const {
    const std::scoped_lock lock(databases_->mutex);
    auto row = TRY(databases_->chroma.read(label));
    if (!row) return fail(Code::corrupt, "the export has a vector with label {} and no record for it", label);
    StoredRecord record;
    record.id = std::move(row->id);
    record.metadata = std::move(row->metadata);
    record.document = std::move(row->document);
    return record;
  }

  Result<std::vector<float>> vector_of(std::uint64_t label) const {
    auto vector = segment_.vector_of(label);
    if (!vector) return fail(Code::corrupt, "the export has a record with label {} and no vector for it", label);
    return *std::move(vector);
  }

 private:
  std::unique_ptr<Databases> databases_;
  Segment segment_;
};

class ExportSource final : public Collection::Source {
 public:
  ExportSource(Facts facts, std::vector<ExportedShard> shards) : Source(std::move(facts)), shards_(std::move(shards)) {}

  Result<std::vector<QueryHit>> query(std::vector<float> vector, std::size_t k, const Where& where) const override {
    if (k < 1 || k > kHitsMax) return fail(Code::invalid_input, "k is {}, it can be 1 to {}", k, kHitsMax);
    if (vector.size() != facts().dimensions) {
      return fail(Code::invalid_input, "the query has {} dimensions, the collection {} has {}", vector.size(),
                  facts().name, facts().dimensions);
    }
    TRY(normalise(vector));
    std::vector<QueryHit> hits;
    for (const auto& [shard, near] : TRY(nearest(vector, k, where))) {
      hits.push_back({.record = TRY(shard->record_of(near.label)), .distance = near.distance});
    }
    std::ranges::sort(hits, {}, [](const QueryHit& hit) { return std::tie(hit.distance, hit.record.id); });
    if (hits.size() > k) hits.resize(k);
    return hits;
  }

  Result<std::vector<StoredRecord>> get(const std::vector<RecordId>& ids, bool with_vectors) const override {
    std::vector<StoredRecord> records;
    for (const RecordId& id : ids) {
      const ExportedShard& shard = shards_[static_cast<std::size_t>(shard_of(id, static_cast<int>(shards_.size())))];
      const auto label = TRY(shard.label_of(id));
      if (!label) continue;
      auto record = TRY(shard.record_of(*label));
      if (with_vectors) record.vector = TRY(shard.vector_of(*label));
      records.push_back(std::move(record));
    }
    return records;
  }

 private:
  struct Near {
    const ExportedShard* shard = nullptr;
    SegmentHit hit;
  };

  /// The nearest k of all shards, nearest first, and behind them those that are as far as the last one.
  Result<std::vector<Near>> nearest(std::span<const float> vector, std::size_t k, const Where& where) const {
    const auto distance = [](const Near& near) { return near.hit.distance; };
    std::vector<Near> found;
    for (const ExportedShard& shard : shards_) {
      for (const SegmentHit& hit : TRY(shard.nearest(vector, k, where))) found.push_back({&shard, hit});
    }
    std::ranges::stable_sort(found, {}, distance);
    if (found.size() <= k) return found;
    found.erase(std::ranges::upper_bound(found, found[k - 1].hit.distance, {}, distance), found.end());
    return found;
  }

  std::vector<ExportedShard> shards_;
};

/// A server that changes an export gives out labels of its own, which no longer lead from records to vectors.
Result<void> check_unchanged(SQLite::Database& database, const Path& folder) {
  const auto changes = TRY(with_sqlite(folder.string(), [&] {
    return database
        .execAndGet(
            "SELECT (SELECT COUNT(*) FROM embeddings_queue) + "
            "(SELECT COUNT(*) FROM max_seq_id WHERE seq_id <> 0)")
        .getInt64();
  }));
  if (changes == 0) return {};
  return fail(Code::unsupported, "{} was changed by a server since it was exported: ask the server, or export it anew",
              folder.string());
}

/// Opens a Chroma directory of an export; its facts are the collection's, but for the size, which is added.
Result<ExportedShard> open_shard(const Path& folder, Collection::Source::Facts& facts) {
  const Path file = folder / kChromaFile;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    return fail(Code::not_found, "{} is no exported snapshot: there is no {} in it", folder.string(), kChromaFile);
  }
  auto database = TRY(open_finished(file));
  TRY(check_unchanged(database, folder));
  std::string name;
  std::size_t dimensions = 0;
  TRY(with_sqlite(file.string(), [&] {
    name = database.execAndGet("SELECT name FROM collections").getString();
    dimensions = static_cast<std::size_t>(database.execAndGet("SELECT dimension FROM collections").getInt64());
  }));
  if (!facts.name.empty() && (facts.name != name || facts.dimensions != dimensions)) {
    return fail(Code::corrupt, "{} is of {} with {} dimensions, the shard before it of {} with {}: export them anew",
                folder.string(), name, dimensions, facts.name, facts.dimensions);
  }
  facts.name = std::move(name);
  facts.dimensions = dimensions;
  auto databases = std::make_unique<Databases>(TRY(ChromaReader::open(file)), std::move(database));
  const auto records = TRY(databases->chroma.count());
  auto segment = TRY(Segment::open(folder / databases->chroma.vector_segment(), records));
  facts.size += segment.size();
  return ExportedShard(std::move(databases), std::move(segment));
}

}  // namespace

Result<std::unique_ptr<Collection::Source>> open_export_source(const Path& folder, std::string_view model) {
  Collection::Source::Facts facts;
  facts.model = model;
  std::vector<ExportedShard> shards;
  for (const Path& shard : TRY(exported_shards(folder))) shards.push_back(TRY(open_shard(shard, facts)));
  return std::make_unique<ExportSource>(std::move(facts), std::move(shards));
}

}  // namespace tillite::v1
