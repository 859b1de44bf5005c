// After a version is published: the items that it contains become SUCCESS, their batches end.
#include "steps/batches/completion.h"
#include "steps/batches/provider_files.h"
#include "steps/generations/collection.h"
#include "steps/step.h"

namespace tillite {
namespace {

constexpr std::int64_t kDeletingMsMax = 20'000;  // what is left after it is the next call's

}  // namespace

Result<Json> mark_complete(const Json& event, const Ports& ports, const StepContext& context) {
  const Entity entity = TRY(entity_of_event(event));
  const Completion completion = TRY(complete_all(entity, ports, context));
  const DeletedFiles deleted = TRY(delete_files_left(entity, kDeletingMsMax, ports, context));
  const std::size_t unreadable = completion.unreadable + deleted.unreadable;
  context.log.info("completed batches", {{"collection", names_of(entity).collection},
                                         {"batches", completion.batches},
                                         {"items", completion.items},
                                         {"quarantined", completion.quarantined},
                                         {"unreadable", unreadable},
                                         {"files_deleted", deleted.files}});
  return Json{{"collection", names_of(entity).collection}, {"batches_completed", completion.batches},
              {"items_completed", completion.items},       {"batches_quarantined", completion.quarantined},
              {"batches_unreadable", unreadable},          {"files_deleted", deleted.files}};
}

}  // namespace tillite
