#pragma once

#include "steps/batches/batch_preparation.h"
#include "steps/generations/generation.h"
#include "steps/step.h"

namespace tillite {

/// What one call did for the generation that is being built.
struct BackfillReport {
  std::int64_t generation = 0;    ///< 0: none is being built
  std::vector<Batch> batches;     ///< prepared: to be submitted
  std::size_t items_waiting = 0;  ///< left, because another batch is about to bring their vector
  std::size_t copied = 0;         ///< vectors that were taken over as they are
  std::size_t told = 0;           ///< records with newer metadata
  std::size_t removed = 0;        ///< records that the active generation has no more
  bool more = false;              ///< the call had enough: there is more to do right now
  bool swapped = false;           ///< it is the active generation now
};

/// Builds on: goes on with the pass over the active version that looks for what the building generation lacks, prepares
/// at most `batches_max` batches, and writes deltas of what needs no provider. A new pass begins when all vectors of
/// the last one are published. When one has found nothing missing, no new batches are made for the active generation
/// (Generation::closing) until the next one finds something; after the fourth one that had to bring vectors there are
/// none made in any case, so that the end comes. As soon as the last ones of the active generation are published and
/// there still is nothing missing, looked at under the publish lock, the root object is swapped. Changes of items
/// (change_delta.h), which both generations are told, do not put that off. Items that the new generation does without
/// become FAILED, with the reason, or NONE. One that would do without more than half of them is cancelled instead. May
/// be called by anybody at any time: of several callers one moves the pass on.
[[nodiscard]] Result<BackfillReport> build_on(Entity entity, std::size_t batches_max, const Ports& ports,
                                              const StepContext& context);

}  // namespace tillite
