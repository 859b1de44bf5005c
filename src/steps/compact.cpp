#include "steps/compact.h"

#include "base/uuid.h"
#include "steps/change_delta.h"
#include "steps/collection.h"

namespace tillite {
namespace {

constexpr std::int64_t kLockPauseMs = 5'000;

/// final_merge, when its turn comes: another publisher is waited for, and taken over if it gives no sign of life.
Result<Json> merge_in_turn(const Json& event, const Ports& ports, const StepContext& context) {
  while (true) {
    auto merged = final_merge(event, ports, context);
    if (merged || merged.error().code() != Code::lock_held) return merged;
    context.log.info("waiting for another publisher", {{"reason", merged.error().message()}});
    TRY(ports.clock.sleep(kLockPauseMs, context.stop));
  }
}

}  // namespace

Result<Json> compact_collection(Entity entity, const Ports& ports, const StepContext& context) {
  const CollectionBinding binding = TRY(active_collection(entity, ports, context));
  TRY(write_change_deltas(entity, binding, ports, context));
  const std::string execution = "compact-" + uuid4(ports.random.bytes());
  const Json event = {{"collection", binding.collection}, {"execution", execution}};
  Json result = {{"collection", binding.collection}, {"deltas_consumed", 0}};
  while (true) {
    const Json split = TRY(split_into_chunks(event, ports, context));
    if (split.at("total_chunks") == 0) break;
    Json merge_event = event;
    merge_event["chunks"] = split.at("chunks");
    const Json merged = TRY(merge_in_turn(merge_event, ports, context));
    result["deltas_consumed"] =
        result["deltas_consumed"].get<std::size_t>() + merged.at("deltas_consumed").get<std::size_t>();
    result["version"] = merged.at("version");
    result["total_embeddings"] = merged.at("total_embeddings");
    if (!split.at("more").get<bool>()) break;
  }
  const Json completed = TRY(mark_complete(event, ports, context));
  result["batches_completed"] = completed.at("batches_completed");
  return result;
}

}  // namespace tillite
