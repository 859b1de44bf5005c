#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ports/batch_provider.h"

namespace tillite {

// The bodies of OpenAI's answers, as far as they matter here. What is documented as optional may be absent or null;
// what is unknown is left aside. `corrupt` names what cannot be read.

/// A batch. A status that is not documented is told as in_progress, with the word in error_message: such a batch stays
/// in the list of those that are polled.
[[nodiscard]] Result<ProviderBatch> parse_batch_answer(std::string_view body);
/// A page of batches, newest first.
[[nodiscard]] Result<ProviderBatchPage> parse_batch_list(std::string_view body);

struct OpenAiFile {
  ProviderFileId id;
  std::optional<std::uint64_t> bytes;
  std::string status;  ///< "uploaded", "processed", "error"; empty: it is not told
};
[[nodiscard]] Result<OpenAiFile> parse_file_answer(std::string_view body);

/// A page of files, newest first. A file of another purpose than `batch` has no name.
[[nodiscard]] Result<ProviderFilePage> parse_file_list(std::string_view body);

/// Vectors of a synchronous call in the order of their texts, whatever order they came in, as numbers or in base64.
/// `corrupt` also if a text has no vector or two, or a vector that is no vector: another size, NaN, infinity, length
/// zero.
[[nodiscard]] Result<std::vector<std::vector<float>>> parse_embeddings(std::string_view body, std::size_t texts,
                                                                       std::size_t dimensions);

/// What an answer that is none says of the reason.
struct OpenAiFailure {
  std::string message;
  std::string type;
  std::string code;
  std::string param;
};
/// Nothing if the body does not say it in any form that OpenAI or a compatible server has: {"error": {"message", ...}},
/// {"error": "text"}, {"message", "type", "code"}, {"detail": "text"}.
[[nodiscard]] std::optional<OpenAiFailure> parse_failure(std::string_view body);

}  // namespace tillite
