#pragma once

#include <map>
#include <set>

#include "adapters/local/folder_object_store.h"
#include "adapters/local/sqlite_queue.h"
#include "adapters/local/sqlite_table.h"
#include "adapters/local/sqlite_vector_cache.h"
#include "embedding/embedded_provider.h"
#include "embedding/embedded_text_embedder.h"
#include "steps/changes/change_delta.h"
#include "steps/changes/receipt_changes.h"
#include "steps/generations/collection.h"
#include "steps/reports/census.h"
#include "steps/step.h"
#include "support/must.h"
#include "support/scripted_provider.h"
#include "support/seeded_random.h"
#include "support/standing_clock.h"
#include "support/temp_folder.h"
#include "vectors/queries/collection_view.h"

namespace tillite::testing {

/// The same ports with another store of vectors.
inline Ports with_vectors(const Ports& ports, ObjectStore& vectors) {
  return {ports.table, vectors,     ports.batch_files, ports.queue, ports.provider,
          ports.texts, ports.cache, ports.clock,       ports.random};
}

/// The same ports with another clock.
inline Ports with_clock(const Ports& ports, Clock& clock) {
  return {ports.table, ports.vectors, ports.batch_files, ports.queue, ports.provider, ports.texts,
          ports.cache, clock,         ports.random};
}

/// The real adapters of a home in a folder of the test's own, and the steps called one by one, without an engine.
class Pipeline {
 public:
  Pipeline()
      : table(must(SqliteTable::open(folder / "table.sqlite3"))),
        provider_table(must(SqliteTable::open(folder / "provider.sqlite3"))),
        queue(must(SqliteQueue::open(folder / "queue.sqlite3", clock))),
        vectors(must(FolderObjectStore::open(folder / "vectors"))),
        batch_files(must(FolderObjectStore::open(folder / "batches"))),
        provider_files(must(FolderObjectStore::open(folder / "provider"))),
        provider(*provider_table, *provider_files, clock, random, embedder),
        cache(must(SqliteVectorCache::open(folder / "cache.sqlite3", clock, 1 << 26))),
        ports{*table, *vectors, *batch_files, *queue, scripted, texts, *cache, clock, random},
        settings(must(read_settings([](const std::string&) { return std::optional<std::string>(); },
                                    std::string(embedder.model())))),
        context{settings, Logger::none(), {}, folder / "scratch", "test"} {
    settings.dimensions = 64;
  }

  Json line_event(Json more = Json::object()) const {
    Json event = {{"collection", "receipt_lines"}, {"execution", "test"}};
    event.update(more);
    return event;
  }

  ImportedReceipt import(const Receipt& receipt) {
    auto imported = must(import_receipt(receipt, false, ports, context));
    flush();
    return imported;
  }

  void flush() {
    for (const Entity entity : kEntities) must(write_change_deltas(entity, binding(entity), ports, context));
  }

  CollectionBinding binding(Entity entity = Entity::line) { return must(active_collection(entity, ports, context)); }

  /// find and submit; the batches' ids.
  std::vector<std::string> submit_all() {
    std::vector<std::string> ids;
    const Json found = must(find_unembedded(Json::object(), ports, context));
    for (const Json& batch : found.at("batches")) {
      must(submit_batch(batch, ports, context));
      ids.push_back(batch.at("batch_id").get<std::string>());
    }
    return ids;
  }

  Json poll(const std::string& batch_id) {
    return must(poll_batch({{"batch_id", batch_id}, {"skip_sqs_notification", true}}, ports, context));
  }

  /// Polls until the batch has ended at the provider; the last answer.
  Json collect(const std::string& batch_id) {
    Json answer = poll(batch_id);
    for (int tries = 0; answer.at("action") == "wait" && tries < 10; ++tries) answer = poll(batch_id);
    return answer;
  }

  Result<Json> try_merge() {
    const Json split = TRY(split_into_chunks(line_event(), ports, context));
    if (split.at("total_chunks") == 0) return Json(nullptr);
    return final_merge(line_event({{"chunks", split.at("chunks")}}), ports, context);
  }

  Json merge() { return must(try_merge()); }
  Json complete() { return must(mark_complete(line_event(), ports, context)); }

  /// The whole job for lines.
  void run() {
    for (const std::string& batch : submit_all()) collect(batch);
    merge();
    complete();
  }

  Census census() { return must(take_census(Entity::line, ports, context)); }

  /// Ids and item versions of the published and unmerged lines.
  std::map<std::string, std::int64_t> stored_ids() {
    const TempFolder scratch = TempFolder::in_memory();
    const auto view = must(CollectionView::open(*vectors, binding(), scratch.path()));
    std::map<std::string, std::int64_t> ids;
    must(view.for_each_id([&](const RecordId& id, std::int64_t version) -> Result<void> {
      ids.emplace(id.str(), version);
      return {};
    }));
    return ids;
  }

  Item row(const RecordId& id) { return must(table->get(row_key(id))).value_or(Item()); }

  TempFolder folder = TempFolder::in_memory();
  StandingClock clock;
  SeededRandom random;
  NgramEmbedder embedder{64};
  std::unique_ptr<SqliteTable> table;
  std::unique_ptr<SqliteTable> provider_table;
  std::unique_ptr<SqliteQueue> queue;
  std::unique_ptr<FolderObjectStore> vectors;
  std::unique_ptr<FolderObjectStore> batch_files;
  std::unique_ptr<FolderObjectStore> provider_files;
  EmbeddedProvider provider;
  ScriptedProvider scripted{provider};  ///< between the steps and the provider
  EmbeddedTextEmbedder texts{embedder};
  std::unique_ptr<SqliteVectorCache> cache;
  Ports ports;
  Settings settings;
  StepContext context;
};

/// A receipt with one line of two words for each text, from the top downwards.
inline Receipt receipt_with(const std::vector<std::string>& texts,
                            const std::string& image = "6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d") {
  Receipt receipt{
      .image_id = ImageId(image), .receipt_id = 1, .merchant = "corner pantry", .width_px = 100, .height_px = 100};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const double y = 0.9 - 0.05 * static_cast<double>(i);
    Line line{.line_id = static_cast<int>(i) + 1, .text = texts[i], .box = {0.1, y, 0.5, 0.02}};
    line.words = {{.word_id = 1, .text = texts[i], .box = line.box}};
    receipt.lines.push_back(std::move(line));
  }
  return receipt;
}

inline RecordId line_of(const Receipt& receipt, int line_id) {
  return line_record_id(receipt.image_id, receipt.receipt_id, line_id);
}

}  // namespace tillite::testing
