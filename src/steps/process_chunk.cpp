// Merges the deltas of one chunk into an intermediate, without a lock.
#include <algorithm>
#include <cctype>

#include "steps/chunk.h"
#include "steps/generations/collection.h"
#include "steps/generations/generation.h"
#include "vectors/merge/chunk_merge.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

constexpr std::uint64_t kRecordsShare =
    16;  // of the memory; two chunks may be merged at once, and the estimate is rough

/// The deltas that still count; asked anew after a delta was missing, for it may have been consumed and removed
/// meanwhile.
Result<std::vector<DeltaId>> not_consumed(std::vector<DeltaId> deltas, const CollectionBinding& binding,
                                          ObjectStore& vectors) {
  const auto manifest = TRY(ManifestLog(vectors, binding.collection, binding.generation).newest());
  if (manifest) std::erase_if(deltas, [&](const DeltaId& delta) { return manifest->has_consumed(delta); });
  return deltas;
}

}  // namespace

std::string run_name(std::string_view execution) {
  std::string name(execution.substr(0, 200));
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_'; }, '-');
  return name.empty() ? "unnamed" : name;
}

Result<Chunk> parse_chunk(const Json& json) {
  const std::int64_t index = TRY(int_field(json, "chunk_index"));
  if (index < 0) return fail(Code::invalid_input, "the field 'chunk_index' must not be below 0");
  auto deltas = TRY(delta_ids_field(json, "delta_ids"));
  return Chunk{static_cast<std::size_t>(index), std::move(deltas)};
}

Result<bool> has_intermediate(const Chunk& chunk, const CollectionBinding& binding, const std::string& run,
                              ObjectStore& vectors) {
  const ObjectKey key = intermediate_key(run, chunk.index, chunk.deltas);
  const auto last = vectors.info(intermediate_runs(key, binding.shards).back());  // they are created in their order
  if (last) return true;
  return last.error().code() == Code::not_found ? Result<bool>(false) : std::unexpected(last.error());
}

void log_quarantined(const RunHeader& news, const Logger& log) {
  for (const auto& [delta, reason] : news.quarantined) {
    log.error("a delta cannot be read and is quarantined",
              {{"collection", news.binding.collection}, {"delta_id", delta.str()}, {"reason", reason}});
  }
}

Result<std::optional<ObjectKey>> make_intermediate(const Chunk& chunk, const CollectionBinding& binding,
                                                   const std::string& run, const Ports& ports,
                                                   const StepContext& context) {
  const ObjectKey key = intermediate_key(run, chunk.index, chunk.deltas);
  if (TRY(has_intermediate(chunk, binding, run, ports.vectors))) return key;
  const auto deltas = TRY(not_consumed(chunk.deltas, binding, ports.vectors));
  if (deltas.empty()) return std::nullopt;
  const auto scratch = TRY(ScratchFolder::create(context.scratch));
  const auto runs = intermediate_runs(key, binding.shards);
  std::vector<Path> files;
  files.reserve(runs.size());
  for (std::size_t shard = 0; shard < runs.size(); ++shard) {
    files.push_back(scratch.path() / fmt::format("run-{}", shard));
  }
  const auto header = merge_deltas_by_shard(ports.vectors, binding, deltas, scratch.path(), files,
                                            context.settings.memory_bytes / kRecordsShare, context.stop);
  if (!header) return pass_on(header, fmt::format("merging chunk {} of {}", chunk.index, binding.collection));
  log_quarantined(*header, context.log);
  for (std::size_t shard = 0; shard < runs.size(); ++shard) {
    const auto created = ports.vectors.create_from_file(runs[shard], files[shard]);
    if (!created && created.error().code() != Code::conflict) return std::unexpected(created.error());
  }
  return key;
}

Result<Json> process_chunk(const Json& event, const Ports& ports, const StepContext& context) {
  const CollectionBinding binding = TRY(binding_of_event(event, ports, context));
  const Chunk chunk = TRY(parse_chunk(event));
  const std::string run = run_name(TRY(string_field(event, "execution")));
  const auto key = TRY(make_intermediate(chunk, binding, run, ports, context));
  return Json{{"chunk_index", chunk.index},
              {"intermediate_key", key ? Json(key->str()) : Json(nullptr)},
              {"delta_ids", to_json(chunk.deltas)}};
}

}  // namespace tillite
