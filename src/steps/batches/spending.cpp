#include "steps/batches/spending.h"

namespace tillite {

bool Spending::allows(const Batch& batch, const EmbeddingModel& model, std::uint64_t tokens) {
  const std::scoped_lock lock(mutex_);
  if (allowed_.contains(batch.id)) return true;
  const auto price = batch.source == VectorSource::call ? model.price_per_million : model.batch_price_per_million();
  if (refused_.contains(batch.id) || !has_room(price, tokens)) {
    refused_.emplace(batch.id, tokens);
    return false;
  }
  bill_.add(tokens, price);
  tokens_ += tokens;
  allowed_.insert(batch.id);
  return true;
}

bool Spending::has_room(const std::optional<Dollars>& price, std::uint64_t tokens) const {
  if (budget_.tokens && tokens_ + tokens > *budget_.tokens) return false;
  if (!budget_.amount) return true;
  Bill bill = bill_;
  bill.add(tokens, price);
  const auto sum = bill.sum();
  return sum && *sum <= *budget_.amount;
}

Spending::Refused Spending::refused() const {
  const std::scoped_lock lock(mutex_);
  Refused refused{.batches = refused_.size()};
  for (const auto& [batch, tokens] : refused_) refused.tokens += tokens;
  return refused;
}

}  // namespace tillite
