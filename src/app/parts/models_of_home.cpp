#include "app/parts/models_of_home.h"

#include "steps/generations/collection.h"
#include "steps/generations/generation.h"

namespace tillite {

std::optional<std::string> bound_model(ObjectStore& vectors) {
  for (const Entity entity : {Entity::line, Entity::word}) {
    const auto binding = stored_binding(entity, vectors);
    if (binding && *binding) return (*binding)->model;
  }
  return std::nullopt;
}

std::set<std::string> models_in_use(Table& table, ObjectStore& vectors) {
  std::set<std::string> models;
  for (const Entity entity : kEntities) {
    const auto generations = generations_of(entity, table, vectors);
    if (!generations) continue;
    for (const Generation& generation : *generations) {
      const bool is_over = generation.state == GenerationState::retired || generation.state == GenerationState::removed;
      if (!is_over) models.insert(generation.binding.model);
    }
  }
  return models;
}

}  // namespace tillite
