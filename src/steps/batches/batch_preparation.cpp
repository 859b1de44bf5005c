#include "steps/batches/batch_preparation.h"

#include "base/uuid.h"
#include "embedding/text_key.h"
#include "steps/batches/item_claims.h"
#include "steps/batches/model_facts.h"

namespace tillite {
namespace {

constexpr std::size_t kRememberedDigits = 32;  // of a text's hash

std::string remembered(const BatchItem& item) { return item.input_hash.substr(0, kRememberedDigits); }

}  // namespace

BatchPreparation::BatchPreparation(Entity entity, CollectionBinding binding, Purpose purpose, const Ports& ports,
                                   const StepContext& context)
    : entity_(entity),
      binding_(std::move(binding)),
      purpose_(purpose),
      ports_(ports),
      context_(context),
      asked_(batch_limits_of(binding_.model, context.settings)),
      cached_(batch_limits_of(binding_.model, context.settings)),
      on_their_way_(ports.table) {}

Result<void> BatchPreparation::add(std::vector<BatchItem> receipt_items) {
  std::vector<TextKey> keys;
  keys.reserve(receipt_items.size());
  for (const BatchItem& item : receipt_items) keys.push_back(text_key(binding_, item.input_hash));
  const std::vector<bool> cached = TRY(ports_.cache.contains(keys));
  std::vector<BatchItem> to_ask;
  std::vector<BatchItem> to_serve;
  for (std::size_t i = 0; i < receipt_items.size(); ++i) {
    if (cached[i]) {
      to_serve.push_back(std::move(receipt_items[i]));
    } else if (TRY(waits(receipt_items[i], keys[i]))) {
      ++items_waiting_;
    } else {
      to_ask.push_back(std::move(receipt_items[i]));
    }
  }
  TRY(prepare(asked_.add(std::move(to_ask)), VectorSource::batch));
  return prepare(cached_.add(std::move(to_serve)), VectorSource::cache);
}

Result<void> BatchPreparation::finish() {
  auto last = asked_.finish();
  const bool few = sent_.empty() && !last.empty() && last.front().size() <= context_.settings.direct_items_max;
  TRY(prepare(std::move(last), few ? VectorSource::call : VectorSource::batch));
  return prepare(cached_.finish(), VectorSource::cache);
}

Result<bool> BatchPreparation::waits(const BatchItem& item, const TextKey& key) {
  if (sent_.contains(remembered(item))) return true;
  if (!others_at_work_) others_at_work_ = TRY(any_on_their_way(entity_, ports_.table));
  // The look-up is worth its time only if there is somebody to wait for.
  return *others_at_work_ && TRY(on_their_way_.contains(key));
}

Result<void> BatchPreparation::prepare(Plan plan, VectorSource source) {
  for (auto& items : plan) TRY(prepare_one(std::move(items), source));
  return {};
}

Result<void> BatchPreparation::prepare_one(std::vector<BatchItem> items, VectorSource source) {
  if (source != VectorSource::cache) {
    for (const BatchItem& item : items) sent_.insert(remembered(item));
  }
  Batch batch{.id = BatchId(uuid4(ports_.random.bytes())),
              .entity = entity_,
              .source = source,
              .item_count = static_cast<std::int64_t>(items.size()),
              .generation = binding_.generation,
              .embedding_format = binding_.input_format,
              .backfill = purpose_ == Purpose::backfill,
              .created_ms = ports_.clock.now_ms()};
  batch.items_key = TRY(store_by_content(ports_.batch_files, names_of(entity_).batch_folder, batch.id.str(),
                                         ".items.ndjson", items_text(items)))
                        .str();
  TRY(ports_.table.write(Put{batch_row(batch, items), {absent("PK")}}));
  Batch claimed = TRY(claim_and_write_requests(batch, std::move(items), binding_, ports_, context_));
  if (claimed.is_prepared()) batches_.push_back(std::move(claimed));
  return {};
}

}  // namespace tillite
