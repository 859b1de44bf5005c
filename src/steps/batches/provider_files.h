#pragma once

#include "steps/batches/batch.h"
#include "steps/step.h"

namespace tillite {

// What the provider keeps for a batch: input, output and error file. Nobody needs them once the batch has ended: its
// vectors are in the delta and in the cache, its reasons on the items. The write that ends a batch notes them on its
// row (files_left, GSI2 PROVIDER_FILES), and the note goes when they are gone: whoever is cut off is made up for.

/// Adds the note to `set`, which is to end `batch`, unless the settings say that files stay. `batch` names the files.
void note_files(const Batch& batch, Json& set, const Settings& settings);

/// Removes the noted files of a batch at the provider, and the note. One that is gone is no error; one that the
/// provider will not remove keeps the note, and the others are removed all the same.
[[nodiscard]] Result<void> delete_files(const Batch& batch, const Ports& ports);

struct DeletedFiles {
  std::size_t files = 0;
  std::size_t unreadable = 0;  ///< rows that do not say which files: the others go on
  bool all = true;             ///< of the others nothing is left
};
/// Removes the noted files of all batches of an entity, for at most `limit_ms`. Files that cannot be removed are logged
/// and keep their note for the next call. A provider that does not answer, or refuses the account, ends it.
[[nodiscard]] Result<DeletedFiles> delete_files_left(Entity entity, std::int64_t limit_ms, const Ports& ports,
                                                     const StepContext& context);

}  // namespace tillite
