#pragma once

#include <map>

#include "base/parallel.h"
#include "vectors/versions/manifest.h"

namespace tillite {

// The names of a snapshot's files, the HNSW segment's apart (docs/formats/snapshot.md).
inline constexpr std::string_view kChromaFile = "chroma.sqlite3";
inline constexpr std::string_view kRecordsFile = "records.sqlite3";
inline constexpr std::string_view kKeptGraphFile = "graph.kept";

/// Whether a stored file is torn or has gone, and not merely out of reach.
[[nodiscard]] inline bool is_damage(const Error& error) {
  return error.code() == Code::corrupt || error.code() == Code::not_found;
}

/// Whether a file is Tillite's own: no Chroma server knows it, and exports leave it out.
[[nodiscard]] bool is_our_own(std::string_view name);

/// Puts all files of a finished snapshot folder on the disk and describes them, sorted by name. Those that are not in
/// `hashed`, by path, are read for their checksum, large ones by at most `threads` threads.
[[nodiscard]] Result<std::vector<Manifest::SnapshotFile>> sync_and_describe(
    const Path& folder, std::size_t threads, const std::map<Path, std::string>& hashed = {});

/// Copies a file of a snapshot, without fsync, and checks what was read. Threads, `corrupt`: as check_file().
[[nodiscard]] Result<void> copy_checked(const Path& from, const Manifest::SnapshotFile& file, const Path& to,
                                        std::size_t threads);

/// The object of a snapshot's file. `corrupt` for a name that leads out of the folder.
[[nodiscard]] Result<ObjectKey> file_key(const Manifest::Shard& shard, const Manifest::SnapshotFile& file);

/// Whether a local file has the size, and with `verify` the checksum, that the manifest names; `corrupt` names the
/// file. A large file is read by at most `threads` threads, if its checksum is one by parts.
[[nodiscard]] Result<void> check_file(const Path& path, const Manifest::SnapshotFile& file, bool verify,
                                      std::size_t threads = machine_threads());

}  // namespace tillite
