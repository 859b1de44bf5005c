#pragma once

#include "support/pipeline.h"
#include "vectors/snapshots/snapshot_export.h"

namespace tillite::testing {

/// What another home that embedded this receipt exports into a folder.
inline void export_from_another_home(const Receipt& receipt, const Path& folder) {
  Pipeline other;
  other.import(receipt);
  other.run();
  const auto newest = must(ManifestLog(*other.vectors, "receipt_lines", 1).newest());
  must(export_snapshot(*other.vectors, newest.value(), folder));
}

}  // namespace tillite::testing
