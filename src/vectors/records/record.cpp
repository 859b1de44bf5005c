#include "vectors/records/record.h"

#include <cmath>

namespace tillite {
namespace {

constexpr std::size_t kOtherParts = 96;  // bytes of what a record's hash has besides its texts, at most

void feed(std::string& text, std::string_view part) {
  const std::uint64_t size = part.size();
  text.append(reinterpret_cast<const char*>(&size), sizeof size);
  text.append(part);
}

/// Whether a vector or tombstone stands above another of the same id. A fixed rule where nothing better tells them
/// apart: two batches may bring vectors of one text, and whatever comes first, the same one must stay.
bool outranks(const Record& a, const Record& b) {
  if (a.item_version != b.item_version) return a.item_version > b.item_version;
  const bool a_tombstone = a.kind == RecordKind::tombstone;
  const bool b_tombstone = b.kind == RecordKind::tombstone;
  if (a_tombstone != b_tombstone) return a_tombstone;
  if (a.removed_at_ms != b.removed_at_ms) return a.removed_at_ms > b.removed_at_ms;
  return a.delta > b.delta;
}

/// Whether a record's metadata is newer than another's of the same item_version. Equal versions have equal content
/// unless somebody erred; a fixed rule then, too.
bool has_newer_metadata(const Record& a, const Record& b) {
  if (a.metadata_version != b.metadata_version) return a.metadata_version > b.metadata_version;
  if (a.document != b.document) return a.document > b.document;
  return a.metadata != b.metadata && to_text(a.metadata) > to_text(b.metadata);
}

void take_metadata(Record& to, Record&& from) {
  to.metadata_version = from.metadata_version;
  to.metadata = std::move(from.metadata);
  to.document = std::move(from.document);
}

/// Metadata of the base's own item_version or an older one.
void apply_metadata(Record& base, Record&& metadata) {
  if (base.kind != RecordKind::vector || metadata.item_version != base.item_version) return;
  if (has_newer_metadata(metadata, base)) take_metadata(base, std::move(metadata));
}

void fold_metadata(RecordState& state, Record&& metadata) {
  if (state.base && metadata.item_version <= state.base->item_version) {
    return apply_metadata(*state.base, std::move(metadata));
  }
  const auto stands_above = [](const Record& a, const Record& b) {
    if (a.item_version != b.item_version) return a.item_version > b.item_version;
    return has_newer_metadata(a, b) || (!has_newer_metadata(b, a) && a.delta > b.delta);
  };
  if (!state.waiting || stands_above(metadata, *state.waiting)) state.waiting = std::move(metadata);
}

void fold_base(RecordState& state, Record&& record) {
  if (!state.base) {
    state.base = std::move(record);
  } else {
    if (outranks(record, *state.base)) std::swap(record, *state.base);
    apply_metadata(*state.base, std::move(record));  // of a vector that lost to one of the same text
  }
  if (state.waiting && state.waiting->item_version <= state.base->item_version) {
    apply_metadata(*state.base, *std::move(state.waiting));
    state.waiting.reset();
  }
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
  const std::string fields = to_text(metadata);
  std::string text;
  text.reserve(id.str().size() + fields.size() + document.size() + kOtherParts);
  feed(text, id.str());
  feed(text, std::to_string(item_version));
  feed(text, vector_hash.hex());
  feed(text, fields);
  feed(text, document);
  Sha256 hash;
  hash.update(text);
  return Sum128::from_digest(hash.digest());
}

void fold(RecordState& state, Record record) {
  if (record.kind == RecordKind::metadata) {
    fold_metadata(state, std::move(record));
  } else {
    fold_base(state, std::move(record));
  }
}

}  // namespace tillite
