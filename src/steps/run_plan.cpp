#include "steps/run_plan.h"

#include <numeric>

#include "embedding/text_key.h"
#include "steps/batch.h"
#include "steps/collection.h"
#include "steps/distinct_texts.h"
#include "steps/enqueued_tokens.h"
#include "steps/item_claims.h"
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
        plan_{.entity = entity} {}

  /// Batches that wait for their submit. What is still being claimed is met among the items, but for what was claimed.
  Result<void> add_prepared() {
    for (const Batch& batch : TRY(batches_in(ports_.table, plan_.entity, std::array{BatchStatus::pending}))) {
      if (!batch.is_prepared()) continue;
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
    const InputFormat format = TRY(parse_input_format(binding_.input_format));
    plan_.passed_over +=
        TRY(walk_unembedded(plan_.entity, format, ports_, context_, [&](std::vector<BatchItem> items) -> Result<bool> {
          TRY(add(std::move(items)));
          return true;
        }));
    count(planner_.finish());
    plan_.is_upper_bound = texts_.is_overfull();
    return {};
  }

  [[nodiscard]] const EntityPlan& plan() const { return plan_; }

 private:
  Result<void> add_prepared(const Batch& batch) {
    const std::uint64_t tokens = TRY(tokens_of(batch, ports_.batch_files));
    count_prepared(static_cast<std::uint64_t>(batch.item_count), tokens);
    return {};
  }

  Result<void> add_half_prepared(const Batch& batch) {
    const InputFormat format = TRY(parse_input_format(binding_.input_format));
    const auto items = TRY(read_items(ports_.batch_files, batch));
    std::uint64_t claimed = 0;
    std::uint64_t tokens = 0;
    TRY(for_each_receipt(
        ports_.table, items, [&](const StoredReceipt* stored, std::span<const BatchItem> of_receipt) -> Result<void> {
          if (stored == nullptr) return {};
          const auto inputs = embedding_inputs(stored->receipt, format);
          for (const BatchItem& item : of_receipt) {
            const auto state = stored->states.find(item.id);
            const auto input = inputs.find(item.id);
            if (state == stored->states.end() || state->second.batch_id != batch.id || input == inputs.end()) continue;
            ++claimed;
            tokens += TRY(sent_input(cl100k_base(), input->second, context_.settings.input)).tokens;
          }
          return {};
        }));
    if (claimed > 0) count_prepared(claimed, tokens);
    return {};
  }

  void count_prepared(std::uint64_t items, std::uint64_t tokens) {
    plan_.items_prepared += items;
    plan_.tokens_prepared += tokens;
    ++plan_.batches_prepared;
    rounds_.add(tokens);
  }

  Result<void> add(std::vector<BatchItem> items) {
    std::vector<BatchItem> new_texts;
    for (BatchItem& item : items) {
      ++plan_.items;
      plan_.tokens_of_items += item.tokens;
      if (texts_.insert(item.input_hash)) new_texts.push_back(std::move(item));
    }
    plan_.texts += new_texts.size();
    std::vector<TextKey> keys;
    keys.reserve(new_texts.size());
    for (const BatchItem& item : new_texts) keys.push_back(text_key(binding_, item.input_hash));
    const std::vector<bool> cached = TRY(ports_.cache.contains(keys));
    std::vector<BatchItem> to_send;
    for (std::size_t i = 0; i < new_texts.size(); ++i) {
      if (cached[i]) {
        ++plan_.texts_cached;
      } else if (TRY(is_sent(new_texts[i]))) {
        to_send.push_back(std::move(new_texts[i]));
      }
    }
    count(planner_.add(std::move(to_send)));
    return {};
  }

  /// Takes note of a text that is too long.
  Result<bool> is_sent(const BatchItem& item) {
    if (item.input.size() <= context_.settings.input.tokens_max) return true;  // no token is shorter than a byte
    const SentInput sent = TRY(sent_input(cl100k_base(), item.input, context_.settings.input));
    if (sent.fate == SentInput::Fate::cut) ++plan_.texts_cut;
    if (sent.fate == SentInput::Fate::refused) ++plan_.texts_refused;
    return sent.fate != SentInput::Fate::refused;
  }

  void count(const Batches& batches) {
    for (const auto& items : batches) {
      const std::uint64_t tokens =
          std::accumulate(items.begin(), items.end(), std::uint64_t{0},
                          [](std::uint64_t sum, const BatchItem& item) { return sum + item.tokens; });
      ++plan_.batches;
      plan_.tokens += tokens;
      rounds_.add(tokens);
    }
  }

  CollectionBinding binding_;
  Rounds& rounds_;
  const Ports& ports_;
  const StepContext& context_;
  BatchPlanner planner_;
  DistinctTexts texts_;
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

Result<RunPlan> plan_run(const std::vector<Entity>& entities, const Ports& ports, const StepContext& context) {
  const EmbeddingModel& model = context.settings.model_facts;
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
  }
  plan.rounds = rounds.count();
  return plan;
}

}  // namespace tillite
