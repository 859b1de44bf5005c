#include "steps/changes/receipt_changes.h"

#include <algorithm>
#include <set>

#include "embedding/metadata.h"
#include "receipts/noise.h"
#include "steps/generations/backfill_claims.h"
#include "steps/generations/generation.h"

namespace tillite {
namespace {

constexpr int kTriesMax = 10;  // against others that change the same receipt at the same time

using InputsOfEntities = std::map<Entity, LiveInputs>;

Result<InputsOfEntities> all_live_inputs(const Ports& ports, const StepContext& context) {
  InputsOfEntities all;
  for (const Entity entity : kEntities) all.emplace(entity, TRY(live_inputs(entity, ports, context)));
  return all;
}

/// Inputs and stored texts of a receipt's lines and words, both entities together.
struct ReceiptTexts {
  std::map<RecordId, std::string> inputs;
  std::map<RecordId, std::string> next_inputs;  ///< for the generation that may follow
  std::map<RecordId, StoredText> texts;
};

ReceiptTexts texts_of(const StoredReceipt& stored, const InputsOfEntities& live) {
  ReceiptTexts all;
  for (const auto& [entity, inputs] : live) {
    all.inputs.merge(embedding_inputs(stored.receipt, inputs.active.format));
    all.texts.merge(stored_texts(stored, inputs.active.format));
    if (inputs.next) all.next_inputs.merge(embedding_inputs(stored.receipt, inputs.next->format));
  }
  return all;
}

/// How an item stands after an import, and whether anybody has to hear of it.
class Transition {
 public:
  Transition(const StoredReceipt* old, const ReceiptTexts& old_texts, const ReceiptTexts& new_texts,
             const InputsOfEntities& live)
      : old_(old), old_texts_(old_texts), new_texts_(new_texts), live_(live) {}

  ItemState of(const RecordId& id, Entity entity, ImportedReceipt& report) const {
    const auto input = new_texts_.inputs.find(id);
    const bool noise = input == new_texts_.inputs.end();
    const LiveInputs& live = live_.at(entity);
    Hashes hashes{.active = {}, .generation = live.active.generation, .next = {}};
    if (!noise) hashes.active = input_hash(input->second);
    if (!noise && live.next) {
      hashes.next = {.generation = live.next->generation, .input_hash = input_hash(new_texts_.next_inputs.at(id))};
    }
    const ItemState* before = state_before(id);
    if (before == nullptr) return fresh(1, hashes, report);
    if (before->removed) return fresh(before->next_version(), hashes, report);

    const bool was_noise = before->status == EmbeddingStatus::noise;
    if (noise && was_noise) return *before;
    if (noise != was_noise || text_changed(id, *before, hashes) || next_changed(*before, hashes)) {
      ItemState state = fresh(before->next_version(), hashes, report);
      state.change_waiting = noise;  // a vector may have been stored: it has to go
      return state;
    }
    ItemState state = *before;
    note_next(id, hashes, state);
    if (metadata_changed(id)) {
      ++state.metadata_version;
      state.change_waiting |= state.status == EmbeddingStatus::pending || state.status == EmbeddingStatus::success;
      ++report.metadata_only;
    }
    return state;
  }

 private:
  /// Of an item's text, under the formats that count. Noise has none.
  struct Hashes {
    std::string active;
    std::int64_t generation = 1;  ///< the active one
    NextInput next;               ///< of the generation that may follow, if there is one

    [[nodiscard]] bool noise() const { return active.empty(); }
  };

  static ItemState fresh(std::int64_t version, const Hashes& hashes, ImportedReceipt& report) {
    if (!hashes.noise()) ++report.to_embed;
    return {.status = hashes.noise() ? EmbeddingStatus::noise : EmbeddingStatus::none,
            .item_version = version,
            .input_hash = hashes.active,
            .input_generation = hashes.noise() ? 1 : hashes.generation,
            .next = hashes.next};
  }

  /// Whether another text is to be sent for an item. Rows of others do not say which one was: then the stored texts do.
  bool text_changed(const RecordId& id, const ItemState& before, const Hashes& hashes) const {
    if (const auto hash = before.hash_for(hashes.generation); !hash.empty()) return hash != hashes.active;
    const auto text = old_texts_.inputs.find(id);
    return text == old_texts_.inputs.end() || input_hash(text->second) != hashes.active;
  }

  /// Whether a generation that is being built has, or is about to have, another text of the item.
  static bool next_changed(const ItemState& before, const Hashes& hashes) {
    return hashes.next.generation != 0 && before.next.generation == hashes.next.generation &&
           before.next.input_hash != hashes.next.input_hash;
  }

  /// A text that changes under the next generation's format alone: its hash is noted, so that whoever has read the old
  /// one cannot claim it any more.
  void note_next(const RecordId& id, const Hashes& hashes, ItemState& state) const {
    if (hashes.next.generation == 0 || state.next.generation == hashes.next.generation) return;
    const auto before = old_texts_.next_inputs.find(id);
    if (before != old_texts_.next_inputs.end() && input_hash(before->second) == hashes.next.input_hash) return;
    state.input_hash = hashes.active;
    state.input_generation = hashes.generation;
    state.next = hashes.next;
  }

