#pragma once

#include <functional>
#include <stop_token>

#include "emulator/batches/batch.h"
#include "emulator/batches/input_lines.h"
#include "emulator/embeddings/embedding_request.h"

namespace tillite {

/// What was paid for: one request that was answered with its vectors.
struct Payment {
  std::string custom_id;
  std::int64_t input_hash = 0;  ///< of the request's inputs
  std::uint64_t items = 0;      ///< the inputs
  std::uint64_t tokens = 0;
  bool is_good = true;  ///< whoever reads the result can use it; else it was spoiled on purpose
};

/// What the results of a batch came to.
struct ResultFacts {
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t unexecuted = 0;  ///< of an expired or cancelled batch
  std::uint64_t tokens = 0;
  std::uint64_t output_lines = 0;
  std::uint64_t error_lines = 0;
};

/// Computes the results of a batch, a line at a time, in an order that the seed and the batch's number decide.
class BatchResults {
 public:
  /// What the seed and the batch decide; `lines` are the faults of lines.
  struct Plan {
    std::uint64_t seed = 0;
    double done = 1;              ///< the part of the requests that is executed
    std::string unexecuted_code;  ///< "batch_expired", "batch_cancelled"
    std::string unexecuted_message;
    bool fails_all = false;  ///< every request fails, none is paid for
    Chances<LineFault> lines;
  };

  BatchResults(const EmulatedBatch& batch, const ModelCatalog& models, Plan plan)
      : batch_(batch), models_(models), plan_(std::move(plan)) {}

  /// Writes all lines. `cancelled` if `stop` is requested meanwhile.
  [[nodiscard]] Result<ResultFacts> write(InputLines& input, ByteSink& output, ByteSink& errors,
                                          const std::function<void(Payment)>& paid, const std::stop_token& stop);

 private:
  struct Line;
  [[nodiscard]] Result<void> execute(const Line& line, ByteSink& output, ByteSink& errors);
  [[nodiscard]] Result<void> write_success(const Line& line, const EmbeddingRequest& request, ByteSink& output);
  [[nodiscard]] Result<void> write_failure(const Line& line, const ApiError& error, ByteSink& errors);
  [[nodiscard]] Result<void> write_error(const Line& line, const Json& error, ByteSink& errors);

  const EmulatedBatch& batch_;
  const ModelCatalog& models_;
  Plan plan_;
  const std::function<void(Payment)>* paid_ = nullptr;
  ResultFacts facts_;
};

}  // namespace tillite
