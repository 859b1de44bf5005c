// Lists the batches of a collection to poll: every one that the provider has and that has not ended here.
#include <algorithm>

#include "steps/batches/batch_cancel.h"
#include "steps/batches/completion.h"
#include "steps/generations/collection.h"
#include "steps/generations/retirement.h"
#include "steps/step.h"

namespace tillite {

Result<Json> list_pending(const Json& event, const Ports& ports, const StepContext& context) {
  const Entity entity = TRY(entity_of_event(event));
  TRY(active_collection(entity, ports, context));  // the first call ever makes it
  TRY(settle_generations(entity, ports, context));
  const Completion completion = TRY(complete_all(entity, ports, context));

  std::vector<Batch> pending = TRY(batches_in(ports.table, entity, kOpenStatuses));
  // Those with a delta wait for a merge, not for the provider; those of others cannot be collected.
  std::erase_if(pending, [](const Batch& batch) {
    const bool is_not_at_provider = batch.openai_batch_id.empty() || !batch.delta_id.empty();
    return batch.is_foreign() || (!is_half_cancelled(batch) && is_not_at_provider);
  });
  // Polled longest ago first, so that batches which stay unfinished never keep the others from their turn.
  std::ranges::sort(pending, {},
                    [](const Batch& batch) { return std::tie(batch.polled_ms, batch.created_ms, batch.id); });

  Json batches = Json::array();
  for (const Batch& batch : pending) {
    if (batches.size() >= context.settings.polls_per_run) break;
    batches.push_back({{"batch_id", batch.id.str()}, {"openai_batch_id", batch.openai_batch_id.str()}});
  }
  return Json{{"collection", names_of(entity).collection},
              {"pending_batches", batches},
              {"pending_total", pending.size()},
              {"batches_unreadable", completion.unreadable},
              {"more", batches.size() < pending.size()}};
}

}  // namespace tillite
