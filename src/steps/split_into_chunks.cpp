// Groups the deltas that no version has consumed into chunks for parallel merging.
#include <algorithm>
#include <limits>

#include "steps/batches/batch.h"
#include "steps/generations/collection.h"
#include "steps/generations/generation.h"
#include "steps/step.h"

namespace tillite {
namespace {

/// The deltas that polls have reported, of this run: each must be found again.
Result<std::vector<std::pair<DeltaId, BatchId>>> reported_deltas(const Json& event) {
  std::vector<std::pair<DeltaId, BatchId>> reported;
  const Json* polls = find_field(event, "poll_results");
  if (polls == nullptr) return reported;
  for (const Json& poll : TRY(array_field(event, "poll_results"))) {
    const auto delta = TRY(optional_string(poll, "delta_id"));
    if (delta) reported.emplace_back(DeltaId(*delta), BatchId(TRY(string_field(poll, "batch_id"))));
  }
  return reported;
}

/// A generation that deltas are merged into, and how they stand.
struct Mergeable {
  CollectionBinding binding;
  DeltaSurvey survey;

  [[nodiscard]] bool knows(const DeltaId& delta) const {
    return std::ranges::find(survey.outstanding_ids, delta) != survey.outstanding_ids.end() ||
           (survey.manifest && survey.manifest->has_consumed(delta));
  }
};

/// The one that the event names; else the active one and the candidate, if there is one.
Result<std::vector<Mergeable>> mergeable_generations(const Json& event, Entity entity, const Ports& ports,
                                                     const StepContext& context) {
  std::vector<CollectionBinding> bindings = {TRY(binding_of_event(event, ports, context))};
  if (find_field(event, "generation") == nullptr) {
    if (const auto candidate = TRY(candidate_generation(entity, ports))) bindings.push_back(candidate->binding);
  }
  std::vector<Mergeable> generations;
  for (CollectionBinding& binding : bindings) {
    auto survey = TRY(survey_deltas(ports.vectors, binding));
    generations.push_back({std::move(binding), std::move(survey)});
  }
  return generations;
}

/// That whose oldest delta has waited longest, so that no generation keeps another one waiting. Of two that have waited
/// as long the newer one: what both are told it never learns later than the active one.
const Mergeable& next_in_turn(const std::vector<Mergeable>& generations) {
  return *std::ranges::min_element(generations, {}, [](const Mergeable& generation) {
    const auto& waiting = generation.survey.outstanding;
    return std::pair(waiting.empty() ? std::numeric_limits<std::int64_t>::max() : waiting.front().modified_ms,
                     -generation.binding.generation);
  });
}

/// A delta that was reported is outstanding, or a version has consumed it: anything else is a loss, and an error.
Result<void> account_for(const std::vector<std::pair<DeltaId, BatchId>>& reported,
                         const std::vector<Mergeable>& generations, Table& table) {
  for (const auto& [delta, batch_id] : reported) {
    if (std::ranges::any_of(generations, [&](const Mergeable& generation) { return generation.knows(delta); }))
      continue;
    const Batch batch = TRY(read_batch(table, batch_id));
    if (has_ended(batch.status)) continue;
    return fail(Code::not_found, "the delta {} of the batch {} is neither stored nor in any version", delta.str(),
                batch_id.str());
  }
  return {};
}

}  // namespace

Result<Json> split_into_chunks(const Json& event, const Ports& ports, const StepContext& context) {
  const Entity entity = TRY(entity_of_event(event));
  const auto reported = TRY(reported_deltas(event));
  const auto generations = TRY(mergeable_generations(event, entity, ports, context));
  TRY(account_for(reported, generations, ports.table));
  const auto& [binding, survey] = next_in_turn(generations);
  const bool others_wait = std::ranges::any_of(generations, [&](const Mergeable& generation) {
    return generation.binding != binding && !generation.survey.outstanding.empty();
  });

  const std::size_t chunk_deltas = context.settings.chunk_deltas.at(entity);
  const std::size_t taken = std::min(survey.outstanding_ids.size(), context.settings.deltas_per_run);
  Json chunks = Json::array();
  for (std::size_t begin = 0; begin < taken; begin += chunk_deltas) {
    const auto first = survey.outstanding_ids.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last =
        survey.outstanding_ids.begin() + static_cast<std::ptrdiff_t>(std::min(begin + chunk_deltas, taken));
    chunks.push_back({{"chunk_index", chunks.size()}, {"delta_ids", to_json(std::vector<DeltaId>(first, last))}});
  }
  return Json{{"collection", binding.collection},
              {"generation", binding.generation},
              {"total_chunks", chunks.size()},
              {"chunks", std::move(chunks)},
              {"deltas_total", survey.outstanding_ids.size()},
              {"more", others_wait || taken < survey.outstanding_ids.size()}};
}

}  // namespace tillite
