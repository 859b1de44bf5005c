#pragma once

#include <functional>
#include <map>

#include "ports/batch_provider.h"

namespace tillite::testing {

/// A provider whose answers a test may change: what it says of a batch, and what its files hold.
class ScriptedProvider final : public BatchProvider {
 public:
  explicit ScriptedProvider(BatchProvider& real) : real_(real) {}

  std::function<void(ProviderBatch&)> edit = [](ProviderBatch&) {};
  std::map<ProviderFileId, std::string> files;  ///< in place of the real ones
  std::function<Result<void>(const ProviderFileId&)> before_create = [](const ProviderFileId&) -> Result<void> {
    return {};
  };
  bool deletes_nothing = false;  ///< files cannot be removed
  bool no_answer = false;        ///< nothing is to be learnt of any batch
  int cancels = 0;               ///< that were asked for
  int lists_that_lag = 0;        ///< so many lists show nothing yet

  /// Says from now on that every batch has ended like this.
  void end_all(ProviderStatus status, std::optional<std::string> output, std::optional<std::string> errors = {},
               const std::string& error_code = "") {
    if (output) files[ProviderFileId("scripted-output")] = *output;
    if (errors) files[ProviderFileId("scripted-errors")] = *errors;
    edit = [=](ProviderBatch& batch) {
      batch.status = status;
      batch.output_file_id = output ? std::optional(ProviderFileId("scripted-output")) : std::nullopt;
      batch.error_file_id = errors ? std::optional(ProviderFileId("scripted-errors")) : std::nullopt;
      batch.error_code = error_code;
      batch.error_message = error_code.empty() ? "" : "as scripted";
    };
  }
  void say_what_is_true() {
    edit = [](ProviderBatch&) {};
  }

  Result<ProviderFileId> upload(ByteSource& content, const std::string& file_name) override {
    return real_.upload(content, file_name);
  }
  Result<ProviderBatch> create_batch(const ProviderFileId& input_file,
                                     const std::map<std::string, std::string>& metadata) override {
    TRY(before_create(input_file));
    return real_.create_batch(input_file, metadata);
  }
  Result<ProviderBatch> batch(const ProviderBatchId& id) override {
    if (no_answer) return fail(Code::unavailable, "no answer");
    ProviderBatch batch = TRY(real_.batch(id));
    edit(batch);
    return batch;
  }
  Result<ProviderBatchPage> list(const ProviderBatchId& after, std::size_t limit) override {
    if (lists_that_lag > 0) {
      --lists_that_lag;
      return ProviderBatchPage{};
    }
    return real_.list(after, limit);
  }
  Result<void> cancel(const ProviderBatchId& id) override {
    ++cancels;
    return real_.cancel(id);
  }
  Result<std::unique_ptr<ByteSource>> download(const ProviderFileId& id) override {
    const auto file = files.find(id);
    return file == files.end() ? real_.download(id) : source_of(file->second);
  }
  Result<ProviderFilePage> list_files(const ProviderFileId& after, std::size_t limit) override {
    return real_.list_files(after, limit);
  }
  Result<void> delete_file(const ProviderFileId& id) override {
    if (deletes_nothing) return fail(Code::unavailable, "no answer");
    return real_.delete_file(id);
  }

 private:
  BatchProvider& real_;
};

}  // namespace tillite::testing
