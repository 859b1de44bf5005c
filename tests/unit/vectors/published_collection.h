#pragma once

#include <algorithm>

#include "base/uuid.h"
#include "folder_objects.h"
#include "snapshot_fixture.h"
#include "vectors/collection_view.h"
#include "vectors/keys.h"

namespace tillite {

/// A collection in a store: deltas that are delivered, and versions that are published as final_merge does it.
class PublishedCollection : public SnapshotFixture {
 protected:
  FolderObjects objects{room.path() / "objects"};
  std::optional<Version> version;
  std::optional<Manifest> newest;

  /// Stores a delta of these records.
  DeltaId deliver(const std::vector<Record>& records) {
    const DeltaId id = next_delta_id();
    auto writer = must(DeltaWriter::create(
        room.path(), {.id = id, .batch_id = BatchId(), .binding = binding, .created_ms = 1'700'000'000'000}));
    for (Record record : records) {
      record.delta = id;
      must(writer.add(std::move(record)));
    }
    must(objects.create_from_file(delta_key(binding.collection, binding.generation, id), must(writer.finish())));
    ++delivered_;
    return id;
  }
  /// What the next delta will be called.
  [[nodiscard]] DeltaId next_delta_id() const { return DeltaId(uuid5(fmt::format("delta {}", delivered_ + 1))); }

  /// Each chunk of deltas as a run.
  [[nodiscard]] std::vector<RunReader> runs_of(const std::vector<std::vector<DeltaId>>& chunks) {
    std::vector<RunReader> runs;
    for (const auto& chunk : chunks) {
      const Path run = new_path("run");
      must(merge_deltas(objects, binding, chunk, room.path(), run));
      runs.push_back(must(RunReader::open(must(file_source(run)), "run")));
    }
    return runs;
  }

  /// Merges chunks of deltas into the newest version and publishes the outcome.
  void publish_chunks(const std::vector<std::vector<DeltaId>>& chunks) {
    version = must(try_merge(version, runs_of(chunks)));
    Manifest manifest;
    if (newest) manifest.consumed = newest->consumed;
    manifest.binding = binding;
    manifest.predecessor = newest ? newest->number : 0;
    manifest.predecessor_nonce = newest ? newest->nonce : "";
    manifest.number = manifest.predecessor + 1;
    manifest.epoch = 1;
    manifest.nonce = uuid5(fmt::format("nonce {}", manifest.number));
    manifest.writer = "test";
    manifest.created_ms = 1'700'000'000'000;
    manifest.vectors = version->merged.vectors;
    manifest.tombstones = version->merged.tombstones;
    manifest.checksum = version->merged.checksum;
    for (const auto& chunk : chunks) manifest.added.insert(manifest.added.end(), chunk.begin(), chunk.end());
    std::ranges::sort(manifest.added);
    manifest.consumed.insert(manifest.consumed.end(), manifest.added.begin(), manifest.added.end());
    std::ranges::sort(manifest.consumed);
    manifest.snapshot = Manifest::Snapshot{
        .folder = snapshot_folder(binding.collection, binding.generation, manifest.number, 1, manifest.nonce),
        .files = version->merged.files};
    for (const auto& file : manifest.snapshot->files) {
      must(objects.create_from_file(ObjectKey(manifest.snapshot->folder + file.name), version->folder / file.name));
    }
    must(ManifestLog(objects, binding.collection, binding.generation).publish(manifest));
    newest = manifest;
  }
  void publish(const std::vector<DeltaId>& deltas) { publish_chunks({deltas}); }

  [[nodiscard]] CollectionView open() { return must(CollectionView::open(objects, binding, room.path() / "scratch")); }

 private:
  int delivered_ = 0;
};

}  // namespace tillite
