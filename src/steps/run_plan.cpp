#include "steps/run_plan.h"

#include <map>
#include <set>
#include <unordered_set>

#include "base/check.h"
#include "embedding/model.h"
#include "embedding/text_key.h"
#include "steps/batch.h"
#include "steps/collection.h"
#include "steps/distinct_texts.h"
#include "steps/enqueued_tokens.h"
#include "steps/generation_gap.h"
#include "steps/item_claims.h"
#include "steps/model_facts.h"
#include "steps/text_claims.h"
#include "steps/unembedded.h"

namespace tillite {
namespace {

using Batches = std::vector<std::vector<BatchItem>>;

bool is_damage(const Error& error) { return error.code() == Code::corrupt || error.code() == Code::not_found; }

/// Counts how often a provider's queue is filled by batches that come in this order.
class Rounds {
 public:
  explicit Rounds(std::optional<std::uint64_t> tokens_max) : tokens_max_(tokens_max) {}

  void add(std::uint64_t tokens) {
    const bool fits = rounds_ > 0 && (!tokens_max_ || enqueued_ + tokens <= *tokens_max_);
    if (!fits) {
      ++rounds_;
      enqueued_ = 0;
    }
    enqueued_ += tokens;
  }
  [[nodiscard]] std::uint64_t count() const { return rounds_; }

 private:
  std::optional<std::uint64_t> tokens_max_;
  std::uint64_t enqueued_ = 0;
  std::uint64_t rounds_ = 0;
};

/// The plan of an entity as it grows.
class Planning {
 public:
  Planning(Entity entity, CollectionBinding binding, Rounds& rounds, const Ports& ports, const StepContext& context)
      : binding_(std::move(binding)),
        rounds_(rounds),
        ports_(ports),
        context_(context),
        planner_(context.settings.batch),
        on_their_way_(ports.table),
        plan_{.entity = entity} {}

  /// Batches that wait for their submit, those of the same generation. Of one that is still being claimed all items
  /// count that it may come to have: its texts are claimed before them, and whoever completes it sends them.
  Result<void> add_prepared() {
    for (const Batch& batch : TRY(batches_in(ports_.table, plan_.entity, std::array{BatchStatus::pending}))) {
      if (!batch.is_prepared() || batch.generation != binding_.generation) continue;
      const auto added = batch.requests_key.empty() ? add_half_prepared(batch) : add_prepared(batch);
      if (!added && !is_damage(added.error())) return added;
      if (added) continue;
      ++plan_.passed_over;
      context_.log.error("a prepared batch cannot be read",
                         {{"name", batch.id.str()}, {"reason", added.error().message()}});
    }
    return {};
  }

  Result<void> add_unembedded() {
    others_at_work_ = TRY(any_on_their_way(plan_.entity, ports_.table));
    plan_.passed_over += TRY(
        walk_unembedded(plan_.entity, binding_, ports_, context_, [&](std::vector<BatchItem> items) -> Result<bool> {
          TRY(add(std::move(items)));
          return true;
        }));
    const Batches last = planner_.finish();
    const bool few = plan_.batches == 0 && !last.empty() && last.front().size() <= context_.settings.direct_items_max;
    count(last, few ? VectorSource::call : VectorSource::batch);
    plan_.is_upper_bound = texts_.is_overfull();
    return {};
  }

  /// What the generation that is being built lacks of the active one.
  Result<void> add_missing(const CollectionBinding& active) {
    plan_.building = binding_.generation;
    plan_.model = binding_.model;
    others_at_work_ = TRY(any_on_their_way(plan_.entity, ports_.table));
    auto gap = TRY(GenerationGap::open(active, binding_, ports_, context_));
    BackfillCursor cursor;
    TRY(gap.walk(cursor, [&](std::vector<Lack>&& lacking) -> Result<bool> {
      std::vector<BatchItem> items;
      for (Lack& lack : lacking) {
        if (lack.kind == Lack::Kind::text) items.push_back(std::move(lack.item));
      }
      TRY(add(std::move(items)));
      return true;
    }));
    count(planner_.finish(), VectorSource::batch);
    plan_.is_upper_bound = texts_.is_overfull();
    return {};
  }

  [[nodiscard]] const EntityPlan& plan() const { return plan_; }

