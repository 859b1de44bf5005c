// plan: what a run would send, and what it would cost.
#include "app/commands.h"
#include "app/entity_choice.h"
#include "app/plan_output.h"

namespace tillite {

Result<int> plan_command(CommandContext& context, const std::string& entity) {
  const auto host = TRY(LocalHost::open(context.host));
  const RunPlan plan = TRY(plan_run(TRY(entities_named(entity)), host->ports(), host->context()));
  print(plan, context.output);
  context.output.json(to_json(plan));
  return kDone;
}

}  // namespace tillite