  const ItemState* state_before(const RecordId& id) const {
    if (old_ == nullptr) return nullptr;
    const auto state = old_->states.find(id);
    return state == old_->states.end() ? nullptr : &state->second;
  }

  bool metadata_changed(const RecordId& id) const {
    const auto before = old_texts_.texts.find(id);
    const auto after = new_texts_.texts.find(id);
    return before == old_texts_.texts.end() || after == new_texts_.texts.end() || before->second != after->second;
  }

  const StoredReceipt* old_;
  const ReceiptTexts& old_texts_;
  const ReceiptTexts& new_texts_;
  const InputsOfEntities& live_;
};

/// What must still hold of an item's row for a write that was worked out from `before` (nullptr: there was no row).
Condition unchanged(const ItemState* before) {
  if (before == nullptr) return {absent("PK")};
  if (before->removed) return {equal("item_version", before->item_version), absent("embedding_status")};
  Condition condition = {same_status(*before), same_batch(*before)};
  std::ranges::move(next_input_unchanged(*before), std::back_inserter(condition));
  return condition;
}

const ItemState* find_state(const StoredReceipt* stored, const RecordId& id) {
  if (stored == nullptr) return nullptr;
  const auto state = stored->states.find(id);
  return state == stored->states.end() ? nullptr : &state->second;
}

/// The writes that bring the table from `old` (nullptr: nothing there) to `receipt`. Those of one stage happen in any
/// order, or in part if the process dies; the next stage begins when all of them have happened.
class ReceiptWriter {
 public:
  ReceiptWriter(const StoredReceipt* old, std::int64_t now_ms) : old_(old), now_ms_(now_ms) {}

  void put(const RecordId& id, Item row, const Item* row_before) {
    kept_.insert(id);
    const ItemState* const before = find_state(old_, id);
    if (row_before != nullptr && *row_before == row && (before == nullptr || before->status_known)) return;
    if (before == nullptr || before->removed) {
      add(Put{std::move(row), unchanged(before)});
    } else {
      add(row_update(row, *before, unchanged(before)));
    }
  }

  void remove_all_others(ImportedReceipt& report) {
    if (old_ == nullptr) return;
    for (const auto& [id, before] : old_->states) {
      if (kept_.contains(id) || before.removed) continue;
      ItemState state{.item_version = before.next_version(), .removed = true, .removed_at_ms = now_ms_};
      // Noise was never sent; but a line that turned into noise may have had a vector, and its tombstone may not be out
      // yet.
      state.change_waiting =
          before.status != EmbeddingStatus::noise || before.item_version > 1 || before.change_waiting;
      add(Put{tombstone_row(id, state), unchanged(&before)});
      ++report.removed;
    }
  }

  void add(Write write) { stages_.back().push_back(std::move(write)); }
  void begin_stage() { stages_.emplace_back(); }

  [[nodiscard]] bool changes_nothing() const {
    return std::ranges::all_of(stages_, [](const auto& writes) { return writes.empty(); });
  }
  /// False if somebody changed one of the rows meanwhile.
  [[nodiscard]] Result<bool> apply(Table& table) const {
    for (const std::vector<Write>& writes : stages_) {
      if (writes.empty()) continue;
      const auto happened = TRY(table.write_each(writes));
      if (std::ranges::find(happened, false) != happened.end()) return false;
    }
    return true;
  }

