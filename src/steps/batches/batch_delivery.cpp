#include "steps/batches/batch_delivery.h"

#include <utility>

#include "embedding/metadata.h"
#include "embedding/text_key.h"
#include "steps/batches/enqueued_tokens.h"
#include "steps/batches/provider_files.h"
#include "steps/batches/text_claims.h"
#include "steps/compaction_message.h"
#include "steps/generations/backfill_claims.h"
#include "vectors/versions/keys.h"

namespace tillite {
namespace {

constexpr std::size_t kKeptAtOnce = 256;
constexpr std::size_t kTextsAtOnce = 1000;
constexpr std::size_t kSummaryCharactersMax = 1000;

}  // namespace

Result<void> tell_of_delta(const Batch& batch, const ObjectKey& key, std::int64_t vectors, const Ports& ports) {
  TRY(ports.queue.send(delta_message({.entity = batch.entity,
                                      .delta_key = key,
                                      .batch_id = batch.id,
                                      .vector_count = vectors,
                                      .timestamp_ms = ports.clock.now_ms()})));
  return {};
}

BatchDelivery::BatchDelivery(const Batch& batch, CollectionBinding binding, DeltaId delta, const Ports& ports,
                             const StepContext& context)
    : batch_(batch), binding_(std::move(binding)), delta_(std::move(delta)), ports_(ports), context_(context) {}

Result<BatchDelivery> BatchDelivery::begin(const Batch& batch, CollectionBinding binding, DeltaId delta,
                                           const Ports& ports, const StepContext& context) {
  BatchDelivery delivery(batch, std::move(binding), std::move(delta), ports, context);
  delivery.scratch_ = TRY(ScratchFolder::create(context.scratch));
  TRY(delivery.load_waiting());
  delivery.writer_ = TRY(DeltaWriter::create(
      delivery.scratch_->path(),
      {.id = delivery.delta_, .batch_id = batch.id, .binding = delivery.binding_, .created_ms = batch.created_ms}));
  return delivery;
}

Result<void> BatchDelivery::load_waiting() {
  const InputFormat format = TRY(parse_input_format(binding_.input_format));
  items_ = TRY(items_of(batch_, ports_));
  by_id_.reserve(items_.size());
  for (const BatchItem& item : items_) {
    by_id_.emplace(item.id.str(), &item);
    waiting_.try_emplace(item.input_hash);
  }
  const Path path = scratch_->path() / "texts";
  FileSink sink(TRY(File::create(path)));
  TRY(for_each_receipt(
      ports_.table, items_, [&](const ReceiptRead& read, std::span<const BatchItem> items) -> Result<void> {
        if (!read.damage.empty()) pass_over(items, read.damage);
        const StoredReceipt* const stored = read.receipt;
        if (stored == nullptr) return {};
        const auto texts = stored_texts(*stored, format);
        const auto inputs =
            batch_.backfill ? embedding_inputs(stored->receipt, format) : std::map<RecordId, std::string>();
        for (const BatchItem& item : items) {
          const auto state = stored->states.find(item.id);
          const auto text = texts.find(item.id);
          if (state == stored->states.end() || text == texts.end()) continue;
          const ItemState& is = state->second;
          if (!still_waits(item, is, inputs)) continue;
          const std::string metadata = to_text(text->second.metadata);
          const std::string& document = text->second.document;
          waiting_.at(item.input_hash)
              .push_back({.item = &item,
                          .item_version = is.item_version,
                          .metadata_version = is.metadata_version,
                          .offset = sink.position(),
                          .metadata_bytes = static_cast<std::uint32_t>(metadata.size()),
                          .document_bytes = static_cast<std::uint32_t>(document.size())});
          TRY(sink.write(as_bytes(metadata)));
          TRY(sink.write(as_bytes(document)));
        }
        return {};
      }));
  TRY(sink.flush());
  texts_ = TRY(File::open_read(path));
  return {};
}

/// Of a damaged receipt nothing can be stored. Its items go back, and the vectors that were paid for wait in the cache.
void BatchDelivery::pass_over(std::span<const BatchItem> of_receipt, const std::string& reason) {
  context_.log.error("a receipt cannot be read: its items go back",
                     {{"batch_id", batch_.id.str()}, {"items", of_receipt.size()}, {"reason", reason}});
  for (const BatchItem& item : of_receipt) {
    damaged_.emplace_back(item, Release{.reason = "its receipt cannot be read: " + reason});
  }
}

/// `inputs`: the texts of its receipt as they are now; for a backfill batch only.
bool BatchDelivery::still_waits(const BatchItem& item, const ItemState& state,
                                const std::map<RecordId, std::string>& inputs) const {
  if (!batch_.backfill) {
    return state.status == EmbeddingStatus::pending && state.batch_id == batch_.id &&
           state.input_hash == item.input_hash;
  }
  const auto input = inputs.find(item.id);
  return is_claimed_by(batch_, item, state) && input != inputs.end() && input_hash(input->second) == item.input_hash;
}

ObjectKey BatchDelivery::delta_key() const {
  return tillite::delta_key(binding_.collection, binding_.generation, delta_);
}

bool BatchDelivery::waits_for(const RecordId& custom_id) const {
  const auto item = by_id_.find(custom_id.str());
  return item != by_id_.end() && !waiting_.at(item->second->input_hash).empty();
}

std::vector<std::string> BatchDelivery::texts_waited_for() const {
  std::vector<std::string> texts;
  for (const auto& [text, items] : waiting_) {
    if (!items.empty()) texts.emplace_back(text);
  }
  return texts;
}

Result<void> BatchDelivery::add(const RecordId& custom_id, std::vector<float> vector) {
  const auto item = by_id_.find(custom_id.str());
  if (item != by_id_.end()) return add_text(item->second->input_hash, std::move(vector));
  ++results_;
  ++dropped_;  // nothing that this batch asked for
  return {};
}

Result<void> BatchDelivery::add_text(const std::string& input_hash, std::vector<float> vector) {
  ++results_;
  const auto waiting = waiting_.find(input_hash);
  if (waiting == waiting_.end() || waiting->second.empty()) {
    ++dropped_;  // removed, replaced or delivered already since the submit
  } else {
    for (const Waiting& item : waiting->second) TRY(embed(item, vector));
    waiting->second.clear();
  }
  return keep(input_hash, std::move(vector));
}

Result<void> BatchDelivery::embed(const Waiting& waiting, const std::vector<float>& vector) {
  std::string texts(std::size_t{waiting.metadata_bytes} + waiting.document_bytes, '\0');
  TRY(texts_->read_at(waiting.offset, std::as_writable_bytes(std::span(texts))));
  Json metadata = TRY(parse_json(std::string_view(texts).substr(0, waiting.metadata_bytes), "the metadata"));
  TRY(writer_->add({.id = waiting.item->id,
                    .kind = RecordKind::vector,
                    .item_version = waiting.item_version,
                    .metadata_version = waiting.metadata_version,
                    .input_hash = waiting.item->input_hash,
                    .metadata = std::move(metadata),
                    .document = texts.substr(waiting.metadata_bytes),
                    .vector = vector}));
  ++embedded_;
  return {};
}

Result<void> BatchDelivery::keep(const std::string& input_hash, std::vector<float> vector) {
  if (batch_.source == VectorSource::cache) return {};  // it comes from there
  to_keep_.push_back({.key = text_key(binding_, input_hash), .vector = std::move(vector)});
  return to_keep_.size() < kKeptAtOnce ? Result<void>() : flush_cache();
}

Result<void> BatchDelivery::flush_cache() {
  TRY(ports_.cache.keep(to_keep_));
  to_keep_.clear();
  return {};
}

void BatchDelivery::refuse(const RecordId& custom_id, const std::string& reason) {
  ++results_;
  const auto item = by_id_.find(custom_id.str());
  if (item == by_id_.end()) {
    ++dropped_;
  } else {
    reasons_[item->second->input_hash] = reason;
  }
}

Result<void> BatchDelivery::finish(const BatchEnding& ending, const Json& facts, std::size_t unreadable) {
  TRY(flush_cache());
  if (embedded_ > 0) TRY(store_delta());
  TRY(take_back_the_rest(ending));
  TRY(record(ending, facts, unreadable));
  return give_up_texts();
}

/// The id says what is in it: a delta that is there already is this one, written by a call that was cut off.
Result<void> BatchDelivery::store_delta() {
  const auto created = ports_.vectors.create_from_file(delta_key(), TRY(writer_->finish()));
  if (!created && created.error().code() != Code::conflict) return created;
  return {};
}

Result<void> BatchDelivery::take_back_the_rest(const BatchEnding& ending) {
  std::vector<std::pair<BatchItem, Release>> rest = std::move(damaged_);
  for (const auto& [text, items] : waiting_) {
    const auto reason = reasons_.find(std::string(text));
    const bool own_fault = reason != reasons_.end() && !reason->second.starts_with("batch_");
    for (const Waiting& waiting : items) {
      rest.emplace_back(*waiting.item,
                        Release{.reason = reason != reasons_.end() ? reason->second : ending.why_no_result,
                                .counts_as_attempt = ending.counts_as_attempt || own_fault,
                                .smaller = ending.smaller,
                                .later = ending.later});
    }
  }
  released_ = TRY(release_items(batch_, rest, ports_, context_.settings));
  return {};
}

Result<void> BatchDelivery::record(const BatchEnding& ending, const Json& facts, std::size_t unreadable) {
  const bool has_delta = embedded_ > 0;
  Json set = batch_status_keys(batch_.id, batch_.entity, has_delta ? BatchStatus::finalizing : ending.status);
  set["polled_ms"] = ports_.clock.now_ms();
  set["embedding_count"] = embedded_;
  set.update(facts);
  if (has_delta) {
    set.update({{"delta_id", delta_.str()},
                {"delta_key", delta_key().str()},
                {"status_at_end", batch_status_name(ending.status)}});
  } else {
    Batch ended = batch_;
    ended.output_file_id = ProviderFileId(set.value("output_file_id", ""));
    ended.error_file_id = ProviderFileId(set.value("error_file_id", ""));
    note_files(ended, set, context_.settings);
  }
  if (const std::string summary = error_summary(ending, unreadable); !summary.empty()) set["error_summary"] = summary;
  const auto recorded = write_and_give_back(
      batch_.id,
      Update{.key = batch_row_key(batch_.id), .set = std::move(set), .condition = {absent("delta_id"), present("PK")}},
      ports_.table);
  if (!recorded && recorded.error().code() == Code::conflict) return {};  // another call was first with the same delta
  return recorded;
}

std::string BatchDelivery::error_summary(const BatchEnding& ending, std::size_t unreadable) const {
  const std::size_t without = released_.to_none + released_.failed;
  if (without == 0 && unreadable == 0) return "";
  std::string text = fmt::format("{} items without a vector", without);
  if (unreadable > 0) text += fmt::format(", {} lines unreadable", unreadable);
  if (!reasons_.empty()) text += fmt::format("; first reason: {}", reasons_.begin()->second);
  if (reasons_.empty() && without > 0) text += "; " + ending.why_no_result;
  return text.substr(0, kSummaryCharactersMax);
}

Result<void> BatchDelivery::give_up_texts() {
  if (batch_.source == VectorSource::cache) return {};
  std::vector<TextKey> keys;
  for (const auto& [text, items] : waiting_) {
    keys.push_back(text_key(binding_, std::string(text)));
    if (keys.size() < kTextsAtOnce) continue;
    TRY(release_texts(batch_.id, keys, ports_.table));
    keys.clear();
  }
  return release_texts(batch_.id, keys, ports_.table);
}

}  // namespace tillite