 private:
  Result<void> add_prepared(const Batch& batch) {
    const bool is_sent = batch.source != VectorSource::cache;
    const std::uint64_t tokens = is_sent ? TRY(tokens_of(batch, ports_.batch_files)) : 0;
    count_prepared(batch.source, static_cast<std::uint64_t>(batch.item_count), tokens);
    return {};
  }

  Result<void> add_half_prepared(const Batch& batch) {
    const InputFormat format = TRY(parse_input_format(batch.embedding_format));
    const auto items = TRY(read_items(ports_.batch_files, batch));
    std::uint64_t claimed = 0;
    std::uint64_t tokens = 0;
    DistinctTexts texts;
    TRY(for_each_receipt(ports_.table, items,
                         [&](const StoredReceipt* stored, std::span<const BatchItem> of_receipt) -> Result<void> {
                           if (stored == nullptr) return {};
                           const auto inputs = embedding_inputs(stored->receipt, format);
                           for (const BatchItem& item : of_receipt) {
                             const auto state = stored->states.find(item.id);
                             const auto input = inputs.find(item.id);
                             if (state == stored->states.end() || input == inputs.end()) continue;
                             if (input_hash(input->second) != item.input_hash || !may_win(batch, item, state->second))
                               continue;
                             promised_.insert(item.id);
                             ++claimed;
                             if (batch.source == VectorSource::cache || !texts.insert(item.input_hash)) continue;
                             tokens += TRY(sent_input(cl100k_base(), input->second, context_.settings.input)).tokens;
                           }
                           return {};
                         }));
    if (claimed > 0) count_prepared(batch.source, claimed, tokens);
    return {};
  }

  /// Whether a batch that is still being claimed has an item, or may come to have it.
  static bool may_win(const Batch& batch, const BatchItem& item, const ItemState& state) {
    if (!batch.backfill) return state.status == EmbeddingStatus::none || state.batch_id == batch.id;
    if (state.removed || state.item_version != item.item_version) return false;
    return state.next.generation != batch.generation || state.next.batch_id.empty() || state.next.batch_id == batch.id;
  }

  void count_prepared(VectorSource source, std::uint64_t items, std::uint64_t tokens) {
    plan_.items_prepared += items;
    plan_.tokens_prepared += tokens;
    ++plan_.batches_prepared;
    count_sent(source, tokens);
  }

  void count_sent(VectorSource source, std::uint64_t tokens) {
    if (source == VectorSource::call) plan_.tokens_called += tokens;
    if (source == VectorSource::batch) rounds_.add(tokens);
  }

  Result<void> add(std::vector<BatchItem> items) {
    std::erase_if(items, [this](const BatchItem& item) { return promised_.contains(item.id); });
    std::vector<TextKey> keys;
    keys.reserve(items.size());
    for (const BatchItem& item : items) keys.push_back(text_key(binding_, item.input_hash));
    const std::vector<bool> cached = TRY(ports_.cache.contains(keys));
    std::vector<BatchItem> to_send;
    for (std::size_t i = 0; i < items.size(); ++i) {
      ++plan_.items;
      plan_.tokens_of_items += items[i].tokens;
      const bool is_new = texts_.insert(items[i].input_hash);
      if (is_new) ++plan_.texts;
      const bool asked = TRY(is_asked_for(items[i], keys[i], cached[i], is_new));
      // An item whose text is in a batch that is full already gets its vector later, from the cache.
      if (!asked || (!is_new && !open_texts_.contains(items[i].input_hash))) continue;
      open_texts_.insert(items[i].input_hash);
      to_send.push_back(std::move(items[i]));
    }
    count(planner_.add(std::move(to_send)), VectorSource::batch);
    return {};
  }

  /// Whether the provider is asked for the text of an item; where it is not, and the text is new, this is noted.
  Result<bool> is_asked_for(const BatchItem& item, const TextKey& key, bool cached, bool is_new) {
    const std::uint64_t noted = is_new ? 1 : 0;
    if (cached) {
      plan_.texts_cached += noted;
      return false;
    }
    if (others_at_work_ && TRY(on_their_way_.contains(key))) {
      plan_.texts_on_their_way += noted;
      return false;
    }
    if (item.input.size() <= context_.settings.input.tokens_max) return true;  // no token is shorter than a byte
    const SentInput sent = TRY(sent_input(cl100k_base(), item.input, context_.settings.input));
    if (sent.fate == SentInput::Fate::cut) plan_.texts_cut += noted;
    if (sent.fate == SentInput::Fate::refused) plan_.texts_refused += noted;
    return sent.fate != SentInput::Fate::refused;
  }

