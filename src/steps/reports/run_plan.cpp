#include "steps/reports/run_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

#include "base/check.h"
#include "embedding/bill.h"
#include "embedding/text_key.h"
#include "steps/batches/batch.h"
#include "steps/batches/enqueued_tokens.h"
#include "steps/batches/item_claims.h"
#include "steps/batches/model_facts.h"
#include "steps/batches/text_claims.h"
#include "steps/batches/unembedded.h"
#include "steps/generations/collection.h"
#include "steps/generations/generation_gap.h"
#include "steps/reports/distinct_texts.h"

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
        limit_(input_limit_of(binding_.model, context.settings)),
        planner_(batch_limits_of(binding_.model, context.settings)),
        on_their_way_(ports.table),
        plan_{.entity = entity, .model = facts_of(binding_.model, context.settings)} {}

  /// Batches that wait for their submit, those of the same generation. Of one that is still being claimed all items
  /// count that it may come to have: its texts are claimed before them, and whoever completes it sends them.
  Result<void> add_prepared() {
    const BatchesRead read = TRY(read_batches_in(ports_.table, plan_.entity, std::array{BatchStatus::pending}));
    for (const auto& [name, reason] : read.unreadable) pass_over(name, reason);
    for (const Batch& batch : read.batches) {
      if (!batch.is_prepared() || batch.generation != binding_.generation) continue;
      const auto added = batch.requests_key.empty() ? add_half_prepared(batch) : add_prepared(batch);
      if (!added && !is_damage(added.error())) return added;
      if (!added) pass_over(batch.id.str(), added.error().message());
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
    count_last();
    return {};
  }

  /// What the generation that is being built lacks of the active one.
  Result<void> add_missing(const CollectionBinding& active) {
    plan_.building = binding_.generation;
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
    count_last();
    return {};
  }

  [[nodiscard]] const EntityPlan& plan() const { return plan_; }

 private:
  void pass_over(const std::string& batch, const std::string& reason) {
    ++plan_.passed_over;
    context_.log.error("a prepared batch cannot be read", {{"name", batch}, {"reason", reason}});
  }

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
                         [&](const ReceiptRead& stored, std::span<const BatchItem> of_receipt) -> Result<void> {
                           if (stored.receipt == nullptr) return {};
                           const auto inputs = embedding_inputs(stored.receipt->receipt, format);
                           for (const BatchItem& item : of_receipt) {
                             const auto state = stored.receipt->states.find(item.id);
                             const auto input = inputs.find(item.id);
                             if (state == stored.receipt->states.end() || input == inputs.end()) continue;
                             if (input_hash(input->second) != item.input_hash || !may_win(batch, item, state->second))
                               continue;
                             promised_.insert(item.id);
                             ++claimed;
                             if (batch.source == VectorSource::cache || !texts.insert(item.input_hash)) continue;
                             tokens += TRY(sent_input(cl100k_base(), input->second, limit_)).tokens;
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
    if (item.input.size() <= limit_.tokens_max) return true;  // no token is shorter than a byte
    const SentInput sent = TRY(sent_input(cl100k_base(), item.input, limit_));
    if (sent.fate == SentInput::Fate::cut) plan_.texts_cut += noted;
    if (sent.fate == SentInput::Fate::refused) plan_.texts_refused += noted;
    return sent.fate != SentInput::Fate::refused;
  }

  /// The batch that is not full, which is called for if it is all, and small (batch_preparation.h).
  void count_last() {
    const Batches last = planner_.finish();
    const bool few = plan_.batches == 0 && !last.empty() && last.front().size() <= context_.settings.direct_items_max;
    count(last, few ? VectorSource::call : VectorSource::batch);
    plan_.is_upper_bound = texts_.is_overfull();
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
  InputLimit limit_;
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
  for (const EntityPlan& plan : entities) tokens += plan.tokens_saved();
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

std::set<std::string> RunPlan::models() const {
  std::set<std::string> models;
  for (const EntityPlan& plan : entities) {
    if (plan.tokens_to_send() > 0 || tokens_to_send() == 0) models.insert(plan.model.name);
  }
  return models;
}

std::optional<Dollars> RunPlan::cost() const {
  Bill bill;
  for (const EntityPlan& plan : entities) {
    bill.add(plan.tokens_called, plan.model.price_per_million);
    bill.add(plan.tokens_to_send() - plan.tokens_called, plan.model.batch_price_per_million());
  }
  return bill.sum();
}

std::optional<Dollars> RunPlan::cost_if_called() const {
  Bill bill;
  for (const EntityPlan& plan : entities) bill.add(plan.tokens_to_send(), plan.model.price_per_million);
  return bill.sum();
}

std::optional<Dollars> RunPlan::cost_saved() const {
  Bill bill;
  for (const EntityPlan& plan : entities) bill.add(plan.tokens_saved(), plan.model.batch_price_per_million());
  return bill.sum();
}

Result<RunPlan> plan_run(const std::vector<Entity>& entities, const Ports& ports, const StepContext& context) {
  check(!entities.empty(), "a run is of some entity");
  RunPlan plan;
  std::map<std::string, Rounds> rounds;
  const auto planning_of = [&](Entity entity, const CollectionBinding& binding) {
    const EmbeddingModel model = facts_of(binding.model, context.settings);
    return Planning(entity, binding, rounds.try_emplace(model.name, model.enqueued_tokens_max).first->second, ports,
                    context);
  };
  for (const Entity entity : entities) {
    const CollectionBinding binding = TRY(active_collection(entity, ports, context));
    Planning planning = planning_of(entity, binding);
    TRY(planning.add_prepared());
    TRY(planning.add_unembedded());
    plan.entities.push_back(planning.plan());
    if (const auto building = TRY(building_generation(entity, ports))) {
      Planning beside = planning_of(entity, building->binding);
      TRY(beside.add_prepared());
      TRY(beside.add_missing(binding));
      plan.entities.push_back(beside.plan());
    }
  }
  for (const auto& [model, of_model] : rounds) plan.rounds = std::max(plan.rounds, of_model.count());
  return plan;
}

}  // namespace tillite
