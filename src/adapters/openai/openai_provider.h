#pragma once

#include "adapters/openai/openai_client.h"
#include "ports/batch_provider.h"

namespace tillite {

/// OpenAI's Batch API, or a compatible server's (docs/openai.md).
///
/// An upload goes through a file in the settings' scratch folder: its length must be known before, and it can be sent
/// again. create_batch() is sent once, unless the provider says that it did nothing: whoever calls it finds out by
/// list() what became of it.
class OpenAiProvider final : public BatchProvider {
 public:
  static constexpr std::uint64_t kFileBytesMax = 200'000'000;  ///< of an input file

  /// The client must outlive this object and its downloads.
  explicit OpenAiProvider(OpenAiClient& client) : client_(client) {}

  [[nodiscard]] Result<ProviderFileId> upload(ByteSource& content, const std::string& file_name) override;
  [[nodiscard]] Result<ProviderBatch> create_batch(const ProviderFileId& input_file,
                                                   const std::map<std::string, std::string>& metadata) override;
  [[nodiscard]] Result<ProviderBatch> batch(const ProviderBatchId& id) override;
  [[nodiscard]] Result<ProviderBatchPage> list(const ProviderBatchId& after, std::size_t limit) override;
  [[nodiscard]] Result<void> cancel(const ProviderBatchId& id) override;
  [[nodiscard]] Result<std::unique_ptr<ByteSource>> download(const ProviderFileId& id) override;
  [[nodiscard]] Result<ProviderFilePage> list_files(const ProviderFileId& after, std::size_t limit) override;
  [[nodiscard]] Result<void> delete_file(const ProviderFileId& id) override;

 private:
  OpenAiClient& client_;
};

}  // namespace tillite
