// Groups the deltas that no version has consumed into chunks for parallel merging.
#include <algorithm>
#include <set>

#include "steps/batch.h"
#include "steps/collection.h"
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

/// A delta that was reported is outstanding, or a version has consumed it: anything else is a loss, and an error.
Result<void> account_for(const std::vector<std::pair<DeltaId, BatchId>>& reported, const DeltaSurvey& survey,
                         Table& table) {
  const std::set<DeltaId> outstanding(survey.outstanding_ids.begin(), survey.outstanding_ids.end());
  for (const auto& [delta, batch_id] : reported) {
    if (outstanding.contains(delta) || (survey.manifest && survey.manifest->has_consumed(delta))) continue;
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
  const CollectionBinding binding = TRY(active_collection(entity, ports, context));
  const auto reported = TRY(reported_deltas(event));
  const DeltaSurvey survey = TRY(survey_deltas(ports.vectors, binding));
  TRY(account_for(reported, survey, ports.table));

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
              {"more", taken < survey.outstanding_ids.size()}};
}

}  // namespace tillite
