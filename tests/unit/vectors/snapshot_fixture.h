#pragma once

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "support/must.h"
#include "support/temp_folder.h"
#include "vectors/deltas/delta.h"
#include "vectors/merge/run_merge.h"
#include "vectors/merge/snapshot_merge.h"
#include "vectors/snapshots/pinned_snapshot.h"
#include "vectors/versions/snapshot_files.h"

namespace tillite {

using testing::must;

/// A small collection whose records, runs and snapshots are made by hand.
class SnapshotFixture : public ::testing::Test {
 protected:
  static constexpr std::size_t kDimensions = 8;

  CollectionBinding binding{.collection = "receipt_lines",
                            .generation = 1,
                            .model = "test-model",
                            .dimensions = kDimensions,
                            .input_format = "line/plain/1",
                            .shards = 1};
  GraphSettings graph;
  testing::TempFolder room = testing::TempFolder::in_memory();

  /// A vector of unit length that follows from its seed.
  [[nodiscard]] std::vector<float> vector_of(std::uint64_t seed) const {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> vector(binding.dimensions);
    for (float& number : vector) number = normal(random);
    must(normalise(vector));
    return vector;
  }

  [[nodiscard]] Record vector_record(const std::string& id, std::int64_t item_version, std::uint64_t seed) const {
    Record record;
    record.id = RecordId(id);
    record.kind = RecordKind::vector;
    record.item_version = item_version;
    record.delta = DeltaId("delta-of-vectors");
    record.input_hash = std::to_string(seed);
    record.metadata = {{"text", id}, {"seed", seed}, {"share", 0.5}, {"bold", seed % 2 == 0}};
    record.document = "The text of " + id + ", version " + std::to_string(item_version);
    record.vector = vector_of(seed);
    return record;
  }
  [[nodiscard]] static Record tombstone(const std::string& id, std::int64_t item_version,
                                        std::int64_t removed_at_ms = 1'000) {
    Record record;
    record.id = RecordId(id);
    record.kind = RecordKind::tombstone;
    record.item_version = item_version;
    record.delta = DeltaId("delta-of-removals");
    record.removed_at_ms = removed_at_ms;
    return record;
  }
  [[nodiscard]] static Record metadata_record(const std::string& id, std::int64_t item_version,
                                              std::int64_t metadata_version, const std::string& merchant) {
    Record record;
    record.id = RecordId(id);
    record.kind = RecordKind::metadata;
    record.item_version = item_version;
    record.metadata_version = metadata_version;
    record.delta = DeltaId("delta-of-metadata");
    record.metadata = {{"merchant_name", merchant}};
    record.document = "About " + merchant;
    return record;
  }

  [[nodiscard]] Path new_path(const std::string& name) { return room.path() / fmt::format("{}-{}", name, ++paths_); }

  /// A run as a merge of deltas leaves it.
  [[nodiscard]] RunReader run_of(const std::vector<Record>& records) {
    std::map<RecordId, RecordState> states;
    std::vector<DeltaId> deltas;
    for (const Record& record : records) {
      fold(states[record.id], record);
      deltas.push_back(record.delta);
    }
    std::ranges::sort(deltas);
    deltas.erase(std::ranges::unique(deltas).begin(), deltas.end());
    const Path file = new_path("run");
    auto writer = must(RunWriter::create(file, {.binding = binding, .deltas = deltas, .quarantined = {}}));
    for (const auto& [id, state] : states) {
      if (state.base) must(writer.add(*state.base));
      if (state.waiting) must(writer.add(*state.waiting));
    }
    must(writer.finish());
    return must(RunReader::open(must(file_source(file)), "run"));
  }

  [[nodiscard]] static std::unique_ptr<RecordNews> news_of(RunReader run, std::vector<DeltaId> consumed = {}) {
    std::vector<RunReader> runs;
    runs.push_back(std::move(run));
    return std::make_unique<RunMerge>(std::move(runs), std::move(consumed));
  }

  /// A snapshot on the disk with what is announced of it.
  struct Version {
    Path folder;
    MergedSnapshot merged;
  };
  [[nodiscard]] Result<Version> try_merge(const std::optional<Version>& base, std::vector<RunReader> runs,
                                          std::int64_t tombstones_before_ms = 0, std::stop_token stop = {}) {
    SnapshotMergeInput input;
    input.binding = binding;
    if (base) input.base = base->folder;
    if (base) input.base_checksum = base->merged.checksum;
    input.news = std::make_unique<RunMerge>(std::move(runs));
    input.tombstones_before_ms = tombstones_before_ms;
    input.graph = graph;
    Version version{.folder = new_path("snapshot"), .merged = {}};
    version.merged = TRY(merge_into_snapshot(std::move(input), room.path(), version.folder, stop));
    return version;
  }
  [[nodiscard]] Version merge(const std::optional<Version>& base, const std::vector<Record>& records,
                              std::int64_t tombstones_before_ms = 0) {
    std::vector<RunReader> runs;
    runs.push_back(run_of(records));
    return must(try_merge(base, std::move(runs), tombstones_before_ms));
  }

  /// All that a snapshot says of its records, in a form that does not depend on labels.
  [[nodiscard]] std::map<std::string, std::string> contents(const Version& version) const {
    return contents(version.folder);
  }
  [[nodiscard]] std::map<std::string, std::string> contents(const Path& folder) const {
    const auto snapshot = must(PinnedSnapshot::open(folder, binding));
    std::map<std::string, std::string> all;
    for (const IndexedRecord& stored : must(snapshot.page(RecordId(), 1'000))) {
      const auto row = must(snapshot.row(*stored.label));
      const auto vector = snapshot.segment().vector_of(*stored.label);
      EXPECT_EQ(row.id, stored.id);
      EXPECT_TRUE(vector) << "no vector for " << stored.id.str();
      all[stored.id.str()] =
          fmt::format("v{} m{} {} {} {}", stored.item_version, stored.metadata_version,
                      vector_hash(vector.value_or(std::vector<float>())).hex(), to_text(row.metadata), row.document);
    }
    return all;
  }

 private:
  int paths_ = 0;
};

}  // namespace tillite
