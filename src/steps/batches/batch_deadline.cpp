#include "steps/batches/batch_deadline.h"

namespace tillite {

std::optional<std::int64_t> ms_at_provider(const Batch& batch, std::int64_t now_ms) {
  if (batch.openai_batch_id.empty() || !batch.delta_id.empty() || has_ended(batch.status)) return std::nullopt;
  if (batch.is_foreign()) return std::nullopt;
  // Rows of older programs do not say when they were submitted.
  return now_ms - (batch.submitted_ms > 0 ? batch.submitted_ms : batch.created_ms);
}

std::string duration_text(std::int64_t ms) {
  const std::int64_t seconds = ms / 1000;
  const std::int64_t minutes = seconds / 60;
  if (minutes >= 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
  return minutes > 0 ? fmt::format("{} min", minutes) : fmt::format("{} s", seconds);
}

}  // namespace tillite
