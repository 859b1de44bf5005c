// query and get: what asks a collection.
#include <map>

#include "app/commands.h"
#include "receipts/receipt.h"
#include "steps/collection.h"
#include "vectors/collection_view.h"

namespace tillite {
namespace {

Result<Json> parse_filter(const std::string& text, std::string_view option) {
  if (text.empty()) return Json(nullptr);
  return parse_json(text, option);
}

Json json_of(const StoredRecord& record) {
  return {{"id", record.id.str()}, {"document", record.document}, {"metadata", record.metadata}};
}

void warn_of_unreadable(const CollectionView& view, const Logger& log) {
  for (const DeltaId& delta : view.unreadable_deltas()) {
    log.warning("a delta cannot be read and is left out of this answer", {{"delta_id", delta.str()}});
  }
}

}  // namespace

Result<int> query_command(CommandContext& context, const QueryOptions& options) {
  const Entity entity = TRY(entity_of_collection(options.collection));
  const Where where = TRY(Where::parse(TRY(parse_filter(options.where, "--where")),
                                       TRY(parse_filter(options.where_document, "--where-document"))));
  const auto host = TRY(LocalHost::open(context.host));
  const auto binding = TRY(active_collection(entity, host->ports(), host->context()));
  const auto scratch = TRY(ScratchFolder::create(host->context().scratch));
  const auto view = TRY(CollectionView::open(host->ports().vectors, binding, scratch.path()));
  warn_of_unreadable(view, context.host.log);

  const auto hits = TRY(view.query(host->embedder().embed(options.text), options.k, where));
  Json json = {{"collection", options.collection}, {"text", options.text}, {"hits", Json::array()}};
  for (const auto& [record, distance] : hits) {
    const std::string merchant = record.metadata.value("merchant_name", "");
    context.output.line("{:.4f}  {}{}  [{}]", distance, record.document, merchant.empty() ? "" : "  - " + merchant,
                        record.id.str());
    Json hit = json_of(record);
    hit["distance"] = distance;
    json["hits"].push_back(std::move(hit));
  }
  if (hits.empty()) context.output.line("nothing found among {} vectors", view.size());
  context.output.json(json);
  return kDone;
}

Result<int> get_command(CommandContext& context, const std::vector<std::string>& ids) {
  std::map<Entity, std::vector<RecordId>> wanted;
  for (const std::string& id : ids) wanted[TRY(parse_record_id(RecordId(id))).entity()].emplace_back(id);
  const auto host = TRY(LocalHost::open(context.host));
  const auto scratch = TRY(ScratchFolder::create(host->context().scratch));
  Json json = {{"records", Json::array()}};
  for (const auto& [entity, entity_ids] : wanted) {
    const auto binding = TRY(active_collection(entity, host->ports(), host->context()));
    const auto view = TRY(CollectionView::open(host->ports().vectors, binding, scratch.path()));
    warn_of_unreadable(view, context.host.log);
    for (const StoredRecord& record : TRY(view.get(entity_ids, /*with_vectors=*/context.output.is_json()))) {
      context.output.line("{}\n  document  {}\n  metadata  {}", record.id.str(), record.document,
                          to_text(record.metadata));
      Json item = json_of(record);
      item["embedding"] = record.vector;
      json["records"].push_back(std::move(item));
    }
  }
  const std::size_t missing = ids.size() - json["records"].size();
  if (missing > 0) context.output.line("{} of {} ids have no vector", missing, ids.size());
  json["missing"] = missing;
  context.output.json(json);
  return missing > 0 ? kPartlyDone : kDone;
}

}  // namespace tillite
