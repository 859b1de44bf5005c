#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "adapters/openai/openai_client.h"
#include "base/ids.h"

namespace tillite {

/// The content of a file, as it arrives, in bounded memory. A download that breaks off goes on where it stood by means
/// of Range, or from the front where the server does not know Range; what was read already is passed over then. The
/// length is checked: what ends early is not the end. It counts as a call while it is open. One thread at a time; must
/// not outlive its client.
class OpenAiDownload final : public ByteSource {
 public:
  /// `not_found` if there is no such file.
  [[nodiscard]] static Result<std::unique_ptr<OpenAiDownload>> open(OpenAiClient& client, const ProviderFileId& file);

  /// `corrupt` if the content changes meanwhile (its length, its ETag); `unavailable` once it has broken off several
  /// times without a byte in between; others as OpenAiClient::call().
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> buffer) override;

 private:
  OpenAiDownload(OpenAiClient& client, const ProviderFileId& file);
  /// Opens the content from where it stands.
  [[nodiscard]] Result<void> connect();
  /// Takes in what the answer says of the whole length.
  [[nodiscard]] Result<void> note_length(std::optional<std::uint64_t> bytes);
  /// Whether all is there; where no answer told the length the provider is asked for it.
  [[nodiscard]] Result<bool> is_complete();
  /// It broke off: pauses, or gives the error back if that was not the first time.
  [[nodiscard]] Result<void> prepare_retry(const Error& error);

  OpenAiClient& client_;
  std::string path_;  ///< of the file
  std::optional<OpenAiClient::Answer> answer_;
  std::uint64_t delivered_ = 0;
  std::uint64_t known_ = 0;  ///< bytes that come once more: they are passed over
  std::optional<std::uint64_t> length_;
  std::string etag_;
  bool knows_range_ = true;
  int failures_ = 0;  ///< since the last byte
};

}  // namespace tillite
