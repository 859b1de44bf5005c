#pragma once

#include "base/file.h"

namespace tillite {

/// A folder that appears under its name complete or not at all: it is filled beside its place and renamed at the end.
class ExportFolder {
 public:
  /// `conflict` if `target` is there and is not an empty folder.
  [[nodiscard]] static Result<ExportFolder> create(const Path& target);

  /// To be filled.
  [[nodiscard]] const Path& content() const { return content_; }
  /// For what shall not appear, on the same file system.
  [[nodiscard]] const Path& scratch() const { return scratch_; }
  /// Syncs what was filled in and gives it its name. `conflict` if somebody put something there meanwhile.
  [[nodiscard]] Result<void> publish() const;

 private:
  ExportFolder(Path target, ScratchFolder room);
  Path target_;
  ScratchFolder room_;
  Path content_;
  Path scratch_;
};

}  // namespace tillite
