#pragma once

#include "base/json.h"
#include "embedding/embedder.h"
#include "ports/batch_provider.h"
#include "ports/clock.h"
#include "ports/object_store.h"
#include "ports/table.h"

namespace tillite {

/// The Batch API on this machine: batches are rows, files are objects, vectors come from an Embedder. Durable: a batch
/// that was created is finished by whoever asks for it, after a crash too. Each status query moves a batch one step on:
/// validating -> in_progress -> completed (or failed, if no line of its input can be read). Results are not in input
/// order.
class EmbeddedProvider final : public BatchProvider {
 public:
  EmbeddedProvider(Table& table, ObjectStore& files, Clock& clock, Random& random, const Embedder& embedder)
      : table_(table), files_(files), clock_(clock), random_(random), embedder_(embedder) {}

  [[nodiscard]] Result<ProviderFileId> upload(ByteSource& content, const std::string& file_name) override;
  [[nodiscard]] Result<ProviderBatch> create_batch(const ProviderFileId& input_file,
                                                   const std::map<std::string, std::string>& metadata) override;
  [[nodiscard]] Result<ProviderBatch> batch(const ProviderBatchId& id) override;
  [[nodiscard]] Result<ProviderBatchPage> list(const ProviderBatchId& after, std::size_t limit) override;
  [[nodiscard]] Result<void> cancel(const ProviderBatchId& id) override;
  [[nodiscard]] Result<std::unique_ptr<ByteSource>> download(const ProviderFileId& id) override;
  [[nodiscard]] Result<ProviderFilePage> list_files(const ProviderFileId& after, std::size_t limit) override;
  [[nodiscard]] Result<void> delete_file(const ProviderFileId& id) override;

 private:
  struct RowPage {
    std::vector<Item> rows;
    bool has_more = false;
  };
  /// Rows of a partition of GSI1, newest first, behind the one with that key (empty: from the front).
  [[nodiscard]] Result<RowPage> newest(std::string_view partition, const std::string& after_pk, std::size_t limit);
  /// A batch as it was last recorded; `not_found` if there is none.
  [[nodiscard]] Result<ProviderBatch> row_of(const ProviderBatchId& id);
  /// Moves a batch on from the status it was read in; somebody else's move stands.
  [[nodiscard]] Result<ProviderBatch> advance(const ProviderBatch& batch, Json set);
  /// Computes a batch; the attributes that say how it ended.
  [[nodiscard]] Result<Json> complete(const ProviderBatch& batch);
  [[nodiscard]] Result<ProviderFileId> store_result(const ProviderBatchId& batch, std::string_view name,
                                                    const std::string& content);

  Table& table_;
  ObjectStore& files_;
  Clock& clock_;
  Random& random_;
  const Embedder& embedder_;
};

}  // namespace tillite
