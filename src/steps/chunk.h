#pragma once

#include "steps/step.h"
#include "vectors/deltas/run_file.h"
#include "vectors/versions/manifest.h"

namespace tillite {

/// A chunk as events carry it: its number and its deltas.
struct Chunk {
  std::size_t index = 0;
  std::vector<DeltaId> deltas;
};
/// Of {"chunk_index", "delta_ids"}.
[[nodiscard]] Result<Chunk> parse_chunk(const Json& json);

/// Merges a chunk's deltas into its intermediate, which has a run for each shard, unless that is there already. Deltas
/// that a version consumed meanwhile are passed over; one that is neither there nor consumed is `not_found`. Needs no
/// lock. The answer: the intermediate's key (its runs': intermediate_runs()), or nothing if every delta of the chunk
/// was consumed.
[[nodiscard]] Result<std::optional<ObjectKey>> make_intermediate(const Chunk& chunk, const CollectionBinding& binding,
                                                                 const std::string& run, const Ports& ports,
                                                                 const StepContext& context);

/// Whether a chunk's intermediate is there, whole or damaged.
[[nodiscard]] Result<bool> has_intermediate(const Chunk& chunk, const CollectionBinding& binding,
                                            const std::string& run, ObjectStore& vectors);

/// Says which deltas could not be read, and why.
void log_quarantined(const RunHeader& news, const Logger& log);

/// The name of a run in keys, from an execution's id: its characters that keys may have.
[[nodiscard]] std::string run_name(std::string_view execution);

}  // namespace tillite
