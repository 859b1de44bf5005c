#include "vectors/snapshots/record_change.h"

namespace tillite {
namespace {

/// The stored record as fold() sees it. It lacks its vector, which stays where it is.
Record stored_record(const IndexedRecord& stored, const std::optional<ChromaRow>& content) {
  Record record;
  record.id = stored.id;
  record.kind = stored.label ? RecordKind::vector : RecordKind::tombstone;
  record.item_version = stored.item_version;
  record.metadata_version = stored.metadata_version;
  record.delta = stored.delta;
  record.removed_at_ms = stored.removed_at_ms;
  if (content) record.metadata = content->metadata;
  if (content) record.document = content->document;
  return record;
}

Effect effect_of(const std::optional<IndexedRecord>& stored, const std::optional<ChromaRow>& content,
                 const Record& base) {
  if (base.kind == RecordKind::tombstone) {
    const bool same =
        stored && !stored->label && stored->item_version == base.item_version && stored->delta == base.delta;
    return same ? Effect::nothing : Effect::tombstone;
  }
  if (base.brings_vector()) return Effect::vector;
  const bool same = base.metadata_version == stored->metadata_version &&
                    (!content || (base.metadata == content->metadata && base.document == content->document));
  return same ? Effect::nothing : Effect::metadata;
}

}  // namespace

bool needs_content(const KnownRecord& known, const RecordState& news) {
  const auto same_version = [&](const std::optional<Record>& record) {
    return record && record->item_version == known.stored->item_version;
  };
  return known.stored && known.stored->label && (same_version(news.base) || same_version(news.waiting));
}

RecordChange change_of(const KnownRecord& known, const std::optional<ChromaRow>& content, RecordState news) {
  RecordState state;
  if (known.stored) fold(state, stored_record(*known.stored, content));
  if (known.waiting) fold(state, *known.waiting);
  if (news.base) fold(state, *std::move(news.base));
  if (news.waiting) fold(state, *std::move(news.waiting));

  RecordChange change;
  change.waiting = std::move(state.waiting);
  if (!state.base) return change;
  change.effect = effect_of(known.stored, content, *state.base);
  if (change.effect != Effect::nothing) change.record = *std::move(state.base);
  return change;
}

IndexedRecord indexed_vector(const Record& record, std::uint64_t label) {
  IndexedRecord row;
  row.id = record.id;
  row.item_version = record.item_version;
  row.metadata_version = record.metadata_version;
  row.delta = record.delta;
  row.label = label;
  row.vector_hash = record.known_hash ? *record.known_hash : vector_hash(record.vector);
  row.record_hash = record_hash(record.id, record.item_version, row.vector_hash, record.metadata, record.document);
  return row;
}

IndexedRecord indexed_tombstone(const Record& record) {
  IndexedRecord row;
  row.id = record.id;
  row.item_version = record.item_version;
  row.metadata_version = record.metadata_version;
  row.delta = record.delta;
  row.removed_at_ms = record.removed_at_ms;
  return row;
}

IndexedRecord with_metadata(IndexedRecord stored, const Record& record) {
  stored.metadata_version = record.metadata_version;
  stored.record_hash =
      record_hash(stored.id, stored.item_version, stored.vector_hash, record.metadata, record.document);
  return stored;
}

}  // namespace tillite
