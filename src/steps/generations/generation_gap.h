#pragma once

#include <functional>
#include <set>
#include <span>

#include "steps/batches/batch.h"
#include "steps/batches/model_facts.h"
#include "steps/generations/generation.h"
#include "vectors/snapshots/pinned_version.h"

namespace tillite {

/// What a generation that is being built lacks of a record of the active version.
struct Lack {
  enum class Kind {
    text,       ///< a vector of its text: to be sent
    vector,     ///< a vector that the active version's serves for: to be copied
    metadata,   ///< newer metadata
    under_way,  ///< nothing more: a batch has it
    deferred,   ///< it may not be sent yet
    left_out    ///< it stays without
  };
  Kind kind = Kind::text;
  RecordId id;
  BatchItem item = {};            ///< kind text
  std::optional<Record> record;   ///< kinds vector and metadata: what is to be written
  std::string reason;             ///< kind left_out
  bool refused = false;           ///< kind left_out: by the provider, as often as it may be tried
  bool has_row = true;            ///< an item of a receipt; else it was imported
  std::string active_input_hash;  ///< of a row: its hash under the active format, if known
};

/// The newest versions of the active generation and of one that is being built, side by side. Only published versions
/// are compared: what is in deltas shows in the next ones. Threads: one.
class GenerationGap {
 public:
  /// `next` is the binding of the other one; with the number 0 it has not been begun, and nothing is there of it.
  [[nodiscard]] static Result<GenerationGap> open(const CollectionBinding& active, const CollectionBinding& next,
                                                  const Ports& ports, const StepContext& context);
  GenerationGap(GenerationGap&&) = default;
  GenerationGap& operator=(GenerationGap&&) = default;

  /// Looks at the active version's records behind `cursor`, receipt by receipt (those without one in groups), and calls
  /// `each` with what is lacking of them, until it answers false. The cursor's place moves on; at the end it is the
  /// beginning again. The answer: whether the end was reached.
  using Each = std::function<Result<bool>(std::vector<Lack>&& lacking)>;
  [[nodiscard]] Result<bool> walk(BackfillCursor& cursor, const Each& each);

  /// Calls `each` with a tombstone for every record of the other generation that the active version has no more, but
  /// for those that a rollback took out of it and that are to be embedded again: what they have is what will come.
  [[nodiscard]] Result<void> for_each_surplus(const std::function<Result<void>(Record&& tombstone)>& each);

 private:
  GenerationGap(CollectionBinding active, CollectionBinding next, const Ports& ports, const StepContext& context,
                ScratchFolder room)
      : active_(std::move(active)),
        next_(std::move(next)),
        ports_(&ports),
        context_(&context),
        input_limit_(input_limit_of(next_.model, context.settings)),
        room_(std::move(room)) {}

  using Records = std::span<const IndexedRecord>;
  [[nodiscard]] Result<std::vector<IndexedRecord>> lacking_of(Records records) const;
  [[nodiscard]] Result<std::vector<Lack>> explain(Records records, std::size_t shard);
  struct ReceiptTexts;
  [[nodiscard]] Result<std::optional<Lack>> explain_row(const IndexedRecord& record, const ReceiptTexts& receipt,
                                                        std::size_t shard);
  [[nodiscard]] Result<Lack> explain_imported(const IndexedRecord& record, std::size_t shard);
  [[nodiscard]] Result<std::optional<Record>> newer_metadata(const IndexedRecord& record, const ReceiptTexts& receipt);
  [[nodiscard]] Result<Record> copy_of(const IndexedRecord& record, std::size_t shard) const;
  [[nodiscard]] Result<bool> is_wanted(const RecordId& id, std::int64_t item_version) const;
  [[nodiscard]] bool model_stays() const;
  [[nodiscard]] std::optional<Lack> not_to_be_sent(const RecordId& id, const ItemState& state,
                                                   const std::string& hash) const;

  CollectionBinding active_;
  CollectionBinding next_;
  const Ports* ports_;
  const StepContext* context_;
  InputLimit input_limit_;  ///< of texts for the other generation
  ScratchFolder room_;      ///< outlives the versions, which map files in it
  PinnedVersion active_version_;
  PinnedVersion next_version_;
  std::set<BatchId> open_batches_;
};

/// What a new generation would need of the provider.
struct GenerationNeeds {
  std::uint64_t records = 0;          ///< of the active version
  std::uint64_t texts = 0;            ///< to be sent, at most: equal ones are sent once
  std::uint64_t tokens = 0;           ///< of these
  std::uint64_t copies = 0;           ///< vectors that are taken over as they are
  std::uint64_t without_receipt = 0;  ///< imported records whose vector cannot be taken over
};
/// Walks the whole active version and counts.
[[nodiscard]] Result<GenerationNeeds> needs_of_generation(const CollectionBinding& active,
                                                          const CollectionBinding& wanted, const Ports& ports,
                                                          const StepContext& context);

}  // namespace tillite
