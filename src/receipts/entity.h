#pragma once

#include <array>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// What is embedded: the lines of receipts, or their words. Each has its own collection, batches and state machines.
enum class Entity { line, word };

inline constexpr std::array kEntities = {Entity::line, Entity::word};

/// The names that go with an entity, everywhere the same.
struct EntityNames {
  std::string_view name;            ///< "line", "word"
  std::string_view row_type;        ///< TYPE of its rows: "RECEIPT_LINE"
  std::string_view tombstone_type;  ///< TYPE of the row that a removed one leaves: "RECEIPT_LINE_TOMBSTONE"
  std::string_view index_prefix;    ///< what its GSI1SK begins with: "LINE#"
  std::string_view collection;      ///< "receipt_lines"
  std::string_view batch_type;      ///< "LINE_EMBEDDING"
  std::string_view batch_folder;    ///< prefix of its batch files: "line_embeddings"
  std::string_view embedding_id;    ///< the attribute that is set once embedded: "line_embedding_id"
};

[[nodiscard]] const EntityNames& names_of(Entity entity);
/// "line" or "word"; `invalid_input` otherwise.
[[nodiscard]] Result<Entity> parse_entity(std::string_view name);
/// "receipt_lines" or "receipt_words"; `not_found` otherwise, naming both.
[[nodiscard]] Result<Entity> entity_of_collection(std::string_view collection);
/// "LINE_EMBEDDING" or "WORD_EMBEDDING"; `invalid_input` otherwise.
[[nodiscard]] Result<Entity> entity_of_batch_type(std::string_view batch_type);

}  // namespace tillite
