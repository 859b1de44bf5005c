#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>

#include "emulator/batches/create_request.h"
#include "emulator/batches/input_check.h"
#include "emulator/latency.h"
#include "emulator/store/batch_store.h"
#include "emulator/store/file_store.h"

namespace tillite {

/// The batches from their creation to their end: validating -> in_progress -> finalizing -> completed or expired;
/// failed from validating; cancelling -> cancelled from everywhere. Durable: what a row says is what happened, and
/// whoever opens the database again goes on from there. Time is the Clock's. Threads: any; advance() one at a time.
class BatchLife {
 public:
  struct Settings {
    Latency latency;
    FaultSpec faults;
    std::uint64_t seed = 1;
    std::uint64_t enqueued_tokens_max = 3'000'000;  ///< of a model
  };

  BatchLife(EmulatorDatabase& database, FileStore& files, const ModelCatalog& models, Clock& clock, Random& random,
            const Settings& settings)
      : database_(database), files_(files), models_(models), clock_(clock), random_(random), settings_(settings) {}

  [[nodiscard]] ApiResult<EmulatedBatch> create(const CreateBatchRequest& request);
  [[nodiscard]] ApiResult<EmulatedBatch> find(std::string_view id);
  /// `after` an id, or empty; `limit` from 1 to 100.
  [[nodiscard]] ApiResult<BatchPage> list(const std::string& after, std::size_t limit);
  [[nodiscard]] ApiResult<EmulatedBatch> cancel(std::string_view id);

  /// The next batches that are created end so, in this order.
  void script(std::vector<Outcome> outcomes);

  /// Moves on every batch whose time has come; when something is due next, if anything. `cancelled` if `stop` was
  /// requested in the middle of a computation: that batch is as it was.
  [[nodiscard]] Result<std::optional<std::int64_t>> advance(const std::stop_token& stop);

 private:
  [[nodiscard]] Outcome next_outcome(std::uint64_t number);
  [[nodiscard]] Result<void> step(const EmulatedBatch& batch, const std::stop_token& stop);
  [[nodiscard]] Result<void> validate(const EmulatedBatch& batch);
  [[nodiscard]] Result<void> execute(const EmulatedBatch& batch, const std::stop_token& stop);
  [[nodiscard]] Result<void> end(const EmulatedBatch& batch);
  [[nodiscard]] Result<InputFacts> look_at_input(const EmulatedBatch& batch);
  /// Writes a batch's row, unless somebody else has.
  [[nodiscard]] Result<void> move(const EmulatedBatch& before, const EmulatedBatch& after);
  /// With the counts that its progress suggests.
  [[nodiscard]] EmulatedBatch as_seen(EmulatedBatch batch);
  /// The part of a batch's work that is done by now.
  [[nodiscard]] double progress(const EmulatedBatch& batch, std::int64_t now_ms) const;

  EmulatorDatabase& database_;
  FileStore& files_;
  const ModelCatalog& models_;
  Clock& clock_;
  Random& random_;
  Settings settings_;
  std::mutex script_mutex_;
  std::deque<Outcome> script_;
};

}  // namespace tillite
