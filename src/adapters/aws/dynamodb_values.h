#pragma once

#include "base/json.h"
#include "ports/table.h"

namespace tillite {

/// A value as DynamoDB has it: {"S": "text"}, {"N": "1.5"}, {"BOOL": true}, {"NULL": true}, {"M": {...}}, {"L": [...]}.
/// Whole numbers are exact; others have the digits that give the same double back. Errors: `invalid_input` for a number
/// that DynamoDB does not hold (beyond 1e126, or infinite), `limit_exceeded` for more than 32 levels.
[[nodiscard]] Result<Json> to_attribute(const Json& value);
/// The reverse. Sets become arrays; bytes (B) keep their base64. Errors: `corrupt`.
[[nodiscard]] Result<Json> from_attribute(const Json& attribute);

/// A row. Keys of indexes that are null or empty are left out: DynamoDB refuses them, and they mean "not in the index".
[[nodiscard]] Result<Json> to_attributes(const Item& item);
[[nodiscard]] Result<Item> from_attributes(const Json& attributes);

/// What a row (its attributes as DynamoDB has them) counts towards DynamoDB's limits: names and texts by their bytes,
/// numbers by their digits, and something for each list, map and element (Developer Guide, "Item sizes and formats").
/// That of a number is approximate there, too.
[[nodiscard]] std::size_t stored_bytes(const Json& attributes);

/// {"PK": {"S": ...}, "SK": {"S": ...}}
[[nodiscard]] Json key_attributes(const ItemKey& key);

/// Whether this is a key of an index ("GSI1PK" to "GSI3SK") that is null or empty: the row is not in that index.
[[nodiscard]] bool is_no_index_key(std::string_view attribute, const Json& value);

}  // namespace tillite
