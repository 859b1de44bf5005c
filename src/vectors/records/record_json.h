#pragma once

#include "vectors/records/record.h"

namespace tillite {

/// The item_version of a record that was imported from elsewhere for the first time; its later imports count up from
/// here. The pipeline's own versions begin with 1: a vector or removal of its own stands above every import, whichever
/// comes first.
inline constexpr std::int64_t kFirstImportedVersion = -1'000'000'000;

/// Chroma keeps the document under such a name: metadata must not use it.
inline constexpr std::string_view kReservedPrefix = "chroma:";

/// Whether it is UTF-8 of 1 to 512 bytes without control characters.
[[nodiscard]] bool is_record_id(std::string_view id);

/// What must hold of a record besides its vector: an id of 1 to 512 bytes without control characters, an item_version
/// from kFirstImportedVersion and a metadata_version from 1, metadata of scalars that Chroma can store. `corrupt` says
/// what is wrong.
[[nodiscard]] Result<void> check_record(const Record& record);

/// A record without its vector, as deltas and runs keep it: one JSON object (docs/formats/delta.md).
[[nodiscard]] Json record_json(const Record& record);
/// The reverse; `corrupt` names the field.
[[nodiscard]] Result<Record> parse_record(const Json& json);

/// Checks a stored vector: size, finite numbers, unit length within 1e-3. `corrupt` says what is wrong.
[[nodiscard]] Result<void> check_stored_vector(std::span<const float> vector, std::size_t dimensions,
                                               const RecordId& id);

}  // namespace tillite
