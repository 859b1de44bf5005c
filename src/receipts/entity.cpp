#include "receipts/entity.h"

namespace tillite {
namespace {

constexpr std::array kNames = {
    EntityNames{"line", "RECEIPT_LINE", "RECEIPT_LINE_TOMBSTONE", "LINE#", "receipt_lines", "LINE_EMBEDDING",
                "line_embeddings", "line_embedding_id"},
    EntityNames{"word", "RECEIPT_WORD", "RECEIPT_WORD_TOMBSTONE", "WORD#", "receipt_words", "WORD_EMBEDDING",
                "word_embeddings", "word_embedding_id"},
};

}  // namespace

const EntityNames& names_of(Entity entity) { return kNames.at(static_cast<std::size_t>(entity)); }

Result<Entity> parse_entity(std::string_view name) {
  for (const Entity entity : kEntities) {
    if (names_of(entity).name == name) return entity;
  }
  return fail(Code::invalid_input, "there is no entity '{}': use line or word", name.substr(0, 64));
}

Result<Entity> entity_of_collection(std::string_view collection) {
  for (const Entity entity : kEntities) {
    if (names_of(entity).collection == collection) return entity;
  }
  return fail(Code::not_found, "there is no collection '{}': use receipt_lines or receipt_words",
              collection.substr(0, 64));
}

Result<Entity> entity_of_batch_type(std::string_view batch_type) {
  for (const Entity entity : kEntities) {
    if (names_of(entity).batch_type == batch_type) return entity;
  }
  return fail(Code::invalid_input, "'{}' is not a type of embedding batches", batch_type.substr(0, 64));
}

}  // namespace tillite
