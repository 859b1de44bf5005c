#pragma once

#include <map>
#include <unordered_map>

#include "base/file.h"
#include "receipts/receipt_items.h"
#include "steps/batches/item_claims.h"
#include "vectors/deltas/delta.h"

namespace tillite {

/// What the end of a batch means for its items.
struct BatchEnding {
  BatchStatus status;             ///< what the batch ends as
  std::string why_no_result;      ///< for items of which nothing more is said
  bool counts_as_attempt = true;  ///< items without a vector have used up an attempt
  bool smaller = false;           ///< they are to be sent in a smaller batch
  bool later = false;             ///< and not at once
};

/// From the vectors of a batch's texts, in any order, to its delta: each item that still waits for its text's vector
/// gets one of its own, the others go back, and the batch's row says what became of it. What was paid for is kept in
/// the cache, whether an item still wants it or not. Repeating it, after a crash at any point too, ends the same.
/// Memory: some 500 bytes an item; vectors, metadata and documents are in files. One thread at a time.
class BatchDelivery {
 public:
  /// Reads which items wait. `delta` follows from the batch and its results, so that a repetition finds its own.
  [[nodiscard]] static Result<BatchDelivery> begin(const Batch& batch, CollectionBinding binding, DeltaId delta,
                                                   const Ports& ports, const StepContext& context);

  /// Whether an item waits for the answer to this request.
  [[nodiscard]] bool waits_for(const RecordId& custom_id) const;
  /// The texts (input_hash) that items wait for.
  [[nodiscard]] std::vector<std::string> texts_waited_for() const;

  /// The answer to a request: a vector for the text of the item in whose name it was sent. One that nothing is known
  /// of, that came before, or that nobody waits for any more is dropped and counted.
  [[nodiscard]] Result<void> add(const RecordId& custom_id, std::vector<float> vector);
  /// The vector of a text.
  [[nodiscard]] Result<void> add_text(const std::string& input_hash, std::vector<float> vector);
  /// The answer to a request: why there is no vector. A vector that came before or comes yet counts more.
  void refuse(const RecordId& custom_id, const std::string& reason);

  /// Stores the delta, takes back the items without a vector, and records it all in the batch's row, with `facts` of
  /// the caller's own; then gives up the claims on the texts. `unreadable` lines of result files are mentioned.
  [[nodiscard]] Result<void> finish(const BatchEnding& ending, const Json& facts, std::size_t unreadable = 0);

  [[nodiscard]] const DeltaId& delta_id() const { return delta_; }
  [[nodiscard]] ObjectKey delta_key() const;
  [[nodiscard]] std::size_t results() const { return results_; }
  [[nodiscard]] std::size_t embedded() const { return embedded_; }
  [[nodiscard]] std::size_t dropped() const { return dropped_; }
  [[nodiscard]] const Released& released() const { return released_; }

 private:
  /// An item of the batch that still waits, with what is stored beside its vector.
  struct Waiting {
    const BatchItem* item;
    std::int64_t item_version = 1;
    std::int64_t metadata_version = 1;
    std::uint64_t offset = 0;  ///< in the file of texts: the metadata as JSON, then the document
    std::uint32_t metadata_bytes = 0;
    std::uint32_t document_bytes = 0;
  };
  BatchDelivery(const Batch& batch, CollectionBinding binding, DeltaId delta, const Ports& ports,
                const StepContext& context);
  [[nodiscard]] Result<void> load_waiting();
  [[nodiscard]] bool still_waits(const BatchItem& item, const ItemState& state,
                                 const std::map<RecordId, std::string>& inputs) const;
  void pass_over(std::span<const BatchItem> of_receipt, const std::string& reason);
  [[nodiscard]] Result<void> embed(const Waiting& waiting, const std::vector<float>& vector);
  [[nodiscard]] Result<void> keep(const std::string& input_hash, std::vector<float> vector);
  [[nodiscard]] Result<void> flush_cache();
  [[nodiscard]] Result<void> store_delta();
  [[nodiscard]] Result<void> take_back_the_rest(const BatchEnding& ending);
  [[nodiscard]] Result<void> record(const BatchEnding& ending, const Json& facts, std::size_t unreadable);
  [[nodiscard]] std::string error_summary(const BatchEnding& ending, std::size_t unreadable) const;
  [[nodiscard]] Result<void> give_up_texts();

  const Batch& batch_;
  CollectionBinding binding_;
  DeltaId delta_;
  const Ports& ports_;
  const StepContext& context_;
  std::vector<BatchItem> items_;                                        ///< of the whole batch
  std::unordered_map<std::string_view, const BatchItem*> by_id_;        ///< the same
  std::unordered_map<std::string_view, std::vector<Waiting>> waiting_;  ///< by input_hash; an entry for each text
  std::map<std::string, std::string> reasons_;                          ///< by input_hash
  std::vector<std::pair<BatchItem, Release>> damaged_;                  ///< items whose receipts cannot be read
  std::vector<CachedVector> to_keep_;
  std::optional<ScratchFolder> scratch_;
  std::optional<File> texts_;  ///< what is stored beside the vectors
  std::optional<DeltaWriter> writer_;
  Released released_;
  std::size_t results_ = 0;
  std::size_t embedded_ = 0;
  std::size_t dropped_ = 0;
};

/// Tells the queue of a delta that waits for a merge.
[[nodiscard]] Result<void> tell_of_delta(const Batch& batch, const ObjectKey& key, std::int64_t vectors,
                                         const Ports& ports);

}  // namespace tillite
