#include "steps/compact.h"

#include "base/uuid.h"
#include "steps/changes/change_delta.h"
#include "steps/generations/collection.h"

namespace tillite {
namespace {

constexpr std::int64_t kLockPauseMs = 5'000;

/// A round, when its turn comes: another publisher is waited for, and taken over if it gives no sign of life.
Result<Json> compact_in_turn(const Json& event, const Ports& ports, const StepContext& context) {
  while (true) {
    auto round = compact_round(event, ports, context);
    if (round || round.error().code() != Code::lock_held) return round;
    context.log.info("waiting for another publisher", {{"reason", round.error().message()}});
    TRY(ports.clock.sleep(kLockPauseMs, context.stop));
  }
}

}  // namespace

Json compaction_event(const std::string& collection, Random& random) {
  return {{"collection", collection}, {"execution", "compact-" + uuid4(random.bytes())}};
}

Result<Json> compact_round(const Json& event, const Ports& ports, const StepContext& context) {
  const Json split = TRY(split_into_chunks(event, ports, context));
  Json round = {{"generation", split.at("generation")}, {"deltas_consumed", 0}, {"more", split.at("more")}};
  if (split.at("total_chunks") > 0) {
    Json merge = event;
    merge["chunks"] = split.at("chunks");
    merge["generation"] = split.at("generation");
    const Json merged = TRY(final_merge(merge, ports, context));
    for (const char* field : {"deltas_consumed", "version", "total_embeddings"}) round[field] = merged.at(field);
  }
  round["batches_completed"] = TRY(mark_complete(event, ports, context)).at("batches_completed");
  return round;
}

Result<Json> compact_collection(Entity entity, const Ports& ports, const StepContext& context) {
  const CollectionBinding binding = TRY(active_collection(entity, ports, context));
  TRY(write_change_deltas(entity, binding, ports, context));
  const Json event = compaction_event(binding.collection, ports.random);
  Json result = {{"collection", binding.collection},
                 {"deltas_consumed", 0},
                 {"deltas_consumed_beside", 0},
                 {"batches_completed", 0}};
  const auto add = [&](const char* field, const Json& count) {
    result[field] = result[field].get<std::size_t>() + count.get<std::size_t>();
  };
  for (bool more = true; more;) {
    const Json round = TRY(compact_in_turn(event, ports, context));
    const bool is_active = round.at("generation") == binding.generation;
    add(is_active ? "deltas_consumed" : "deltas_consumed_beside", round.at("deltas_consumed"));
    add("batches_completed", round.at("batches_completed"));
    for (const char* field : {"version", "total_embeddings"}) {
      if (is_active && round.contains(field)) result[field] = round.at(field);
    }
    more = round.at("more").get<bool>();
  }
  return result;
}

}  // namespace tillite
