#pragma once

#include "base/http_server.h"
#include "emulator/batches/batch_life.h"
#include "emulator/service/statistics.h"
#include "emulator/store/file_store.h"

namespace tillite {

/// One of the calls that are served, as a method and a path name it.
struct Route {
  enum class Call {
    create_file,
    list_files,
    retrieve_file,
    file_content,
    delete_file,
    create_batch,
    list_batches,
    retrieve_batch,
    cancel_batch,
    create_embeddings,
    list_models,
    unknown
  };
  Call call = Call::unknown;
  std::string operation;  ///< "GET /v1/files/{id}"
  std::string id;
};
/// The target's query is ignored.
[[nodiscard]] Route route_of(std::string_view method, std::string_view target);

/// OpenAI's calls on files, batches and embeddings. Threads: any.
class OpenAiApi {
 public:
  /// `scratch` is a folder for answers that are large. `batch_changed` is told of every new or cancelled batch.
  OpenAiApi(FileStore& files, BatchLife& batches, const ModelCatalog& models, Statistics& statistics, Path scratch,
            std::function<void()> batch_changed)
      : files_(files),
        batches_(batches),
        models_(models),
        statistics_(statistics),
        scratch_(std::move(scratch)),
        batch_changed_(std::move(batch_changed)) {}

  /// All calls but create_file, whose body is a stream: Upload takes it.
  [[nodiscard]] ApiResult<ServerResponse> handle(const Route& route, const ServerRequest& request);

 private:
  [[nodiscard]] ApiResult<ServerResponse> list_files(const ServerRequest& request);
  [[nodiscard]] ApiResult<ServerResponse> file_content(const std::string& id, const ServerRequest& request);
  [[nodiscard]] ApiResult<ServerResponse> create_batch(const ServerRequest& request);
  [[nodiscard]] ApiResult<ServerResponse> list_batches(const ServerRequest& request);
  [[nodiscard]] ApiResult<ServerResponse> create_embeddings(const ServerRequest& request);
  [[nodiscard]] ServerResponse list_models() const;

  FileStore& files_;
  BatchLife& batches_;
  const ModelCatalog& models_;
  Statistics& statistics_;
  Path scratch_;
  std::function<void()> batch_changed_;
};

}  // namespace tillite
