// query and get: what asks a collection.
#include <map>

#include "app/commands/commands.h"
#include "embedding/query_text.h"
#include "embedding/query_vector.h"
#include "receipts/receipt.h"
#include "steps/generations/collection.h"
#include "vectors/queries/collection_view.h"

namespace tillite {
namespace {

Result<Json> parse_filter(const std::string& text, std::string_view option) {
  if (text.empty()) return Json(nullptr);
  return parse_json(text, option);
}

Json json_of(const StoredRecord& record) {
  return {{"id", record.id.str()}, {"document", record.document}, {"metadata", record.metadata}};
}

/// A record id as it is stored: hexadecimal digits of the image's id in lower case.
Result<RecordId> normal_record_id(const std::string& id) {
  RecordName name = TRY(parse_record_id(RecordId(id)));
  name.image_id = TRY(parse_image_id(name.image_id.str()));
  return name.entity() == Entity::line ? line_record_id(name.image_id, name.receipt_id, name.line_id)
                                       : word_record_id(name.image_id, name.receipt_id, name.line_id, name.word_id);
}

void warn_of_unreadable(const CollectionView& view, const Logger& log) {
  for (const DeltaId& delta : view.unreadable_deltas()) {
    log.warning("a delta cannot be read and is left out of this answer", {{"delta_id", delta.str()}});
  }
}

}  // namespace

Result<int> query_command(CommandContext& context, const QueryOptions& options) {
  if (const auto checked = check_query_text(options.text); !checked) {
    return fail(Code::usage, "{}", checked.error().message());
  }
  const Entity entity = TRY(entity_of_collection(options.collection));
  const Where where = TRY(Where::parse(TRY(parse_filter(options.where, "--where")),
                                       TRY(parse_filter(options.where_document, "--where-document"))));
  const auto host = TRY(PipelineHost::open(context.host));
  const auto binding = TRY(active_collection(entity, host->ports(), host->context()));
  const auto scratch = TRY(ScratchFolder::create(host->context().scratch));
  const auto view = TRY(CollectionView::open(host->ports().vectors, binding, scratch.path()));
  warn_of_unreadable(view, context.host.log);

  auto vector = TRY(query_vector(options.text, binding, host->ports().texts, host->ports().cache, context.host.log));
  const auto hits = TRY(view.query(std::move(vector), options.k, where));
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
  std::vector<RecordId> order;
  std::map<Entity, std::vector<RecordId>> wanted;
  for (const std::string& id : ids) {
    order.push_back(TRY(normal_record_id(id)));
    wanted[TRY(parse_record_id(order.back())).entity()].push_back(order.back());
  }
  const auto host = TRY(PipelineHost::open(context.host));
  const auto scratch = TRY(ScratchFolder::create(host->context().scratch));
  std::map<RecordId, StoredRecord> found;
  for (const auto& [entity, entity_ids] : wanted) {
    const auto binding = TRY(active_collection(entity, host->ports(), host->context()));
    const auto view = TRY(CollectionView::open(host->ports().vectors, binding, scratch.path()));
    warn_of_unreadable(view, context.host.log);
    for (StoredRecord& record : TRY(view.get(entity_ids, /*with_vectors=*/context.output.is_json()))) {
      found.insert_or_assign(record.id, std::move(record));
    }
  }
  Json json = {{"records", Json::array()}, {"missing", Json::array()}};
  for (const RecordId& id : order) {
    const auto record = found.find(id);
    if (record == found.end()) {
      context.output.line("{}\n  has no vector", id.str());
      json["missing"].push_back(id.str());
      continue;
    }
    context.output.line("{}\n  document  {}\n  metadata  {}", id.str(), record->second.document,
                        to_text(record->second.metadata));
    Json item = json_of(record->second);
    item["embedding"] = record->second.vector;
    json["records"].push_back(std::move(item));
  }
  context.output.json(json);
  return json["missing"].empty() ? kDone : kPartlyDone;
}

}  // namespace tillite
