#pragma once

#include "base/file.h"

namespace tillite {

/// The folder that holds everything on one machine (docs/formats/home.md):
///
///     tillite.json        what this folder is, and its format's version
///     table.sqlite3       receipts, lines, words, batches, locks
///     workflows.sqlite3   state machines, their executions, journals and histories
///     provider.sqlite3    the embedded provider's batches
///     queue.sqlite3       notifications
///     logs.sqlite3        what functions logged
///     vector-cache.sqlite3  vectors by their text, so that none is paid for twice
///     vectors/            deltas, manifests, snapshots
///     batches/            requests and lists of items
///     provider/           the embedded provider's files
///     snapshots/          files of snapshots that lie on S3, once they were fetched; may be removed
///     scratch/            of running processes; may be removed when none runs
class Home {
 public:
  /// Opens a home; with `create` an absent or empty folder becomes one. Refuses, each with the remedy: a folder that is
  /// no home, a home of a newer version, a network file system (SQLite's and our locks do not hold there), a folder
  /// that cannot be written. Removes what killed processes left in scratch/.
  [[nodiscard]] static Result<Home> open(const Path& folder, bool create);

  [[nodiscard]] const Path& folder() const { return folder_; }
  [[nodiscard]] Path table_file() const { return folder_ / "table.sqlite3"; }
  [[nodiscard]] Path workflows_file() const { return folder_ / "workflows.sqlite3"; }
  [[nodiscard]] Path provider_file() const { return folder_ / "provider.sqlite3"; }
  [[nodiscard]] Path queue_file() const { return folder_ / "queue.sqlite3"; }
  [[nodiscard]] Path logs_file() const { return folder_ / "logs.sqlite3"; }
  [[nodiscard]] Path cache_file() const { return folder_ / "vector-cache.sqlite3"; }
  [[nodiscard]] Path vectors_folder() const { return folder_ / "vectors"; }
  [[nodiscard]] Path batches_folder() const { return folder_ / "batches"; }
  [[nodiscard]] Path provider_folder() const { return folder_ / "provider"; }
  [[nodiscard]] Path snapshots_folder() const { return folder_ / "snapshots"; }
  [[nodiscard]] Path scratch_folder() const { return folder_ / "scratch"; }

  /// Copies the home as it is at one moment (home_image.h) to `target` (absent, or an empty folder), while others use
  /// it; the copy is a home.
  [[nodiscard]] Result<void> backup(const Path& target) const;

 private:
  explicit Home(Path folder) : folder_(std::move(folder)) {}
  Path folder_;
};

}  // namespace tillite
