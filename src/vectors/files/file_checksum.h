#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "vectors/files/xxh3.h"

namespace tillite {

// The checksum by which a manifest knows a file (docs/formats/manifest.md): bytes that were damaged do not have it. One
// sum over all of them goes from a file's first byte to its last, so one thread alone can take it; the checksum of a
// file of several parts is therefore made of its parts' digests, and these are XXH3's, for which nobody waits.

inline constexpr std::size_t kChecksumPartBytes = std::size_t{1} << 20;

enum class ChecksumForm {
  by_parts,         ///< of one part its SHA-256; of more XXH3 of 128 bits over theirs, "-" and how many there are
  by_sha256_parts,  ///< the same with SHA-256 for XXH3, as manifests of format 3 have it
  whole,            ///< the SHA-256 of all bytes, as manifests before format 3 have it of every file
};

/// The sum over the bytes of a part, and over the digests of all parts.
enum class PartSum { sha256, xxh3 };
/// That of a form by parts, of a file of so many.
[[nodiscard]] PartSum part_sum(ChecksumForm form, std::size_t parts);

using PartDigest = std::vector<std::byte>;

class PartHash {
 public:
  explicit PartHash(PartSum sum);
  void update(std::span<const std::byte> bytes);
  /// Of all that came; nothing may come after it.
  [[nodiscard]] PartDigest digest();

 private:
  std::variant<Sha256, Xxh3Stream> hash_;
};

/// How many parts a file of so many bytes has; at least one.
[[nodiscard]] std::size_t checksum_parts(std::uint64_t size_bytes);

/// The checksum of a file whose parts have these digests.
[[nodiscard]] std::string checksum_of_parts(std::span<const PartDigest> parts, PartSum sum);

/// The form that the checksum of a file of so many bytes has; nothing if it is none. A file of one part has the same in
/// all forms.
[[nodiscard]] std::optional<ChecksumForm> checksum_form(std::string_view checksum, std::uint64_t size_bytes);

/// The checksum of a file whose bytes come one after the other.
class ChecksumStream {
 public:
  explicit ChecksumStream(ChecksumForm form = ChecksumForm::by_parts);

  void update(std::span<const std::byte> bytes);
  /// Of all that came; nothing may come after it.
  [[nodiscard]] std::string finish();

 private:
  void end_part();

  ChecksumForm form_;
  Sha256 whole_;   ///< of all bytes, where they are one part or the form is of them
  PartHash part_;  ///< of the part that has begun
  std::size_t part_bytes_ = 0;
  std::vector<PartDigest> parts_;
};

/// The checksum of a file in a form, on at most `threads` threads, of which a whole one needs one. `each`, if there is
/// one, is called with each piece that was read and where it lies, by any of the threads.
[[nodiscard]] Result<std::string> checksum_of_file(
    const File& file, ChecksumForm form, std::size_t threads,
    const std::function<Result<void>(std::uint64_t offset, std::span<const std::byte> piece)>& each = {});

}  // namespace tillite
