// Finds the lines or words that have no embedding yet, groups them into batches, claims them and writes their requests.
#include <algorithm>
#include <tuple>

#include "steps/batch_preparation.h"
#include "steps/change_delta.h"
#include "steps/collection.h"
#include "steps/item_claims.h"
#include "steps/step.h"
#include "steps/unembedded.h"

namespace tillite {
namespace {

class Finder {
 public:
  Finder(Entity entity, CollectionBinding binding, InputFormat format, const Ports& ports, const StepContext& context)
      : entity_(entity),
        binding_(std::move(binding)),
        format_(format),
        ports_(ports),
        context_(context),
        preparation_(entity, binding_, ports, context) {}

  /// Batches that an earlier run prepared and never submitted: what they lack is made up for. Those that need not wait
  /// for the provider come first, then the oldest.
  Result<void> take_up_prepared() {
    std::vector<Batch> prepared = TRY(batches_in(ports_.table, entity_, std::array{BatchStatus::pending}));
    std::erase_if(prepared, [](const Batch& batch) { return !batch.is_prepared(); });
    std::ranges::sort(prepared, {}, [](const Batch& batch) {
      return std::tuple(batch.source == VectorSource::batch, batch.created_ms, batch.id);
    });
    for (const Batch& batch : prepared) {
      if (is_full()) break;
      auto completed = complete_prepared(batch);
      if (!completed && !is_damage(completed.error())) return std::unexpected(completed.error());
      if (completed) {
        if (completed->is_prepared()) taken_up_.push_back(*std::move(completed));
      } else {
        pass_over("a prepared batch cannot be completed", batch.id.str(), completed.error());
      }
    }
    return {};
  }

  Result<void> find() {
    if (!is_full()) {
      passed_over_ +=
          TRY(walk_unembedded(entity_, format_, ports_, context_, [&](std::vector<BatchItem> items) -> Result<bool> {
            TRY(preparation_.add(std::move(items)));
            return !is_full();
          }));
    }
    more_ = is_full();
    return more_ ? Result<void>() : preparation_.finish();
  }

  [[nodiscard]] Json result() const {
    Json batches = Json::array();
    std::int64_t items = 0;
    for (const auto* prepared : {&taken_up_, &preparation_.batches()}) {
      for (const Batch& batch : *prepared) {
        batches.push_back({{"batch_id", batch.id.str()}});
        items += batch.item_count;
      }
    }
    return {{"batches", batches},
            {"batches_total", batches.size()},
            {"items_total", items},
            {"waiting_total", preparation_.items_waiting()},
            {"passed_over", passed_over_},
            {"more", more_},
            {"collection", binding_.collection}};
  }

 private:
  static bool is_damage(const Error& error) { return error.code() == Code::corrupt || error.code() == Code::not_found; }

  /// What is damaged never stops its neighbours.
  void pass_over(const std::string& what, const std::string& name, const Error& error) {
    ++passed_over_;
    context_.log.error(what, {{"name", name}, {"reason", error.message()}});
  }

  Result<Batch> complete_prepared(const Batch& batch) {
    if (!batch.requests_key.empty()) return batch;
    return claim_and_write_requests(batch, TRY(read_items(ports_.batch_files, batch)), binding_, ports_, context_);
  }

  [[nodiscard]] bool is_full() const {
    return taken_up_.size() + preparation_.batches().size() >= context_.settings.batches_per_run;
  }

  Entity entity_;
  CollectionBinding binding_;
  InputFormat format_;
  const Ports& ports_;
  const StepContext& context_;
  BatchPreparation preparation_;
  std::vector<Batch> taken_up_;
  std::size_t passed_over_ = 0;  ///< batches and receipts that are damaged
  bool more_ = false;
};

Result<Json> find(Entity entity, const Ports& ports, const StepContext& context) {
  const CollectionBinding binding = TRY(active_collection(entity, ports, context));
  TRY(write_change_deltas(entity, binding, ports, context));
  Finder finder(entity, binding, TRY(parse_input_format(binding.input_format)), ports, context);
  TRY(finder.take_up_prepared());
  TRY(finder.find());
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
