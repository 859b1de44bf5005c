#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/hash.h"

namespace tillite {

// The checksum by which a manifest knows a file (docs/formats/manifest.md). A SHA-256 goes from a file's first byte to
// its last, so one thread alone can take it; that of a file of several parts is therefore made of its parts' digests.

inline constexpr std::size_t kChecksumPartBytes = std::size_t{1} << 20;

enum class ChecksumForm {
  by_parts,  ///< of one part its SHA-256; of more the SHA-256 of their digests, "-" and how many there are
  whole,     ///< the SHA-256 of all bytes, as manifests before format 3 have it of every file
};

using Sha256Digest = std::array<std::byte, 32>;

/// How many parts a file of so many bytes has; at least one.
[[nodiscard]] std::size_t checksum_parts(std::uint64_t size_bytes);

/// The checksum of a file whose parts have these digests.
[[nodiscard]] std::string checksum_of_parts(std::span<const Sha256Digest> parts);

/// The form that the checksum of a file of so many bytes has; nothing if it is none. A file of one part has the same in
/// both forms.
[[nodiscard]] std::optional<ChecksumForm> checksum_form(std::string_view checksum, std::uint64_t size_bytes);

/// The checksum of a file whose bytes come one after the other.
class ChecksumStream {
 public:
  explicit ChecksumStream(ChecksumForm form = ChecksumForm::by_parts) : form_(form) {}

  void update(std::span<const std::byte> bytes);
  /// Of all that came; nothing may come after it.
  [[nodiscard]] std::string finish();

 private:
  ChecksumForm form_;
  Sha256 hash_;  ///< of the part that has begun, or of all
  std::size_t part_bytes_ = 0;
  std::vector<Sha256Digest> parts_;
};

/// The checksum of a file in a form, on at most `threads` threads, of which a whole one needs one. `each`, if there is
/// one, is called with each piece that was read and where it lies, by any of the threads.
[[nodiscard]] Result<std::string> checksum_of_file(
    const File& file, ChecksumForm form, std::size_t threads,
    const std::function<Result<void>(std::uint64_t offset, std::span<const std::byte> piece)>& each = {});

}  // namespace tillite
