#include "vectors/queries/collection_view.h"

#include <algorithm>
#include <tuple>

#include "vectors/queries/collection_contents.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

constexpr int kAttempts = 5;
constexpr std::size_t kHitsMax = 10'000;
constexpr std::size_t kPage = 1'000;
// Their vectors lie in the scratch folder and are compared one by one with every query.
constexpr std::uint64_t kUnmergedBytesMax = std::uint64_t{16} << 30;

struct Moment {
  std::optional<Manifest> manifest;
  std::vector<DeltaId> unmerged;
};

/// Deltas first, then the manifest: the other way round a delta that is consumed in between would be in neither.
Result<Moment> look(ObjectStore& objects, const CollectionBinding& binding) {
  const auto there = TRY(list_all(objects, delta_folder(binding.collection, binding.generation)));
  Moment moment;
  moment.manifest = TRY(ManifestLog(objects, binding.collection, binding.generation).newest());
  std::uint64_t bytes = 0;
  for (const ObjectInfo& object : there) {
    const auto delta = delta_id_of(object.key);
    if (!delta || (moment.manifest && moment.manifest->has_consumed(*delta))) continue;
    moment.unmerged.push_back(*delta);
    bytes += object.size_bytes;
  }
  if (bytes <= kUnmergedBytesMax) return moment;
  return fail(Code::limit_exceeded,
              "{} has {} bytes of deltas that are not merged, a query reads {} at most: compact it", binding.collection,
              bytes, kUnmergedBytesMax);
}

StoredRecord stored_record(const UnmergedRecord& record) {
  StoredRecord stored;
  stored.id = record.id;
  stored.item_version = record.item_version;
  stored.metadata = record.metadata;
  stored.document = record.document;
  return stored;
}

/// The record of a vector in a shard, with the newest metadata.
Result<StoredRecord> record_of_label(const CollectionContents& contents, std::size_t shard, std::uint64_t label) {
  const auto& relabelled = contents.shards[shard].relabelled;
  const auto newer = relabelled.find(label);
  if (newer != relabelled.end()) return stored_record(*newer->second);
  const PinnedSnapshot& snapshot = contents.version.shards()[shard];
  auto row = TRY(snapshot.row(label));
  const auto indexed = TRY(snapshot.find(row.id));
  if (!indexed) return fail(Code::corrupt, "{} has a vector and is not in the index of the snapshot", row.id.str());
  StoredRecord stored;
  stored.id = std::move(row.id);
  stored.item_version = indexed->item_version;
  stored.metadata = std::move(row.metadata);
  stored.document = std::move(row.document);
  return stored;
}

Result<std::vector<float>> vector_of_label(const PinnedSnapshot& snapshot, std::uint64_t label) {
  auto vector = snapshot.segment().vector_of(label);
  if (!vector) return fail(Code::corrupt, "the snapshot has no vector for label {}", label);
  return *std::move(vector);
}

/// A record whose vector is an unmerged delta's.
StoredRecord record_of_delta(const CollectionContents& contents, const UnmergedRecord& record, bool with_vector) {
  StoredRecord stored = stored_record(record);
  if (with_vector) {
    const auto vector = contents.unmerged.vector_of(record);
    stored.vector.assign(vector.begin(), vector.end());
  }
  return stored;
}

Result<std::optional<StoredRecord>> find_record(const CollectionContents& contents, const RecordId& id,
                                                bool with_vector) {
  const UnmergedRecord* const unmerged = contents.unmerged.find(id);
  if (unmerged != nullptr && unmerged->effect == Effect::tombstone) return std::nullopt;
  if (unmerged != nullptr && unmerged->effect == Effect::vector)
    return record_of_delta(contents, *unmerged, with_vector);
  if (contents.shards.empty()) return std::nullopt;
  const std::size_t shard = contents.version.shard_of(id);
  const PinnedSnapshot& snapshot = contents.version.shards()[shard];
  const auto indexed = TRY(snapshot.find(id));
  if (!indexed) return std::nullopt;
  auto stored = TRY(record_of_label(contents, shard, *indexed->label));
  if (with_vector) stored.vector = TRY(vector_of_label(snapshot, *indexed->label));
  return stored;
}

/// The records of a version's shards in the order of their ids, a page of each in memory.
class RecordsById {
 public:
  static Result<RecordsById> start(const PinnedVersion& version) {
    RecordsById records;
    for (const PinnedSnapshot& snapshot : version.shards()) {
      auto page = TRY(snapshot.page(RecordId(), kPage));
      records.shards_.push_back({&snapshot, std::move(page), 0});
    }
    return records;
  }

  /// The next record; nothing at the end. It stays until the next call.
  Result<const IndexedRecord*> next() {
    if (given_ != nullptr) TRY(given_->advance());
    given_ = nullptr;
    for (Cursor& shard : shards_) {
      if (shard.page.empty()) continue;
      if (given_ == nullptr || shard.record().id < given_->record().id) given_ = &shard;
    }
    return given_ == nullptr ? nullptr : &given_->record();
  }

