#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace tillite {

enum class ProviderStatus { validating, failed, in_progress, finalizing, completed, expired, cancelling, cancelled };

[[nodiscard]] std::string_view provider_status_name(ProviderStatus status);
[[nodiscard]] Result<ProviderStatus> parse_provider_status(std::string_view name);

/// A batch as the provider describes it.
struct ProviderBatch {
  ProviderBatchId id;
  ProviderStatus status = ProviderStatus::validating;
  ProviderFileId input_file_id;
  std::optional<ProviderFileId> output_file_id;  ///< may be absent in any status
  std::optional<ProviderFileId> error_file_id;   ///< may be absent in any status
  std::map<std::string, std::string> metadata;
  std::string error_code;  ///< of a failed batch: "token_limit_exceeded", ...
  std::string error_message;
  std::uint64_t requests_total = 0;
  std::uint64_t requests_completed = 0;
  std::uint64_t requests_failed = 0;
};

struct ProviderBatchPage {
  std::vector<ProviderBatch> batches;  ///< newest first
  bool has_more = false;
};

/// OpenAI's Batch API in shape: files of requests in, files of results out, some time later.
///
/// Threads: any. Errors: `unavailable` (worth a retry; may hide a success), `permission` (credentials, quota: not worth
/// one), `not_found`, `invalid_input` (the request itself), `limit_exceeded`.
class BatchProvider {
 public:
  virtual ~BatchProvider() = default;
  /// Uploads a file of requests (NDJSON).
  [[nodiscard]] virtual Result<ProviderFileId> upload(ByteSource& content, const std::string& file_name) = 0;
  /// Starts a batch of /v1/embeddings with a window of 24 h. `not_found` if the input file was deleted: that is what
  /// makes a late create harmless. Metadata: at most 16 pairs, keys of 64 and values of 512 characters.
  [[nodiscard]] virtual Result<ProviderBatch> create_batch(const ProviderFileId& input_file,
                                                           const std::map<std::string, std::string>& metadata) = 0;
  [[nodiscard]] virtual Result<ProviderBatch> batch(const ProviderBatchId& id) = 0;
  /// A page of batches, newest first, after the one named (empty: from the front). The list may lag.
  [[nodiscard]] virtual Result<ProviderBatchPage> list(const ProviderBatchId& after, std::size_t limit) = 0;
  [[nodiscard]] virtual Result<void> cancel(const ProviderBatchId& id) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<ByteSource>> download(const ProviderFileId& id) = 0;
  /// A file that is not there is no error.
  [[nodiscard]] virtual Result<void> delete_file(const ProviderFileId& id) = 0;
};

}  // namespace tillite
