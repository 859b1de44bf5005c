#pragma once

#include <memory>

#include "ports/object_store.h"
#include "vectors/records/where.h"
#include "vectors/versions/manifest.h"

namespace tillite {

/// A record as it is read from a collection.
struct StoredRecord {
  RecordId id;
  std::int64_t item_version = 0;
  Json metadata;
  std::string document;
  std::vector<float> vector;  ///< empty unless asked for
};

struct QueryHit {
  StoredRecord record;
  float distance = 0;  ///< 1 - cosine similarity
};

/// A collection at one moment: the newest version, pinned, and the deltas that are not merged yet. What was deleted or
/// embedded a moment ago is seen. Deltas are listed before the manifest is read; it starts over when something has
/// gone. Threads: any, after open.
class CollectionView {
 public:
  /// A collection without any version or delta is empty, not an error. `scratch` must outlive the view.
  /// Deltas that cannot be read are left out and named in unreadable_deltas().
  [[nodiscard]] static Result<CollectionView> open(ObjectStore& objects, const CollectionBinding& binding,
                                                   const Path& scratch);
  CollectionView(CollectionView&&) noexcept;
  CollectionView& operator=(CollectionView&&) noexcept;
  ~CollectionView();

  [[nodiscard]] Result<std::vector<QueryHit>> query(std::vector<float> vector, std::size_t k, const Where& where) const;
  /// Those that are there, in the order asked for.
  [[nodiscard]] Result<std::vector<StoredRecord>> get(const std::vector<RecordId>& ids, bool with_vectors) const;
  /// All ids with their item_version, ascending, one page in memory.
  [[nodiscard]] Result<void> for_each_id(
      const std::function<Result<void>(const RecordId&, std::int64_t item_version)>& each) const;
  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] const std::optional<Manifest>& manifest() const;
  [[nodiscard]] const std::vector<DeltaId>& unmerged_deltas() const;
  [[nodiscard]] const std::vector<DeltaId>& unreadable_deltas() const;

 private:
  struct Parts;
  explicit CollectionView(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
