#include "app/parts/asked_binding.h"

namespace tillite {

CollectionBinding asked_binding(Entity entity, const CollectionBinding& active, const Settings& settings,
                                const Environment& environment) {
  const auto is_set = [&](const char* name) { return !environment(name).value_or("").empty(); };
  const char* const format_name_of_entity = entity == Entity::line ? "EMBEDDING_FORMAT_LINE" : "EMBEDDING_FORMAT_WORD";
  CollectionBinding asked = active;
  if (is_set("EMBEDDING_MODEL")) asked.model = settings.model;
  if (is_set("EMBEDDING_DIMENSIONS")) asked.dimensions = settings.dimensions;
  if (is_set(format_name_of_entity)) asked.input_format = format_name(settings.formats.at(entity));
  if (settings.shards) asked.shards = *settings.shards;
  return asked;
}

std::string difference_of(const CollectionBinding& asked, const CollectionBinding& active) {
  std::string text;
  const auto add = [&](const auto& is_asked, const auto& is, std::string_view before, std::string_view behind) {
    if (is_asked == is) return;
    text += fmt::format("{}{}{}{} instead of {}", text.empty() ? "" : ", ", before, is_asked, behind, is);
  };
  add(asked.model, active.model, "model ", "");
  add(asked.dimensions, active.dimensions, "", " dimensions");
  add(asked.input_format, active.input_format, "format ", "");
  add(asked.shards, active.shards, "", asked.shards == 1 ? " shard" : " shards");
  return text;
}

std::optional<std::string> note_on_binding(Entity entity, const CollectionBinding& active, const Settings& settings,
                                           const Environment& environment) {
  const std::string difference = difference_of(asked_binding(entity, active, settings, environment), active);
  if (difference.empty()) return std::nullopt;
  return fmt::format(
      "{} goes on as it is bound, but {} is asked for: `tillite generations start --collection {}` builds it",
      active.collection, difference, active.collection);
}

}  // namespace tillite
