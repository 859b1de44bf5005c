#pragma once

#include "embedding/input_format.h"
#include "steps/step.h"
#include "vectors/versions/manifest.h"

namespace tillite {

/// Where a generation of a collection stands. The root object says which one is active; the rows say the rest.
enum class GenerationState {
  building,   ///< made beside the active one, from the active one's ids
  active,     ///< the one that is served
  retired,    ///< another one was swapped in; its files stay for the retention
  cancelled,  ///< nobody builds it for now; it can be resumed until its files are removed, or another one is started
  removed     ///< its files are gone, or going
};
[[nodiscard]] std::string_view generation_state_name(GenerationState state);  ///< "building"

/// How far the pass over the active version has come that looks for what a generation lacks.
struct BackfillCursor {
  std::int64_t shard = 0;    ///< of the active version
  RecordId after;            ///< the last record that was looked at; empty: none in this shard
  std::int64_t found = 0;    ///< what this pass found missing so far
  std::int64_t brought = 0;  ///< of these, vectors: texts that were put into batches, and copies

  /// Whether nothing was looked at yet.
  [[nodiscard]] bool is_at_start() const { return shard == 0 && after.empty(); }
};

/// An item that a generation will do without, and why.
struct LeftOut {
  RecordId id;
  std::string reason;
};

/// The row COLLECTION_GENERATION (docs/formats/table.md).
struct Generation {
  CollectionBinding binding;
  GenerationState state = GenerationState::building;
  std::int64_t created_ms = 0;
  std::int64_t changed_ms = 0;  ///< when it came into this state; 0 in rows of earlier programs
  bool closing = false;         ///< building, and all but there: no new batch is made for the active one
  BackfillCursor cursor;
  std::int64_t backfill_calls = 0;       ///< that have moved the cursor; who moves it names the number that it read
  std::int64_t backfill_passes = 0;      ///< that have ended and brought vectors
  std::uint64_t left_out = 0;            ///< items that the last pass left out
  std::vector<LeftOut> left_out_listed;  ///< the first of them

  [[nodiscard]] std::int64_t number() const { return binding.generation; }
};

/// `corrupt`, which names the row, if it is none.
[[nodiscard]] Result<Generation> parse_generation(const Item& row);

/// All generations of a collection, ascending. Their states are as the root object wants them, also if whoever swapped
/// it was cut off before it wrote the rows. None if the collection was never opened.
[[nodiscard]] Result<std::vector<Generation>> generations_of(Entity entity, Table& table, ObjectStore& vectors);
[[nodiscard]] inline Result<std::vector<Generation>> generations_of(Entity entity, const Ports& ports) {
  return generations_of(entity, ports.table, ports.vectors);
}

/// The generation that may become the next active one: the last, if it is being built or was cancelled.
[[nodiscard]] std::optional<Generation> candidate_among(const std::vector<Generation>& generations);
[[nodiscard]] Result<std::optional<Generation>> candidate_generation(Entity entity, const Ports& ports);
/// The one that is being built, if there is one.
[[nodiscard]] Result<std::optional<Generation>> building_generation(Entity entity, const Ports& ports);
/// `not_found` lists the numbers that there are.
[[nodiscard]] Result<Generation> generation_numbered(Entity entity, std::int64_t number, const Ports& ports);

/// The texts that count for an item right now: under the active generation's format, and under the one of the
/// generation that may follow it.
struct LiveInputs {
  struct Format {
    std::int64_t generation = 1;
    InputFormat format = InputFormat::line_plain_1;
  };
  Format active;
  std::optional<Format> next;
};
[[nodiscard]] Result<LiveInputs> live_inputs(Entity entity, const Ports& ports, const StepContext& context);

/// The generation that an event speaks of: the one that its `generation` names, else the active one. `conflict` for one
/// that is neither active nor the candidate: nothing is merged into it any more.
[[nodiscard]] Result<CollectionBinding> binding_of_event(const Json& event, const Ports& ports,
                                                         const StepContext& context);
/// That a generation is active or the candidate. Asked again under the publish lock, which a swap holds too.
[[nodiscard]] Result<void> check_is_current(const CollectionBinding& binding, const Ports& ports);

// What the commands do. All of them are conditional on what they read: of several callers one wins.

/// Begins to build a generation beside the active one: the next number, bound to `wanted` (whose number is ignored).
/// `conflict` if one is being built, `invalid_input` if it would be no other than the active one, or if the model or
/// its dimensions would change and the active version has imported records that no receipt stands behind: their vectors
/// cannot be made anew. A cancelled one can then not be resumed any more.
[[nodiscard]] Result<Generation> start_generation(Entity entity, CollectionBinding wanted, const Ports& ports,
                                                  const StepContext& context);
/// Stops the building of a generation. Its batches at the provider are cancelled; what they still bring is kept.
/// `conflict` unless it is being built.
[[nodiscard]] Result<Generation> cancel_generation(Entity entity, std::int64_t number, const Ports& ports,
                                                   const StepContext& context);
/// Goes on with the building of a cancelled generation: all its items may be tried again, those too that the provider
/// has refused as often as it may be tried. `conflict` unless it is the last one and was cancelled.
[[nodiscard]] Result<Generation> resume_generation(Entity entity, std::int64_t number, const Ports& ports,
                                                   const StepContext& context);

/// Writes the states that generations_of() makes out into the rows that say something else.
[[nodiscard]] Result<void> settle_rows(Entity entity, const Ports& ports);
/// Moves a generation's row from one state to another; `conflict` if it is in another one by now.
[[nodiscard]] Result<void> change_state(const Generation& generation, GenerationState from, GenerationState to,
                                        const Ports& ports);
/// A new row.
[[nodiscard]] Item generation_row(const CollectionBinding& binding, GenerationState state, std::int64_t now_ms);
[[nodiscard]] ItemKey generation_row_key(const std::string& collection, std::int64_t number);
/// Attributes for an Update's `set`.
[[nodiscard]] Json to_json(const BackfillCursor& cursor);

}  // namespace tillite
