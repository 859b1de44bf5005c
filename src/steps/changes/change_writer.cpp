#include "steps/changes/change_writer.h"

#include "base/uuid.h"
#include "vectors/versions/keys.h"
#include "vectors/versions/manifest.h"

namespace tillite {
namespace {

constexpr std::size_t kRecordsMax = 5000;
constexpr std::size_t kBytesMax = std::size_t{32} << 20;

DeltaId id_of(const CollectionBinding& binding, const std::vector<Record>& records, int time) {
  Sha256 content;
  for (const Record& record : records) {
    content.update(fmt::format("\n{} {} {} {} ", record.id.str(), record.item_version, record.metadata_version,
                               static_cast<int>(record.kind)));
    content.update(to_text(record.metadata));
  }
  const std::string again = time == 0 ? "" : fmt::format(" {}", time);
  return DeltaId(
      uuid5(fmt::format("backfill {} {} {}{}", binding.collection, binding.generation, content.hex(), again)));
}

/// The first id of these records that no version has consumed: one whose delta was quarantined is never merged again.
Result<DeltaId> new_id(const CollectionBinding& binding, const std::vector<Record>& records, ObjectStore& vectors) {
  const auto newest = TRY(ManifestLog(vectors, binding.collection, binding.generation).newest());
  for (int time = 0;; ++time) {
    const DeltaId id = id_of(binding, records, time);
    if (!newest || !newest->has_consumed(id)) return id;
  }
}

}  // namespace

Result<void> ChangeWriter::add(Record record) {
  bytes_ += record.vector.size() * sizeof(float) + record.document.size() + to_text(record.metadata).size();
  records_.push_back(std::move(record));
  return records_.size() < kRecordsMax && bytes_ < kBytesMax ? Result<void>() : finish();
}

Result<void> ChangeWriter::finish() {
  if (records_.empty()) return {};
  const DeltaId id = TRY(new_id(binding_, records_, ports_.vectors));
  const auto room = TRY(ScratchFolder::create(context_.scratch));
  auto writer = TRY(DeltaWriter::create(
      room.path(), {.id = id, .batch_id = {}, .binding = binding_, .created_ms = ports_.clock.now_ms()}));
  for (Record& record : records_) TRY(writer.add(std::move(record)));
  const auto created =
      ports_.vectors.create_from_file(delta_key(binding_.collection, binding_.generation, id), TRY(writer.finish()));
  if (!created && created.error().code() != Code::conflict) return created;
  context_.log.info("records wait for the next merge", {{"collection", binding_.collection},
                                                        {"generation", binding_.generation},
                                                        {"delta_id", id.str()},
                                                        {"records", records_.size()}});
  records_.clear();
  bytes_ = 0;
  ++deltas_;
  return {};
}

}  // namespace tillite
