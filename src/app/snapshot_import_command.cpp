// snapshot import: a Chroma directory's records into a collection of ours.
#include "app/commands.h"
#include "steps/snapshot_import.h"
#include "vectors/exported_shards.h"

namespace tillite {
namespace {

/// The collection to read and the one to write: what is not named follows from names that both sides have.
struct Pair {
  ChromaCollection from;
  Entity into = Entity::line;
};

std::string names_in(const ChromaDirectory& directory) {
  std::string names;
  for (const ChromaCollection& collection : directory.collections()) {
    names += (names.empty() ? "" : ", ") + collection.name;
  }
  return names;
}

Result<ChromaCollection> collection_to_read(const ChromaDirectory& directory, const SnapshotImportOptions& options) {
  if (!options.collection.empty()) return directory.collection(options.collection);
  const auto& there = directory.collections();
  if (there.size() == 1) return there.front();
  std::vector<ChromaCollection> called_alike;
  for (const ChromaCollection& collection : there) {
    const bool alike =
        options.into.empty() ? entity_of_collection(collection.name).has_value() : collection.name == options.into;
    if (alike) called_alike.push_back(collection);
  }
  if (called_alike.size() == 1) return called_alike.front();
  if (there.empty()) return fail(Code::not_found, "{} has no collection at all", options.folder);
  return fail(Code::invalid_input, "{} has the collections {}: say which with --collection", options.folder,
              names_in(directory));
}

Result<Pair> pair_of(const ChromaDirectory& directory, const SnapshotImportOptions& options) {
  Pair pair{.from = TRY(collection_to_read(directory, options))};
  if (!options.into.empty()) {
    pair.into = TRY(entity_of_collection(options.into));
    return pair;
  }
  const auto same_name = entity_of_collection(pair.from.name);
  if (!same_name) {
    return fail(Code::invalid_input,
                "the collection '{}' of {} is called like none of ours: say --into receipt_lines or receipt_words",
                pair.from.name, options.folder);
  }
  pair.into = *same_name;
  return pair;
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

Json json_of(const SnapshotImport& report, const Pair& pair) {
  Json bad = Json::array();
  for (const auto& [id, reason] : report.listed) bad.push_back({{"id", id}, {"reason", reason}});
  return {{"collection", names_of(pair.into).collection},
          {"from_collection", pair.from.name},
          {"from_space", pair.from.space},
          {"records", report.records},
          {"added", report.added},
          {"changed", report.changed},
          {"unchanged", report.unchanged},
          {"ours", report.ours},
          {"removed", report.removed},
          {"bad", report.bad},
          {"bad_records", bad},
          {"deltas", report.deltas},
          {"compacted", report.compacted}};
}

}  // namespace

Result<int> snapshot_import_command(CommandContext& context, const SnapshotImportOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(options.folder, ignored)) {
    return fail(Code::not_found, "{} is no directory: nothing was imported", options.folder);
  }
  context.host.create = true;
  const auto host = TRY(LocalHost::open(context.host));
  const auto scratch = TRY(ScratchFolder::create(host->context().scratch));
  auto directories = TRY(open_directories(options.folder, scratch.path()));
  const Pair pair = TRY(pair_of(directories.front(), options));
  const SnapshotImport report =
      TRY(import_snapshot(directories, pair.from.name, pair.into, host->ports(), host->context()));

  for (const auto& [id, reason] : report.listed) context.output.line("{}: {}", id, reason);
  if (report.bad > report.listed.size()) context.output.line("... and {} more", report.bad - report.listed.size());
  context.output.line("{} records of '{}': {} new, {} changed, {} unchanged", report.records, pair.from.name,
                      report.added, report.changed, report.unchanged);
  if (report.ours > 0) {
    context.output.line("{} were embedded here: their vectors stay", report.ours);
  }
  if (report.removed > 0) context.output.line("{} were removed here: they do not come back", report.removed);
  if (report.bad > 0) context.output.line("{} left out, wholly or in part, for the reasons above", report.bad);
  context.output.json(json_of(report, pair));
  return report.bad > 0 ? kPartlyDone : kDone;
}

}  // namespace tillite
