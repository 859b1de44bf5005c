// snapshot import and delta import: records of Chroma directories into collections of ours.
#include "app/commands/commands.h"
#include "steps/imports/delta_import.h"
#include "vectors/chroma/exported_shards.h"

namespace tillite {
namespace {

Json json_of(const ImportedRecords& report) {
  Json bad = Json::array();
  for (const auto& [id, reason] : report.listed) bad.push_back({{"id", id}, {"reason", reason}});
  return {{"records", report.records},    {"added", report.added},
          {"changed", report.changed},    {"unchanged", report.unchanged},
          {"older", report.older},        {"ours", report.ours},
          {"removed", report.removed},    {"bad", report.bad},
          {"bad_records", bad},           {"deltas", report.deltas},
          {"compacted", report.compacted}};
}

void print(const ImportedRecords& report, std::string_view source, Output& output) {
  for (const auto& [id, reason] : report.listed) output.line("{}: {}", id, reason);
  if (report.bad > report.listed.size()) output.line("... and {} more", report.bad - report.listed.size());
  output.line("{} records of {}: {} new, {} changed, {} unchanged", report.records, source, report.added,
              report.changed, report.unchanged);
  if (report.older > 0) output.line("{} are older than what was imported before", report.older);
  if (report.ours > 0) output.line("{} were embedded here: their vectors stay", report.ours);
  if (report.removed > 0) output.line("{} were removed here: they do not come back", report.removed);
  if (report.bad > 0) output.line("{} left out, wholly or in part, for the reasons above", report.bad);
}

/// The directory, or the shards of an export.
Result<std::vector<ChromaDirectory>> open_directories(const Path& folder, const Path& scratch) {
  std::vector<ChromaDirectory> directories;
  for (const Path& shard : TRY(exported_shards(folder))) {
    const Path room = scratch / std::to_string(directories.size());
    TRY(make_folders(room));
    directories.push_back(TRY(ChromaDirectory::open(shard, room)));
  }
  return directories;
}

/// The deltas at the places, or in the home's store where none is named.
Result<std::vector<ChromaDelta>> deltas_named(const std::vector<std::string>& places, PipelineHost& host) {
  if (places.empty()) return chroma_deltas_in(host.ports().vectors);
  std::vector<ChromaDelta> deltas;
  for (const std::string& place : places) {
    for (ChromaDelta& delta : TRY(chroma_deltas_at(place))) deltas.push_back(std::move(delta));
  }
  return deltas;
}

}  // namespace

Result<int> snapshot_import_command(CommandContext& context, const SnapshotImportOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(options.folder, ignored)) {
    return fail(Code::not_found, "{} is no directory: nothing was imported", options.folder);
  }
  context.host.create = true;
  const auto host = TRY(PipelineHost::open(context.host));
  const auto scratch = TRY(ScratchFolder::create(host->context().scratch));
  auto directories = TRY(open_directories(options.folder, scratch.path()));
  const ImportPair pair =
      TRY(choose_collections(directories.front(), options.folder, options.collection, options.into));
  const ImportedRecords report =
      TRY(import_snapshot(directories, pair.from.name, pair.into, host->ports(), host->context()));

  print(report, fmt::format("'{}'", pair.from.name), context.output);
  Json json = {{"collection", names_of(pair.into).collection},
               {"from_collection", pair.from.name},
               {"from_space", pair.from.space}};
  json.update(json_of(report));
  context.output.json(json);
  return report.bad > 0 ? kPartlyDone : kDone;
}

Result<int> delta_import_command(CommandContext& context, const DeltaImportOptions& options) {
  context.host.create = true;
  const auto host = TRY(PipelineHost::open(context.host));
  const auto deltas = TRY(deltas_named(options.places, *host));
  const DeltaImport report =
      TRY(import_deltas(deltas, options.collection, options.into, host->ports(), host->context()));

  Json json = {{"deltas", report.deltas}, {"refused", Json::array()}, {"collections", Json::array()}};
  bool is_whole = report.refused.empty();
  for (const auto& [name, reason] : report.refused) {
    context.output.line("{} was refused: {}", name, reason);
    json["refused"].push_back({{"delta", name}, {"reason", reason}});
  }
  for (const auto& [entity, records] : report.records) {
    const std::string collection(names_of(entity).collection);
    print(records, fmt::format("deltas for {}", collection), context.output);
    json["collections"].push_back({{"collection", collection}});
    json["collections"].back().update(json_of(records));
    is_whole = is_whole && records.bad == 0;
  }
  context.output.line("{} deltas taken in, {} refused", report.deltas, report.refused.size());
  context.output.json(json);
  return is_whole ? kDone : kPartlyDone;
}

}  // namespace tillite
