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
/// Whether a batch stays as it is.
[[nodiscard]] bool has_ended(ProviderStatus status);

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

/// A file that was uploaded for a batch.
struct ProviderFile {
  ProviderFileId id;
  std::string name;  ///< as it was uploaded; the provider may have given it another ending
  std::uint64_t bytes = 0;
};

struct ProviderFilePage {
  std::vector<ProviderFile> files;  ///< newest first
  bool has_more = false;
};

/// OpenAI's Batch API in shape: files of requests in, files of results out, some time later. A batch goes from
/// validating over in_progress and finalizing to its end - completed, expired, failed or cancelled - and stays there.
/// It ends also if whoever created it is gone.
///
/// Threads: any. Errors: `unavailable` (worth a retry; may hide a success), `permission` (credentials, quota: not worth
/// one), `not_found`, `invalid_input` (the request itself), `limit_exceeded`, `corrupt` and `no_space`.
class BatchProvider {
 public:
  static constexpr std::size_t kListMax = 100;
  static constexpr std::size_t kMetadataPairsMax = 16;
  static constexpr std::size_t kMetadataKeyMax = 64;     ///< characters
  static constexpr std::size_t kMetadataValueMax = 512;  ///< characters

  virtual ~BatchProvider() = default;
  /// Uploads a file of requests (NDJSON), which download() gives back. A file that is uploaded twice is two files.
  [[nodiscard]] virtual Result<ProviderFileId> upload(ByteSource& content, const std::string& file_name) = 0;
  /// Starts a batch of /v1/embeddings with a window of 24 h, which carries `metadata` for ever. `not_found` if the
  /// input file was deleted or never was: that is what makes a late create harmless. `invalid_input` for metadata above
  /// 16 pairs, keys of 64 and values of 512 characters.
  [[nodiscard]] virtual Result<ProviderBatch> create_batch(const ProviderFileId& input_file,
                                                           const std::map<std::string, std::string>& metadata) = 0;
  /// Where a batch stands. One that completed has an output file with the results in any order (if any request
  /// succeeded) and an error file (if any failed): each request's custom_id is in exactly one of them. One whose input
  /// cannot be used at all is `failed` and says why in error_code. `not_found` if there is none with that id.
  [[nodiscard]] virtual Result<ProviderBatch> batch(const ProviderBatchId& id) = 0;
  /// A page of batches, newest first, after the one named (empty: from the front), at most `limit` (1 to 100). The list
  /// may lag. `not_found` if there is no batch `after`: an end that is none would hide what comes behind it.
  [[nodiscard]] virtual Result<ProviderBatchPage> list(const ProviderBatchId& after, std::size_t limit) = 0;
  /// Ends a batch before its time, perhaps by way of `cancelling`; it may complete nevertheless. One that has ended
  /// stays as it is. `not_found` if there is none with that id.
  [[nodiscard]] virtual Result<void> cancel(const ProviderBatchId& id) = 0;
  /// The bytes of an input, output or error file. `not_found` if it was deleted or never was.
  [[nodiscard]] virtual Result<std::unique_ptr<ByteSource>> download(const ProviderFileId& id) = 0;
  /// A page of the files that were uploaded for batches, newest first, after the one named (empty: from the front), at
  /// most `limit` (1 to 100); no output or error files. The list may lag. `not_found` if there is no file `after`.
  [[nodiscard]] virtual Result<ProviderFilePage> list_files(const ProviderFileId& after, std::size_t limit) = 0;
  /// When this returns no batch can be created of the file any more. A file that is not there is no error.
  [[nodiscard]] virtual Result<void> delete_file(const ProviderFileId& id) = 0;
};

}  // namespace tillite
