#pragma once

#include <optional>
#include <set>
#include <vector>

#include "embedding/dollars.h"
#include "embedding/model.h"
#include "receipts/entity.h"
#include "steps/step.h"

namespace tillite {

/// What a run would send of an entity, or of a generation that is being built. Equal texts are sent once, and texts
/// whose vectors are in the cache not at all.
struct EntityPlan {
  Entity entity = Entity::line;
  std::int64_t building = 0;             ///< the number of the generation that is being built; 0: of the active one
  EmbeddingModel model = {};             ///< that the generation is bound to
  std::uint64_t items = 0;               ///< that wait for an embedding and are in no batch yet
  std::uint64_t texts = 0;               ///< the different ones among theirs
  std::uint64_t texts_cached = 0;        ///< of these, paid for already
  std::uint64_t texts_on_their_way = 0;  ///< of these, in a batch that another run has at the provider
  std::uint64_t texts_cut = 0;           ///< too long: their front is sent
  std::uint64_t texts_refused = 0;       ///< too long: not sent
  std::uint64_t batches = 0;             ///< that are made of them
  std::uint64_t tokens = 0;              ///< that are sent for them
  std::uint64_t tokens_of_items = 0;     ///< if every item's text were sent
  std::uint64_t items_prepared = 0;      ///< in batches that an earlier run made and did not submit
  std::uint64_t batches_prepared = 0;
  std::uint64_t tokens_prepared = 0;
  std::uint64_t tokens_called = 0;  ///< of all that are sent: by the synchronous call, because they are few
  std::uint64_t passed_over = 0;    ///< receipts and batches that are damaged
  bool is_upper_bound = false;      ///< there are more different texts than are remembered: some may be counted twice

  [[nodiscard]] std::uint64_t tokens_to_send() const { return tokens + tokens_prepared; }
  /// Because equal texts are sent once, and cached ones not at all.
  [[nodiscard]] std::uint64_t tokens_saved() const { return tokens_of_items - tokens; }
  [[nodiscard]] std::uint64_t items_to_embed() const { return items + items_prepared; }
  [[nodiscard]] std::uint64_t batches_to_submit() const { return batches + batches_prepared; }
};

/// What a run would send, and at what price.
struct RunPlan {
  static constexpr std::uint64_t kHoursARound = 24;  ///< the window that the provider has for a batch

  std::vector<EntityPlan> entities;
  /// How often a batch's window passes at most: how often batches have to end before the next ones fit below the limit
  /// of enqueued tokens, the first ones included. Each model has a limit of its own: the most of them.
  std::uint64_t rounds = 0;

  [[nodiscard]] std::uint64_t tokens_to_send() const;
  [[nodiscard]] std::uint64_t tokens_saved() const;
  [[nodiscard]] std::uint64_t items_to_embed() const;
  [[nodiscard]] std::uint64_t batches_to_submit() const;
  [[nodiscard]] std::uint64_t hours_max() const { return rounds * kHoursARound; }
  [[nodiscard]] std::set<std::string> models() const;  ///< that something is sent to; of all plans, if nothing is
  [[nodiscard]] std::optional<Dollars> cost() const;  ///< nothing: the price of a model that it is sent to is not known
  [[nodiscard]] std::optional<Dollars> cost_if_called() const;  ///< if all of it were sent by the synchronous call
  [[nodiscard]] std::optional<Dollars> cost_saved() const;      ///< of tokens_saved(), in batches
};

/// Plans a run as it would be now: one pass over the items that wait, receipt by receipt, which are grouped as a run
/// would. Nothing is written but a collection that is not there yet. Memory: a batch, a receipt and DistinctTexts.
[[nodiscard]] Result<RunPlan> plan_run(const std::vector<Entity>& entities, const Ports& ports,
                                       const StepContext& context);

}  // namespace tillite
