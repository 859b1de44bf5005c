#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "emulator/batches/outcome.h"
#include "ports/batch_provider.h"

namespace tillite {

/// What is wrong with a batch, or with a line of its input.
struct BatchProblem {
  std::string code;
  std::string message;
  std::optional<std::string> param;
  std::optional<std::uint64_t> line;  ///< from 1
};

struct RequestCounts {
  std::uint64_t total = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
};

/// OpenAI's Batch object, and what the emulator knows beyond it.
struct EmulatedBatch {
  std::int64_t number = 0;  ///< grows with each batch
  std::string id;
  ProviderStatus status = ProviderStatus::validating;
  std::string endpoint;
  std::string input_file_id;
  std::string completion_window;
  Json metadata;  ///< null or an object
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;
  std::optional<std::int64_t> in_progress_ms;
  std::optional<std::int64_t> finalizing_ms;
  std::optional<std::int64_t> cancelling_ms;
  std::optional<std::int64_t> ended_ms;  ///< completed, failed, expired or cancelled
  std::optional<std::string> output_file_id;
  std::optional<std::string> error_file_id;
  std::optional<std::int64_t> output_lives_s;  ///< of output_expires_after
  std::vector<BatchProblem> problems;
  RequestCounts counts;
  std::string model;         ///< once it is validated
  std::uint64_t tokens = 0;  ///< of the whole input, once it is validated
  std::uint64_t tokens_used = 0;

  Outcome outcome;
  std::optional<ProviderStatus> next;  ///< what follows on `finalizing`
  std::optional<std::int64_t> due_ms;  ///< when something happens next; nothing once it has ended

  [[nodiscard]] bool has_ended() const { return !due_ms; }
  /// As OpenAI shows it; file ids and errors only once the batch has ended.
  [[nodiscard]] Json object() const;

  [[nodiscard]] Json row() const;
  [[nodiscard]] static Result<EmulatedBatch> parse_row(std::int64_t number, const Json& row);
};

}  // namespace tillite
