#pragma once

#include "ports/batch_provider.h"
#include "ports/text_embedder.h"

namespace tillite {

/// Two providers behind one port, for a home whose collections, or whose generations, are of models of both: the local
/// embedder's, and another one's. A file of requests goes to whoever knows the model of its first request. Whose a file
/// or a batch is, the local one knows. Threads and errors: as the two.
class RoutedProvider final : public BatchProvider {
 public:
  RoutedProvider(BatchProvider& local, std::string local_model, BatchProvider& remote)
      : local_(local), local_model_(std::move(local_model)), remote_(remote) {}

  [[nodiscard]] Result<ProviderFileId> upload(ByteSource& content, const std::string& file_name) override;
  [[nodiscard]] Result<ProviderBatch> create_batch(const ProviderFileId& input_file,
                                                   const std::map<std::string, std::string>& metadata) override;
  [[nodiscard]] Result<ProviderBatch> batch(const ProviderBatchId& id) override;
  /// The local ones first.
  [[nodiscard]] Result<ProviderBatchPage> list(const ProviderBatchId& after, std::size_t limit) override;
  [[nodiscard]] Result<void> cancel(const ProviderBatchId& id) override;
  [[nodiscard]] Result<std::unique_ptr<ByteSource>> download(const ProviderFileId& id) override;
  /// The local ones first.
  [[nodiscard]] Result<ProviderFilePage> list_files(const ProviderFileId& after, std::size_t limit) override;
  [[nodiscard]] Result<void> delete_file(const ProviderFileId& id) override;

 private:
  BatchProvider& local_;
  std::string local_model_;
  BatchProvider& remote_;
};

/// The same for single texts: the model says who is asked.
class RoutedTextEmbedder final : public TextEmbedder {
 public:
  RoutedTextEmbedder(TextEmbedder& local, std::string local_model, TextEmbedder& remote)
      : local_(local), local_model_(std::move(local_model)), remote_(remote) {}
  [[nodiscard]] Result<std::vector<std::vector<float>>> embed(std::string_view model, std::size_t dimensions,
                                                              std::span<const std::string> texts) override {
    return (model == local_model_ ? local_ : remote_).embed(model, dimensions, texts);
  }

 private:
  TextEmbedder& local_;
  std::string local_model_;
  TextEmbedder& remote_;
};

}  // namespace tillite
