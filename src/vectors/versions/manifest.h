#pragma once

#include <optional>

#include "ports/object_store.h"
#include "vectors/deltas/delta.h"
#include "vectors/deltas/run_file.h"

namespace tillite {

/// A version of a collection: what it consists of and what went into it. Immutable once it was created
/// (docs/formats/manifest.md).
struct Manifest {
  struct SnapshotFile {
    std::string name;  ///< relative to the snapshot's folder, may contain '/'
    std::uint64_t size_bytes = 0;
    std::string checksum;  ///< its checksum, in any form of files/file_checksum.h
    bool operator==(const SnapshotFile&) const = default;
  };
  /// The snapshot of a shard. One that a merge did not touch is its predecessor's, in the predecessor's folder.
  struct Shard {
    std::string folder;  ///< key prefix, with '/' at its end
    std::vector<SnapshotFile> files;
    std::uint64_t vectors = 0;
    std::uint64_t tombstones = 0;
    Sum128 checksum;  ///< sum of the live records' record_hash
    bool operator==(const Shard&) const = default;
  };

  CollectionBinding binding;
  std::int64_t number = 0;        ///< from 1
  std::int64_t predecessor = 0;   ///< number - 1; 0 for the first
  std::string predecessor_nonce;  ///< empty for the first
  std::int64_t epoch = 0;         ///< of the writer's lock
  std::string nonce;              ///< of this very attempt
  std::string writer;             ///< who, for people
  std::int64_t created_ms = 0;
  bool fence = false;         ///< changes nothing but the epoch
  std::vector<Shard> shards;  ///< as many as the binding says, or none: no vector was ever published
  std::uint64_t vectors = 0;  ///< these three: the sums over the shards
  std::uint64_t tombstones = 0;
  Sum128 checksum;
  std::vector<DeltaId> consumed;  ///< sorted: every delta that went in and whose object may still exist
  std::vector<RunHeader::Quarantined> quarantined;  ///< sorted by delta; also in `consumed`
  std::vector<DeltaId> added;                       ///< sorted: the part of `consumed` that this very version consumed

  [[nodiscard]] bool has_consumed(const DeltaId& delta) const;
  [[nodiscard]] bool has_snapshot() const { return !shards.empty(); }
  /// Takes the shards over, and what they add up to.
  void set_shards(std::vector<Shard> all);
  bool operator==(const Manifest&) const = default;
};
[[nodiscard]] Json to_json(const Manifest& manifest);
/// `corrupt` names the field. Checks what must hold (number = predecessor + 1, sorted lists, ...).
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text, std::string_view name);

/// The manifests of one generation of one collection.
/// Threads: any. Errors of the store pass through: only its plain "not there" counts as "nothing was ever published".
class ManifestLog {
 public:
  ManifestLog(ObjectStore& objects, std::string collection, std::int64_t generation)
      : objects_(objects), collection_(std::move(collection)), generation_(generation) {}

  /// The newest manifest: from the pointer (a hint) upwards, number by number. Nothing if none was ever published.
  [[nodiscard]] Result<std::optional<Manifest>> newest();
  /// `not_found` if that number was never published or was removed by gc.
  [[nodiscard]] Result<Manifest> read(std::int64_t number);
  /// The numbers that exist, ascending.
  [[nodiscard]] Result<std::vector<std::int64_t>> numbers();

  /// Makes `manifest` (predecessor and number filled in by the caller) the newest version: creates its object, re-reads
  /// the boundary, moves the pointer. On `conflict` or an unknown outcome it reads what stands there and compares the
  /// nonce: ours is success. `lost_lease` if another epoch's manifest stands there, `conflict` if another one of our
  /// own epoch does, or if the number lies below gc's boundary. A failed publish deletes nothing.
  [[nodiscard]] Result<void> publish(const Manifest& manifest);

  /// Versions below this number may be gone, and none may be published there any more; 0 if gc never removed one.
  [[nodiscard]] Result<std::int64_t> boundary();
  /// Raises the boundary; one that is as high already stays.
  [[nodiscard]] Result<void> raise_boundary(std::int64_t number);

 private:
  [[nodiscard]] Result<std::optional<Manifest>> hinted();
  [[nodiscard]] Result<std::optional<Manifest>> last_listed();
  [[nodiscard]] Result<Manifest> probe_upwards(Manifest manifest);
  [[nodiscard]] Result<std::optional<ObjectKey>> mark_of_versions();
  [[nodiscard]] Result<void> check_publishable(const Manifest& manifest);
  [[nodiscard]] Result<void> create(const Manifest& manifest);

  ObjectStore& objects_;
  std::string collection_;
  std::int64_t generation_;
};

}  // namespace tillite
