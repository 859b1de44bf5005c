// cache status, verify, clear: the vectors that were paid for.
#include "app/commands/commands.h"

namespace tillite {
namespace {

Json json_of(const CacheFacts& facts) {
  return {{"vectors", facts.vectors}, {"bytes", facts.bytes}, {"bytes_max", facts.bytes_max}};
}

void print(const CacheFacts& facts, const Output& output) {
  constexpr double megabyte = 1e6;
  output.line("{} vectors, {:.1f} of {:.1f} MB (TILLITE_CACHE_BYTES)", facts.vectors,
              static_cast<double>(facts.bytes) / megabyte, static_cast<double>(facts.bytes_max) / megabyte);
}

}  // namespace

Result<int> cache_status_command(CommandContext& context) {
  const auto host = TRY(PipelineHost::open(context.host));
  const CacheFacts facts = TRY(host->ports().cache.facts());
  print(facts, context.output);
  context.output.json(json_of(facts));
  return kDone;
}

Result<int> cache_verify_command(CommandContext& context) {
  const auto host = TRY(PipelineHost::open(context.host));
  const CacheFacts facts = TRY(host->ports().cache.verify());
  print(facts, context.output);
  if (facts.damaged > 0) {
    context.output.line("removed {} damaged ones: their texts are asked for again when they are needed", facts.damaged);
  } else {
    context.output.line("all are as they were written");
  }
  Json json = json_of(facts);
  json["damaged"] = facts.damaged;
  context.output.json(json);
  return kDone;
}

Result<int> cache_clear_command(CommandContext& context) {
  const auto host = TRY(PipelineHost::open(context.host));
  VectorCache& cache = host->ports().cache;
  const CacheFacts before = TRY(cache.facts());
  TRY(cache.clear());
  context.output.line("removed {} vectors", before.vectors);
  context.output.json({{"removed", before.vectors}});
  return kDone;
}

}  // namespace tillite
