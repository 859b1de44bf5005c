// snapshot list and export.
#include "app/commands/commands.h"
#include "base/time.h"
#include "steps/generations/collection.h"
#include "vectors/chroma/exported_shards.h"
#include "vectors/snapshots/snapshot_export.h"
#include "vectors/versions/manifest.h"

namespace tillite {
namespace {

Json json_of(const Manifest& version) {
  std::uint64_t size_bytes = 0;
  Json shards = Json::array();
  for (const Manifest::Shard& shard : version.shards) {
    for (const auto& file : shard.files) size_bytes += file.size_bytes;
    shards.push_back({{"folder", shard.folder}, {"vectors", shard.vectors}});
  }
  return {{"collection", version.binding.collection},
          {"version", version.number},
          {"created_at", iso_time(version.created_ms)},
          {"epoch", version.epoch},
          {"fence", version.fence},
          {"vectors", version.vectors},
          {"size_bytes", size_bytes},
          {"deltas_added", version.added.size()},
          {"checksum", version.checksum.hex()},
          {"folder", version.shards.size() == 1 ? Json(version.shards.front().folder) : Json(nullptr)},
          {"shards", shards}};
}

/// Where the files of a version lie: a line for each shard.
std::string places_of(const Manifest& version, const ObjectStore& vectors) {
  if (!version.has_snapshot()) return "\n  -";
  std::string places;
  for (const Manifest::Shard& shard : version.shards) {
    std::string place = vectors.place_of(shard.folder);
    while (place.ends_with('/')) place.pop_back();
    places += "\n  " + place;
    if (version.shards.size() > 1) places += fmt::format("  {} vectors", shard.vectors);
  }
  return places;
}

}  // namespace

Result<int> snapshot_list_command(CommandContext& context, bool all) {
  const auto host = TRY(PipelineHost::open(context.host));
  Json json = {{"snapshots", Json::array()}};
  for (const Entity entity : kEntities) {
    const auto binding = TRY(active_collection(entity, host->ports(), host->context()));
    ManifestLog log(host->ports().vectors, binding.collection, binding.generation);
    for (const std::int64_t number : TRY(log.numbers())) {
      const auto version = log.read(number);
      if (!version && version.error().code() == Code::not_found) continue;  // gc was faster
      if (!version) return std::unexpected(version.error());
      if (!all && (version->fence || !version->has_snapshot())) continue;
      json["snapshots"].push_back(json_of(*version));
      context.output.line("{}  version {}  {}  {} vectors, {} deltas added{}{}", version->binding.collection,
                          version->number, iso_time(version->created_ms), version->vectors, version->added.size(),
                          version->fence ? ", fence" : "", places_of(*version, host->ports().vectors));
    }
  }
  if (json["snapshots"].empty()) context.output.line("no snapshot was published yet");
  context.output.json(json);
  return kDone;
}

Result<int> snapshot_export_command(CommandContext& context, const std::string& collection, const std::string& folder) {
  const Entity entity = TRY(entity_of_collection(collection));
  const auto host = TRY(PipelineHost::open(context.host));
  const auto binding = TRY(active_collection(entity, host->ports(), host->context()));
  const auto version = TRY(ManifestLog(host->ports().vectors, binding.collection, binding.generation).newest());
  if (!version || !version->has_snapshot()) {
    return fail(Code::not_found, "{} has no snapshot yet: import receipts and run first", collection);
  }
  TRY(export_snapshot(host->ports().vectors, *version, folder));
  context.output.line("exported version {} of {} with {} vectors to {}", version->number, collection, version->vectors,
                      folder);
  for (const Path& shard : TRY(exported_shards(folder))) {
    context.output.line("serve it with: chroma run --path {}", shard.string());
  }
  context.output.json({{"collection", collection},
                       {"version", version->number},
                       {"vectors", version->vectors},
                       {"folder", folder},
                       {"shards", version->binding.shards}});
  return kDone;
}

}  // namespace tillite
