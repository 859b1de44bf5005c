#include "vectors/record.h"

#include <cmath>

namespace tillite {
namespace {

void feed(Sha256& hash, std::string_view text) {
  const std::uint64_t size = text.size();
  hash.update(std::as_bytes(std::span(&size, 1)));
  hash.update(text);
}

/// Whether a vector or tombstone replaces another of the same id.
bool replaces(const Record& a, const Record& b) {
  if (a.item_version != b.item_version) return a.item_version > b.item_version;
  const bool a_tombstone = a.kind == RecordKind::tombstone;
  const bool b_tombstone = b.kind == RecordKind::tombstone;
  if (a_tombstone != b_tombstone) return a_tombstone;
  if (a.metadata_version != b.metadata_version) return a.metadata_version > b.metadata_version;
  return a.delta < b.delta;  // equal but for where they came from: any rule will do, if it is always the same
}

/// Among metadata of one item_version the newest wins, then the same fixed rule.
bool replaces_metadata(const Record& a, const Record& b) {
  if (a.item_version != b.item_version) return a.item_version > b.item_version;
  if (a.metadata_version != b.metadata_version) return a.metadata_version > b.metadata_version;
  return a.delta < b.delta;
}

/// Puts waiting metadata where it belongs, once that is known.
void settle(RecordState& state) {
  if (!state.base || !state.waiting || state.waiting->item_version > state.base->item_version) return;
  const Record& metadata = *state.waiting;
  Record& base = *state.base;
  if (base.kind == RecordKind::vector && metadata.item_version == base.item_version &&
      metadata.metadata_version > base.metadata_version) {
    base.metadata = metadata.metadata;
    base.document = metadata.document;
    base.metadata_version = metadata.metadata_version;
  }
  state.waiting.reset();
}

}  // namespace

Result<void> normalise(std::vector<float>& vector) {
  double square = 0;
  for (const float number : vector) {
    if (!std::isfinite(number)) return fail(Code::invalid_input, "a vector has NaN or infinity in it");
    square += static_cast<double>(number) * static_cast<double>(number);
  }
  if (!(square > 0)) return fail(Code::invalid_input, "a vector has length zero");
  const double length = std::sqrt(square);
  for (float& number : vector) number = static_cast<float>(static_cast<double>(number) / length);
  return {};
}

Sum128 vector_hash(std::span<const float> vector) {
  Sha256 hash;
  hash.update(std::as_bytes(vector));
  return Sum128::from_digest(hash.digest());
}

Sum128 record_hash(const RecordId& id, std::int64_t item_version, const Sum128& vector_hash, const Json& metadata,
                   std::string_view document) {
  Sha256 hash;
  feed(hash, id.str());
  feed(hash, std::to_string(item_version));
  feed(hash, vector_hash.hex());
  feed(hash, to_text(metadata));
  feed(hash, document);
  return Sum128::from_digest(hash.digest());
}

void fold(RecordState& state, Record record) {
  auto& place = record.kind == RecordKind::metadata ? state.waiting : state.base;
  const auto wins = record.kind == RecordKind::metadata ? replaces_metadata : replaces;
  if (record.kind == RecordKind::metadata && state.base && record.item_version <= state.base->item_version) {
    // The base is here: apply it to a copy of the state with only this metadata waiting.
    RecordState alone{std::move(state.base), std::move(record)};
    settle(alone);
    state.base = std::move(alone.base);
    return;
  }
  if (!place || wins(record, *place)) place = std::move(record);
  settle(state);
}

}  // namespace tillite
