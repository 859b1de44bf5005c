#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/environment.h"
#include "base/result.h"
#include "embedding/batch_plan.h"
#include "embedding/input_format.h"
#include "embedding/input_limit.h"
#include "embedding/model.h"
#include "vectors/hnsw/segment.h"
#include "vectors/versions/publish_lock.h"

namespace tillite {

/// When a message of the queue starts a compaction: as soon as the outstanding deltas of a collection reach one of
/// these.
struct CompactionThresholds {
  std::size_t deltas = 25;
  std::uint64_t bytes = std::uint64_t{16} << 20;
  std::int64_t age_ms = 900'000;  ///< of the oldest
};

/// What the settings say of embedding models. It stands above what is known of them (steps/batches/model_facts.h).
struct ModelSettings {
  std::string model;  ///< of which it is said: EMBEDDING_MODEL; empty: of every one
  std::optional<Dollars> price_per_million = {};
  std::optional<std::size_t> input_tokens_max = {};
  std::optional<std::uint64_t> enqueued_tokens_max = {};
};

/// What a step may be told (docs/settings.md). One value for all steps of a process.
struct Settings {
  std::string model;  ///< of a new collection
  std::size_t dimensions = 1536;
  ModelSettings models;
  TooLong too_long = TooLong::cut;
  std::map<Entity, InputFormat> formats;
  std::optional<int> shards;  ///< of a new generation; nothing: one, and any number in a collection that is there
  BatchLimits batch;          ///< of tokens: steps/batches/model_facts.h
  std::optional<std::uint64_t> batch_tokens_max;  ///< nothing: what the model may have enqueued
  std::size_t direct_items_max = 0;   ///< if a run sends no more, it calls the provider at once instead of a batch
  std::size_t batches_per_run = 200;  ///< that one execution finds; the next execution finds the others
  std::size_t polls_per_run = 500;    ///< batches that one execution polls, those polled longest ago first
  std::size_t deltas_per_run = 500;   ///< deltas that one execution merges, oldest first
  /// Steps that talk to the provider, and its calls, at the same time in one process. The local embedder computes.
  std::size_t provider_calls_max = 2;
  std::map<Entity, std::size_t> chunk_deltas = {{Entity::line, 10}, {Entity::word, 10}};  ///< deltas in a chunk
  bool deletes_provider_files = true;     ///< once a batch has ended and its delta, if it has one, is published
  std::int64_t attempts_max = 3;          ///< of an item, before it is FAILED
  std::int64_t deferral_ms = 5 * 60'000;  ///< pause after a batch that the provider's token limit turned away, doubled
                                          ///< each time up to 32 times as long
  std::int64_t submit_lease_ms = 15'000;  ///< how long a submit under way keeps others from recovering it
  std::int64_t tombstone_retention_ms = 30LL * 24 * 3'600'000;
  bool skip_queue_notification = false;
  CompactionThresholds compaction;
  std::uint64_t cache_bytes = std::uint64_t{1} << 30;   ///< of vectors kept by their text
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;  ///< what a merge may use; its parts have shares of it
  LockSettings lock;
  std::int64_t lock_wait_ms = 15'000;  ///< that a merge waits for another publisher, most of whom are done in seconds;
                                       ///< the state machine's retry comes much later
  GraphSettings graph;
};

/// The defaults with what the environment says (names: docs/settings.md). `invalid_input` names the variable and what
/// it takes. `default_model` is what the provider at hand is good for; `models_in_use` are those that generations are
/// bound to.
[[nodiscard]] Result<Settings> read_settings(const Environment& environment, std::string default_model,
                                             const std::set<std::string>& models_in_use = {});

}  // namespace tillite
