// snapshot verify, repair and rollback: what keeps versions and directories whole.
#include "app/commands/commands.h"
#include "steps/generations/collection.h"
#include "steps/generations/rollback.h"
#include "vectors/chroma/chroma_repair.h"
#include "vectors/snapshots/snapshot_check.h"

namespace tillite {
namespace {

Json json_of(const std::vector<Finding>& findings) {
  Json json = Json::array();
  for (const auto& [file, what] : findings) json.push_back({{"file", file}, {"what", what}});
  return json;
}

Json json_of(const ChromaCheck& check) {
  Json collections = Json::array();
  for (const auto& collection : check.collections) {
    collections.push_back({{"name", collection.name},
                           {"space", collection.space},
                           {"dimensions", collection.dimensions},
                           {"records", collection.records},
                           {"elements", collection.elements},
                           {"deleted", collection.deleted},
                           {"queued", collection.queued}});
  }
  return {{"collections", collections}, {"findings", json_of(check.findings)}, {"clean", check.findings.empty()}};
}

int report(const std::string& what, const ChromaCheck& check, Json more, const Output& output) {
  for (const auto& collection : check.collections) {
    output.line("{} ({}, {} dimensions): {} records, {} vectors in the segment, {} in the queue", collection.name,
                collection.space, collection.dimensions, collection.records, collection.elements - collection.deleted,
                collection.queued);
  }
  for (const auto& [file, found] : check.findings) output.line("{}: {}", file, found);
  if (check.findings.empty()) output.line("{} is clean", what);
  more.update(json_of(check));
  output.json(more);
  return check.findings.empty() ? kDone : exit_status(Code::corrupt);
}

Result<int> verify_collection(CommandContext& context, Entity entity) {
  const auto host = TRY(PipelineHost::open(context.host));
  const auto binding = TRY(active_collection(entity, host->ports(), host->context()));
  const auto version = TRY(ManifestLog(host->ports().vectors, binding.collection, binding.generation).newest());
  if (!version || !version->has_snapshot()) {
    return fail(Code::not_found, "{} has no snapshot yet: import receipts and run first", binding.collection);
  }
  const auto check =
      TRY(check_snapshot(host->ports().vectors, *version, host->context().scratch, host->context().stop));
  return report(fmt::format("version {} of {}", version->number, binding.collection), check,
                {{"collection", binding.collection}, {"version", version->number}}, context.output);
}

/// The collection that has a version with this number and a snapshot.
Result<Entity> entity_with_version(std::int64_t number, PipelineHost& host) {
  std::optional<Entity> found;
  for (const Entity entity : kEntities) {
    const auto binding = TRY(active_collection(entity, host.ports(), host.context()));
    const auto version = ManifestLog(host.ports().vectors, binding.collection, binding.generation).read(number);
    if (!version && version.error().code() != Code::not_found) return std::unexpected(version.error());
    if (!version || !version->has_snapshot()) continue;
    if (found) {
      return fail(Code::invalid_input, "both collections have a version {}: name receipt_lines or receipt_words",
                  number);
    }
    found = entity;
  }
  if (found) return *found;
  return fail(Code::not_found, "no collection has a version {} with a snapshot: snapshot list shows those there are",
              number);
}

}  // namespace

Result<int> snapshot_verify_command(CommandContext& context, const std::string& what) {
  std::error_code ignored;
  const auto entity = entity_of_collection(what);
  if (entity) return verify_collection(context, *entity);
  if (!std::filesystem::is_directory(what, ignored)) {
    return fail(Code::not_found, "{} is no directory, and no collection: there are receipt_lines and receipt_words",
                what);
  }
  const auto scratch = TRY(ScratchFolder::create(std::filesystem::temp_directory_path()));
  const auto check = TRY(check_chroma_directory(what, scratch.path(), context.host.stop));
  return report(what, check, {{"folder", what}}, context.output);
}

Result<int> snapshot_repair_command(CommandContext& context, const std::string& folder, const std::string& target) {
  const auto repair = TRY(repair_chroma_directory(folder, target, context.host.stop));
  Json json = {{"folder", folder}, {"found", json_of(repair.found)}, {"repaired", json_of(repair.repaired)}};
  json["to"] = repair.repaired.empty() ? Json(nullptr) : Json(target);
  for (const auto& [file, what] : repair.found) context.output.line("found: {}: {}", file, what);
  for (const auto& [file, what] : repair.repaired) context.output.line("mended: {}: {}", file, what);
  if (repair.found.empty()) {
    context.output.line("{} is clean: nothing was written", folder);
  } else {
    context.output.line("the mended directory is {}", target);
  }
  context.output.json(json);
  return kDone;
}

Result<int> snapshot_rollback_command(CommandContext& context, std::int64_t version, const std::string& collection) {
  const auto host = TRY(PipelineHost::open(context.host));
  const Entity entity =
      TRY(collection.empty() ? entity_with_version(version, *host) : entity_of_collection(collection));
  const Json result = TRY(roll_back(entity, version, host->ports(), host->context()));
  context.output.line("version {} of {} has the content of version {}: {} vectors",
                      result.at("version").get<std::int64_t>(), names_of(entity).collection, version,
                      result.at("vectors").get<std::uint64_t>());
  if (const auto items = result.at("items_to_embed").get<std::size_t>(); items > 0) {
    context.output.line("{} items have no vector in it: the next run embeds them again", items);
  }
  context.output.json(result);
  return kDone;
}

}  // namespace tillite
