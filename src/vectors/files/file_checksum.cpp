#include "vectors/files/file_checksum.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/hex.h"
#include "base/parallel.h"

namespace tillite {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 16;  // on a thread's stack
constexpr std::size_t kSha256Digits = 64;
constexpr std::size_t kXxh3Digits = 32;

using EachPiece = std::function<Result<void>(std::uint64_t offset, std::span<const std::byte> piece)>;

/// Feeds `hash` with the bytes from `begin` to `end`.
template <typename Hash>
Result<void> hash_range(const File& file, std::uint64_t begin, std::uint64_t end, Hash& hash, const EachPiece& each) {
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

PartSum part_sum(ChecksumForm form, std::size_t parts) {
  check(form != ChecksumForm::whole, "the form is one by parts");
  return parts == 1 || form == ChecksumForm::by_sha256_parts ? PartSum::sha256 : PartSum::xxh3;
}

PartHash::PartHash(PartSum sum) {
  if (sum == PartSum::xxh3) hash_ = Xxh3Stream();
}

void PartHash::update(std::span<const std::byte> bytes) {
  std::visit([&](auto& hash) { hash.update(bytes); }, hash_);
}

PartDigest PartHash::digest() {
  return std::visit(
      [](auto& hash) {
        const auto digest = hash.digest();
        return PartDigest(digest.begin(), digest.end());
      },
      hash_);
}

std::string checksum_of_parts(std::span<const PartDigest> parts, PartSum sum) {
  if (parts.size() == 1) return hex_of(parts.front());
  PartHash hash(sum);
  for (const PartDigest& part : parts) hash.update(part);
  return fmt::format("{}-{}", hex_of(hash.digest()), parts.size());
}

std::optional<ChecksumForm> checksum_form(std::string_view checksum, std::uint64_t size_bytes) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const auto digits = static_cast<std::size_t>(std::ranges::find_if_not(checksum, is_digit) - checksum.begin());
  const std::string_view rest = checksum.substr(digits);
  const std::size_t parts = checksum_parts(size_bytes);
  if (digits != kSha256Digits && digits != kXxh3Digits) return {};
  if (rest.empty() && digits == kSha256Digits) return parts == 1 ? ChecksumForm::by_parts : ChecksumForm::whole;
  if (parts == 1 || rest != fmt::format("-{}", parts)) return {};
  return digits == kXxh3Digits ? ChecksumForm::by_parts : ChecksumForm::by_sha256_parts;
}

ChecksumStream::ChecksumStream(ChecksumForm form)
    : form_(form), part_(form == ChecksumForm::by_sha256_parts ? PartSum::sha256 : PartSum::xxh3) {}

void ChecksumStream::update(std::span<const std::byte> bytes) {
  if (form_ == ChecksumForm::whole) return whole_.update(bytes);
  while (!bytes.empty()) {
    if (part_bytes_ == kChecksumPartBytes) end_part();
    const auto piece = bytes.first(std::min(bytes.size(), kChecksumPartBytes - part_bytes_));
    if (parts_.empty()) whole_.update(piece);
    part_.update(piece);
    part_bytes_ += piece.size();
    bytes = bytes.subspan(piece.size());
  }
}

void ChecksumStream::end_part() {
  const PartSum sum = form_ == ChecksumForm::by_sha256_parts ? PartSum::sha256 : PartSum::xxh3;
  parts_.push_back(std::exchange(part_, PartHash(sum)).digest());
  part_bytes_ = 0;
}

std::string ChecksumStream::finish() {
  if (form_ == ChecksumForm::whole || parts_.empty()) return whole_.hex();
  end_part();
  return checksum_of_parts(parts_, part_sum(form_, parts_.size()));
}

Result<std::string> checksum_of_file(const File& file, ChecksumForm form, std::size_t threads, const EachPiece& each) {
  const std::uint64_t size_bytes = TRY(file.size());
  if (form == ChecksumForm::whole) {
    Sha256 hash;
    TRY(hash_range(file, 0, size_bytes, hash, each));
    return hash.hex();
  }
  std::vector<PartDigest> digests(checksum_parts(size_bytes));
  const PartSum sum = part_sum(form, digests.size());
  std::vector<Result<void>> outcomes(digests.size());
  for_each_parallel(digests.size(), threads, [&](std::size_t part) {
    PartHash hash(sum);
    const std::uint64_t begin = part * kChecksumPartBytes;
    outcomes[part] = hash_range(file, begin, std::min(begin + kChecksumPartBytes, size_bytes), hash, each);
    digests[part] = hash.digest();
  });
  for (auto& outcome : outcomes) TRY(std::move(outcome));
  return checksum_of_parts(digests, sum);
}

}  // namespace tillite
