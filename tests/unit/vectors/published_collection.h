#pragma once

#include <algorithm>

#include "base/uuid.h"
#include "folder_objects.h"
#include "snapshot_fixture.h"
#include "vectors/hnsw/segment_files.h"
#include "vectors/merge/chunk_merge.h"
#include "vectors/merge/delta_news.h"
#include "vectors/merge/version_merge.h"
#include "vectors/queries/collection_view.h"
#include "vectors/records/shard.h"
#include "vectors/versions/keys.h"

namespace tillite {

/// A collection in a store: deltas that are delivered, and versions that are published as final_merge does it.
class PublishedCollection : public SnapshotFixture {
 protected:
  FolderObjects objects{room.path() / "objects"};
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

  /// Each chunk of deltas as an intermediate: a run for each shard.
  using Chunks = std::vector<std::vector<DeltaId>>;
  using Intermediates = std::vector<std::vector<Path>>;
  [[nodiscard]] Intermediates intermediates_of(const Chunks& chunks) {
    Intermediates intermediates;
    for (const auto& chunk : chunks) {
      auto& runs = intermediates.emplace_back();
      for (int shard = 0; shard < binding.shards; ++shard) runs.push_back(new_path("run"));
      must(merge_deltas_by_shard(objects, binding, chunk, room.path(), runs, std::uint64_t{64} << 20));
    }
    return intermediates;
  }

  /// Merges chunks of deltas into the newest version, without the records of `consumed`. As in the pipeline the deltas
  /// of a lone chunk are read themselves.
  [[nodiscard]] Result<MergedVersion> try_merge_chunks(const Chunks& chunks,
                                                       const std::vector<DeltaId>& consumed = {}) {
    const bool reads_deltas = chunks.size() == 1 && binding.shards == 1;
    const auto intermediates = reads_deltas ? Intermediates() : intermediates_of(chunks);
    const auto open_news = [&](int shard) -> Result<std::unique_ptr<RecordNews>> {
      if (reads_deltas) return news_of_deltas(chunks.front(), consumed);
      std::vector<RunReader> runs;
      for (const auto& files : intermediates) {
        runs.push_back(TRY(RunReader::open(TRY(file_source(files.at(static_cast<std::size_t>(shard)))), "run")));
      }
      return std::make_unique<RunMerge>(std::move(runs), consumed);
    };
    return merge_into_version(objects,
                              {.binding = binding,
                               .base = newest ? newest->shards : std::vector<Manifest::Shard>(),
                               .open_news = open_news,
                               .graph = {}},
                              room.path(), new_path("version"), {});
  }

  /// Merges chunks of deltas into the newest version and publishes the outcome.
  void publish_chunks(const Chunks& chunks) {
    const MergedVersion merged = must(try_merge_chunks(chunks));
    Manifest manifest = newest.value_or(Manifest{.binding = binding});
    manifest.predecessor = newest ? newest->number : 0;
    manifest.predecessor_nonce = newest ? newest->nonce : "";
    manifest.number = manifest.predecessor + 1;
    manifest.epoch = 1;
    manifest.nonce = uuid5(fmt::format("nonce {}", manifest.number));
    manifest.writer = "test";
    manifest.created_ms = 1'700'000'000'000;
    manifest.added.clear();
    for (const auto& chunk : chunks) manifest.added.insert(manifest.added.end(), chunk.begin(), chunk.end());
    std::ranges::sort(manifest.added);
    manifest.consumed.insert(manifest.consumed.end(), manifest.added.begin(), manifest.added.end());
    std::ranges::sort(manifest.consumed);
    manifest.set_shards(shards_after(
        merged, manifest.shards,
        snapshot_folder(binding.collection, binding.generation, manifest.number, 1, manifest.nonce), binding.shards));
    for (const auto& [number, folder, snapshot] : merged.shards) {
      const std::string& place = manifest.shards[static_cast<std::size_t>(number)].folder;
      for (const auto& file : snapshot.files) {
        must(objects.create_from_file(ObjectKey(place + file.name), folder / file.name));
      }
    }
    must(ManifestLog(objects, binding.collection, binding.generation).publish(manifest));
    newest = manifest;
  }
  void publish(const std::vector<DeltaId>& deltas) { publish_chunks({deltas}); }

  /// What the shards of the newest version say of their records, each of its own ones.
  [[nodiscard]] std::map<std::string, std::string> published_contents() const { return contents_over_newest({}); }
  /// The same, with what a merge made of the newest version.
  [[nodiscard]] std::map<std::string, std::string> contents_over_newest(const MergedVersion& merged) const {
    std::vector<Path> folders;
    for (const Manifest::Shard& shard : newest->shards) folders.push_back(objects.path_of(ObjectKey(shard.folder)));
    for (const MergedShard& shard : merged.shards) folders.at(static_cast<std::size_t>(shard.number)) = shard.folder;
    std::map<std::string, std::string> all;
    for (std::size_t shard = 0; shard < folders.size(); ++shard) {
      for (const auto& [id, text] : contents(folders[shard])) {
        EXPECT_EQ(shard_of(RecordId(id), binding.shards), static_cast<int>(shard)) << id;
        EXPECT_TRUE(all.emplace(id, text).second) << id << " is in two shards";
      }
    }
    return all;
  }

  [[nodiscard]] CollectionView open() { return must(CollectionView::open(objects, binding, room.path() / "scratch")); }

 private:
  [[nodiscard]] Result<std::unique_ptr<RecordNews>> news_of_deltas(std::vector<DeltaId> deltas,
                                                                   const std::vector<DeltaId>& consumed) {
    std::erase_if(deltas, [&](const DeltaId& delta) { return std::ranges::find(consumed, delta) != consumed.end(); });
    const RowLayout layout = new_rows_layout(newest && !newest->shards.empty(), binding.dimensions);
    auto news = TRY(DeltaNews::read(objects, binding, deltas, room.path(), layout, std::uint64_t{64} << 20));
    return std::make_unique<DeltaNews>(std::move(news.value()));
  }

  int delivered_ = 0;
};

}  // namespace tillite
