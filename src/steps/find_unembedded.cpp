// Finds the lines or words that have no embedding yet, groups them into batches, claims them and writes their requests.
#include <algorithm>
#include <tuple>

#include "steps/batches/batch_cancel.h"
#include "steps/batches/batch_preparation.h"
#include "steps/batches/item_claims.h"
#include "steps/batches/stranded_items.h"
#include "steps/batches/unembedded.h"
#include "steps/changes/change_delta.h"
#include "steps/generations/backfill.h"
#include "steps/generations/collection.h"
#include "steps/generations/retirement.h"
#include "steps/step.h"

namespace tillite {
namespace {

class Finder {
 public:
  Finder(Entity entity, CollectionBinding binding, const Ports& ports, const StepContext& context)
      : entity_(entity),
        binding_(std::move(binding)),
        ports_(ports),
        context_(context),
        preparation_(entity, binding_, BatchPreparation::Purpose::active, ports, context) {}

  /// Batches that an earlier run prepared and never submitted: what they lack is made up for. Those that need not wait
  /// for the provider come first, then the oldest.
  Result<void> take_up_prepared() {
    BatchesRead read = TRY(read_batches_in(ports_.table, entity_, std::array{BatchStatus::pending}));
    for (const auto& [name, reason] : read.unreadable) {
      pass_over("a prepared batch cannot be read", name, Error(Code::corrupt, reason));
    }
    std::vector<Batch>& prepared = read.batches;
    std::erase_if(prepared, [](const Batch& batch) { return !batch.is_prepared() || batch.is_foreign(); });
    std::ranges::sort(prepared, {}, [](const Batch& batch) {
      return std::tuple(batch.source == VectorSource::batch, batch.created_ms, batch.id);
    });
    for (const Batch& batch : prepared) {
      if (is_full()) break;
      const auto binding = TRY(binding_of_batch(batch, ports_));
      if (!binding) continue;  // retired just now: the next run frees its items
      auto completed = complete_prepared(batch, *binding);
      if (!completed && !is_damage(completed.error())) return std::unexpected(completed.error());
      if (completed) {
        if (completed->is_prepared()) taken_up_.push_back(*std::move(completed));
      } else {
        // What it has claimed is free again, for batches that can be read.
        pass_over("a prepared batch cannot be completed", batch.id.str(), completed.error());
        const auto cancelled = cancel_batch(batch.id, ports_, context_);
        if (!cancelled && !is_damage(cancelled.error())) return std::unexpected(cancelled.error());
      }
    }
    return {};
  }

  Result<void> find() {
    if (!is_full()) {
      passed_over_ +=
          TRY(walk_unembedded(entity_, binding_, ports_, context_, [&](std::vector<BatchItem> items) -> Result<bool> {
            TRY(preparation_.add(std::move(items)));
            return !is_full();
          }));
    }
    more_ = is_full();
    return more_ ? Result<void>() : preparation_.finish();
  }

  /// What the generation needs that is being built beside the active one.
  Result<void> build() {
    built_ = TRY(build_on(entity_, room(), ports_, context_));
    more_ = more_ || built_.more;
    return {};
  }

  [[nodiscard]] Json result() const {
    Json batches = Json::array();
    std::int64_t items = 0;
    for (const auto* prepared : {&taken_up_, &preparation_.batches(), &built_.batches}) {
      for (const Batch& batch : *prepared) {
        batches.push_back({{"batch_id", batch.id.str()}});
        items += batch.item_count;
      }
    }
    return {{"batches", batches},
            {"batches_total", batches.size()},
            {"items_total", items},
            {"waiting_total", preparation_.items_waiting() + built_.items_waiting},
            {"passed_over", passed_over_},
            {"more", more_},
            {"collection", binding_.collection},
            {"building", built_.generation == 0 ? Json(nullptr) : building_json()}};
  }

 private:
  [[nodiscard]] Json building_json() const {
    return {{"generation", built_.generation}, {"batches", built_.batches.size()},
            {"copied", built_.copied},         {"told", built_.told},
            {"removed", built_.removed},       {"swapped", built_.swapped}};
  }

  static bool is_damage(const Error& error) { return error.code() == Code::corrupt || error.code() == Code::not_found; }

  /// What is damaged never stops its neighbours.
  void pass_over(const std::string& what, const std::string& name, const Error& error) {
    ++passed_over_;
    context_.log.error(what, {{"name", name}, {"reason", error.message()}});
  }

  Result<Batch> complete_prepared(const Batch& batch, const CollectionBinding& binding) {
    if (!batch.requests_key.empty()) return batch;
    return claim_and_write_requests(batch, TRY(read_items(ports_.batch_files, batch)), binding, ports_, context_);
  }

  /// How many more batches this run may prepare.
  [[nodiscard]] std::size_t room() const {
    const std::size_t prepared = taken_up_.size() + preparation_.batches().size() + built_.batches.size();
    return context_.settings.batches_per_run - std::min(prepared, context_.settings.batches_per_run);
  }
  [[nodiscard]] bool is_full() const { return room() == 0; }

  Entity entity_;
  CollectionBinding binding_;
  const Ports& ports_;
  const StepContext& context_;
  BatchPreparation preparation_;
  std::vector<Batch> taken_up_;
  BackfillReport built_;
  std::size_t passed_over_ = 0;  ///< batches and receipts that are damaged
  bool more_ = false;
};

Result<Json> find(Entity entity, const Ports& ports, const StepContext& context) {
  TRY(settle_generations(entity, ports, context));
  TRY(release_stranded_items(entity, ports, context));
  const CollectionBinding binding = TRY(active_collection(entity, ports, context));
  TRY(write_change_deltas(entity, binding, ports, context));
  const auto building = TRY(building_generation(entity, ports));
  Finder finder(entity, binding, ports, context);
  TRY(finder.take_up_prepared());
  // What is new waits for the generation that is about to become the active one.
  if (!building || !building->closing) TRY(finder.find());
  if (building) TRY(finder.build());
  Json result = finder.result();
  context.log.info(
      "found items to embed",
      {{"collection", binding.collection}, {"items", result["items_total"]}, {"batches", result["batches_total"]}});
  return result;
}

}  // namespace

Result<Json> find_unembedded(const Json&, const Ports& ports, const StepContext& context) {
  return find(Entity::line, ports, context);
}

Result<Json> find_unembedded_words(const Json&, const Ports& ports, const StepContext& context) {
  return find(Entity::word, ports, context);
}

}  // namespace tillite
