#pragma once

#include "emulator/batches/batch.h"
#include "emulator/batches/input_lines.h"
#include "emulator/embeddings/embedding_request.h"

namespace tillite {

/// One line of a batch's input: {"custom_id", "method", "url", "body"}.
struct InputRequest {
  std::string custom_id;
  Json body;
};
/// The problems that OpenAI would name for this line alone.
[[nodiscard]] std::expected<InputRequest, BatchProblem> parse_input_request(std::string_view line,
                                                                            std::string_view endpoint);

/// What a batch's input asks for, or what is wrong with it.
struct InputFacts {
  std::string model;
  std::uint64_t requests = 0;
  std::uint64_t tokens = 0;
  std::vector<BatchProblem> problems;  ///< the first of them; if there is one the batch fails
};

inline constexpr std::size_t kBatchRequestsMax = 50'000;
inline constexpr std::size_t kBatchInputsMax = 50'000;
inline constexpr std::uint64_t kBatchBytesMax = 200ULL * 1024 * 1024;

/// Looks at every line, as OpenAI does while a batch is `validating`. A body that only /v1/embeddings itself refuses is
/// no problem here: its line fails later. Memory: a line, and 16 bytes for each custom_id.
[[nodiscard]] Result<InputFacts> check_input(InputLines& lines, std::uint64_t file_bytes, std::string_view endpoint,
                                             const ModelCatalog& models);

}  // namespace tillite
