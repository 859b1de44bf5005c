#pragma once

#include "steps/batches/batch.h"
#include "steps/step.h"

namespace tillite {

/// A batch at the provider that carries an id of ours (`tillite_batch_id`), and that no row of this home speaks of. It
/// may be left of a home that was lost, or set back to a backup; or belong to another home of the same account.
struct OrphanBatch {
  ProviderBatch batch;
  BatchId own_id;
  bool is_adoptable = false;  ///< its row is prepared and waits for just this batch
  std::string why;            ///< "its row names another batch: batch_...", ...
};

/// An input file that was uploaded for a batch of this home, and that it does not need any more.
struct OrphanFile {
  ProviderFile file;
  BatchId own_id;
};

struct Orphans {
  std::vector<OrphanBatch> batches;  ///< newest first; only those that have not ended, or can be adopted
  std::vector<OrphanFile> files;
};

/// Compares what the provider lists with the rows. Batches and files that a submit may be about to record are left out.
/// Changes nothing. Memory: the orphans.
[[nodiscard]] Result<Orphans> find_orphans(const Ports& ports);

/// The files alone. What a submit uploaded that was cut off before it could record it is among them.
[[nodiscard]] Result<std::vector<OrphanFile>> find_orphan_files(const Ports& ports);

/// Records an adoptable batch on its row, as the recovery of a submit does; the next poll goes on with it. False if its
/// row was changed meanwhile.
[[nodiscard]] Result<bool> adopt(const OrphanBatch& orphan, const Ports& ports, const StepContext& context);

}  // namespace tillite