  /// Counts batches that are full: their texts are sent once.
  void count(const Batches& batches, VectorSource source) {
    for (const auto& items : batches) {
      std::uint64_t tokens = 0;
      for (const BatchItem& item : items) {
        if (open_texts_.erase(item.input_hash) > 0) tokens += item.tokens;
      }
      ++plan_.batches;
      plan_.tokens += tokens;
      count_sent(source, tokens);
    }
  }

  CollectionBinding binding_;
  Rounds& rounds_;
  const Ports& ports_;
  const StepContext& context_;
  BatchPlanner planner_;
  TextsOnTheirWay on_their_way_;
  bool others_at_work_ = false;
  DistinctTexts texts_;
  std::set<RecordId> promised_;                 ///< to batches that are still being claimed
  std::unordered_set<std::string> open_texts_;  ///< in the batch that is not full yet
  EntityPlan plan_;
};

}  // namespace

std::uint64_t RunPlan::tokens_to_send() const {
  std::uint64_t tokens = 0;
  for (const EntityPlan& plan : entities) tokens += plan.tokens_to_send();
  return tokens;
}

std::uint64_t RunPlan::tokens_saved() const {
  std::uint64_t tokens = 0;
  for (const EntityPlan& plan : entities) tokens += plan.tokens_of_items - plan.tokens;
  return tokens;
}

std::uint64_t RunPlan::items_to_embed() const {
  std::uint64_t items = 0;
  for (const EntityPlan& plan : entities) items += plan.items_to_embed();
  return items;
}

std::uint64_t RunPlan::batches_to_submit() const {
  std::uint64_t batches = 0;
  for (const EntityPlan& plan : entities) batches += plan.batches_to_submit();
  return batches;
}

std::optional<Dollars> RunPlan::cost() const {
  if (!price_per_million || !batch_price_per_million) return std::nullopt;
  std::uint64_t called = 0;
  std::map<Dollars, std::uint64_t> batched;  // tokens by their price: rounded once
  for (const EntityPlan& plan : entities) {
    const auto price = batch_price_of(plan);
    if (!price) return std::nullopt;
    called += plan.tokens_called;
    batched[*price] += plan.tokens_to_send() - plan.tokens_called;
  }
  Dollars cost = cost_of(called, *price_per_million);
  for (const auto& [price, tokens] : batched) cost.millionths += cost_of(tokens, price).millionths;
  return cost;
}

/// A generation that is being built may be of another model than the settings'.
std::optional<Dollars> RunPlan::batch_price_of(const EntityPlan& plan) const {
  if (plan.building == 0 || plan.model == model) return batch_price_per_million;
  return embedding_model(plan.model).batch_price_per_million();
}

std::optional<Dollars> RunPlan::cost_if_called() const {
  if (!price_per_million) return std::nullopt;
  return cost_of(tokens_to_send(), *price_per_million);
}

std::optional<Dollars> RunPlan::cost_saved() const {
  if (!batch_price_per_million) return std::nullopt;
  return cost_of(tokens_saved(), *batch_price_per_million);
}

Result<RunPlan> plan_run(const std::vector<Entity>& entities, const Ports& ports, const StepContext& context) {
  check(!entities.empty(), "a run is of some entity");
  const CollectionBinding first = TRY(active_collection(entities.front(), ports, context));
  const EmbeddingModel model = facts_of(first.model, context.settings);
  RunPlan plan{.model = model.name,
               .price_per_million = model.price_per_million,
               .batch_price_per_million = model.batch_price_per_million(),
               .enqueued_tokens_max = model.enqueued_tokens_max};
  Rounds rounds(model.enqueued_tokens_max);
  for (const Entity entity : entities) {
    const CollectionBinding binding = TRY(active_collection(entity, ports, context));
    Planning planning(entity, binding, rounds, ports, context);
    TRY(planning.add_prepared());
    TRY(planning.add_unembedded());
    plan.entities.push_back(planning.plan());
    if (const auto building = TRY(building_generation(entity, ports))) {
      Planning beside(entity, building->binding, rounds, ports, context);
      TRY(beside.add_prepared());
      TRY(beside.add_missing(binding));
      plan.entities.push_back(beside.plan());
    }
  }
  plan.rounds = rounds.count();
  return plan;
}

}  // namespace tillite
