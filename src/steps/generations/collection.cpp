#include "steps/generations/collection.h"

#include <algorithm>

#include "steps/generations/generation.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

constexpr std::string_view kRootFormat = "tillite-root/1";         // of a generation that is one shard
constexpr std::string_view kShardedRootFormat = "tillite-root/2";  // of several

std::string_view root_format(const CollectionBinding& binding) {
  return binding.shards == 1 ? kRootFormat : kShardedRootFormat;
}

Result<CollectionBinding> parse_root(std::string_view text, const ObjectKey& key) {
  const auto parse = [&]() -> Result<CollectionBinding> {
    const Json json = TRY(parse_json(text, "the object"));
    const std::string format = TRY(string_field(json, "format"));
    if (format != kRootFormat && format != kShardedRootFormat) {
      return fail(Code::unsupported, "its format is '{}', this program knows {} and {}: use the version that wrote it",
                  format.substr(0, 64), kRootFormat, kShardedRootFormat);
    }
    auto binding = TRY(parse_binding(TRY(object_field(json, "active"))));
    if (format != root_format(binding)) return fail(Code::corrupt, "its format has another number of shards");
    return binding;
  };
  auto binding = parse();
  if (!binding) return pass_on(binding, key.str());
  return binding;
}

std::string root_text(const CollectionBinding& active) {
  return to_text({{"format", root_format(active)}, {"active", to_json(active)}});
}

/// The row and the root object of generation 1. Whoever is first decides; both are repeated safely.
Result<void> create_first_generation(const CollectionBinding& binding, const Ports& ports) {
  const auto created_row =
      ports.table.write(Put{generation_row(binding, GenerationState::active, ports.clock.now_ms()), {absent("PK")}});
  if (!created_row && created_row.error().code() != Code::conflict) return created_row;
  const auto created = ports.vectors.create(root_key(binding.collection), as_bytes(root_text(binding)));
  if (!created && created.error().code() != Code::conflict) return created;
  return {};
}

}  // namespace

Result<CollectionBinding> active_collection(Entity entity, const Ports& ports, const StepContext& context) {
  const CollectionBinding wanted = wanted_binding(entity, context.settings);
  auto stored = TRY(stored_binding(entity, ports.vectors));
  if (!stored) {
    TRY(create_first_generation(wanted, ports));
    stored = TRY(stored_binding(entity, ports.vectors));
  }
  if (!stored)
    return fail(Code::unavailable, "the root object of {} is gone as soon as it was made", wanted.collection);
  return *std::move(stored);
}

CollectionBinding wanted_binding(Entity entity, const Settings& settings) {
  return {.collection = std::string(names_of(entity).collection),
          .generation = 1,
          .model = settings.model,
          .dimensions = settings.dimensions,
          .input_format = std::string(format_name(settings.formats.at(entity))),
          .shards = settings.shards.value_or(1)};
}

Result<void> swap_root(const CollectionBinding& active, const CollectionBinding& next, ObjectStore& vectors) {
  const Entity entity = TRY(entity_of_collection(active.collection));
  const ObjectKey key = root_key(active.collection);
  // Its etag before its content: if it changes in between, the write below is refused.
  const ObjectInfo info = TRY(vectors.info(key));
  const auto stored = TRY(stored_binding(entity, vectors));
  if (stored == active) {
    const auto written = vectors.replace(key, as_bytes(root_text(next)), info.etag);
    if (written) return {};
    if (written.error().code() != Code::conflict && !written.error().retryable()) return written;
  }
  // Somebody else swapped, or the answer was lost: what stands there counts.
  const auto now = TRY(stored_binding(entity, vectors));
  if (now == next) return {};
  return fail(Code::conflict, "generation {} of {} is not the active one any more", active.generation,
              active.collection);
}

Result<std::optional<CollectionBinding>> stored_binding(Entity entity, ObjectStore& vectors) {
  const ObjectKey key = root_key(names_of(entity).collection);
  const auto root = read_object(vectors, key);
  if (!root && root.error().code() == Code::not_found) return std::nullopt;
  if (!root) return std::unexpected(root.error());
  return TRY(parse_root(*root, key));
}

Result<Entity> entity_of_event(const Json& event) {
  return entity_of_collection(TRY(string_field(event, "collection")));
}

Result<DeltaSurvey> survey_deltas(ObjectStore& vectors, const CollectionBinding& binding) {
  DeltaSurvey survey;
  auto objects = TRY(list_all(vectors, delta_folder(binding.collection, binding.generation)));
  survey.manifest = TRY(ManifestLog(vectors, binding.collection, binding.generation).newest());
  std::ranges::sort(objects, {}, [](const ObjectInfo& object) { return std::tie(object.modified_ms, object.key); });
  for (ObjectInfo& object : objects) {
    const auto id = delta_id_of(object.key);
    if (!id || (survey.manifest && survey.manifest->has_consumed(*id))) continue;
    survey.outstanding_ids.push_back(*id);
    survey.outstanding.push_back(std::move(object));
  }
  return survey;
}

Result<std::vector<DeltaId>> delta_ids_field(const Json& object, std::string_view name) {
  std::vector<DeltaId> ids;
  for (const Json& id : TRY(array_field(object, name))) {
    if (!id.is_string()) return fail(Code::invalid_input, "the field '{}' must be a list of delta ids", name);
    ids.emplace_back(id.get<std::string>());
  }
  return ids;
}

Json to_json(const std::vector<DeltaId>& ids) {
  Json json = Json::array();
  for (const DeltaId& id : ids) json.push_back(id.str());
  return json;
}

}  // namespace tillite