 private:
  struct Cursor {
    const PinnedSnapshot* snapshot = nullptr;
    std::vector<IndexedRecord> page;  ///< empty: the shard has no more
    std::size_t at = 0;

    [[nodiscard]] const IndexedRecord& record() const { return page[at]; }
    [[nodiscard]] Result<void> advance() {
      if (++at < page.size()) return {};
      page = TRY(snapshot->page(page.back().id, kPage));
      at = 0;
      return {};
    }
  };
  std::vector<Cursor> shards_;
  Cursor* given_ = nullptr;
};

}  // namespace

struct CollectionView::Parts {
  CollectionBinding binding;
  ScratchFolder room;  ///< outlives the contents, which map files in it
  Moment moment;
  CollectionContents contents;

  [[nodiscard]] Result<void> open_contents(ObjectStore& objects);
};

Result<void> CollectionView::Parts::open_contents(ObjectStore& objects) {
  if (moment.manifest) {
    contents.version = TRY(PinnedVersion::open(objects, *moment.manifest, room.path() / "snapshot", false));
  }
  contents.unmerged = TRY(Unmerged::read(objects, binding, moment.unmerged, contents.version, room.path()));
  contents.connect();
  return {};
}

CollectionView::CollectionView(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
CollectionView::CollectionView(CollectionView&&) noexcept = default;
CollectionView& CollectionView::operator=(CollectionView&&) noexcept = default;
CollectionView::~CollectionView() = default;

Result<CollectionView> CollectionView::open(ObjectStore& objects, const CollectionBinding& binding,
                                            const Path& scratch) {
  for (int attempt = 1;; ++attempt) {
    auto room = TRY(ScratchFolder::create(scratch));
    auto moment = TRY(look(objects, binding));
    auto parts = std::make_unique<Parts>(
        Parts{.binding = binding, .room = std::move(room), .moment = std::move(moment), .contents = {}});
    const auto opened = parts->open_contents(objects);
    if (opened) return CollectionView(std::move(parts));
    // A delta or a snapshot that was there a moment ago has gone: merged, and removed by gc. Look again.
    if (opened.error().code() != Code::not_found) return std::unexpected(opened.error());
    if (attempt == kAttempts) return pass_on(opened, fmt::format("{} changed while it was opened", binding.collection));
  }
}

Result<std::vector<QueryHit>> CollectionView::query(std::vector<float> vector, std::size_t k,
                                                    const Where& where) const {
  if (k < 1 || k > kHitsMax) return fail(Code::invalid_input, "k is {}, it can be 1 to {}", k, kHitsMax);
  if (vector.size() != parts_->binding.dimensions) {
    return fail(Code::invalid_input, "the query has {} dimensions, the collection {} has {}: embed it with {}",
                vector.size(), parts_->binding.collection, parts_->binding.dimensions, parts_->binding.model);
  }
  TRY(normalise(vector));
  std::vector<QueryHit> hits;
  for (const Near& near : TRY(nearest(parts_->contents, vector, k, where))) {
    QueryHit hit;
    hit.distance = near.distance;
    hit.record = near.unmerged != nullptr ? record_of_delta(parts_->contents, *near.unmerged, false)
                                          : TRY(record_of_label(parts_->contents, near.shard, near.label));
    hits.push_back(std::move(hit));
  }
  std::ranges::sort(hits, {}, [](const QueryHit& hit) { return std::tie(hit.distance, hit.record.id); });
  if (hits.size() > k) hits.resize(k);
  return hits;
}

Result<std::vector<StoredRecord>> CollectionView::get(const std::vector<RecordId>& ids, bool with_vectors) const {
  std::vector<StoredRecord> records;
  for (const RecordId& id : ids) {
    auto record = TRY(find_record(parts_->contents, id, with_vectors));
    if (record) records.push_back(*std::move(record));
  }
  return records;
}

Result<void> CollectionView::for_each_id(
    const std::function<Result<void>(const RecordId&, std::int64_t item_version)>& each) const {
  const auto& unmerged = parts_->contents.unmerged.records();
  auto next = unmerged.begin();
  const auto emit_unmerged = [&]() -> Result<void> {
    const UnmergedRecord& record = *next++;
    if (record.effect == Effect::tombstone) return {};
    return each(record.id, record.item_version);
  };
  auto records = TRY(RecordsById::start(parts_->contents.version));
  while (const IndexedRecord* const stored = TRY(records.next())) {
    while (next != unmerged.end() && next->id < stored->id) TRY(emit_unmerged());
    if (next != unmerged.end() && next->id == stored->id) {
      TRY(emit_unmerged());
    } else {
      TRY(each(stored->id, stored->item_version));
    }
  }
  while (next != unmerged.end()) TRY(emit_unmerged());
  return {};
}

std::uint64_t CollectionView::size() const { return parts_->contents.size(); }
const std::optional<Manifest>& CollectionView::manifest() const { return parts_->moment.manifest; }
const std::vector<DeltaId>& CollectionView::unmerged_deltas() const { return parts_->moment.unmerged; }
const std::vector<DeltaId>& CollectionView::unreadable_deltas() const { return parts_->contents.unmerged.unreadable(); }

}  // namespace tillite
