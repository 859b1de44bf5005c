#pragma once

#include "base/uuid.h"
#include "memory_ports.h"
#include "vectors/deltas/delta.h"

namespace tillite {

/// Deltas and records of a small collection.
class DeltaFixture : public ::testing::Test {
 protected:
  CollectionBinding binding{.collection = "receipt_lines",
                            .generation = 1,
                            .model = "test-model",
                            .dimensions = 4,
                            .input_format = "line/plain/1",
                            .shards = 1};
  ScratchFolder room = value(ScratchFolder::create(std::filesystem::temp_directory_path() / "tillite-delta-tests"));

  [[nodiscard]] static DeltaId delta_id(int number) { return DeltaId(uuid5(fmt::format("delta {}", number))); }

  [[nodiscard]] DeltaHeader header(int number) const {
    return {
        .id = delta_id(number), .batch_id = BatchId("batch-1"), .binding = binding, .created_ms = 1'700'000'000'123};
  }

  [[nodiscard]] Record vector_record(const std::string& id, std::int64_t item_version = 1, float seed = 1) const {
    Record record;
    record.id = RecordId(id);
    record.item_version = item_version;
    record.input_hash = "hash of " + id;
    record.metadata = {{"text", "Milk"}, {"row", 7}, {"confidence", 0.25}, {"noise", false}};
    record.document = "The text of " + id;
    record.vector.assign(binding.dimensions, 0.5F);
    record.vector[0] = seed;
    return record;
  }
  [[nodiscard]] static Record metadata_record(const std::string& id, std::int64_t item_version,
                                              std::int64_t metadata_version) {
    Record record;
    record.id = RecordId(id);
    record.kind = RecordKind::metadata;
    record.item_version = item_version;
    record.metadata_version = metadata_version;
    record.metadata = {{"merchant", fmt::format("merchant {}", metadata_version)}};
    record.document = fmt::format("metadata {}", metadata_version);
    return record;
  }
  [[nodiscard]] static Record tombstone(const std::string& id, std::int64_t item_version) {
    Record record;
    record.id = RecordId(id);
    record.kind = RecordKind::tombstone;
    record.item_version = item_version;
    record.removed_at_ms = 1'700'000'000'000;
    return record;
  }

  [[nodiscard]] std::string delta_file(const DeltaHeader& of, const std::vector<Record>& records) {
    auto writer = value(DeltaWriter::create(room.path(), of));
    for (const Record& record : records) value(writer.add(record));
    return value(read_file(value(writer.finish())));
  }

  [[nodiscard]] static std::string text_of(const Record& record) {
    std::string text = fmt::format("{} {} v{} m{} {} {} {} {} {}", record.id.str(), static_cast<int>(record.kind),
                                   record.item_version, record.metadata_version, record.delta.str(), record.input_hash,
                                   to_text(record.metadata), record.document, record.removed_at_ms);
    for (const float number : record.vector) text += fmt::format(" {}", number);
    return text;
  }
};

}  // namespace tillite
