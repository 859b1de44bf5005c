#include "app/parts/models_of_home.h"

#include "steps/generations/collection.h"
#include "steps/generations/generation.h"

namespace tillite {
namespace {

constexpr std::string_view kContext = "finding out which models the collections have";

/// Whether somebody looked, and could not read what is there: it stays so, however often it is read.
bool is_damage(const Error& error) {
  const Code code = error.code();
  return !error.retryable() && code != Code::cancelled && code != Code::permission && code != Code::not_found;
}

bool is_over(const Generation& generation) {
  return generation.state == GenerationState::retired || generation.state == GenerationState::removed;
}

/// The model of a collection's root object, where the rows of its generations are damaged.
Result<void> add_bound(Entity entity, ObjectStore& vectors, ModelsOfHome& models) {
  const auto binding = stored_binding(entity, vectors);
  if (!binding) return is_damage(binding.error()) ? Result<void>() : pass_on(binding, kContext);
  if (*binding && !models.bound) models.bound = (*binding)->model;
  return {};
}

}  // namespace

Result<ModelsOfHome> models_of_home(Table& table, ObjectStore& vectors) {
  ModelsOfHome models;
  for (const Entity entity : {Entity::line, Entity::word}) {
    const auto generations = generations_of(entity, table, vectors);
    if (!generations) {
      if (!is_damage(generations.error())) return pass_on(generations, kContext);
      TRY(add_bound(entity, vectors, models));
      continue;
    }
    for (const Generation& generation : *generations) {
      if (generation.state == GenerationState::active && !models.bound) models.bound = generation.binding.model;
      if (!is_over(generation)) models.in_use.insert(generation.binding.model);
    }
  }
  return models;
}

}  // namespace tillite
