// failed, retry: the items that were given up, and their release.
#include "app/commands/commands.h"
#include "app/commands/entity_choice.h"
#include "receipts/receipt.h"
#include "steps/batches/failed_items.h"

namespace tillite {
namespace {

Result<std::uint64_t> count_failed(Entity entity, Table& table) {
  return table.count({.index = Index::gsi1,
                      .hash = fmt::format("EMBEDDING_STATUS#{}", status_name(EmbeddingStatus::failed)),
                      .range_prefix = std::string(names_of(entity).index_prefix)});
}

}  // namespace

Result<int> failed_command(CommandContext& context, const std::string& entity, std::size_t limit) {
  const auto entities = TRY(entities_named(entity));
  const auto host = TRY(PipelineHost::open(context.host));
  Table& table = host->ports().table;
  std::uint64_t total = 0;
  Json json = {{"items", Json::array()}};
  for (const Entity one : entities) {
    total += TRY(count_failed(one, table));
    for (const FailedItem& item : TRY(failed_items(one, limit - json["items"].size(), table))) {
      context.output.line("{}  after {} attempts: {}", item.id.str(), item.attempts, item.reason);
      context.output.line("    {}", item.text);
      json["items"].push_back({{"entity", names_of(one).name},
                               {"id", item.id.str()},
                               {"text", item.text},
                               {"reason", item.reason},
                               {"attempts", item.attempts}});
    }
  }
  json["total"] = total;
  const std::size_t listed = json["items"].size();
  if (total == 0) context.output.line("no item has failed");
  if (total > listed) context.output.line("and {} more (--limit)", total - listed);
  if (total > 0) context.output.line("{} items have failed; tillite retry sends them again", total);
  context.output.json(json);
  return kDone;
}

Result<int> retry_command(CommandContext& context, bool all, const std::vector<std::string>& ids,
                          const std::string& entity) {
  if (all != ids.empty()) return fail(Code::usage, "name the items to release, or give --all");
  const auto entities = TRY(entities_named(entity));
  std::vector<RecordId> records;
  for (const std::string& id : ids) {
    TRY(parse_record_id(RecordId(id)));
    records.emplace_back(id);
  }
  const auto host = TRY(PipelineHost::open(context.host));
  Table& table = host->ports().table;
  std::size_t released = 0;
  Json not_failed = Json::array();
  if (all) {
    for (const Entity one : entities) released += TRY(retry_all_items(one, table));
  } else {
    const auto happened = TRY(retry_items(records, table));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (happened[i]) {
        ++released;
      } else {
        not_failed.push_back(ids[i]);
        context.output.line("{} has not failed", ids[i]);
      }
    }
  }
  context.output.line("released {} items: the next run sends them", released);
  context.output.json({{"released", released}, {"not_failed", not_failed}});
  return not_failed.empty() ? kDone : kPartlyDone;
}

}  // namespace tillite
