#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"

namespace tillite {

/// What a record says about its id.
enum class RecordKind {
  vector,     ///< this vector, metadata and document from now on
  metadata,   ///< the vector of the same item_version has this metadata and document from now on
  tombstone,  ///< removed: no vector of this or an older item_version
};

/// One line of a delta or run: something that becomes true of one id.
struct Record {
  RecordId id;
  RecordKind kind = RecordKind::vector;
  std::int64_t item_version = 1;
  std::int64_t metadata_version = 1;
  DeltaId delta;                   ///< the delta that brought it
  std::string input_hash;          ///< of the text that was embedded; kind vector only
  Json metadata = Json::object();  ///< scalars only; empty for a tombstone
  std::string document;
  std::int64_t removed_at_ms = 0;    ///< kind tombstone only
  std::vector<float> vector;         ///< kind vector only: unit length, as normalise() left it
  std::optional<std::uint64_t> row;  ///< where it lies in a file that whoever read it made; `vector` is empty then
  std::optional<Sum128> known_hash;  ///< vector_hash() of the vector, if whoever read it has it

  /// Whether it brings its vector; a stored record stands for one that stays where it is.
  [[nodiscard]] bool brings_vector() const { return !vector.empty() || row.has_value(); }
};

/// Scales to unit length once and for all (double precision, in index order). `invalid_input` for NaN, infinity or
/// length 0.
[[nodiscard]] Result<void> normalise(std::vector<float>& vector);

/// SHA-256 of the vector's bytes (float32, little endian), cut to 128 bits.
[[nodiscard]] Sum128 vector_hash(std::span<const float> vector);

/// The hash of a stored record: id, item_version, vector_hash, canonical metadata (to_text) and document, each with its
/// length before it. A collection's checksum is the sum of these modulo 2^128.
[[nodiscard]] Sum128 record_hash(const RecordId& id, std::int64_t item_version, const Sum128& vector_hash,
                                 const Json& metadata, std::string_view document);

/// What is known of one id after any number of records, whatever their order: the merge order of the design.
///  - A tombstone or vector of a higher item_version replaces all below it; at equal item_version a tombstone wins over
///  a
///    vector (a removed item's version is always raised, so this only meets repeated deltas).
///  - Metadata belongs to its item_version: it is applied to the vector of that version if its metadata_version is
///  higher
///    than the vector's, waits for that vector if it has not come yet, and is dropped below it.
///  - Two vectors of one item_version (a text that was sent twice): that of the greater delta id stays, with the newer
///    metadata of the two.
/// At most one `vector`-or-`tombstone` record and one waiting `metadata` record (of a higher item_version) remain.
struct RecordState {
  std::optional<Record> base;     ///< kind vector or tombstone
  std::optional<Record> waiting;  ///< kind metadata, item_version above base's (or no base)
};
/// Folds one more record in. Commutative, associative and idempotent (property-tested), with one exception that heals
/// itself: while metadata of two item_versions waits, only the higher is kept; should the lower one's vector still
/// come, it shows its own metadata until the vector of the higher version replaces it.
void fold(RecordState& state, Record record);

}  // namespace tillite
