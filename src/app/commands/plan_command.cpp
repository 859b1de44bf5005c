// plan: what a run would send, and what it would cost.
#include <algorithm>
#include <map>

#include "app/commands/aws_cost.h"
#include "app/commands/aws_cost_output.h"
#include "app/commands/commands.h"
#include "app/commands/entity_choice.h"
#include "app/commands/plan_output.h"
#include "steps/generations/collection.h"

namespace tillite {
namespace {

/// What of a plan decides AWS's bill. A generation that is being built counts with the active one's dimensions.
Result<std::vector<AwsWork>> aws_work(const RunPlan& plan, const PipelineHost& host) {
  std::map<Entity, AwsWork> work;
  for (const EntityPlan& planned : plan.entities) {
    AwsWork& of_entity = work[planned.entity];
    of_entity.entity = planned.entity;
    of_entity.items += planned.items_to_embed();
    const std::uint64_t not_sent = planned.texts_cached + planned.texts_on_their_way + planned.texts_refused;
    of_entity.texts += planned.texts - std::min(planned.texts, not_sent);
    of_entity.batches += planned.batches_to_submit();
    const CollectionBinding active = TRY(active_collection(planned.entity, host.ports(), host.context()));
    of_entity.dimensions = static_cast<std::uint64_t>(active.dimensions);
  }
  std::vector<AwsWork> all;
  all.reserve(work.size());
  for (const auto& [entity, of_entity] : work) all.push_back(of_entity);
  return all;
}

}  // namespace

Result<int> plan_command(CommandContext& context, const std::string& entity, bool with_aws) {
  const auto host = TRY(PipelineHost::open(context.host));
  const RunPlan plan = TRY(plan_run(TRY(entities_named(entity)), host->ports(), host->context()));
  Json json = to_json(plan);
  print(plan, context.output);
  if (with_aws) {
    const AwsCost cost = TRY(AwsCostModel::load()).estimate(TRY(aws_work(plan, *host)));
    print(cost, context.output);
    json["aws"] = to_json(cost);
  }
  context.output.json(json);
  return kDone;
}

}  // namespace tillite