 private:
  const StoredReceipt* old_;
  std::int64_t now_ms_;
  std::set<RecordId> kept_;
  std::vector<std::vector<Write>> stages_ = std::vector<std::vector<Write>>(1);
};

/// The row that `state` made of `receipt`'s line or word before, to leave out writes that change nothing.
Item line_row_before(const StoredReceipt* old, const RecordId& id, int line_id) {
  const ItemState* state = find_state(old, id);
  if (state == nullptr || state->removed) return {};
  const auto line = std::ranges::find(old->receipt.lines, line_id, &Line::line_id);
  return line == old->receipt.lines.end() ? Item() : line_row(old->receipt, *line, *state);
}

Item word_row_before(const StoredReceipt* old, const RecordId& id, int line_id, int word_id) {
  const ItemState* state = find_state(old, id);
  if (state == nullptr || state->removed) return {};
  const auto line = std::ranges::find(old->receipt.lines, line_id, &Line::line_id);
  if (line == old->receipt.lines.end()) return {};
  const auto word = std::ranges::find(line->words, word_id, &Word::word_id);
  return word == line->words.end() ? Item() : word_row(old->receipt, *line, *word, *state);
}

void write_items(const Receipt& receipt, const StoredReceipt* old, const Transition& transition, ReceiptWriter& writer,
                 ImportedReceipt& report) {
  for (const Line& line : receipt.lines) {
    const RecordId line_id = line_record_id(receipt.image_id, receipt.receipt_id, line.line_id);
    const Item line_before = line_row_before(old, line_id, line.line_id);
    writer.put(line_id, line_row(receipt, line, transition.of(line_id, Entity::line, report)), &line_before);
    ++report.lines;
    for (const Word& word : line.words) {
      const RecordId word_id = word_record_id(receipt.image_id, receipt.receipt_id, line.line_id, word.word_id);
      const Item word_before = word_row_before(old, word_id, line.line_id, word.word_id);
      writer.put(word_id, word_row(receipt, line, word, transition.of(word_id, Entity::word, report)), &word_before);
      ++report.words;
    }
  }
}

/// The rows of the receipt as a whole; its own in a stage behind all others, so that a receipt whose row is there is
/// there as a whole.
void write_receipt_rows(const Receipt& receipt, const StoredReceipt* old, std::int64_t now_ms, ReceiptWriter& writer) {
  const bool same_head = old != nullptr && old->has_row && old->receipt.width_px == receipt.width_px &&
                         old->receipt.height_px == receipt.height_px;
  if (receipt.merchant) {
    if (old == nullptr || old->receipt.merchant != receipt.merchant) writer.add(Put{metadata_row(receipt)});
  } else if (old != nullptr && old->receipt.merchant) {
    writer.add(Erase{
        {fmt::format("IMAGE#{}", receipt.image_id.str()), fmt::format("RECEIPT#{:05}#METADATA", receipt.receipt_id)}});
  }
  if (same_head) return;
  writer.add(Put{image_row(receipt, now_ms)});
  writer.begin_stage();
  writer.add(Put{receipt_row(receipt, now_ms)});
}

bool is_there(const StoredReceipt& stored) {
  return std::ranges::any_of(stored.states, [](const auto& entry) { return !entry.second.removed; });
}

}  // namespace

Result<ImportedReceipt> import_receipt(const Receipt& receipt, bool dry_run, const Ports& ports,
                                       const StepContext& context) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto live = TRY(all_live_inputs(ports, context));
    const auto stored = TRY(load_receipt(ports.table, receipt.image_id, receipt.receipt_id));
    const StoredReceipt* old = stored ? &*stored : nullptr;
    const std::int64_t now_ms = ports.clock.now_ms();

    ImportedReceipt report{.is_new = old == nullptr || !is_there(*old)};
    const ReceiptTexts old_texts = old ? texts_of(*old, live) : ReceiptTexts{};
    const StoredReceipt wanted{.receipt = receipt,
                               .labels = old ? old->labels : decltype(old->labels){},
                               .sections = old ? old->sections : decltype(old->sections){}};
    const ReceiptTexts new_texts = texts_of(wanted, live);
    ReceiptWriter writer(old, now_ms);
    write_items(receipt, old, Transition(old, old_texts, new_texts, live), writer, report);
    writer.remove_all_others(report);
    write_receipt_rows(receipt, old, now_ms, writer);
    report.changed = !writer.changes_nothing();
    if (dry_run || !report.changed || TRY(writer.apply(ports.table))) return report;
  }
  return fail(Code::conflict, "the receipt {} is being changed by others all the time: import it again",
              receipt_name(receipt.image_id, receipt.receipt_id));
}

Result<std::size_t> remove_receipt(const ImageId& image, int receipt_id, const Ports& ports,
                                   const StepContext& context) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto stored = TRY(load_receipt(ports.table, image, receipt_id));
    if (!stored || !is_there(*stored)) {
      return fail(Code::not_found, "there is no receipt {}", receipt_name(image, receipt_id));
    }
    ImportedReceipt report;
    ReceiptWriter writer(&*stored, ports.clock.now_ms());
    // What else is kept of the receipt goes with it: the receipt itself, its merchant, sections and labels. Before its
    // items: while one of those is there a removal that was cut short can be repeated.
    const std::string prefix = fmt::format("RECEIPT#{:05}", receipt_id);
    for (const Item& row :
         TRY(query_all(ports.table, {.hash = fmt::format("IMAGE#{}", image.str()), .range_prefix = prefix}))) {
      const std::string type = TRY(string_field(row, "TYPE"));
      if (type == "RECEIPT" || type == "RECEIPT_METADATA" || type == "RECEIPT_SECTION" ||
          type == "RECEIPT_WORD_LABEL") {
        writer.add(Erase{key_of(row)});
      }
    }
    writer.begin_stage();
    writer.remove_all_others(report);
    if (!TRY(writer.apply(ports.table))) continue;
    context.log.info("removed a receipt", {{"receipt", receipt_name(image, receipt_id)}, {"items", report.removed}});
    return report.removed;
  }
  return fail(Code::conflict, "the receipt {} is being changed by others all the time: delete it again",
              receipt_name(image, receipt_id));
}

}  // namespace tillite
