#pragma once

#include <map>

#include "base/http_server.h"
#include "emulator/store/file_store.h"
#include "emulator/wire/multipart.h"

namespace tillite {

/// The body of POST /v1/files on its way to the disk.
class Upload final : public FormListener {
 public:
  /// Nothing is written before the form's file begins.
  Upload(FileStore& files, std::string_view content_type);

  /// The next piece of the body. False once it is too large to go on.
  [[nodiscard]] bool take(std::span<const std::byte> piece);
  /// The body is whole: the file, or what is wrong with it.
  [[nodiscard]] ApiResult<StoredFile> finish();

 private:
  [[nodiscard]] Result<void> begin_part(FormPart part) override;
  [[nodiscard]] Result<void> take_content(std::span<const std::byte> piece) override;
  [[nodiscard]] Result<void> end_part() override;
  [[nodiscard]] ApiResult<std::optional<std::int64_t>> lives_s() const;

  FileStore& files_;
  std::optional<MultipartReader> reader_;
  std::optional<ApiError> error_;  ///< the first that was found; what follows is thrown away
  std::uint64_t body_bytes_ = 0;
  FormPart part_;
  std::map<std::string, std::string> fields_;
  std::optional<FileDraft> draft_;
  std::string file_name_;
};

}  // namespace tillite
