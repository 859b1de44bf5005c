#include "vectors/queries/unmerged.h"

#include <algorithm>

#include "vectors/merge/chunk_merge.h"
#include "vectors/merge/run_merge.h"

namespace tillite {
namespace {

constexpr std::uint64_t kRecordsBytesMax = std::uint64_t{24} << 20;  // one delta at a time: queries share the memory

/// Folds the news of one id into what the version knows; nothing if that changes nothing for a reader.
Result<std::optional<UnmergedRecord>> seen_over(const PinnedVersion& version, RecordState news, const RecordId& id,
                                                FileSink& vectors, std::size_t& rows) {
  const std::size_t shard = version.shards().empty() ? 0 : version.shard_of(id);
  const KnownRecord known = version.shards().empty() ? KnownRecord() : TRY(version.shards()[shard].known(id));
  std::optional<ChromaRow> content;
  if (needs_content(known, news)) content = TRY(version.shards()[shard].row(*known.stored->label));
  RecordChange change = change_of(known, content, std::move(news));
  if (change.effect == Effect::nothing) return std::nullopt;
  UnmergedRecord record;
  record.shard = shard;
  if (known.stored) record.stored_label = known.stored->label;
  if (change.effect == Effect::tombstone && !record.stored_label) return std::nullopt;
  record.id = id;
  record.effect = change.effect;
  record.item_version = change.record.item_version;
  record.metadata = std::move(change.record.metadata);
  record.document = std::move(change.record.document);
  if (change.effect == Effect::vector) {
    TRY(vectors.write(std::as_bytes(std::span(change.record.vector))));
    record.row = rows++;
  }
  return record;
}

}  // namespace

Result<Unmerged> Unmerged::read(ObjectStore& objects, const CollectionBinding& binding,
                                const std::vector<DeltaId>& deltas, const PinnedVersion& version, const Path& scratch) {
  Unmerged unmerged;
  unmerged.dimensions_ = binding.dimensions;
  if (deltas.empty()) return unmerged;

  const Path run_file = scratch / "unmerged.run";
  const Path vectors_file = scratch / "unmerged.f32";
  const RunHeader header = TRY(merge_deltas(objects, binding, deltas, scratch, run_file, kRecordsBytesMax));
  for (const auto& quarantined : header.quarantined) unmerged.unreadable_.push_back(quarantined.delta);

  std::vector<RunReader> readers;
  readers.push_back(TRY(RunReader::open(TRY(file_source(run_file)), run_file.filename().string())));
  RunMerge run(std::move(readers), {});
  FileSink vectors(TRY(File::create(vectors_file)));
  std::size_t rows = 0;
  while (auto news = TRY(run.next())) {
    auto record = TRY(seen_over(version, std::move(news->second), news->first, vectors, rows));
    if (record) unmerged.records_.push_back(*std::move(record));
  }
  TRY(vectors.flush());
  unmerged.vectors_ = TRY(MappedFile::open(vectors_file));
  std::error_code ignored;
  std::filesystem::remove(run_file, ignored);
  return unmerged;
}

const UnmergedRecord* Unmerged::find(const RecordId& id) const {
  const auto found = std::ranges::lower_bound(records_, id, {}, &UnmergedRecord::id);
  return found != records_.end() && found->id == id ? &*found : nullptr;
}

std::span<const float> Unmerged::vector_of(const UnmergedRecord& record) const {
  const auto* const floats = reinterpret_cast<const float*>(vectors_->bytes().data());
  return {floats + record.row * dimensions_, dimensions_};
}

}  // namespace tillite
