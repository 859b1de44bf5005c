#include "steps/reports/census.h"

#include "receipts/receipt_items.h"
#include "steps/generations/collection.h"
#include "steps/generations/generation.h"

namespace tillite {
namespace {

constexpr int kTriesMax = 5;

Result<std::uint64_t> count_status(Entity entity, EmbeddingStatus status, Table& table) {
  return table.count({.index = Index::gsi1,
                      .hash = fmt::format("EMBEDDING_STATUS#{}", status_name(status)),
                      .range_prefix = std::string(names_of(entity).index_prefix)});
}

/// PENDING items, told apart by what became of their batch.
Result<void> count_pending(Census& census, const std::map<BatchId, Batch>& open, Table& table) {
  const Query query{.index = Index::gsi1,
                    .hash = "EMBEDDING_STATUS#PENDING",
                    .range_prefix = std::string(names_of(census.entity).index_prefix)};
  return for_each_item(table, query, [&](const Item& row) -> Result<void> {
    // Nothing else of the row matters here: one that is damaged is counted like the others.
    const BatchId batch_id(row.contains("embedding_batch_id") && row["embedding_batch_id"].is_string()
                               ? row["embedding_batch_id"].get<std::string>()
                               : std::string());
    const auto batch = open.find(batch_id);
    // A row that cannot be read is given back by nobody once its batch is over.
    if (batch_id.empty() || (batch == open.end() && !item_state(row))) ++census.held;
    if (batch == open.end() || batch->second.delta_id.empty()) {
      ++census.claimed;
    } else if (census.version && census.version->has_consumed(batch->second.delta_id)) {
      ++census.published;
    } else {
      ++census.in_deltas;
    }
    return {};
  });
}

Result<std::optional<Census::Building>> count_building(Entity entity, const Ports& ports) {
  const auto generation = TRY(building_generation(entity, ports));
  if (!generation) return std::optional<Census::Building>();
  const DeltaSurvey survey = TRY(survey_deltas(ports.vectors, generation->binding));
  return std::optional(Census::Building{.generation = generation->number(),
                                        .vectors = survey.manifest ? survey.manifest->vectors : 0,
                                        .deltas_waiting = survey.outstanding_ids.size(),
                                        .left_out = generation->left_out});
}

Result<Census> count_once(Entity entity, const Ports& ports, const StepContext& context) {
  Census census{.entity = entity};
  const CollectionBinding binding = TRY(active_collection(entity, ports, context));
  const DeltaSurvey survey = TRY(survey_deltas(ports.vectors, binding));
  census.version = survey.manifest;
  census.generation = binding.generation;
  census.deltas_waiting = survey.outstanding_ids.size();
  census.building = TRY(count_building(entity, ports));

  std::map<BatchId, Batch> open;
  BatchesRead read = TRY(read_batches_in(ports.table, entity, kOpenStatuses));
  if (!read.unreadable.empty()) census.batches["UNREADABLE"] = read.unreadable.size();
  for (Batch& batch : read.batches) {
    ++census.batches[batch.is_foreign()    ? "FOREIGN"
                     : batch.is_prepared() ? "PREPARED"
                                           : std::string(batch_status_name(batch.status))];
    open.emplace(batch.id, std::move(batch));
  }
  for (const BatchStatus status : kEndedStatuses) {
    const auto count =
        TRY(ports.table.count({.index = Index::gsi1,
                               .hash = fmt::format("STATUS#{}", batch_status_name(status)),
                               .range_prefix = fmt::format("BATCH_TYPE#{}#", names_of(entity).batch_type)}));
    if (count > 0) census.batches[std::string(batch_status_name(status))] = count;
  }

  census.noise = TRY(count_status(entity, EmbeddingStatus::noise, ports.table));
  census.unclaimed = TRY(count_status(entity, EmbeddingStatus::none, ports.table));
  census.published = TRY(count_status(entity, EmbeddingStatus::success, ports.table));
  census.failed = TRY(count_status(entity, EmbeddingStatus::failed, ports.table));
  TRY(count_pending(census, open, ports.table));
  census.changes_waiting = TRY(ports.table.count({.index = Index::gsi3, .hash = outbox_partition(entity)}));
  census.found = TRY(ports.table.count({.index = Index::type, .hash = std::string(names_of(entity).row_type)}));
  return census;
}

}  // namespace

Result<Census> take_census(Entity entity, const Ports& ports, const StepContext& context) {
  for (int tries = 1;; ++tries) {
    Census census = TRY(count_once(entity, ports, context));
    if (census.adds_up() || tries == kTriesMax) return census;
  }
}

}  // namespace tillite
