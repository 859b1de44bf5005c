#include "vectors/files/file_checksum.h"

#include <algorithm>

#include "base/hex.h"
#include "base/parallel.h"

namespace tillite {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 16;  // on a thread's stack
constexpr std::size_t kHexDigits = 64;

using EachPiece = std::function<Result<void>(std::uint64_t offset, std::span<const std::byte> piece)>;

/// Feeds `hash` with the bytes from `begin` to `end`.
Result<void> hash_range(const File& file, std::uint64_t begin, std::uint64_t end, Sha256& hash, const EachPiece& each) {
  std::array<std::byte, kPieceBytes> buffer;
  for (std::uint64_t offset = begin; offset < end; offset += kPieceBytes) {
    const auto piece = std::span(buffer).first(std::min<std::uint64_t>(kPieceBytes, end - offset));
    TRY(file.read_at(offset, piece));
    hash.update(piece);
    if (each) TRY(each(offset, piece));
  }
  return {};
}

}  // namespace

std::size_t checksum_parts(std::uint64_t size_bytes) {
  return std::max<std::size_t>((size_bytes + kChecksumPartBytes - 1) / kChecksumPartBytes, 1);
}

std::string checksum_of_parts(std::span<const Sha256Digest> parts) {
  if (parts.size() == 1) return hex_of(parts.front());
  Sha256 hash;
  hash.update(std::as_bytes(parts));
  return fmt::format("{}-{}", hash.hex(), parts.size());
}

std::optional<ChecksumForm> checksum_form(std::string_view checksum, std::uint64_t size_bytes) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (checksum.size() < kHexDigits || !std::ranges::all_of(checksum.substr(0, kHexDigits), is_digit)) return {};
  const std::string_view rest = checksum.substr(kHexDigits);
  const std::size_t parts = checksum_parts(size_bytes);
  if (rest.empty()) return parts == 1 ? ChecksumForm::by_parts : ChecksumForm::whole;
  if (parts == 1 || rest != fmt::format("-{}", parts)) return {};
  return ChecksumForm::by_parts;
}

void ChecksumStream::update(std::span<const std::byte> bytes) {
  if (form_ == ChecksumForm::whole) return hash_.update(bytes);
  while (!bytes.empty()) {
    if (part_bytes_ == kChecksumPartBytes) {
      parts_.push_back(std::exchange(hash_, {}).digest());
      part_bytes_ = 0;
    }
    const auto piece = bytes.first(std::min(bytes.size(), kChecksumPartBytes - part_bytes_));
    hash_.update(piece);
    part_bytes_ += piece.size();
    bytes = bytes.subspan(piece.size());
  }
}

std::string ChecksumStream::finish() {
  if (form_ == ChecksumForm::whole) return hash_.hex();
  parts_.push_back(hash_.digest());
  return checksum_of_parts(parts_);
}

Result<std::string> checksum_of_file(const File& file, ChecksumForm form, std::size_t threads, const EachPiece& each) {
  const std::uint64_t size_bytes = TRY(file.size());
  if (form == ChecksumForm::whole) {
    Sha256 hash;
    TRY(hash_range(file, 0, size_bytes, hash, each));
    return hash.hex();
  }
  std::vector<Sha256Digest> digests(checksum_parts(size_bytes));
  std::vector<Result<void>> outcomes(digests.size());
  for_each_parallel(digests.size(), threads, [&](std::size_t part) {
    Sha256 hash;
    const std::uint64_t begin = part * kChecksumPartBytes;
    outcomes[part] = hash_range(file, begin, std::min(begin + kChecksumPartBytes, size_bytes), hash, each);
    digests[part] = hash.digest();
  });
  for (auto& outcome : outcomes) TRY(std::move(outcome));
  return checksum_of_parts(digests);
}

}  // namespace tillite
